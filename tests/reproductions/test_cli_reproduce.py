"""The command line: light where it reads, one line and code 2 for bad input, code 1 for problems found."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from reproductions import cli, records, selecting, spec
from reproductions.selecting import Changes
from reproductions.spec import Experiment, ModelRef, SpecError, Training, digest

ROOT = Path(__file__).parents[2]
VERBS = ("list", "check", "plan", "run", "record", "verify", "table", "show", "claims", "pretrain", "tune", "analyse")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of two specs in place of the project's."""
    for name, method in (("lora-raw", "lora"), ("kore-tree", "kore")):
        experiment = Experiment(
            id=f"toy/{name}",
            method=method,
            model=ModelRef(id="lab-tiny@seed-0"),
            training=Training(learning_rate=4e-3, steps=10, batch_size=8),
            seeds=(0, 1),
        )
        form = {"data": experiment.data.model_copy(update={"form": "knowledge-tree"})} if method == "kore" else {}
        spec.save(experiment.model_copy(update=form), tmp_path)
    monkeypatch.setattr(selecting.experiments, "__defaults__", (tmp_path,))
    monkeypatch.setattr(spec.select, "__defaults__", (tmp_path,))
    return tmp_path


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb, capsys):
    assert cli.main([verb, "--help"]) == 0
    assert "Usage: aki reproduce" in capsys.readouterr().out


@pytest.mark.parametrize(
    "call", [["--help"], ["list"], ["list", "--json"], ["plan", "quick"], ["table"], ["run", "--help"]]
)
def test_reading_needs_no_torch(call):
    code = f"import sys; from reproductions import cli; cli.main({call!r}); sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (["run", "no-such-thing"], "no experiment, glob or suite 'no-such-thing'"),
        (["plan", "toy/lora-raw", "--set", "training.stepz=5"], "there is no such field; did you mean 'steps'?"),
        (["plan", "toy/lora-raw", "--set", "training.steps=many"], "training.steps"),
        (["plan", "toy/lora-raw", "--set", "steps"], "--set wants NAME=VALUE"),
        (["plan", "toy/lora-raw", "--set", "nothing.steps=1"], "there is no field 'nothing'"),
        (["show", "toy/nothing"], "no record 'toy/nothing'"),
        (["verify", "toy/lora-raw"], "nothing is published of toy/lora-raw"),
        (["frobnicate"], "No such command"),
        (["plan"], "Missing argument"),
        (["plan", "toy", "--jobs", "0"], "--jobs"),
    ],
)
def test_bad_input_is_one_line_and_code_2(folder, call, line, capsys):
    assert cli.main(call) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert line in told.err
    assert told.err.count("\n") == 1


def test_plan_as_json_counts_runs(folder, tmp_path, capsys):
    assert cli.main(["plan", "toy", "--json", "--out", str(tmp_path / "runs"), "--jobs", "2"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(one["experiment"], one["seed"]) for one in told["runs"]] == [
        ("toy/kore-tree", 0), ("toy/kore-tree", 1), ("toy/lora-raw", 0), ("toy/lora-raw", 1)
    ]  # fmt: skip
    assert {one["state"] for one in told["runs"]} == {"to do"}


def test_a_method_name_with_changes_starts_from_its_spec(folder):
    found = selecting.experiments(["kore"], Changes(form="raw", seeds=(7,), settings={"training.steps": "5"}))
    assert len(found) == 1
    assert found[0].id.startswith("adhoc/kore-raw-")
    assert (found[0].data.form, found[0].training.steps, found[0].seeds) == ("raw", 5, (7,))


def test_changes_that_change_nothing_leave_the_experiment(folder):
    same = selecting.experiments(["toy/kore-tree"], Changes(form="knowledge-tree", settings={"training.steps": "10"}))
    assert [one.id for one in same] == ["toy/kore-tree"]


def test_the_same_variation_has_the_same_name(folder):
    one, two = (selecting.experiments(["kore"], Changes(settings={"method_config.samples": "8"}))[0] for _ in range(2))
    assert one.id == two.id
    assert one.method_config == {"samples": 8}
    assert digest(one) == digest(two)


def test_a_method_without_a_spec_says_so(folder):
    with pytest.raises(SpecError, match="'ewc' has no experiment to start from"):
        selecting.experiments(["ewc"], Changes(form="raw"))


def test_records_of_smoke_runs_are_not_published(folder, tmp_path, monkeypatch, capsys):
    path = folder / "toy/lora-raw.yaml"
    path.write_text(path.read_text() + "tier: smoke\n")
    monkeypatch.setattr(cli, "RESULTS", tmp_path / "results")
    assert cli.main(["record", "toy/lora-raw", "--out", str(tmp_path / "runs")]) == 1
    told = capsys.readouterr().out
    assert "tier is 'smoke'" in told
    assert "seed 0 has not been run" in told
    assert records.find(tmp_path / "results") == []
