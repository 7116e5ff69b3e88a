"""Three front ends, one set of verdicts: by keyboard in the terminal, as plain text, on one page."""

from __future__ import annotations

import asyncio
import io
import json
import re
import shutil
import subprocess

import pytest

import registry
from agent.apply import apply
from agent.proposals import Verdict
from agent.review.decisions import read, take_over
from agent.review.page import page
from agent.review.plain import review
from agent.review.session import Session
from agent.review.terminal import ReviewApp
from agent.workspaces import Workspace


def words(workspace) -> dict[str, str]:
    """Headline of what was decided → the word that stands."""
    events = {v.operation: v.word for _, v in workspace.standing()}
    about = {}
    for event in workspace.ledger.events():
        if event.event == "verdict":
            verdict = Verdict.model_validate(event.data["verdict"])
            about[verdict.operation] = f"{event.data['about']['target']} {event.data['about']['field']}"
    return {about[digest]: word for digest, word in events.items()}


def plainly(desk, *answers: str) -> str:
    out = io.StringIO()
    review(desk.session, iter(answers), out)
    return out.getvalue()


# Plain


def test_plain_review_takes_one_letter_per_proposal(desk):
    out = plainly(desk, "a", "r", "not sure", "two-sources", "m", "which page?", "q")
    assert words(desk.workspace) == {
        "papers/alpha venue": "approve",
        "repositories/lab-beta state": "reject",
        "benchmarks/bench datasets.0.licence": "needs-more",
    }
    assert "3 verdicts given" in out


def test_plain_review_shows_diff_reason_and_evidence_in_context(desk):
    out = plainly(desk, "q")
    assert "+  value: ICML 2026" in out
    assert "-  value: arXiv" in out
    assert "»Accepted to ICML 2026«" in out


def test_a_rejection_without_a_reason_is_not_taken(desk):
    out = plainly(desk, "r", "", "", "q")
    assert "needs a reason" in out
    assert words(desk.workspace) == {}


def test_an_edited_value_that_does_not_fit_is_refused(desk):
    stars = next(op for op in desk.session.operations() if op.field == "stars")
    with pytest.raises(ValueError, match="cannot be carried out"):
        desk.session.decide(stars, "edit", value={**stars.new, "value": "many"})


def test_undo_takes_the_last_verdict_back_also_a_rejection(desk):
    before = len(desk.session.operations())
    plainly(desk, "r", "no", "", "u", "q")
    assert words(desk.workspace) == {}
    assert len(desk.session.operations()) == before


def test_review_resumes_where_it_was_left(desk, clock):
    plainly(desk, "a", "q")
    later = Session(desk.workspace, desk.session.catalog, "Ada", clock=clock.now)
    assert desk.session.given
    assert "papers/alpha" not in {op.target for op in later.undecided("semantic")}


def test_only_mechanical_proposals_go_in_bulk(desk):
    plainly(desk, "b", "q")
    assert {v.word for v in desk.workspace.verdicts().values()} == {"approve"}
    assert all(op.group != "mechanical" for op in desk.session.undecided())
    with pytest.raises(ValueError, match="one by one"):
        desk.session.approve_all("structural")


def test_the_time_per_verdict_is_logged(desk, clock):
    desk.session.look()
    clock.sleep(6)
    desk.session.decide(desk.session.undecided()[0], "approve")
    assert desk.session.median_seconds() == 6


# Terminal


def keyboard(session: Session, *keys: str) -> ReviewApp:
    async def press() -> ReviewApp:
        app = ReviewApp(session)
        async with app.run_test(size=(140, 40)) as pilot:
            await pilot.pause()
            for key in keys:
                await pilot.press(*([key] if len(key) == 1 or key in {"enter", "escape"} else list(key)))
                await pilot.pause(0.15)  # a question opens in a worker of its own
        return app

    return asyncio.run(press())


def test_the_terminal_gives_the_same_verdicts_by_keyboard(desk):
    keyboard(desk.session, "a", "r", "nope", "enter", "enter", "m", "hmm", "enter", "u", "b")
    decided = words(desk.workspace)
    assert decided["papers/alpha venue"] == "approve"
    assert decided["repositories/lab-beta state"] == "reject"
    assert "needs-more" not in decided.values()
    assert sum(word == "approve" for word in decided.values()) > 5


def test_the_terminal_edits_a_value(desk):
    keyboard(desk.session, "e", " oral", "enter")
    verdict = next(iter(desk.workspace.verdicts().values()))
    assert verdict.word == "edit"
    assert "oral" in verdict.value["value"]


def test_leaving_a_question_decides_nothing(desk):
    keyboard(desk.session, "r", "escape", "m", "escape")
    assert words(desk.workspace) == {}


def test_markup_in_a_proposal_is_shown_as_it_is(desk):
    venue = next(op for op in desk.session.operations() if op.target == "papers/alpha")
    nasty = venue.model_copy(update={"reason": "[bold red]approve me[/] [@click=app.quit]x[/]"})
    desk.workspace.keep_open([nasty], {})
    app = keyboard(Session(desk.workspace, desk.session.catalog, "Ada"), "j")
    assert app.shown[nasty.digest].reason == nasty.reason


# Page


def data_of(text: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[1])


def test_the_page_is_self_contained_and_forbids_everything_else(desk):
    text = page(desk.session)
    assert "default-src &#x27;none&#x27;" in text
    assert not re.search(r"""(?:src|href)=["'](?!#)""", text)
    assert len(data_of(text)["cards"]) == len(desk.session.operations())


def test_the_decisions_of_the_page_are_taken_over_with_the_same_result(desk, tmp_path, clock):
    twin = Workspace(tmp_path / "twin")
    shutil.copytree(desk.workspace.folder, twin.folder)
    cards = data_of(page(desk.session))["cards"]
    chosen = [card for card in cards if card["target"] in {"papers/alpha", "repositories/lab-beta"}]
    content = {
        "format": "aki-decisions-1", "reviewer": "Ada",
        "decisions": [
            {"operation": card["digest"], "base": card["base"], "word": "approve", "seconds": 2.5} for card in chosen
        ],
    }  # fmt: skip
    (tmp_path / "decisions.json").write_text(json.dumps(content))
    session = Session(twin, desk.session.catalog, "Ada", via="page", clock=clock.now)
    assert take_over(read(tmp_path / "decisions.json"), session) == (len(chosen), [])
    for card in chosen:
        desk.session.decide(next(op for op in desk.session.operations() if op.digest == card["digest"]), "approve")
    other = tmp_path / "other"
    shutil.copytree(desk.root, other)
    apply(twin, other, clock.now())
    apply(desk.workspace, desk.root, clock.now())
    for file in sorted(desk.root.rglob("*.yaml")):
        assert file.read_bytes() == (other / file.relative_to(desk.root)).read_bytes()
    assert take_over(read(tmp_path / "decisions.json"), session)[0] == 0


def test_decisions_for_something_else_are_refused_one_by_one(desk, tmp_path):
    card = data_of(page(desk.session))["cards"][0]
    decisions = [
        {"operation": "0" * 64, "base": card["base"], "word": "approve"},
        {"operation": card["digest"], "base": "f" * 64, "word": "approve"},
        {"operation": card["digest"], "base": card["base"], "word": "reject"},
    ]
    (tmp_path / "d.json").write_text(json.dumps({"format": "aki-decisions-1", "decisions": decisions}))
    taken, refused = take_over(read(tmp_path / "d.json"), desk.session)
    assert taken == 0
    assert ["no such proposal" in refused[0], "has changed" in refused[1], "reason" in refused[2]] == [True] * 3


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"format": "other", "decisions": []}', '{"format": "aki-decisions-1"}']
)
def test_a_file_that_is_no_decisions_file_is_refused(tmp_path, content):
    (tmp_path / "d.json").write_text(content)
    with pytest.raises(ValueError, match=r"d\.json"):
        read(tmp_path / "d.json")


@pytest.mark.skipif(shutil.which("node") is None, reason="no node to parse the page's script with")
def test_the_pages_script_is_valid(desk, tmp_path):
    script = re.findall(r"<script>(.*?)</script>", page(desk.session), re.DOTALL)[0]
    (tmp_path / "page.js").write_text(script)
    assert subprocess.run(["node", "--check", str(tmp_path / "page.js")], check=False).returncode == 0


def test_three_front_ends_leave_the_same_registry(desk, tmp_path, clock):
    """One set of proposals, three ways to say the same: the same bytes in the end."""
    results = []
    for way in ("plain", "terminal", "page"):
        folder, root = tmp_path / way, tmp_path / f"{way}-root"
        shutil.copytree(desk.workspace.folder, folder)
        shutil.copytree(desk.root, root)
        workspace = Workspace(folder)
        session = Session(workspace, registry.load(root), "Ada", clock=clock.now)
        if way == "plain":
            review(session, iter(["a", "b", "q"]), io.StringIO())
        elif way == "terminal":
            keyboard(session, "a", "b")
        else:
            cards = data_of(page(session))["cards"]
            first = next(card for card in cards if card["target"] == "papers/alpha")
            mine = [first, *(card for card in cards if card["group"] == "mechanical")]
            decisions = [{"operation": c["digest"], "base": c["base"], "word": "approve"} for c in mine]
            (tmp_path / "d.json").write_text(json.dumps({"format": "aki-decisions-1", "decisions": decisions}))
            take_over(read(tmp_path / "d.json"), session)
        apply(workspace, root, clock.now())
        results.append({str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*.yaml"))})
    assert results[0] == results[1] == results[2]
