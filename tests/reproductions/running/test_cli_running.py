"""The command as a person uses it: interrupted, continued, verified; in a copy without git."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reproductions import cli, records, selecting, spec

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.slow


def command(model: Path, out: Path, *more: str, steps: int = 2) -> list[str]:
    settings = {
        "training.steps": steps,
        "training.batch_size": 2,
        "data.n_entities": 2,
        "data.n_retention_per_dimension": 1,
        "data.n_tasks": 2,
    }
    pairs = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    words = ["run", "quick/lora-raw", "--model", str(model), *pairs, "--out", str(out), "--seed", "0", "--seed", "1"]
    return [sys.executable, "-m", "aki", "reproduce", *words, *more]


def scores(folder: Path) -> dict[str, dict[str, float]]:
    return {one.name: one.scores() for one in records.load_all(folder)}


def leftovers(folder: Path) -> list[str]:
    """Files that are neither records, nor answers, nor a saved state, nor the base model's scores."""
    whole = ("seed-0.json", "seed-1.json", "answers.jsonl.gz", ".state")
    files = [path for path in folder.rglob("*") if path.is_file() and ".base" not in path.parts]
    return [str(path) for path in files if not path.name.endswith(whole)]


def heed_interrupts():
    """A shell without job control starts what runs in the background with interrupts ignored, tests among it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interrupted_command_leaves_nothing_half_written_and_goes_on(model_folder, tmp_path, jobs):
    call = command(model_folder, tmp_path / "cut", "--jobs", jobs, steps=40)
    running = subprocess.Popen(
        call,
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_interrupts,  # noqa: PLW1509 - no other thread runs here
    )
    deadline = time.monotonic() + 240
    while not list((tmp_path / "cut").rglob(".seed-*.state")) and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(running.pid, signal.SIGINT)
    _, told = running.communicate(timeout=60)
    assert running.returncode == 130, told
    assert "the same command goes on from here" in told
    assert "Traceback" not in told
    assert leftovers(tmp_path / "cut") == []
    assert subprocess.run(call, cwd=ROOT, capture_output=True, check=False).returncode == 0
    whole = command(model_folder, tmp_path / "whole", "--jobs", "1", steps=40)
    assert subprocess.run(whole, cwd=ROOT, capture_output=True, check=False).returncode == 0
    assert scores(tmp_path / "cut") == scores(tmp_path / "whole")
    assert len(scores(tmp_path / "cut")) == 2


def test_a_killed_command_goes_on_too(model_folder, tmp_path):
    call = command(model_folder, tmp_path / "cut", "--jobs", "1", steps=40)
    running = subprocess.Popen(call, cwd=ROOT, stderr=subprocess.DEVNULL)
    while not list((tmp_path / "cut").rglob(".seed-*.state")):
        time.sleep(0.1)
    running.kill()
    running.wait()
    assert subprocess.run(call, cwd=ROOT, capture_output=True, check=False).returncode == 0
    whole = command(model_folder, tmp_path / "whole", "--jobs", "1", steps=40)
    subprocess.run(whole, cwd=ROOT, capture_output=True, check=True)
    assert scores(tmp_path / "cut") == scores(tmp_path / "whole")


def test_a_copy_without_git_runs_and_names_its_commit(model_folder, tmp_path):
    copy = tmp_path / "copy"
    ignored = shutil.ignore_patterns(".git", ".venv", "runs", "build", "results", "checkpoints", "node_modules", "site")
    shutil.copytree(ROOT, copy, ignore=ignored)
    call = command(model_folder, tmp_path / "runs", "--jobs", "1", "--commit", "abc123", "--json")
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    done = subprocess.run(call, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [one["status"] for one in json.loads(done.stdout)] == ["finished", "finished"]
    found = records.load_all(tmp_path / "runs")
    assert {(one.environment.commit, one.environment.dirty) for one in found} == {("abc123", None)}


def test_run_record_verify_table_and_show_belong_together(experiment, tmp_path, monkeypatch, capsys):
    """The life of a number, in one process."""
    runs, results = tmp_path / "runs", tmp_path / "results"
    spec.save(experiment, tmp_path / "experiments")
    for function in (selecting.experiments, spec.select):
        monkeypatch.setattr(function, "__defaults__", (tmp_path / "experiments",))
    monkeypatch.setattr(cli, "RESULTS", results)
    clean = ("abc", False)
    monkeypatch.setattr("reproductions.provenance._git", lambda: clean)
    assert cli.main(["run", "toy/lora-raw", "--out", str(runs), "--jobs", "1"]) == 0
    assert cli.main(["record", "toy/lora-raw", "--out", str(runs)]) == 0
    assert cli.main(["verify", "toy/lora-raw", "--out", str(runs), "--jobs", "1"]) == 0
    assert "scores as published" in capsys.readouterr().out
    assert cli.main(["table"]) == 0
    assert cli.main(["show", "toy/lora-raw"]) == 0
    assert cli.main(["show", "toy/lora-raw/seed-0", "--json"]) == 0
    assert "toy/lora-raw" in capsys.readouterr().out
    path = records.record_path(results, "toy/lora-raw", 0)
    record = records.load(path)
    retention = {name: 1 - value for name, value in record.steps[-1].retention.items()}
    wrong = record.steps[-1].model_copy(update={"retention": retention})
    records.save(record.model_copy(update={"steps": (*record.steps[:-1], wrong)}), results)
    assert cli.main(["verify", "toy/lora-raw", "--out", str(runs), "--jobs", "1"]) == 1
    assert "scores differ" in capsys.readouterr().out
