"""Proposals and approvals as pull requests, against a process that answers as GitHub does."""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

import registry
from agent.cli import main
from agent.hosts import HostMemory
from agent.pulls import body
from agent.pulls.body import Tick
from agent.pulls.branches import APPROVED, PROPOSALS, base_of, propose
from agent.pulls.content import workspace_files
from agent.pulls.remote import Remote, RemoteError, repository_name
from agent.pulls.ticks import Revision, holders
from agent.rehearsal.company import Company, company
from agent.rehearsal.pull_request import checkout
from agent.review.session import Session
from agent.texts import clean
from agent.workspaces import Workspace
from registry import textyaml
from registry.readme import front_pages

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
TOKEN = "ghp_" + "PlantedTokenThatMustNotLeak0123456789"
PEOPLE = {
    "ada": ("admin", "token-of-ada"),
    "bob": ("write", "token-of-bob"),
    "eve": ("read", "token-of-eve"),
    "aki-agent[bot]": ("write", TOKEN),
}


VENUE = "`alpha · venue: "


@pytest.fixture
def project(root, tmp_path) -> Path:
    """The miniature registry as the default branch of a repository has it."""
    folder = tmp_path / "project"
    shutil.copytree(root, folder / "registry" / "data")
    for name, text in front_pages(registry.load(root)).items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="session")
def server() -> Iterator[Company]:
    with company(None, PEOPLE) as there:
        yield there


@pytest.fixture
def github(server, project) -> Company:
    """A process of its own that answers as GitHub does, with the project in it and nothing else."""
    server.rehearse("reset", branch="main", files=texts_below(project))
    return server


def texts_below(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def run(desk, github, tmp_path, monkeypatch):
    """`aki agent pr …` with the token of the agent, against that GitHub, without waiting."""
    monkeypatch.setattr("agent.fetch.WallClock.sleep", lambda *_: None)
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    config = tmp_path / "pulls.yaml"
    tree = {"repository": github.name, "endpoints": {"https://api.github.com": github.origin}}
    config.write_text(textyaml.dump(tree))

    def call(*words: str, space: Workspace = desk.workspace, data: Path = desk.root) -> int:
        state = ["--state", str(tmp_path / "state")]
        return main(
            ["pr", *words, "--workspace", str(space.folder), "--root", str(data), "--config", str(config), *state]
        )

    return call


def writes(github: Company) -> list[str]:
    return [f"{one['method']} {one['path']}" for one in github.state()["log"] if one["method"] != "GET"]


def remote_to(github: Company, tmp_path: Path, clock, token: str = TOKEN) -> Remote:
    return Remote(github.name, token, memory=HostMemory(tmp_path / "s"), api=github.origin, clock=clock)


# Proposing


def test_one_pull_request_lists_every_proposal_with_digest_diff_and_evidence(run, github, desk):
    assert run() == 0
    pull = github.pull(1)
    assert (pull["head"]["ref"], pull["base"]["ref"]) == (PROPOSALS, "main")
    for operation in desk.session.operations():
        assert f"aki:approve {operation.digest[:32]}" in pull["body"]
    assert "+  value: ICML 2026" in pull["body"]
    assert "Accepted to ICML 2026" in pull["body"]
    files = github.state()["files"]
    assert {path for path in files[PROPOSALS] if path.startswith("agent/")} == set(workspace_files(desk.workspace))


def test_the_default_branch_is_never_written_to(run, github):
    before = github.state()["branches"]["main"]
    run()
    github.tick("ada", 1, [VENUE, "lab-alpha"])
    assert run("read") == 0
    assert run("approved") == 0
    assert github.state()["branches"]["main"] == before
    assert not [line for line in writes(github) if "heads/main" in line or "merge" in line]


def test_a_default_branch_with_the_agents_name_is_refused(github, project, tmp_path, clock, desk):
    github.rehearse("reset", branch=PROPOSALS, files=texts_below(project))
    with pytest.raises(RemoteError, match="never writes to it"):
        propose(remote_to(github, tmp_path, clock), desk.session.cards(), workspace_files(desk.workspace))
    assert writes(github) == []


def test_a_second_run_changes_nothing_and_asks_little(run, github, capsys):
    run()
    before, asked = github.state(), len(writes(github))
    assert run() == 0
    assert "nothing new on pull request #1" in capsys.readouterr().out
    after = github.state()
    assert len(writes(github)) == asked
    assert (after["branches"], after["pulls"]) == (before["branches"], before["pulls"])


def test_an_open_pull_request_is_renewed_not_duplicated_and_keeps_its_ticks(run, github, desk, visit, toy_world):
    run()
    github.tick("ada", 1, [VENUE])
    next(repo for repo in toy_world.repositories if repo.full_name == "lab/beta").stars = 500
    visit()
    assert run() == 0
    assert len(github.state()["pulls"]) == 1
    text = github.pull(1)["body"]
    assert [tick.mark for tick in body.ticked(text)] == ["approve"]
    assert "500" in text


def test_a_proposal_that_changed_loses_its_tick(run, github, desk, visit, toy_world):
    run()
    github.tick("ada", 1, [VENUE])
    toy_world.papers["2601.00001"].comment = "Accepted to ICML 2026 as an oral"
    visit()
    run()
    assert body.ticked(github.pull(1)["body"]) == []


def test_a_pull_request_with_nothing_left_is_closed(run, github, desk):
    run()
    desk.workspace.keep_open([], {})
    assert run() == 0
    assert github.pull(1)["state"] == "closed"


def test_a_text_that_is_too_long_leaves_the_rest_for_later(desk):
    page = body.render(desk.session.cards(), limit=6_000)
    assert page.left_out > 0
    assert len(page.text) <= 6_000
    assert f"{page.left_out} more wait" in page.text


def test_only_mechanical_proposals_have_a_bulk_box(desk):
    marks = [tick for tick, _ in body.boxes(body.render(desk.session.cards()).text) if tick.mark == "bulk"]
    assert [tick.base for tick in marks] == ["mechanical"]


# Ticks become verdicts


def test_ticks_of_people_who_may_write_become_verdicts_in_their_names(run, github, desk):
    run()
    assert github.tick("ada", 1, [VENUE]) + github.tick("bob", 1, ["lab-beta"]) >= 2
    assert run("read") == 0
    by = {v.reviewer: v.via for _, v in desk.workspace.standing()}
    assert by == {"ada": "pull-request", "bob": "pull-request"}
    before = len(desk.workspace.ledger.events())
    assert run("read") == 0
    assert len(desk.workspace.ledger.events()) == before


def test_a_tick_of_somebody_who_may_not_write_counts_for_nothing(run, github, desk, capsys):
    run()
    text = github.pull(1)["body"]
    forged = body.with_ticks(text, {tick for tick, _ in body.boxes(text) if tick.mark == "approve"})
    github.rehearse("edit", login="eve", number=1, body=forged)
    github.tick("ada", 1, [])  # an edit by somebody who may, afterwards, does not make the ticks theirs
    github.write("ada", 1, github.pull(1)["body"] + "\n")
    assert run("read") == 1
    assert "ticked by eve, who may not write" in capsys.readouterr().out
    assert desk.workspace.standing() == []


def test_a_bots_tick_counts_for_nothing(run, github, desk, capsys):
    run()
    github.tick("aki-agent[bot]", 1, [VENUE])
    assert run("read") == 1
    assert "which is no person" in capsys.readouterr().out
    assert desk.workspace.standing() == []


def test_the_second_box_rejects_and_the_fact_is_remembered(run, github, desk):
    run()
    github.tick("ada", 1, [VENUE], mark="reject")
    assert run("read") == 0
    rejection = desk.workspace.rejections()[0]
    assert rejection.reason == "ticked away on pull request #1"
    assert rejection.reviewer == "ada"


def test_both_boxes_of_one_proposal_are_refused(run, github, desk, capsys):
    run()
    github.tick("ada", 1, [VENUE])
    github.tick("ada", 1, [VENUE], mark="reject")
    assert run("read") == 1
    assert "both boxes are ticked" in capsys.readouterr().out
    assert desk.workspace.standing() == []


def test_the_bulk_box_approves_the_mechanical_ones_and_no_others(run, github, desk):
    run()
    assert github.tick("ada", 1, ["all "], mark="bulk") == 1
    assert run("read") == 0
    operations = {operation.digest: operation.group for operation in desk.session.operations()}
    approved = [operations[digest] for digest in desk.workspace.verdicts()]
    assert set(approved) == {"mechanical"}
    assert len(approved) == sum(group == "mechanical" for group in operations.values())


def test_an_unticked_box_is_no_verdict(run, github, desk):
    run()
    github.tick("ada", 1, [VENUE])
    github.untick("bob", 1)
    assert run("read") == 0
    assert desk.workspace.standing() == []


@pytest.mark.parametrize("drift", ["entry", "proposal", "text"])
def test_any_drift_voids_a_tick(drift, run, github, desk, visit, toy_world, capsys):
    run()
    github.tick("ada", 1, [VENUE])
    if drift == "entry":
        file = desk.root / "papers" / "alpha.yaml"
        file.write_text(file.read_text().replace("The alpha method", "The great alpha method"))
    elif drift == "proposal":
        toy_world.papers["2601.00001"].comment = "Accepted to ICML 2026 as an oral"
        visit()
    else:
        github.write("bob", 1, github.pull(1)["body"].replace("+  value: ICML 2026", "+  value: ICML 2025"))
    assert run("read") == 1
    assert re.search("has changed|no such proposal|is not what the proposal says", capsys.readouterr().out)
    assert desk.workspace.standing() == []


def test_a_tick_belongs_to_the_edit_that_set_it():
    tick = Tick("approve", "a" * 32, "absent")
    off, on = (f"- [{mark}] x <!-- aki:approve {'a' * 32} absent -->" for mark in " x")

    def revision(hour: int, login: str, text: str | None) -> Revision:
        return Revision(NOON + timedelta(hours=hour), login, person=True, text=text)

    history = [revision(0, "bot", off), revision(1, "eve", on), revision(2, "ada", on)]
    assert holders(history)[tick].login == "eve"
    assert holders([*history, revision(3, "ada", off), revision(4, "ada", on)])[tick].login == "ada"
    assert holders([revision(0, "bot", off), revision(1, "eve", None), revision(2, "ada", on)])[tick] is None
    assert holders([*history, revision(3, "ada", off)]) == {}


def test_a_history_of_several_pages_is_read_to_its_end(run, github, desk):
    github.rehearse("set", page_length=2)
    run()
    github.tick("ada", 1, [VENUE])
    for _ in range(5):
        github.write("bob", 1, github.pull(1)["body"] + "\n")
    assert run("read") == 0
    assert [v.reviewer for _, v in desk.workspace.standing()] == ["ada"]


# What was approved


def test_approvals_are_one_commit_per_group_on_a_branch_of_their_own(run, github, desk):
    run()
    github.tick("ada", 1, [VENUE])
    github.tick("ada", 1, ["all "], mark="bulk")
    run("read")
    assert run("approved") == 0
    commits = github.rehearse("commits", branch=APPROVED)[1:]
    groups = [commit["message"].split("\n")[0].rsplit(" ", 2)[1] for commit in commits]
    assert groups == ["semantic", "mechanical"]
    assert "value: ICML 2026" in commits[0]["files"]["registry/data/papers/alpha.yaml"]
    assert "value: 150" in commits[-1]["files"]["registry/data/repositories/lab-alpha.yaml"]
    assert github.pull(2)["head"]["ref"] == APPROVED


@pytest.mark.slow
def test_every_commit_of_the_branch_has_front_pages_and_a_log_that_fit(run, github, desk, tmp_path):
    run()
    github.tick("ada", 1, [VENUE])
    github.tick("ada", 1, ["all "], mark="bulk")
    run("read")
    run("approved")
    for number, commit in enumerate(github.rehearse("commits", branch=APPROVED)[1:]):
        folder = written(commit["files"], tmp_path / str(number))
        loaded = registry.load(folder / "registry" / "data")
        assert not [problem for problem in loaded.problems if problem.severity == "error"]
        for name, text in front_pages(loaded).items():
            assert commit["files"][name] == text
        assert Workspace(folder / "agent" / "workspace").applied_digests()


def test_the_same_approvals_again_change_nothing(run, github, desk, capsys):
    run()
    github.tick("ada", 1, [VENUE])
    run("read")
    run("approved")
    before, asked = github.state(), len(writes(github))
    assert run("approved") == 0
    assert "nothing new on pull request #2" in capsys.readouterr().out
    assert (github.state()["branches"], len(writes(github))) == (before["branches"], asked)


def test_a_rejection_alone_is_remembered_on_the_branch(run, github, desk):
    run()
    github.tick("ada", 1, [VENUE], mark="reject")
    run("read")
    assert run("approved") == 0
    commits = github.rehearse("commits", branch=APPROVED)
    assert commits[-1]["message"].startswith("Remember what was decided")
    assert (
        commits[-1]["files"]["registry/data/papers/alpha.yaml"]
        == commits[0]["files"]["registry/data/papers/alpha.yaml"]
    )


def test_an_entry_that_differs_on_the_default_branch_is_refused(run, github, desk, capsys):
    run()
    github.tick("ada", 1, [VENUE])
    run("read")
    github.rehearse(
        "push",
        branch="main",
        path="registry/data/papers/alpha.yaml",
        text="id: alpha\n",
        message="by hand",
        login="bob",
    )
    assert run("approved") == 2
    assert "papers/alpha.yaml is not the same here and on 'main'" in capsys.readouterr().err
    assert APPROVED not in github.state()["branches"]


def test_a_decision_log_with_more_lines_on_the_default_branch_is_not_overwritten(run, github, desk, capsys):
    run()
    github.rehearse(
        "push", branch="main", path="agent/workspace/decided.jsonl", text="{}\n", message="log", login="bob"
    )
    github.tick("ada", 1, [VENUE])
    run("read")
    assert run("approved") == 2
    assert "has decisions that the one here lacks" in capsys.readouterr().err


def test_a_branch_that_somebody_has_pushed_to_is_left_alone(run, github, capsys):
    run()
    github.rehearse("push", branch=PROPOSALS, path="note.txt", text="mine\n", message="my own work", login="bob")
    tip = github.state()["branches"][PROPOSALS]
    github.rehearse("push", branch="main", path="other.txt", text="x\n", message="main moves on", login="bob")
    assert run() == 2
    assert "somebody has pushed to 'aki-agent/proposals'" in capsys.readouterr().err
    assert github.state()["branches"][PROPOSALS] == tip


def test_both_branches_are_derived_anew_when_the_default_branch_moves(run, github):
    run()
    github.rehearse("push", branch="main", path="other.txt", text="x\n", message="main moves on", login="bob")
    assert run() == 0
    commits = github.rehearse("commits", branch=PROPOSALS)
    assert [commit["message"].split("\n")[0] for commit in commits[:2]] == ["import", "main moves on"]
    assert len(commits) == 3


# Refusals and bad weather


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"status": 401, "body": {"message": "Bad credentials"}}, "does not accept the token"),
        ({"status": 404, "body": {"message": "Not Found"}}, "no repository lab/registry"),
    ],
)
def test_a_refused_token_is_one_line(fault, said, run, github, capsys):
    github.rehearse("fault", method="GET", path="/repos/lab/registry$", headers={}, **fault)
    assert run() == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.strip().splitlines()) == 1


def test_a_token_that_may_only_read_is_refused_before_anything_is_there(run, github, monkeypatch, capsys):
    monkeypatch.setenv("GITHUB_TOKEN", "token-of-eve")
    assert run() == 2
    assert "it needs 'contents: write'" in capsys.readouterr().err
    assert set(github.state()["branches"]) == {"main"}
    assert github.state()["pulls"] == []


def test_no_token_and_no_remote_are_one_line_each(run, monkeypatch, tmp_path, capsys):
    monkeypatch.delenv("GITHUB_TOKEN")
    assert run() == 2
    assert "no token: set GITHUB_TOKEN" in capsys.readouterr().err
    with pytest.raises(RemoteError, match="no GitHub remote 'origin'"):
        repository_name("", tmp_path, {})
    assert repository_name("", tmp_path, {"GITHUB_REPOSITORY": "a/b"}) == "a/b"


def test_actions_that_may_not_open_pull_requests_are_told_where_to_allow_it(run, github, capsys):
    github.rehearse("set", actions_may_open_pulls=False)
    assert run() == 2
    assert "Settings → Actions → General" in capsys.readouterr().err
    github.rehearse("set", actions_may_open_pulls=True)
    assert run() == 0
    assert len(github.state()["pulls"]) == 1


SECONDARY = {
    "status": 403,
    "body": {"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."},
}


def test_a_secondary_limit_is_waited_for_as_long_as_it_asks(github, desk, tmp_path, clock):
    for path in ("git/trees$", "git/commits$", "/pulls$"):
        github.rehearse("fault", method="POST", path=path, headers={"Retry-After": "61"}, **SECONDARY)
    outcome = propose(remote_to(github, tmp_path, clock), desk.session.cards(), workspace_files(desk.workspace))
    assert outcome.state == "opened"
    assert clock.slept.count(61.0) == 3
    assert len(github.state()["pulls"]) == 1


def test_a_limit_that_lasts_stops_the_run_and_the_next_one_completes_it(github, desk, tmp_path, clock):
    cards, files = desk.session.cards(), workspace_files(desk.workspace)
    github.rehearse("fault", method="POST", path="/pulls$", headers={"Retry-After": "900"}, **SECONDARY)
    with pytest.raises(RemoteError, match="left alone for 15 min"):
        propose(remote_to(github, tmp_path, clock), cards, files)
    with pytest.raises(RemoteError, match="asked for a pause"):
        propose(remote_to(github, tmp_path, clock), cards, files)
    clock.sleep(901)
    assert propose(remote_to(github, tmp_path, clock), cards, files).state == "opened"
    assert len(github.state()["pulls"]) == 1


def test_server_errors_are_tried_again(github, desk, tmp_path, clock):
    github.rehearse(
        "fault", method="POST", path="git/trees$", status=502, headers={}, body={"message": "oops"}, times=2
    )
    github.rehearse("fault", method="GET", path="/branches/", status=503, headers={}, body=None)
    assert (
        propose(remote_to(github, tmp_path, clock), desk.session.cards(), workspace_files(desk.workspace)).number == 1
    )


def test_a_branch_and_a_pull_request_that_exist_already_are_taken_over(github, desk, tmp_path, clock):
    """Another run was faster between looking and making: 422."""
    cards, files = desk.session.cards(), workspace_files(desk.workspace)
    propose(remote_to(github, tmp_path, clock), cards, files)
    github.rehearse("push", branch="main", path="other.txt", text="x\n", message="main moves on", login="bob")
    github.rehearse(
        "fault", method="GET", path="heads/aki-agent", status=404, headers={}, body={"message": "Not Found"}
    )
    github.rehearse("fault", method="GET", path="/pulls\\?", status=200, headers={}, body=[])
    outcome = propose(remote_to(github, tmp_path, clock), cards, files)
    assert (outcome.state, outcome.number) == ("updated", 1)
    assert len(github.state()["pulls"]) == 1


def test_writes_are_a_second_apart(github, desk, tmp_path, clock):
    begun = clock.now()
    propose(remote_to(github, tmp_path, clock), desk.session.cards(), workspace_files(desk.workspace))
    assert (clock.now() - begun).total_seconds() >= len(writes(github))


def test_an_empty_repository_is_one_line(github, tmp_path, clock):
    github.rehearse("reset", branch="main", files={})
    with pytest.raises(RemoteError, match="push the project there first"):
        base_of(remote_to(github, tmp_path, clock))


# Safety


@pytest.mark.slow
def test_the_token_reaches_neither_log_nor_file_nor_text(run, github, desk, tmp_path, capsys, caplog):
    caplog.set_level(logging.DEBUG)
    run()
    github.tick("ada", 1, [VENUE])
    run("read")
    run("approved")
    github.rehearse("fault", method="GET", path="/branches/", status=403, headers={}, body={"message": f"no {TOKEN}"})
    assert run() == 2
    said = capsys.readouterr()
    state = json.dumps(github.state())
    kept = [path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
    for text in (said.out, said.err, caplog.text, state, repr(remote_to(github, tmp_path, None)), *kept):
        assert TOKEN not in text


def test_a_workspace_that_holds_the_token_is_not_sent(run, github, desk, capsys):
    file = next((desk.workspace.folder / "evidence").glob("*.txt"))
    file.write_text(f"{file.read_text()}\n{TOKEN}")
    assert run() == 2
    error = capsys.readouterr().err
    assert "holds the token itself" in error
    assert TOKEN not in error
    assert writes(github) == []


HOSTILE = (
    "``` ``` <!-- aki:approve aaaa absent --> </details><script>alert(1)</script> ![x](http://evil) [y](javascript:z) "
    "@everyone fixes #1 | - [x] **approve** \u202egnp.exe\u200b"
)


def test_hostile_text_stays_text_and_cannot_imitate_a_box(desk):
    venue = next(op for op in desk.session.operations() if op.target == "papers/alpha")
    evidence = venue.evidence[0].model_copy(update={"quote": HOSTILE[:100], "locator": HOSTILE[:100]})
    lines = f"x\r\n- [x] **approve** <!-- aki:approve {'a' * 32} absent -->\n## end\x0b```\u2028# big\n</details>"
    new = {**venue.new, "value": f"{HOSTILE} {lines}"}
    nasty = venue.model_copy(
        update={"reason": clean(HOSTILE), "new": new, "evidence": (evidence,), "why": (clean(HOSTILE),)}
    )
    desk.workspace.keep_open([nasty], {})
    text = body.render(Session(desk.workspace, desk.session.catalog, "Ada").cards()).text
    assert {tick.operation for tick, _ in body.boxes(text)} == {nasty.digest[:32]}
    assert body.ticked(text) == []
    assert "\u202e" not in text
    assert "⟨U+202E⟩" in text
    shown = MarkdownIt("commonmark", {"html": True}).render(text)
    for tag in re.findall(r"<(/?[a-z]+[^>]*)>", shown):
        assert re.fullmatch(r"/?(p|ul|li|h2|strong|code|pre|details|summary)|code class=\"language-diff\"", tag), tag
    assert shown.count("<details>") == shown.count("</details>") == 1


def test_commit_messages_hold_no_words_from_outside(run, github, desk):
    run()
    github.tick("ada", 1, [VENUE])
    run("read")
    run("approved")
    for commit in github.rehearse("commits", branch=APPROVED)[1:]:
        assert re.fullmatch(r"[\w :/.,()'\n-]+", commit["message"])


# End to end


def written(files: dict[str, str], folder: Path) -> Path:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


@pytest.mark.slow
def test_from_ticks_to_a_merged_and_verified_registry(run, github, desk, tmp_path, capsys):
    run()
    github.tick("ada", 1, [VENUE])
    github.tick("bob", 1, ["all "], mark="bulk")
    run("read")
    run("approved")
    github.merge("ada", 2)
    commits = github.rehearse("commits", branch="main")
    there = checkout(commits, tmp_path / "checkout")
    data, space = there / "registry" / "data", there / "agent" / "workspace"
    assert registry.load(data).papers["alpha"].venue.value == "ICML 2026"
    assert main(["verify", "--root", str(data), "--workspace", str(space)]) == 0
    said = capsys.readouterr().out
    assert "0 changes by people" in said
    assert "every canonical change is accounted for" in said
    assert run(space=Workspace(space), data=data) == 0
    assert "papers/alpha" not in github.pull(1)["body"]
