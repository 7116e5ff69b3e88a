"""Analyses of the paper: their mathematics, and that asking changes nothing."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from reproductions import cli, records, runner, tiny_models
from reproductions.analyses import convergence, discard, layers, running, samples, similarity
from reproductions.analyses import spec as analyses
from reproductions.analyses.spec import ConvergenceSettings, DiscardSettings, SamplesSettings, SimilaritySettings
from reproductions.lab import world
from reproductions.spec import Data, Experiment, ModelRef, Training, Tuning
from reproductions.vlm import random_lab_vlm

SMALL = Data(n_entities=4, n_retention_per_dimension=2)
MODEL = ModelRef(id="lab-tiny@seed-0")
ROOT = Path(__file__).parents[2]


def nothing(what: str, done: int, of: int) -> None:
    """Says nothing."""


@pytest.fixture(scope="module")
def layer():
    """A weight (12 × 8), inputs whose directions differ in energy, their second moment and mean absolute values."""
    generator = torch.Generator().manual_seed(0)
    turn = torch.linalg.qr(torch.randn(8, 8, generator=generator, dtype=torch.float64))[0]
    x = torch.randn(400, 8, generator=generator, dtype=torch.float64) * torch.logspace(0, -2, 8, dtype=torch.float64)
    x = x @ turn
    weight = torch.randn(12, 8, generator=generator, dtype=torch.float64)
    return weight, x, x.T @ x / len(x), x.abs().mean(0)


def components(layer, name, damping=0.0):
    weight, _, moment, magnitude = layer
    settings = DiscardSettings(damping=damping)
    return discard.decompose(weight, discard.scale_of(name, moment, magnitude, settings))


# Decompositions


@pytest.mark.parametrize("name", ["svd", "asvd", "co-svd", "whitened"])
def test_all_components_together_are_the_weight(layer, name):
    assert torch.allclose(components(layer, name, damping=0.01).without(0), layer[0], atol=1e-9)


@pytest.mark.parametrize("dropped", range(1, 8))
def test_no_decomposition_loses_less_output_than_the_whitened_one(layer, dropped):
    weight, x, _, _ = layer

    def error(name):
        return (x @ (weight - components(layer, name).without(dropped)).T).norm().item()

    assert error("whitened") <= min(error(name) for name in ("svd", "asvd", "co-svd")) * (1 + 1e-9)


def test_plain_svd_loses_least_of_the_weight(layer):
    weight = layer[0]

    def error(name):
        return (weight - components(layer, name).without(3)).norm().item()

    assert error("svd") <= min(error(name) for name in ("asvd", "co-svd", "whitened"))


def test_co_svd_is_cordas_formula(layer):
    """`U_k S_k V_kᵀ C⁻¹` of `SVD(W C)`, arXiv:2406.05223, equation 2."""
    weight, _, moment, _ = layer
    left, values, right = torch.linalg.svd(weight @ moment, full_matrices=False)
    ours = components(layer, "co-svd").without(5)
    assert torch.allclose(ours, (left[:, :3] * values[:3]) @ right[:3] @ torch.linalg.inv(moment), atol=1e-6)


def test_a_cut_model_is_mended():
    vlm = random_lab_vlm(0)
    before = vlm.digest()
    cut = discard.Cut(vlm)
    parts = {name: discard.decompose(weight, None) for name, weight in cut.weights.items()}
    assert cut(parts, 0.5) == 64
    assert vlm.digest() != before
    moments = {name: torch.eye(weight.shape[1], dtype=torch.float64) for name, weight in cut.weights.items()}
    assert 0 < cut.output_error(moments) < 0.5
    cut.mend()
    assert vlm.digest() == before


# Subspaces


@pytest.mark.parametrize("degrees", [0, 1e-5, 20, 45, 70, 90])
def test_principal_angles_are_those_between_planes(degrees):
    angle = math.radians(degrees)
    first = torch.eye(4, dtype=torch.float64)[:, :2]
    second = torch.zeros(4, 2, dtype=torch.float64)
    second[0, 0] = 1
    second[1, 1], second[2, 1] = math.cos(angle), math.sin(angle)
    assert samples.principal_angles(first, second).tolist() == pytest.approx([0, degrees], abs=1e-9)


def test_overlap_is_one_for_the_same_and_nought_for_orthogonal_subspaces():
    basis = torch.eye(6, dtype=torch.float64)
    turned = basis[:, :3] @ torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64))[0]
    assert similarity.overlap(basis[:, :3], turned) == pytest.approx(1)
    assert similarity.overlap(basis[:, :3], basis[:, 3:]) == 0


def test_the_null_space_holds_less_energy_than_any_other(layer):
    moment = layer[2]
    least = samples.energy(samples.null_space(moment, 3), moment)
    for seed in range(20):
        noise = torch.randn(8, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        assert samples.energy(torch.linalg.qr(noise)[0], moment) >= least


# Inputs of layers


def test_statistics_are_those_of_every_single_token():
    vlm = random_lab_vlm(0)
    examples = world.prior_examples(5, seed=0)
    name = next(iter(vlm.language_linears()))
    read: list[torch.Tensor] = []
    handle = vlm.language_linears()[name].register_forward_pre_hook(lambda _, inputs: read.append(inputs[0][0]))
    with torch.no_grad():
        for example in examples:
            vlm.base.model(**vlm.collate([vlm.encode(example)]).inputs)
    handle.remove()
    x = torch.cat(read).double()
    found = layers.moments(vlm, examples, "conversation")
    assert torch.allclose(found[name], x.T @ x / len(x), rtol=1e-4, atol=1e-7)
    for absolute, mean in ((False, x.mean(0)), (True, x.abs().mean(0))):
        means = layers.mean_inputs(vlm, examples, absolute=absolute, tokens="conversation")
        assert torch.allclose(means[name], mean, rtol=1e-4, atol=1e-6)


def test_layers_that_share_their_input_are_one_kind():
    vlm = random_lab_vlm(0)
    found = layers.kinds(layers.moments(vlm, world.prior_examples(2, seed=0), "prompt"))
    assert [kind.name for kind in found] == ["q_proj, k_proj, v_proj", "o_proj", "gate_proj, up_proj", "down_proj"]
    assert {len(kind.leaders) for kind in found} == {3}


# Whole analyses


def test_similarities_are_symmetric_and_bounded():
    found = similarity.run(MODEL, SimilaritySettings(data=SMALL, samples=4), nothing)
    assert found.dimensions == world.DIMENSIONS
    for one in (*found.by_layers, found.average):
        for matrix in (one.cosine, one.correlation, one.null_overlap):
            square = torch.tensor(matrix)
            assert torch.equal(square, square.T)
            assert square.min() > -1
            assert square.max() <= 1 + 1e-9
    assert found.average.n_layers == sum(one.n_layers for one in found.by_layers)


def test_more_examples_come_closer_to_the_null_space():
    settings = SamplesSettings(numbers=(2, 64), draws=2, reference=256)
    found = samples.run(MODEL, settings, nothing)
    for one in found.by_layers:
        few, many = one.points
        assert min(many.overlap) > max(few.overlap)
        assert one.least_energy <= min(many.energy)
        assert max(many.energy) < min(few.energy)
    assert found == samples.run(MODEL, settings, nothing), "the same twice"


def test_discarding_everything_but_little_forgets():
    data = Data(n_retention_per_dimension=5)
    settings = DiscardSettings(data=data, samples=8, shares=(0, 31 / 32), source_shares=(1 / 2,))
    found = discard.run(MODEL, settings, nothing)
    for curve in found.curves:
        whole, rest = curve.points
        assert whole.output_error == 0
        assert whole.overall > 0.7
        assert rest.overall < 0.3
        assert rest.rank == 124
    assert [one.source for one in found.by_source] == list(world.DIMENSIONS)


def test_asking_on_the_way_changes_nothing(tmp_path):
    experiment = Experiment(
        id="toy/kore",
        method="kore",
        method_config={"samples": 8},
        tuning=Tuning(rank=8),
        model=MODEL,
        data=SMALL,
        training=Training(learning_rate=1e-2, steps=6, batch_size=4),
    )
    record = runner.run(runner.Job(experiment, 0, tmp_path))
    asked: list[int] = []
    found = convergence.learn(
        "kore", experiment, ConvergenceSettings(asked_after=(2, 4), window=4), asked.append, tuned=False
    )
    assert asked == [0, 2, 4, 6]
    before, *_, last = found.points
    for step, point in zip(record.steps, (before, last), strict=True):
        (score,) = step.adaptation.values()
        assert (point.cem, point.f1, point.retention) == (score.cem, score.f1, step.retention)
    assert len(found.losses) == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", ["covariance-similarity", "covariance-samples"])
def test_any_model_in_a_folder_can_be_analysed(name, tmp_path, capsys):
    """A real family in miniature: its own processor, tokenizer and sizes."""
    folder = tiny_models.build("qwen2_5_vl", tmp_path / "miniature")
    call = ["analyse", name, "--model", str(folder), "--samples", "4", "--out", str(tmp_path), "--json"]
    assert cli.main(call) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["model"]["id"] == str(folder)
    assert analyses.load(analyses.path_of(name, str(folder), tmp_path)).result.kind == name


# Files and the command


def test_what_is_there_is_kept_until_its_settings_change(tmp_path, monkeypatch):
    small = SamplesSettings(numbers=(2,), draws=1, reference=4)
    first = running.analyse("covariance-samples", MODEL, nothing, root=tmp_path, settings=small)
    monkeypatch.setattr(samples, "run", lambda *_: pytest.fail("it was there"))
    assert running.analyse("covariance-samples", MODEL, nothing, root=tmp_path, settings=small) == first
    other = small.model_copy(update={"draws": 2})
    with pytest.raises(pytest.fail.Exception):
        running.analyse("covariance-samples", MODEL, nothing, root=tmp_path, settings=other)


@pytest.mark.parametrize(
    ("call", "line"),
    [
        ([], "which analysis? one of discard-rank"),
        (["discard"], "no analysis named 'discard'; did you mean 'discard-rank'?"),
        (["convergence", "--all"], "either one analysis or --all"),
        (["discard-rank", "--model", "lab-tiny@seed-9"], "no model 'lab-tiny@seed-9'"),
    ],
)
def test_a_wrong_call_is_refused_in_one_line(call, line, capsys, tmp_path):
    assert cli.main(["analyse", *call, "--out", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert line in said
    assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_the_schema_and_the_help_need_no_torch():
    code = (
        "import sys; from reproductions import cli; from reproductions.analyses import spec; spec.load_all(); "
        "cli.main(['analyse', '--help']); sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "covariance-similarity" in done.stdout


def test_a_damaged_file_is_named_in_one_line(tmp_path):
    path = tmp_path / "bad.json"
    path.write_text('{"schema_version": 1}')
    with pytest.raises(analyses.AnalysisError, match=r"bad\.json: model: Field required"):
        analyses.load(path)


def test_published_analyses_name_a_clean_commit_and_one_model_each():
    digests: dict[str, set[str]] = {}
    for name, results in analyses.load_all().items():
        for one in results:
            assert one.result.kind == name
            assert analyses.path_of(name, one.model.id).is_file()
            assert one.environment.commit
            assert one.environment.dirty is False
            digests.setdefault(one.model.id, set()).add(one.base_model_digest)
    assert all(len(found) == 1 for found in digests.values())
    assert records.RESULTS / "analyses" == analyses.FOLDER
