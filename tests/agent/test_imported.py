"""What `aki registry import` brings is seen, explained and decided like other proposals; then it is a candidate."""

from __future__ import annotations

import json
import shutil
from datetime import date

import pytest

import registry
from agent import run
from agent.candidates.imported import take_in, untitled
from agent.cli import main
from agent.pulls import body
from agent.rehearsal.world import Preprint
from agent.review.page import page
from agent.review.session import Session
from agent.workspaces import Workspace
from registry.cli import main as registry_main

TODAY = date(2026, 11, 25)
BIBTEX = """
@inproceedings{anchor,
  title = {Anchored Replay: Injecting Entities without Forgetting},
  author = {Lovelace, Ada and Turing, Alan},
  booktitle = {CVPR}, year = {2026}, month = may, eprint = {2605.55555}, archivePrefix = {arXiv}
}
@article{alpha, title = {The alpha method: injecting knowledge}, year = {2026}, eprint = {2601.00001}}
"""


@pytest.fixture
def imported(workspace, root, tmp_path):
    """A BibTeX file imported into the workspace."""

    def into(text: str = BIBTEX, form: str = "bibtex") -> Workspace:
        file = tmp_path / ("refs.bib" if form == "bibtex" else "ids.txt")
        file.write_text(text)
        folder = workspace.folder / "imported"
        assert registry_main(["import", form, str(file), "--into", str(folder), "--root", str(root)]) == 0
        return workspace

    return into


def test_an_imported_paper_is_a_proposal_with_probability_and_three_nearest_entries(imported, catalog, workspace):
    taken = take_in(imported(), catalog, TODAY)
    assert taken.opened == 1  # the other one is in the registry
    (operation,) = workspace.operations()
    assert operation.group == "structural"
    assert "imported from refs.bib, anchor; relevant with probability" in operation.reason
    assert sum(line.startswith("near: ") for line in operation.why) == 3
    assert operation.new["venue"] == {
        "value": "CVPR", "source": operation.new["links"][0], "checked": operation.new["status"][0]["since"],
        "confidence": "list",
    }  # fmt: skip


def test_every_front_end_shows_it(imported, catalog, root, capsys, monkeypatch):
    desk = imported()
    monkeypatch.setattr("sys.stdin", __import__("io").StringIO("q\n"))
    where = ["--workspace", str(desk.folder), "--root", str(root)]
    assert main(["review", "--plain", *where]) == 0
    said = capsys.readouterr()
    assert "Anchored Replay" in said.out
    assert "1 imported candidates became proposals" in said.err
    session = Session(desk, catalog, "Ada")
    assert "Anchored Replay" in page(session)
    assert "Anchored Replay" in body.render(session.cards()).text


def test_from_a_bibtex_file_to_an_entry_with_status_candidate(imported, root, capsys, monkeypatch):
    desk = imported()
    where = ["--workspace", str(desk.folder), "--root", str(root)]
    monkeypatch.setattr("sys.stdin", __import__("io").StringIO("a\nq\n"))
    assert main(["review", "--plain", "--reviewer", "Ada", *where]) == 0
    assert main(["apply", *where]) == 0
    paper = registry.load(root).papers["anchored-replay-2026"]
    assert paper.stage == "candidate"
    assert (paper.ids.arxiv, paper.authors) == ("2605.55555", ("Ada Lovelace", "Alan Turing"))
    assert "refs.bib" in paper.status[0].reason.en
    assert not list((desk.folder / "imported").iterdir())
    capsys.readouterr()
    main(["verify", *where, "--json"])
    assert all("not in a git repository" in problem for problem in json.loads(capsys.readouterr().out)["problems"])


def test_a_rejected_one_does_not_come_back_with_the_next_import(imported, catalog, clock):
    desk = imported()
    take_in(desk, catalog, TODAY)
    session = Session(desk, catalog, "Ada", clock=clock.now)
    session.decide(session.operations()[0], "reject", reason="not about this")
    taken = take_in(imported(), catalog, TODAY)
    assert (taken.opened, taken.rejected) == (0, 1)
    assert desk.operations() == []


def test_importing_twice_gives_one_proposal(imported, catalog):
    assert take_in(imported(), catalog, TODAY).opened == 1
    taken = take_in(imported(), catalog, TODAY)
    assert (taken.opened, taken.known) == (0, 1)
    assert len(imported().operations()) == 1


def test_a_visit_leaves_imported_proposals_open(imported, catalog, visit):
    desk = imported()
    take_in(desk, catalog, TODAY)
    before = desk.operations()
    visit()
    assert {op.digest for op in before} <= {op.digest for op in desk.operations()}


def test_a_bare_arxiv_number_gets_its_title_from_the_next_visit(
    imported, root, catalog, settings, toy_world, transport_to
):
    desk = imported("2605.77777\n2605.88888\n", "arxiv")
    assert take_in(desk, catalog, TODAY).waiting == ("2605.77777", "2605.88888")
    toy_world.add(Preprint("2605.77777", "Growing Crystals in Space", "We grow crystals."))
    transport = transport_to(tokens={"github": "test-token-0001"})
    planned = run.plan(catalog, settings, run.chosen(settings), set(transport.tokens), numbers=untitled(desk))
    report = run.propose(run.fetch(planned, transport), catalog, settings, desk)
    found = [op for op in desk.operations() if "arxiv:2605.77777" in op.names]
    assert "imported by number" in found[0].reason  # however unlikely it looks
    assert "arxiv:2605.88888" in report.missing
    assert untitled(desk) == ("2605.88888",)


def test_a_file_that_lacks_something_stays_and_says_what(imported, catalog):
    desk = imported("@misc{x, title = {A paper without a year}, url = {https://example.org/x}}")
    taken = take_in(desk, catalog, TODAY)
    assert "no date; add the year" in taken.problems[0]
    assert len(list((desk.folder / "imported").iterdir())) == 1


def test_a_workspace_is_taken_up_where_another_visit_left_it(desk, tmp_path, clock):
    other = Workspace(tmp_path / "other")
    shutil.copytree(desk.workspace.folder, other.folder)
    rejected = desk.session.operations()[0]
    desk.session.decide(rejected, "reject", reason="no")
    desk.workspace.keep_open([], {})
    assert desk.workspace.take_up(other.folder)
    assert {op.digest for op in desk.workspace.operations()} == {
        op.digest for op in other.operations() if op.digest != rejected.digest
    }
    assert len(desk.workspace.ledger.events()) == 1
    assert all(seen.intact for card in desk.session.cards() for seen in card.evidence)


def test_an_older_workspace_is_not_taken_up(desk, tmp_path):
    before = [op.digest for op in desk.workspace.operations()]
    assert not desk.workspace.take_up(tmp_path / "nothing there")
    assert [op.digest for op in desk.workspace.operations()] == before
