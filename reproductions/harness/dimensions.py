"""KORE's seven retention dimensions as twelve benchmarks, and what each harness calls them. Light.

After KORE (arXiv:2510.19316, section 5.1.2). Names on lmms-eval's side are those of version 0.7.3, which has no OCRVQA
and no MMDU: those two come from VLMEvalKit. Where a benchmark is judged by a language model, its scores depend on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean


@dataclass(frozen=True)
class Metric:
    """One number of a harness."""

    task: str
    metric: str
    full: float = 1.0
    """What a perfect model gets; scores are divided by it."""


@dataclass(frozen=True)
class Kept:
    """One retention benchmark."""

    id: str
    dimension: str
    lmms: tuple[Metric, ...]
    """Summed up, then divided by the sum of their `full`; empty: lmms-eval does not have it."""
    vlmeval: tuple[str, ...]
    """Names of the data set in VLMEvalKit's result files, in order of preference."""
    vlmeval_full: float = 100.0
    judged: bool = False
    """By a language model, which has to be reachable."""


KEPT = (
    Kept(
        "mme",
        "COM",
        (Metric("mme", "mme_perception_score", 2000), Metric("mme", "mme_cognition_score", 800)),
        ("MME",),
        2800,
    ),
    Kept(
        "mmbench", "COM", (Metric("mmbench_en_dev", "gpt_eval_score", 100),), ("MMBench_DEV_EN", "MMBench"), judged=True
    ),
    Kept("seedbench2-plus", "OCR", (Metric("seedbench_2_plus", "seedbench_2_plus_all"),), ("SEEDBench2_Plus",)),
    Kept("ocrvqa", "OCR", (), ("OCRVQA_TESTCORE", "OCRVQA_TEST")),
    Kept("scienceqa", "M-DIS", (Metric("scienceqa_img", "exact_match"),), ("ScienceQA_TEST", "ScienceQA_VAL")),
    Kept("mmmu", "M-DIS", (Metric("mmmu_val", "mmmu_acc"),), ("MMMU_DEV_VAL",)),
    Kept("mia-bench", "INS", (Metric("mia_bench", "gpt_eval_score", 100),), ("MIA-Bench",), judged=True),
    Kept("mmdu", "M-IDU", (), ("MMDU",), judged=True),
    Kept(
        "mathvista",
        "MAT",
        (Metric("mathvista_testmini_format", "llm_as_judge_eval", 100),),
        ("MathVista_MINI",),
        judged=True,
    ),
    Kept("mathvision", "MAT", (Metric("mathvision_test", "mathvision_standard_eval", 100),), ("MathVision",)),
    Kept("pope", "HAL", (Metric("pope", "pope_accuracy"),), ("POPE",)),
    Kept("hallusionbench", "HAL", (Metric("hallusion_bench_image", "aAcc", 100),), ("HallusionBench",)),
)
DIMENSIONS = tuple(dict.fromkeys(kept.dimension for kept in KEPT))


def by_dimension(scores: Mapping[str, float]) -> dict[str, float]:
    """Dimension → mean over those of its benchmarks that were measured, in [0, 1]; no dimension without any."""
    found: dict[str, float] = {}
    for dimension in DIMENSIONS:
        known = [scores[kept.id] for kept in KEPT if kept.dimension == dimension and kept.id in scores]
        if known:
            found[dimension] = fmean(known)
    return found


def kept_named(id_: str) -> Kept:
    """A benchmark by its id. Raises LookupError with the known ones."""
    for kept in KEPT:
        if kept.id == id_:
            return kept
    raise LookupError(f"no retention benchmark named '{id_}'; there are: {', '.join(kept.id for kept in KEPT)}")
