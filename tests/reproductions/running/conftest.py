"""A random model in a folder and an experiment of seconds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reproductions.lab import tiny_vlm
from reproductions.spec import Data, Experiment, ModelRef, Training, Tuning
from reproductions.vlm import random_lab_vlm


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    vlm = random_lab_vlm(0)
    vlm.base.save_pretrained(folder)
    vlm.tokenizer.save_pretrained(folder)
    facts = tiny_vlm.preprocessing(64)
    (folder / "preprocessor_config.json").write_text(json.dumps(facts))
    return folder


@pytest.fixture
def experiment(model_folder) -> Experiment:
    return Experiment(
        id="toy/lora-raw",
        method="lora",
        tuning=Tuning(rank=4),
        model=ModelRef(id=str(model_folder)),
        data=Data(n_entities=2, n_retention_per_dimension=1),
        training=Training(learning_rate=4e-3, steps=2, batch_size=2),
    )
