"""`aki agent` from the outside: exit codes, one-line errors, from recorded answers to a verified change."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent import recording
from agent.cli import main
from registry import textyaml

PROJECT = Path(__file__).parents[2]
DEMO = PROJECT / "agent" / "recorded" / "demo"
VERBS = [
    "plan",
    "fetch",
    "propose",
    "refresh",
    "review",
    "decide",
    "undo",
    "apply",
    "verify",
    "pr",
    "status",
    "stats",
    "evaluate",
    "sign",
    "post",
    "switch",
]


@pytest.fixture
def config(tmp_path, settings) -> Path:
    """The miniature world's configuration as a file."""
    path = tmp_path / "config.yaml"
    tree = json.loads(settings.model_dump_json(exclude_defaults=True))
    path.write_text(textyaml.dump(tree))
    return path


@pytest.fixture
def options(root, workspace, config, tmp_path) -> list[str]:
    return ["--root", str(root), "--workspace", str(workspace.folder)]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_with_examples_and_is_in_the_docs(verb, capsys):
    assert main([verb, "--help"]) == 0
    assert f"aki agent {verb}" in capsys.readouterr().out
    docs = (PROJECT / "docs" / "pages" / "review-proposals.md").read_text() + (
        PROJECT / "MAINTAINER_AGENT.md"
    ).read_text()
    assert f"aki agent {verb}" in docs


def test_help_and_refresh_need_neither_torch_nor_the_network(tmp_path):
    program = (
        "import sys; from aki import main; main(['agent', '--help']);"
        "main(['agent', 'refresh', '--replay', sys.argv[1], '--workspace', sys.argv[2]]);"
        "bad = {'torch', 'transformers', 'peft'} & set(sys.modules); assert not bad, bad"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(DEMO), str(tmp_path / "w")],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "The registry was not changed" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["refresh", "--replay", "nowhere"], "no recording there"),
        (["refresh", "--sources", "arxvi", "--replay", str(DEMO)], ""),
        (["plan", "--sources", "arxvi"], "did you mean 'arxiv'?"),
        (["plan", "--root", "/nowhere"], "no registry at /nowhere"),
        (["fetch"], "needs --record"),
        (["propose"], "needs --replay"),
        (["review", "--group", "risky"], "one of: structural"),
        (["decide", "nothing.json"], "nothing.json: no such file"),
        (["undo", "7"], "no standing verdict"),
        (["refresh", "--speed", "9"], "No such option"),
        (["dance"], "No such command"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_two(words, said, capsys, options, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if words[0] in {"review", "decide", "undo", "refresh"} and "--root" not in words:
        words = [*words, "--workspace", options[3]]
    code = main(words)
    if not said:
        return
    error = capsys.readouterr().err
    assert code == 2
    assert said in error
    assert len(error.strip().splitlines()) == 1


def test_a_misspelled_setting_is_named_with_the_nearest_one(tmp_path, capsys):
    path = tmp_path / "config.yaml"
    path.write_text("enabeld: true\n")
    assert main(["plan", "--config", str(path)]) == 2
    assert "did you mean 'enabled'?" in capsys.readouterr().err


def test_a_damaged_recording_is_named(tmp_path, capsys, options):
    shutil.copytree(DEMO, tmp_path / "rec")
    (tmp_path / "rec" / "arxiv" / "001.json").write_text("{")
    assert main(["refresh", "--replay", str(tmp_path / "rec"), *options]) == 2
    assert "001.json" in capsys.readouterr().err
    assert not Path(options[3], "open").exists()


def test_plan_counts_requests_without_any(config, root, loopback, capsys):
    assert main(["plan", "--config", str(config), "--root", str(root), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["requests"] == sum(row["requests"] for row in found["plan"]) > 0
    assert loopback.log == []


def test_the_kill_switch_stops_everything(tmp_path, capsys, options, loopback):
    path = tmp_path / "off.yaml"
    path.write_text("enabled: false\n")
    for words in (["refresh"], ["fetch", "--record", str(tmp_path / "r")], ["apply"]):
        extra = options if words[0] != "fetch" else options[:2]
        assert main([*words, "--config", str(path), *extra]) == 0
        assert "switched off" in capsys.readouterr().err
    assert loopback.log == []
    assert not (tmp_path / "r").exists()


def test_from_recorded_answers_to_a_verified_change(config, options, toy_world, tmp_path, capsys, monkeypatch):
    """As a new maintainer: fetch and record, propose, review in a pipe, apply, verify, look."""
    root, desk = Path(options[1]), options[2:]
    for words in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=A", "-c", "user.email=a@b", "commit", "-qm", "import"],
    ):
        subprocess.run(["git", "-C", str(root), *words], check=True)
    monkeypatch.setenv("GITHUB_TOKEN", "test-token-0001")
    monkeypatch.setattr("agent.fetch.WallClock.sleep", lambda *_: None)
    state = ["--state", str(tmp_path / "state")]
    assert main(["fetch", "--record", str(tmp_path / "rec"), "--config", str(config), "--root", str(root), *state]) == 0
    assert main(["propose", "--replay", str(tmp_path / "rec"), "--config", str(config), *options]) == 0
    assert (
        "papers"
        not in subprocess.run(
            ["git", "-C", str(root), "status", "--short"], capture_output=True, text=True, check=True
        ).stdout
    )
    monkeypatch.setattr("sys.stdin", __import__("io").StringIO("a\nb\nq\n"))
    assert main(["review", "--plain", "--reviewer", "Ada", *options]) == 0
    assert main(["apply", "--dry-run", *options]) == 0
    assert main(["apply", *options]) == 0
    assert main(["verify", *options]) == 0
    assert "every canonical change is accounted for" in capsys.readouterr().out
    assert main(["stats", "--json", *desk]) == 0
    assert json.loads(capsys.readouterr().out)["by_reviewer"]["Ada"] > 1
    assert main(["status", "--check", "--config", str(config), *options]) in {0, 1}
    assert recording.label(tmp_path / "rec").sources


def test_a_dead_source_makes_the_run_partial_exit_code_three(config, options, toy_world, tmp_path, monkeypatch, capsys):
    from agent.rehearsal.world import Fault

    toy_world.faults["export.arxiv.org"] = [Fault(503)] * 4
    monkeypatch.setattr("agent.fetch.WallClock.sleep", lambda *_: None)
    assert main(["refresh", "--config", str(config), *options, "--state", str(tmp_path / "state")]) == 3
    assert "! arxiv" in capsys.readouterr().out


def test_the_status_turns_amber_when_a_source_is_silent_for_twice_its_interval(config, options, visit, capsys, clock):
    from datetime import timedelta

    clock.moment -= timedelta(days=400)
    visit()
    assert main(["status", "--check", "--config", str(config), *options]) == 1
    assert "amber" in capsys.readouterr().out
    assert main(["status", "--markdown", "--config", str(config), *options]) == 0
    assert "🟠" in capsys.readouterr().out


def test_the_demo_shows_every_kind_of_proposal_and_changes_nothing(tmp_path, capsys):
    before = {p: p.read_bytes() for p in (PROJECT / "registry" / "data").rglob("*.yaml")}
    assert main(["refresh", "--replay", str(DEMO), "--workspace", str(tmp_path / "w")]) == 0
    out = capsys.readouterr().out
    for expected in ("select-and-distill", "candidate → withdrawn", "ICML 2026", "anchored-null-spaces", "mechanical"):
        assert expected in out
    assert {p: p.read_bytes() for p in (PROJECT / "registry" / "data").rglob("*.yaml")} == before
    assert recording.label(DEMO).synthetic
