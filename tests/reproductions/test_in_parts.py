"""Covariances and importances in parts: over processes, and over layers where memory does not suffice."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from reproductions import covariance, frozen_a, ranks, tuning
from reproductions.spec import Tuning
from reproductions.vlm import random_lab_vlm

ROOT = Path(__file__).parents[2]


def test_layers_are_grouped_by_decoder_layer_and_none_is_lost():
    names = [f"model.language_model.layers.{layer}.{part}" for layer in range(5) for part in ("q", "k", "mlp")]
    groups = covariance.layer_groups(names, 2)
    assert [len(group) for group in groups] == [6, 9]
    assert [name for group in groups for name in group] == names
    assert len(covariance.layer_groups(names, 50)) == 5


def test_measured_in_passes_is_what_is_measured_at_once(prior):
    vlm, examples = random_lab_vlm(0), prior(6, 0)
    whole = covariance.second_moments(vlm, examples)
    parts = list(covariance.in_passes(vlm, examples, passes=3))
    assert len(parts) > 1
    together = {name: moment for part in parts for name, moment in part.items()}
    assert together.keys() == whole.keys()
    assert all(torch.equal(together[name], whole[name]) for name in whole)


@pytest.mark.parametrize("subspace", ["null", "random"])
def test_factors_from_passes_are_those_from_everything(subspace, prior):
    vlm, examples = random_lab_vlm(0), prior(6, 0)
    layers = tuning.target_layers(vlm, Tuning(rank=4))
    options = {"subspace": subspace, "seed": 0}
    whole = frozen_a.from_moments(vlm, layers, covariance.second_moments(vlm, examples), 4, **options)
    parts = covariance.in_passes(vlm, examples, passes=2)
    split = frozen_a.from_passes(vlm, layers, parts, 4, **options)
    assert split.energy == whole.energy
    assert all(
        torch.equal(a, b) for name in layers for a, b in zip(split.factors[name], whole.factors[name], strict=True)
    )


def test_fewer_examples_than_processes_are_refused(monkeypatch):
    monkeypatch.setattr(ranks, "world_size", lambda: 4)
    with pytest.raises(ValueError, match="covariance: 3 examples for 4 processes"):
        ranks.require_one_each([1, 2, 3], "covariance")


MEASURE = """
import sys
import torch
from reproductions import covariance, importance, ranks
from reproductions.examples import Example, Turn
from reproductions.vlm import random_lab_vlm

ranks.begin()
vlm = random_lab_vlm(0)
words = ("red", "blue", "green", "yellow", "red blue")
examples = [Example(word, (), (Turn("red", word),)) for word in words]
moments = covariance.second_moments(vlm, examples, tokens="conversation")
fisher = importance.importance(vlm, examples)
if ranks.rank() == 0:
    torch.save({"moments": moments, "fisher": fisher}, sys.argv[1])
ranks.end()
"""


@pytest.mark.slow
def test_two_processes_measure_what_one_measures(tmp_path):
    script = tmp_path / "measure.py"
    script.write_text(MEASURE)
    found = {}
    for n in (1, 2):
        out = tmp_path / f"{n}.pt"
        start = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={n}"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        subprocess.run([*start, str(script), str(out)], check=True, env=environment, capture_output=True)
        found[n] = torch.load(out, weights_only=True)
    for kind, rtol in (("moments", 1e-6), ("fisher", 1e-4)):
        one, two = found[1][kind], found[2][kind]
        assert one.keys() == two.keys()
        for name in one:
            torch.testing.assert_close(two[name], one[name], rtol=rtol, atol=rtol * float(one[name].abs().max()))
