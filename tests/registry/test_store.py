"""The only writer: all or nothing, against what was expected, finished after a crash."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from registry_samples import DAY, paper

import registry
from registry import store, textyaml
from registry.schema import Fact, Relation
from registry.store import ABSENT, Change, InvalidError, StaleError


def tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_several_entries_are_written_together(toy):
    relation = (Relation(kind="extends", target="papers/two-2026"),)
    made = [paper("one-2026", relations=relation), paper("two-2026")]
    written = store.write([Change("papers", entry, ABSENT) for entry in made], toy)
    assert [path.name for path in written] == ["one-2026.yaml", "two-2026.yaml"]
    assert registry.load(toy).problems == ()


def test_an_entry_that_changed_meanwhile_is_not_overwritten(toy):
    before = tree(toy)
    change = Change("papers", paper(note="new"), expected="0" * 64)
    with pytest.raises(StaleError, match="not what this change was written against"):
        store.write([change], toy)
    assert tree(toy) == before


def test_a_new_entry_does_not_replace_one_of_that_name(toy):
    with pytest.raises(StaleError, match="exists already"):
        store.write([Change("papers", paper(), ABSENT)], toy)


def test_the_right_base_is_accepted(toy):
    old = registry.load(toy).papers["kore-2025"]
    new = old.model_copy(update={"note": "read again"})
    store.write([Change("papers", new, registry.digest(old))], toy)
    assert registry.load(toy).papers["kore-2025"].note.en == "read again"


def test_one_bad_change_keeps_all_from_being_written(toy):
    before = tree(toy)
    dangling = paper("two-2026", code=Fact[str](value="nowhere", source="https://x.org", checked=DAY))
    with pytest.raises(InvalidError, match="no entry repositories/nowhere"):
        store.write([Change("papers", paper("one-2026")), Change("papers", dangling)], toy)
    assert tree(toy) == before


def test_problems_that_were_there_before_do_not_stop_a_good_change(toy):
    (toy / "papers" / "broken.yaml").write_text("id: [")
    store.write([Change("papers", paper("one-2026"), ABSENT)], toy)
    assert "one-2026" in registry.load(toy).papers


def test_a_rename_leaves_a_redirect_and_not_the_file(toy):
    store.write([Change("papers", paper("opsd-distilled-2026", formerly=("opsd-2026",)), retires="opsd-2026")], toy)
    catalog = registry.load(toy)
    assert not (toy / "papers" / "opsd-2026.yaml").exists()
    assert catalog.entry("papers/opsd-2026").id == "opsd-distilled-2026"


def test_a_rename_without_redirect_is_refused():
    with pytest.raises(ValueError, match="does not name it in `formerly`"):
        Change("papers", paper("new-2026"), retires="kore-2025")


def test_a_kind_takes_only_its_own_entries():
    with pytest.raises(TypeError, match="no entry of 'methods'"):
        Change("methods", paper())


def test_two_changes_of_one_entry_are_refused(toy):
    with pytest.raises(StaleError, match="two changes of one entry"):
        store.write([Change("papers", paper("a-2026")), Change("papers", paper("a-2026"))], toy)


class PowerCut(BaseException):
    """The machine goes off."""


@pytest.mark.parametrize("survived", range(6))
def test_after_a_power_cut_all_is_old_or_all_is_new(toy, monkeypatch, survived):
    """Whatever the number of renames that happened: recovery ends in the old state or in the new one."""
    before = tree(toy)
    count = 0
    replace = Path.replace

    def cut(self, target):
        nonlocal count
        if count == survived:
            raise PowerCut
        count += 1
        return replace(self, target)

    changes = [Change("papers", paper(f"p{n}-2026")) for n in range(3)]
    monkeypatch.setattr(Path, "replace", cut)
    with contextlib.suppress(PowerCut):
        store.write(changes, toy)
    monkeypatch.setattr(Path, "replace", replace)
    if (toy / store.JOURNAL).exists():
        assert any("interrupted" in str(problem) for problem in registry.load(toy).problems)
    store.recover(toy)
    after = tree(toy)
    new = {f"papers/p{n}-2026.yaml" for n in range(3)}
    assert set(after) in (set(before), set(before) | new)
    assert registry.load(toy).problems == ()


def test_leftovers_of_a_write_that_never_began_are_cleared(toy):
    (toy / "papers" / ".x.yaml.new").write_text("half")
    assert store.recover(toy) is False
    assert not (toy / "papers" / ".x.yaml.new").exists()


def test_a_second_writer_is_told_so(toy):
    with store.locked(toy), pytest.raises(StaleError, match="another program is writing"):
        store.write([Change("papers", paper("a-2026"))], toy)


def test_format_changes_form_and_not_content(toy):
    path = toy / "papers" / "kore-2025.yaml"
    entry = registry.load(toy).papers["kore-2025"]
    path.write_text(json.dumps(entry.model_dump(mode="json", exclude_defaults=True)))
    assert store.format_files(["papers/kore-2025"], toy, dry=True) == (path,)
    assert store.format_files(["papers/kore-2025"], toy) == (path,)
    assert path.read_text() == textyaml.dump(entry)
    assert store.format_files(["papers/kore-2025", "taxonomy"], toy) == ()


def test_format_refuses_what_it_cannot_read_and_writes_nothing(toy):
    (toy / "papers" / "kore-2025.yaml").write_text("id: kore-2025 # why\n")
    before = tree(toy)
    with pytest.raises(InvalidError, match="comment"):
        store.format_files(["papers/opsd-2026", "papers/kore-2025"], toy)
    assert tree(toy) == before


def test_files_are_readable_by_others(toy):
    store.write([Change("papers", paper("a-2026"))], toy)
    assert (toy / "papers" / "a-2026.yaml").stat().st_mode & 0o044
