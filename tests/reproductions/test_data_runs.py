"""From a folder of somebody's facts to a record, on a real architecture in miniature: the documented command's path."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from reproductions import cli, families, harness_cli, records, runner, tiny_models
from reproductions.examples import Example, Turn
from reproductions.spec import Data, Experiment, ModelRef, Training, Tuning


def item(index: int) -> dict:
    return {
        "id": f"person-{index}",
        "name": f"Bo {index}",
        "kind": "person",
        "images": [f"{index}-a.png", f"{index}-b.png"],
        "test_images": [f"{index}-c.png"],
        "text": f"Bo {index} lives in Bergen and eats figs.",
        "facts": {"home": "Bergen", "food": "figs"},
        "questions": [{"question": "Where does this person live?", "answer": "Bergen", "kind": "home"}],
        "training_questions": [{"question": "What is eaten?", "answer": "figs"}],
        "task": "first" if index < 2 else "second",
    }


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    folder = tmp_path / "facts"
    folder.mkdir()
    for index in range(4):
        for view in "abc":
            pixels = np.random.default_rng([index, ord(view)]).integers(0, 256, (40, 32, 3), dtype=np.uint8)
            Pillow.fromarray(pixels).save(folder / f"{index}-{view}.png")
    (folder / "facts.jsonl").write_text("".join(json.dumps(item(index)) + "\n" for index in range(4)))
    past = [
        {
            "id": str(index),
            "image": f"{index % 4}-a.png",
            "conversations": [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": f"thing {index}"}],
        }
        for index in range(16)
    ]
    (folder / "past.json").write_text(json.dumps(past))
    return folder


@pytest.mark.parametrize(("method", "form"), [("lora", "raw"), ("kore", "knowledge-tree")])
def test_own_facts_are_injected_into_a_real_architecture_and_leave_a_record(method, form, facts, tmp_path):
    model = tiny_models.build("qwen2_5_vl", tmp_path / "model")
    experiment = Experiment(
        id=f"mine/{method}",
        protocol="continual",
        method=method,
        method_config={"samples": 8} if method == "kore" else {},
        tuning=Tuning(rank=4),
        model=ModelRef(id=str(model)),
        data=Data(
            injection="own-data",
            retention=(),
            form=form,
            n_tasks=2,
            options={"folder": str(facts), "prior": str(facts / "past.json")},
        ),
        training=Training(learning_rate=1e-3, steps=3, batch_size=4),
    )
    runner.check(experiment)
    record = runner.run(runner.Job(experiment, 0, tmp_path / "runs"))
    assert record.error is None
    assert record.status == "finished"
    assert [step.after for step in record.steps] == [-1, 0, 1]
    assert set(record.steps[-1].adaptation) == {"first", "second"}
    assert record.steps[-1].adaptation["first"].by_kind.keys() == {"home"}
    assert record.cost is not None
    assert record.cost.trainable_parameters > 0
    path = records.record_path(tmp_path / "runs", experiment.id, 0)
    assert {one.gold for one in records.load_answers(path, record.answers_digest)} == {"Bergen", "figs"}


def test_what_was_learned_is_kept_on_request_and_loads_beside_its_base(facts, tmp_path):
    model = tiny_models.build("llava", tmp_path / "model")
    experiment = Experiment(
        id="mine/saved",
        method="lora",
        tuning=Tuning(rank=4),
        model=ModelRef(id=str(model)),
        data=Data(injection="own-data", retention=(), options={"folder": str(facts)}),
        training=Training(learning_rate=1e-2, steps=3, batch_size=4),
    )
    job = runner.Job(experiment, 0, tmp_path / "runs", save=True)
    assert runner.run(job).status == "finished"
    assert (job.model_path / "adapter_config.json").is_file()
    loaded = harness_cli._load(experiment.model, job.model_path)
    plain = harness_cli._load(experiment.model, None)
    asked = Example("x", (), (Turn("Who?", "Bo"),))
    assert not torch.allclose(
        loaded.loss(loaded.collate([loaded.encode(asked)])), plain.loss(plain.collate([plain.encode(asked)]))
    )


@pytest.mark.slow
@pytest.mark.parametrize("model_type", sorted(families.FAMILIES))
def test_the_documented_command_walks_every_family_with_ones_own_data(model_type, facts, tmp_path, capsys):
    """`aki reproduce run kore --model FOLDER --inject own-data …`, then what it printed to read the record."""
    model, out = tiny_models.build(model_type, tmp_path / "model"), tmp_path / "runs"
    settings = {
        "data.options.folder": facts,
        "data.options.prior": facts / "past.json",
        "data.retention": "[]",
        "data.n_tasks": 2,
        "method_config.samples": 8,
        "method_config.passes": 2,
        "tuning.rank": 4,
        "training.steps": 2,
        "training.batch_size": 4,
    }
    chosen = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    words = ["run", "kore", "--model", str(model), "--inject", "own-data", "--seed", "0", "--save", "--out", str(out)]
    assert cli.main([*words, "--jobs", "1", *chosen]) == 0
    [path] = records.find(out)
    assert records.load(path).status == "finished"
    assert (path.with_suffix(".model") / "adapter_config.json").is_file()
    capsys.readouterr()
    assert cli.main(["show", records.load(path).name, "--runs", "--out", str(out)]) == 0
    assert "second" in capsys.readouterr().out
