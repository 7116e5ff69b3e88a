"""Loading: what is found, what is wrong with it, who points where."""

from __future__ import annotations

import dataclasses

import pytest
from registry_samples import DAY, RECORDED, paper, put, repository

import registry
from registry import checks, textyaml
from registry.schema import ExternalIds, Fact, Relation, Remark, StatusChange


def problems(root):
    return [str(problem) for problem in registry.load(root).problems]


def test_the_toy_registry_has_no_problems(toy):
    catalog = registry.load(toy)
    assert catalog.problems == ()
    assert list(catalog.papers) == ["kore-2025", "opsd-2026"]
    assert [ref for ref, _ in catalog] == [
        "papers/kore-2025",
        "papers/opsd-2026",
        "benchmarks/evoke",
        "repositories/kore-code",
        "methods/replay",
    ]


def test_the_real_registry_has_no_problems(real):
    assert [str(problem) for problem in real.problems] == []


def test_relations_are_seen_from_both_ends(toy):
    inverse = registry.load(toy).inverse("papers/kore-2025")
    assert inverse == (("implements", "repositories/kore-code"), ("paper", "benchmarks/evoke"))
    assert registry.load(toy).inverse("repositories/kore-code") == (("code", "papers/kore-2025"),)


def test_every_problem_is_reported_at_once_with_its_line(toy):
    path = toy / "papers" / "kore-2025.yaml"
    source = path.read_text().replace("2025-10", "2025-13").replace("direction: replay", "direction: replai\nstars: 3")
    path.write_text(source)
    found = problems(toy)
    assert len(found) == 3
    for field in ("date", "direction", "stars"):
        line = next(n for n, row in enumerate(source.splitlines(), 1) if row.startswith(f"{field}:"))
        assert any(text.startswith(f"papers/kore-2025.yaml:{line}: {field}: ") for text in found)


def test_references_to_an_unreadable_entry_are_no_further_problem(toy):
    (toy / "papers" / "kore-2025.yaml").write_text("id: [")
    assert len(problems(toy)) == 1


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"relations": (Relation(kind="extends", target="papers/kore-2024"),)}, "did you mean 'kore-2025'?"),
        ({"relations": (Relation(kind="extends", target="papers/new-2026"),)}, "points at the entry itself"),
        ({"relations": (Relation(kind="implements", target="papers/kore-2025"),)}, "cannot lead from papers to papers"),
        ({"relations": (Relation(kind="extends", target="papers/kore-2025"),) * 2}, "stands twice"),
        ({"ids": ExternalIds(arxiv="2510.19316")}, "belongs to papers/kore-2025.yaml already"),
        ({"formerly": ("kore-2025",)}, "is retired here but used by papers/kore-2025.yaml"),
        ({"model_types": ("VLN",)}, "did you mean 'vlm'?"),
        ({"title": "Self-Distilled Reasoner"}, "nearly the title of papers/new-2026.yaml"),
        ({"code": Fact[str](value="kore-cod", source="https://x.org", checked=DAY)}, "did you mean 'kore-code'?"),
    ],
)
def test_what_contradicts_other_entries_is_a_problem(toy, fields, says):
    put(toy, "papers", paper("new-2026", **fields))
    assert any(says in problem for problem in problems(toy)), problems(toy)


def test_two_entries_that_say_that_they_are_distinct_stay_settled(toy):
    distinct = (Relation(kind="distinct-from", target="papers/opsd-2026"),)
    put(toy, "papers", paper("new-2026", title="Self-Distilled Reasoner", relations=distinct))
    assert problems(toy) == []


def merged(into):
    return (*RECORDED, StatusChange(state="merged", since=DAY, reason=Remark(en="the same", zh="同一条目"), into=into))


def test_a_merged_entry_shares_title_and_ids_and_redirects(toy):
    twin = paper("kore-preprint-2025", title=paper().title, ids=ExternalIds(arxiv="2510.19316"))
    put(toy, "papers", twin.model_copy(update={"status": merged("kore-2025")}))
    catalog = registry.load(toy)
    assert catalog.problems == ()
    assert catalog.entry("papers/kore-preprint-2025") is catalog.papers["kore-2025"]


def test_a_retired_id_redirects_and_its_use_is_a_warning(toy):
    put(toy, "papers", paper("new-2026", formerly=("old-2026",)))
    put(toy, "papers", paper("user-2026", relations=(Relation(kind="extends", target="papers/old-2026"),)))
    catalog = registry.load(toy)
    assert catalog.entry("papers/old-2026").id == "new-2026"
    assert [problem.severity for problem in catalog.problems] == ["warning"]
    assert "write new-2026" in str(catalog.problems[0])
    assert catalog.inverse("papers/old-2026") == (("extends", "papers/user-2026"),)


def test_redirects_in_a_circle_end(toy):
    assert checks.follow("a", {"a": "b", "b": "a"}) == "b"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("papers/Kore.yaml", "id: kore\n", "is required"),
        ("papers/notes.txt", "x", "is not an entry"),
        ("papers/sub/x.yaml", "x", "is not an entry"),
        ("paper/x.yaml", "x", "did you mean 'papers'?"),
        ("README.md", "x", "does not belong"),
        ("taxonomy.yaml", "a: 1", "unknown field"),
    ],
)
def test_what_does_not_belong_is_named(toy, name, content, says):
    path = toy / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    assert any(says in problem for problem in problems(toy)), problems(toy)


def test_a_file_must_bear_the_id_as_name(toy):
    (toy / "papers" / "kore-2025.yaml").rename(toy / "papers" / "other.yaml")
    assert any("rename the file to kore-2025.yaml" in problem for problem in problems(toy))


def test_an_unused_word_of_the_vocabulary_is_a_warning(toy):
    path = toy / "taxonomy.yaml"
    path.write_text(path.read_text().replace("id: vlm", "id: clip"))
    found = problems(toy)
    assert any("'clip' is used by no entry" in problem for problem in found)
    assert any("'vlm' is not in the vocabulary" in problem for problem in found)


def test_a_row_of_the_list_is_taken_once_unless_shared(toy):
    put(toy, "papers", paper("one-2026", list_order=3))
    put(toy, "papers", paper("two-2026", list_order=3))
    assert any("row 3 is taken" in problem for problem in problems(toy))
    shared = (Relation(kind="same-row-as", target="papers/one-2026"),)
    put(toy, "papers", paper("two-2026", list_order=3, relations=shared))
    assert problems(toy) == []


def test_repositories_are_unique_whatever_their_case(toy):
    put(toy, "repositories", repository("twin", full_name="Owner/Kore-Code"))
    assert any("belongs to repositories/kore-code.yaml already" in problem for problem in problems(toy))


def test_unknown_names_are_answered_with_near_ones(toy):
    catalog = registry.load(toy)
    with pytest.raises(LookupError, match="did you mean 'kore-2025'"):
        catalog.entry("papers/kore-2026")
    with pytest.raises(LookupError, match="did you mean 'papers'"):
        catalog.entry("paper/kore-2025")


def test_no_registry_is_an_error_and_not_an_empty_one(tmp_path):
    with pytest.raises(FileNotFoundError, match="no registry at"):
        registry.load(tmp_path / "nothing")


def test_the_catalog_is_frozen(toy):
    catalog = registry.load(toy)
    with pytest.raises(dataclasses.FrozenInstanceError):
        catalog.problems = ()
    with pytest.raises(TypeError):
        catalog.papers["x"] = paper("x")


def test_equal_entries_have_equal_digests_and_others_do_not():
    assert registry.digest(paper()) == registry.digest(paper())
    assert registry.digest(paper()) != registry.digest(paper(note="x"))
    assert len(registry.digest(paper())) == 64


def test_near_titles_are_found_among_many():
    titles = {f"t{n}": f"{n} a quite different title about nothing in particular {n * 7919}" for n in range(500)}
    titles |= {"x": "knowledgeinjectionforlargemodels", "y": "knowledgeinjectionforlargemodel"}
    assert ("x", "y") in checks.near_pairs(titles)


def test_every_file_of_the_real_registry_is_canonical(real):
    for ref, entry in real:
        assert (real.root / f"{ref}.yaml").read_text(encoding="utf-8") == textyaml.dump(entry), ref


def test_a_text_without_chinese_is_a_warning_with_its_line(toy):
    put(toy, "papers", paper("new-2026", note=Remark.of("only in English"), ids=ExternalIds(), title="Another thing"))
    (problem,) = registry.load(toy).problems
    assert (problem.field, problem.severity, problem.message) == ("note", "warning", "has no Chinese")
    assert problem.line
