"""One issue with the status, renewed in place; its label stops the agent. Against a process that answers as GitHub."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agent.cli import main
from agent.pulls.dashboard import LABEL, STOP
from agent.rehearsal.company import Company, company
from registry import textyaml

TOKEN = "ghp_" + "PlantedTokenThatMustNotLeak0123456789"
PEOPLE = {"ada": ("admin", "token-of-ada"), "eve": ("read", "token-of-eve"), "aki-agent[bot]": ("write", TOKEN)}


@pytest.fixture(scope="module")
def server() -> Iterator[Company]:
    with company(None, PEOPLE) as there:
        yield there


@pytest.fixture
def github(server, root) -> Company:
    files = {str(path.relative_to(root)): path.read_text() for path in root.rglob("*.yaml")}
    server.rehearse("reset", branch="main", files=files)
    return server


@pytest.fixture
def run(desk, github, tmp_path, monkeypatch):
    """`aki agent VERB …` against that GitHub, without waiting; returns the exit code."""
    monkeypatch.setattr("agent.fetch.WallClock.sleep", lambda *_: None)
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    for name in ("GITHUB_REPOSITORY", "AKI_AGENT"):
        monkeypatch.delenv(name, raising=False)
    config = tmp_path / "config.yaml"
    tree = {"repository": github.name, "endpoints": {"https://api.github.com": github.origin}}
    config.write_text(textyaml.dump(tree))

    def call(verb: str, *words: str) -> int:
        space = [] if verb == "switch" else ["--workspace", str(desk.workspace.folder), "--root", str(desk.root)]
        return main([verb, *words, *space, "--config", str(config), "--state", str(tmp_path / "state")])

    return call


def issues(github: Company) -> list[dict]:
    return github.state()["issues"]


def writes(github: Company) -> list[str]:
    return [f"{one['method']} {one['path']}" for one in github.state()["log"] if one["method"] != "GET"]


def brake(github: Company) -> None:
    github.rehearse("label", number=issues(github)[0]["number"], labels=[LABEL, STOP])


def test_the_first_time_one_issue_is_opened_labelled_and_pinned(run, github):
    assert run("post") == 0
    (issue,) = issues(github)
    assert [label["name"] for label in issue["labels"]] == [LABEL]
    assert issue["pinned"]
    for part in ("arXiv", "waiting, semantic", "Last visit 2026-11-25", STOP):
        assert part in issue["body"]


def test_the_same_status_again_changes_nothing(run, github, capsys):
    run("post")
    asked = len(writes(github))
    assert run("post") == 0
    assert "nothing new on issue #1" in capsys.readouterr().out
    assert len(writes(github)) == asked
    assert len(issues(github)) == 1
    assert issues(github)[0]["edits"] == 0


def test_another_status_renews_the_same_issue(run, github, desk):
    run("post")
    desk.workspace.remember(desk.workspace.visits().model_copy(update={"carried": 7}))
    assert run("post") == 0
    (issue,) = issues(github)
    assert "| held back by the limit | 7 |" in issue["body"]
    assert issue["edits"] == 1


def test_an_issue_that_only_looks_like_it_is_left_alone(run, github):
    github.rehearse("file", login="eve", title="Status of the update agent", body="all is well", labels=[LABEL])
    assert run("post") == 0
    theirs, ours = issues(github)
    assert (theirs["body"], theirs["labels"], ours["number"]) == ("all is well", [], 2)


def test_an_issue_that_a_person_closed_stays_closed_and_is_renewed(run, github, desk):
    run("post")
    github.rehearse("set", has_issues=True)
    github._call("PATCH", "/issues/1", "ada", {"state": "closed"})
    desk.workspace.remember(desk.workspace.visits().model_copy(update={"carried": 7}))
    run("post")
    (issue,) = issues(github)
    assert issue["state"] == "closed"
    assert "| 7 |" in issue["body"]


def test_a_token_that_may_not_pin_leaves_that_to_a_person(run, github, capsys):
    github.rehearse("set", may_pin=False)
    assert run("post") == 0
    assert "pin issue #1 by hand" in capsys.readouterr().out


def test_a_repository_without_issues_is_said_in_one_line(run, github, capsys):
    github.rehearse("set", has_issues=False)
    assert run("post") == 2
    error = capsys.readouterr().err
    assert "issues are switched off" in error
    assert len(error.strip().splitlines()) == 1
    assert run("switch") == 0
    github.rehearse("set", has_issues=True)


def test_a_token_without_the_right_to_write_issues_is_told_what_it_needs(run, github, capsys, monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "token-of-eve")
    assert run("post") == 2
    assert "'issues: write'" in capsys.readouterr().err
    assert issues(github) == []


def test_a_status_that_holds_the_token_is_not_sent(run, github, desk, capsys):
    visits = desk.workspace.visits()
    source = visits.sources["arxiv"].model_copy(update={"problems": (f"echo {TOKEN}",)})
    desk.workspace.remember(visits.model_copy(update={"sources": {**visits.sources, "arxiv": source}}))
    assert run("post") == 2
    assert "nothing was sent" in capsys.readouterr().err
    assert writes(github) == []


@pytest.mark.parametrize("words", [("pr",), ("pr", "read"), ("pr", "approved")])
def test_with_the_stop_label_on_nothing_is_sent_or_read(run, github, capsys, words):
    run("post")
    brake(github)
    asked = len(writes(github))
    assert run(*words) == 0
    assert f"label '{STOP}'" in capsys.readouterr().err
    assert len(writes(github)) == asked
    assert set(github.state()["branches"]) == {"main"}


def test_the_switch_says_who_has_switched_off_and_on_again(run, github, capsys, monkeypatch):
    assert run("switch") == 0
    run("post")
    brake(github)
    assert run("switch") == 1
    assert "issues/1" in capsys.readouterr().out
    github.rehearse("label", number=1, labels=[LABEL])
    assert run("switch") == 0
    monkeypatch.setenv("AKI_AGENT", "off")
    assert run("switch") == 1
    assert "AKI_AGENT=off" in capsys.readouterr().out


def test_when_github_cannot_say_whether_the_label_is_there_the_switch_is_not_on(run, github, capsys):
    github.rehearse("fault", method="GET", path="/issues", status=500, headers={}, body={"message": "no"}, times=9)
    assert run("switch") == 2
    assert run("pr") == 2
    assert writes(github) == []


def test_the_variable_stops_what_runs_without_github(run, github, monkeypatch, capsys):
    monkeypatch.setenv("AKI_AGENT", "off")
    for verb in ("refresh", "pr"):
        assert run(verb) == 0
        assert "AKI_AGENT=off" in capsys.readouterr().err
    assert github.state()["log"] == []
