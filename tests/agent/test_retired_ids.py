"""Proposals about an id that was retired meanwhile: refused under it, made anew for the entry that took over."""

from __future__ import annotations

from pathlib import Path

import pytest

import registry
from agent import edits
from registry import store


def rename(root: Path, old: str, new: str) -> registry.Catalog:
    entry = registry.load(root).papers[old].model_copy(update={"id": new, "formerly": (old,)})
    store.write([store.Change("papers", entry, retires=old)], root)
    return registry.load(root)


def test_open_proposals_follow_a_retired_id_to_the_entry_that_took_over(visit, root, workspace):
    before = [op for op in visit().outcome.operations if op.target == "papers/alpha"]
    assert before
    catalog = rename(root, "alpha", "omega")
    for op in before:
        with pytest.raises(edits.ConflictError):
            edits.applied(edits.find(catalog, op.target), op)
    visit()
    now = workspace.operations()
    assert [op for op in now if op.target == "papers/alpha"] == []
    assert {op.field for op in now if op.target == "papers/omega"} == {op.field for op in before}
