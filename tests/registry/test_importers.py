"""Importers: tables of lists in both languages, BibTeX, arXiv ids; candidates and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

import registry
from registry import textyaml
from registry.importers import arxiv_ids, bibtex, candidates
from registry.importers.awesome_list import read_mapping
from registry.importers.tables import Cell, bilingual, from_markdown

ENGLISH = """\
# Awesome Things

Not | a table

## Papers

| Time | Paper | Model | Code |
|:---|---|:-:|---|
| 2025-03 | [A \\| B: of (things)](https://arxiv.org/abs/2503.00001) | VLM / MLLM | [o/r](https://github.com/o/r) |
| 2025-02 | [C](https://example.org/c_(d)) / [E](https://arxiv.org/abs/2502.00002) | LLM | - |

```
| not | a table |
|---|---|
| x | y |
```

## Links

- [F: a thing](https://arxiv.org/abs/2501.00003) - about it
- [G](#anchor)
"""
CHINESE = ENGLISH.replace("## Papers", "## 论文").replace(
    "| Time | Paper | Model | Code |", "| 时间 | 论文 | 模型 | 代码 |"
)


def test_tables_and_bullets_are_found_with_their_headings():
    table, bullets = from_markdown(ENGLISH)
    assert table.section == ("Awesome Things", "Papers")
    assert table.columns == ("Time", "Paper", "Model", "Code")
    assert table.rows[0]["Paper"].links[0].label == "A | B: of (things)"
    assert [link.url for link in table.rows[1]["Paper"].links] == [
        "https://example.org/c_(d)",
        "https://arxiv.org/abs/2502.00002",
    ]
    assert bullets.rows[0]["Text"].plain == "about it"


def test_a_dash_says_nothing():
    assert not Cell("-").known
    assert not Cell("–").known
    assert Cell("0").known


def test_a_translation_with_other_tables_is_refused():
    with pytest.raises(ValueError, match="tables in one language"):
        bilingual(ENGLISH, "nothing")
    with pytest.raises(ValueError, match="differ in size"):
        bilingual(ENGLISH, "".join(line for line in CHINESE.splitlines(keepends=True) if "2025-02" not in line))


def imported(tmp_path: Path, form: str, *texts: str, mapping: str | None = None):
    paths = []
    for number, text in enumerate(texts):
        path = tmp_path / f"input{number}{'.bib' if form == 'bibtex' else '.md'}"
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    rules = None
    if mapping is not None:
        rules = tmp_path / "mapping.yaml"
        rules.write_text(mapping, encoding="utf-8")
    return candidates.from_files(form, paths, rules)


def test_a_list_of_others_is_read_with_usual_column_names(tmp_path):
    found = imported(tmp_path, "awesome-list", ENGLISH, CHINESE)
    assert [candidate.slug for candidate in found] == ["a-b-2025", "c-2025", "e-2025", "f"]
    assert found[0].ids.arxiv == "2503.00001"
    assert found[0].model_types == ("VLM", "MLLM")
    assert found[0].code == "https://github.com/o/r"
    assert found[2].found_in == "input0.md, row 2 of its table"


def test_a_small_mapping_makes_an_unusual_list_readable(tmp_path):
    text = "## Werke\n\n| Werk | Wann |\n|---|---|\n| [T](https://arxiv.org/abs/2503.00001) | 2025 |\n"
    with pytest.raises(ValueError, match="no table of papers found; say how to read it with --mapping"):
        imported(tmp_path, "awesome-list", text)
    mapping = (
        "source: x\nchecked: x\ncolumns: {paper: [Werk], date: [Wann]}\n"
        "tables: [{heading: Werke, kind: papers, direction: replay}]\n"
    )
    (found,) = imported(tmp_path, "awesome-list", text, mapping=mapping)
    assert (found.title, found.date, found.direction) == ("T", "2025", "replay")


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ("columns: [", "not YAML"),
        ("columns: {papers: [x]}\nsource: x\nchecked: x\n", "columns are: date, paper"),
        ("sources: x\n", "source"),
    ],
)
def test_a_wrong_mapping_gets_one_line(tmp_path, mapping, says):
    path = tmp_path / "m.yaml"
    path.write_text(mapping)
    with pytest.raises(ValueError, match=says) as caught:
        read_mapping(path)
    assert "\n" not in str(caught.value)


BIB = r"""
@string{iclr = "International Conference"}
@comment{ignored @misc{x, title={no}}}
@InProceedings{mueller2026,
  title     = {{KORE}: Na{\"\i}ve \& {B}ig -- 100\% of $x_1$},
  author    = {M{\"u}ller, Hans and Jos\'e Garc{\'\i}a and {\v{S}}imek, \v{C}. and others},
  booktitle = iclr # " 2026",
  month     = mar, year = 2026,
  doi       = {https://doi.org/10.1234/abc_d},
}
@misc(second, title = "A {"}quoted{"} title", eprint = {2510.19317v2}, year = "2025")
"""


def test_bibtex_is_read_with_accents_strings_and_nesting():
    first, second = bibtex.read(BIB)
    assert first.get("title") == "KORE: Naïve & Big – 100% of $x_1$"
    assert bibtex.authors(first) == ("Hans Müller", "José García", "Č. Šimek")
    assert first.get("booktitle") == "International Conference 2026"
    assert bibtex.day(first) == "2026-03"
    assert bibtex.external_ids(first) == {"doi": "10.1234/abc_d"}
    assert second.key == "second"
    assert bibtex.external_ids(second) == {"arxiv": "2510.19317"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("@misc{a, title={x", "1: a brace is not closed"),
        ('\n\n@misc{a, title="x', "3: a quotation mark is not closed"),
        ("@misc{a, title x}", "expected `field = value`"),
        ("@misc{a, title = }", "expected a value"),
        ("@misc{a", "does not end"),
        ("@misc{a, title={x},", "does not end"),
    ],
)
def test_broken_bibtex_gets_its_line(text, says):
    with pytest.raises(bibtex.BibtexError, match=says):
        bibtex.read(text)


def test_what_is_no_bibtex_holds_no_records():
    assert bibtex.read("Just a letter to a@b.org.") == []


def test_a_list_of_ids_is_read_whole_or_not_at_all(tmp_path):
    text = "# mine\n2505.24449\nhttps://arxiv.org/abs/2601.00001v3  # why\narXiv:2510.19316\n\n"
    assert list(arxiv_ids.read(text, "ids")) == [(2, "2505.24449"), (3, "2601.00001"), (4, "2510.19316")]
    with pytest.raises(ValueError, match="ids:2: 'x' is no arXiv id"):
        list(arxiv_ids.read("2505.24449\nx\n", "ids"))
    (candidate,) = imported(tmp_path, "arxiv", "2601.00001\n2601.00001")
    assert (candidate.title, candidate.date, candidate.links) == (
        None,
        "2026-01",
        ("https://arxiv.org/abs/2601.00001",),
    )


def test_candidates_never_go_into_the_registry(tmp_path):
    found = imported(tmp_path, "awesome-list", ENGLISH)
    with pytest.raises(ValueError, match="lies in the registry"):
        candidates.write(found, registry.catalog.DATA / "papers")


def test_a_candidate_is_written_once_and_not_overwritten(tmp_path):
    found = imported(tmp_path, "awesome-list", ENGLISH)
    first, *_ = candidates.write(found, tmp_path / "open")
    first.write_text("edited by a person")
    assert candidates.write(found, tmp_path / "open") == []
    assert first.read_text() == "edited by a person"


def test_candidates_survive_being_written_and_read(tmp_path):
    found = imported(tmp_path, "bibtex", BIB)
    for path, candidate in zip(candidates.write(found, tmp_path / "open"), found, strict=True):
        assert textyaml.parse(candidates.Candidate, path.read_bytes()) == candidate


def test_what_the_registry_knows_is_left_out(real, tmp_path):
    text = "@misc{k, title={KORE}, year=2025}\n@misc{n, title={Something else entirely}, year=2025}"
    fresh, known = candidates.without_known(imported(tmp_path, "bibtex", text), real)
    assert [candidate.title for candidate in fresh] == ["Something else entirely"]
    assert len(known) == 1
