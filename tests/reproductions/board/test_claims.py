"""Claims are decided from paired runs, or honestly not."""

from __future__ import annotations

import json

import pytest

from registry.schema import Claim, Comparison, StatusChange, Text
from reproductions import claims
from reproductions.rows import Estimate
from reproductions.spec import Experiment, digest


@pytest.fixture
def results(tmp_path, write):
    for seed in range(3):
        write(tmp_path, "kore/lora-raw", seed=seed, adapted=0.3, retained=0.4)
        write(tmp_path, "kore/lora-tree", seed=seed, adapted=0.7, retained=0.3, form="knowledge-tree")
        write(tmp_path, "kore/kore-tree", method="kore", form="knowledge-tree", seed=seed, adapted=0.6, retained=0.8)
        for subspace in ("top", "random"):
            write(
                tmp_path,
                f"ablations/kore-{subspace}",
                method="kore",
                form="knowledge-tree",
                config={"subspace": subspace},
                seed=seed,
                adapted=0.6,
                retained=0.2,
            )
    return tmp_path


def claim(*comparisons: Comparison) -> Claim:
    return Claim(
        id="toy",
        status=(StatusChange(state="recorded", since="2026-01-01", reason="toy"),),
        paper="toy",
        locator="toy",
        statement=Text(en="toy", zh="玩具"),
        comparisons=comparisons,
    )


def comparison(left: str, relation: str, right: str, metric: str = "average", margin: float = 0.0) -> Comparison:
    return Comparison(
        protocol="injection",
        metric=metric,
        left=left,
        relation=relation,
        right=right,
        margin=margin,
    )


def verdict(results, *comparisons):
    return claims.decide([claim(*comparisons)], results)["toy"]


def test_a_clear_effect_is_supported_with_its_size(results):
    found = verdict(results, comparison("kore", "greater", "lora"))
    assert found.decision == "supported"
    effect = found.comparisons[0].effect
    assert 0 < effect.low < effect.value < effect.high
    assert (found.comparisons[0].left_row, found.comparisons[0].right_row) == ("kore/kore-tree", "kore/lora-raw")
    assert found.comparisons[0].n_runs == 3


def test_the_opposite_is_contradicted(results):
    assert verdict(results, comparison("kore", "less", "lora")).decision == "contradicted"
    assert verdict(results, comparison("kore", "greater", "lora", margin=0.9)).decision == "contradicted"


def test_a_claim_holds_only_if_all_its_comparisons_do(results):
    good = comparison("kore", "greater", "lora")
    bad = comparison("kore", "greater", "lora[data=knowledge-tree]", metric="adaptation")
    assert verdict(results, good).decision == "supported"
    assert verdict(results, good, bad).decision in {"contradicted", "inconclusive"}


def test_settings_in_brackets_choose_the_row(results):
    found = verdict(results, comparison("kore", "greater", "kore[subspace=top]", metric="retention"))
    assert found.decision == "supported"
    assert found.comparisons[0].right_row == "ablations/kore-top"


def test_a_bare_name_is_the_plain_method(results, write):
    for seed in range(3):
        path = write(results, "kore/lora-attention-raw", seed=seed, adapted=0.9, retained=0.9)
        text = path.read_text().replace('"targets": "all-linear"', '"targets": "attention"')
        record = json.loads(text)
        experiment = Experiment.model_validate(record["experiment"])
        path.write_text(json.dumps({**record, "experiment_digest": digest(experiment)}))
    found = verdict(results, comparison("kore", "greater", "lora"))
    assert found.comparisons[0].right_row == "kore/lora-raw"


def test_what_has_not_been_run_says_so(results):
    found = verdict(results, comparison("kore", "greater", "ewc"))
    assert found.decision == "not-run"
    assert found.why == "ewc has not been run"
    assert verdict(results).decision == "not-run"


def test_trials_that_chose_settings_decide_nothing(results, write):
    for seed in range(3):
        write(results, "tuning/ewc-raw-0", method="ewc", seed=seed, adapted=0.1, retained=0.1, world="validation")
    assert verdict(results, comparison("kore", "greater", "ewc")).why == "ewc has not been run"


def test_an_unknown_metric_is_named(results):
    found = verdict(results, comparison("kore", "greater", "lora", metric="beauty"))
    assert "no metric 'beauty'" in found.why


def test_dimensions_are_found_whatever_their_case(results):
    assert verdict(results, comparison("kore", "greater", "lora", metric="ocr")).decision == "supported"


@pytest.mark.parametrize("text", ["kore[", "KORE", "kore[top]", "kore[a=]"])
def test_a_malformed_reference_is_named_not_raised(results, text):
    found = verdict(results, comparison(text, "greater", "lora"))
    assert found.decision == "not-run"
    assert text in found.why


@pytest.mark.parametrize(
    ("relation", "margin", "low", "high", "decision"),
    [
        ("greater", 0.0, 0.01, 0.2, "supported"),
        ("greater", 0.05, 0.01, 0.2, "inconclusive"),
        ("greater", 0.0, -0.2, -0.01, "contradicted"),
        ("greater", 0.0, -0.1, 0.1, "inconclusive"),
        ("less", 0.0, -0.2, -0.01, "supported"),
        ("less", 0.05, -0.2, -0.1, "supported"),
        ("less", 0.0, 0.01, 0.2, "contradicted"),
        ("equal", 0.05, -0.02, 0.03, "supported"),
        ("equal", 0.05, 0.06, 0.09, "contradicted"),
        ("equal", 0.05, -0.02, 0.09, "inconclusive"),
    ],
)
def test_the_verdict_is_where_the_interval_lies(relation, margin, low, high, decision):
    effect = Estimate(value=(low + high) / 2, low=low, high=high)
    assert claims.judge(comparison("a", relation, "b", margin=margin), effect) == decision
