"""An entry that always fails is seen, also when the source works for all the others."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from agent import status as reporting
from agent.cli import main
from agent.rehearsal.world import Fault, Preprint
from agent.workspaces import Failing

BETA = "arxiv:2601.00002"


@pytest.fixture
def later(visit, clock):
    """A visit a week after the last one."""

    def once() -> None:
        clock.moment += timedelta(days=7)
        visit()

    return once


def failing(workspace) -> dict[str, Failing]:
    return {one.subject: one for one in workspace.visits().failing}


def test_an_entry_that_never_comes_back_is_counted_while_its_source_stays_green(
    visit, later, toy_world, workspace, catalog, settings, clock
):
    del toy_world.papers["2601.00002"]
    visit()
    first = clock.now()
    later()
    later()
    one = failing(workspace)[BETA]
    assert (one.source, one.entries, one.attempts, one.error) == ("arxiv", ("papers/beta",), 3, "not returned")
    assert abs(one.since - first) < timedelta(minutes=1)
    state = reporting.status(workspace, catalog, settings, clock.now())
    assert {source.name: source.light for source in state.sources}["arxiv"] == "green"
    assert "papers/beta: arxiv not returned, 3 visits since 2026-11-25" in reporting.markdown(state)


def test_an_answer_ends_the_row(visit, later, toy_world, workspace):
    del toy_world.papers["2601.00002"]
    visit()
    toy_world.add(Preprint("2601.00002", "The beta method: injecting knowledge"))
    later()
    assert failing(workspace) == {}


def test_a_source_that_is_down_is_not_repeated_for_each_of_its_entries(visit, toy_world, workspace):
    toy_world.faults["export.arxiv.org"] = [Fault(503)] * 4
    visit()
    assert workspace.visits().sources["arxiv"].failures == 1
    assert BETA not in failing(workspace)


def test_the_same_answers_read_twice_count_once(visit, toy_world, workspace, clock, monkeypatch):
    del toy_world.papers["2601.00002"]
    visit()
    before = (workspace.folder / "visits.json").read_bytes()
    at = workspace.visits().sources["arxiv"].last_attempt
    clock.moment = at
    visit()
    assert failing(workspace)[BETA].attempts == 1
    assert (workspace.folder / "visits.json").read_bytes() == before


def test_the_status_names_who_fails_for_long(visit, later, toy_world, workspace, root, capsys):
    del toy_world.papers["2601.00002"]
    visit()
    for _ in range(3):
        later()
    options = ["--workspace", str(workspace.folder), "--root", str(root)]
    assert main(["status", *options]) == 0
    out = capsys.readouterr().out
    assert "fail in a source that works, 1 of them for long" in out
    assert "papers/beta: arxiv not returned, 4 visits since" in out
    assert main(["status", "--json", *options]) == 0
    told = json.loads(capsys.readouterr().out)["failing"]
    assert next(one for one in told if one["subject"] == BETA)["attempts"] == 4


def test_what_stands_for_no_entry_any_more_is_forgotten(visit, later, toy_world, workspace, root):
    del toy_world.papers["2601.00002"]
    visit()
    (root / "papers" / "beta.yaml").unlink()
    later()
    assert BETA not in failing(workspace)
