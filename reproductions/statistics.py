"""How sure we are: a paired bootstrap over what was drawn at random, and what follows from it. Light (numpy).

Random are the base checkpoint, the seed of the injection, the injected entities and the retention items. One draw
resamples all of them: checkpoints, seeds within a checkpoint, entities within a run (all questions about an entity move
together), items within a dimension. Rows that saw the same run share every resample, so differences are paired.
With three checkpoints or three seeds the bootstrap sees little of their spread: read intervals as the least there is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import nan, sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Key = tuple[str, int]
"""One run within a row: base checkpoint and seed. Equal keys of two rows are paired."""

DRAWS = 1000
LEVEL = 0.95


@dataclass(frozen=True)
class Units:
    """Scores of what is resampled together."""

    ids: tuple[str, ...]
    scores: Mapping[str, Floats]
    """Metric → score of each id, in [0, 1]."""


@dataclass(frozen=True)
class RunScores:
    """One run, item by item, after its last task."""

    entities: Units
    """`cem`, `f1`, `first-words-cem`, mean over the questions about each entity."""
    dimensions: Mapping[str, Units]
    """Retention dimension → `accuracy` of each item."""


Row = Mapping[Key, RunScores]


@dataclass(frozen=True)
class Resampled:
    """Every metric of every row: as measured, and in each draw."""

    point: Mapping[str, Floats]
    """Metric → rows."""
    draws: Mapping[str, Floats]
    """Metric → draws × rows; NaN where a draw holds no run of that row."""

    def interval(self, metric: str, row: int, level: float = LEVEL) -> tuple[float, float]:
        """Percentile interval of a metric; of a single number it is that number."""
        return percentile_interval(self.draws[metric][:, row], level)

    def difference(self, metric: str, left: int, right: int) -> Floats:
        """Paired differences left − right over the draws that hold both."""
        values = self.draws[metric][:, left] - self.draws[metric][:, right]
        return values[np.isfinite(values)]


def resample(rows: Sequence[Row], *, n_draws: int = DRAWS, seed: int = 0) -> Resampled:
    """Paired bootstrap of `cem`, `f1`, `first-words-cem`, `adaptation`, `retention`, `average` and every dimension.

    Raises ValueError if two rows disagree about the entities or items of the same run: they are not comparable.
    """
    rng = np.random.default_rng(seed)
    keys = sorted({key for row in rows for key in row})
    weights = _run_weights(keys, n_draws, rng)  # 1 + draws × runs; the first draw is the data as they are
    present = np.array([[key in row for row in rows] for key in keys], dtype=float).reshape(len(keys), len(rows))
    counts: dict[tuple[str, ...], Floats] = {}
    sums: dict[str, Floats] = {}
    for place, key in enumerate(keys):
        for metric, values in _one_run([row.get(key) for row in rows], counts, n_draws, rng).items():
            total = sums.setdefault(metric, np.zeros((n_draws + 1, len(rows))))
            total += weights[:, place, None] * np.nan_to_num(values)
    weight = weights @ present
    with np.errstate(invalid="ignore", divide="ignore"):
        means = {metric: np.where(weight > 0, total / weight, nan) for metric, total in sums.items()}
    means |= _aggregates(means)
    return Resampled(
        point={metric: values[0] for metric, values in means.items()},
        draws={metric: values[1:] for metric, values in means.items()},
    )


def _run_weights(keys: Sequence[Key], n_draws: int, rng: np.random.Generator) -> Floats:
    """How often each run counts: draws × runs, checkpoints drawn first, then seeds within them."""
    checkpoints = sorted({checkpoint for checkpoint, _ in keys})
    drawn = rng.multinomial(len(checkpoints), np.full(len(checkpoints), 1 / len(checkpoints)), size=n_draws)
    weights = np.ones((n_draws + 1, len(keys)))
    for place, checkpoint in enumerate(checkpoints):
        members = [index for index, key in enumerate(keys) if key[0] == checkpoint]
        seeds = rng.multinomial(drawn[:, place] * len(members), np.full(len(members), 1 / len(members)))
        weights[1:, members] = seeds
    return weights


def _one_run(
    runs: Sequence[RunScores | None], counts: dict[tuple[str, ...], Floats], n_draws: int, rng: np.random.Generator
) -> dict[str, Floats]:
    """Metric → (1 + draws) × rows for one key; NaN for rows without this run."""
    there = [run for run in runs if run is not None]
    found = _weighted_means([run.entities if run else None for run in runs], counts, n_draws, rng)
    for dimension in there[0].dimensions:
        units = [run.dimensions[dimension] if run else None for run in runs]
        found[dimension] = _weighted_means(units, counts, n_draws, rng)["accuracy"]
    return found


def _weighted_means(
    units: Sequence[Units | None], counts: dict[tuple[str, ...], Floats], n_draws: int, rng: np.random.Generator
) -> dict[str, Floats]:
    there = [one for one in units if one is not None]
    ids = there[0].ids
    if any(one.ids != ids for one in there):
        raise ValueError("rows with different entities or items for the same seed cannot be paired")
    if ids not in counts:
        n = len(ids)
        drawn = rng.multinomial(n, np.full(n, 1 / n), size=n_draws)
        counts[ids] = np.vstack([np.ones(n), drawn]) / n
    missing = np.full(len(ids), nan)
    return {
        metric: counts[ids] @ np.stack([one.scores[metric] if one else missing for one in units], axis=1)
        for metric in there[0].scores
    }


def _aggregates(means: Mapping[str, Floats]) -> dict[str, Floats]:
    adaptation = (means["cem"] + means["f1"]) / 2
    dimensions = [values for metric, values in means.items() if metric not in {"cem", "f1", "first-words-cem"}]
    retention = np.mean(dimensions, axis=0) if dimensions else np.full_like(adaptation, nan)
    return {"adaptation": adaptation, "retention": retention, "average": (adaptation + retention) / 2}


def percentile_interval(values: Floats, level: float = LEVEL) -> tuple[float, float]:
    """The middle `level` of the finite values; NaN without any."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return nan, nan
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def separated(point: Floats, draws: Floats, level: float = LEVEL) -> NDArray[np.bool_]:
    """`[i, j]`: row i is better than row j, all these statements together wrong with probability 1 − level at most.

    Studentised maximum over all pairs, the simultaneous form of Mogstad et al. 2024 (Review of Economic Studies).
    `point`: rows; `draws`: draws × rows.
    """
    n = len(point)
    gaps = point[:, None] - point[None, :]  # rows × rows
    spread = np.zeros((n, n))
    worst = np.zeros(len(draws))
    for i in range(n):
        noise = (draws[:, [i]] - draws) - gaps[i]  # draws × rows
        spread[i] = np.nan_to_num(np.sqrt(np.nanmean(np.square(noise), axis=0)))
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.abs(noise) / np.where(spread[i] > 0, spread[i], np.inf)
        worst = np.maximum(worst, np.nan_to_num(ratio).max(axis=1, initial=0))
    critical = np.quantile(worst, level) if len(worst) else 0.0
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(gaps) > np.maximum(critical * spread, 1e-12)


def rank_intervals(better: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """From `separated`: best and worst rank that each row may have; 1 is best."""
    n = len(better)
    return [(1 + int(better[:, i].sum()), n - int(better[i].sum())) for i in range(n)]


def pareto_membership(adaptation: Floats, retention: Floats) -> Floats:
    """Share of draws in which no other row is at least as good on both axes and better on one. Draws × rows → rows."""
    n = adaptation.shape[1]
    member = np.zeros(n)
    for i in range(n):
        others = np.delete(np.arange(n), i)
        a, r = adaptation[:, others], retention[:, others]
        mine_a, mine_r = adaptation[:, [i]], retention[:, [i]]
        dominated = ((a >= mine_a) & (r >= mine_r) & ((a > mine_a) | (r > mine_r))).any(axis=1)
        valid = np.isfinite(adaptation[:, i]) & np.isfinite(retention[:, i])
        member[i] = (~dominated & valid).sum() / valid.sum() if valid.any() else nan
    return member


def kendall_tau(left: Sequence[float] | Floats, right: Sequence[float] | Floats) -> float:
    """Kendall's tau-b: agreement of two orderings in [−1, 1], ties discounted. NaN if one of them is all ties."""
    concordant = discordant = ties_left = ties_right = 0
    for i, j in combinations(range(len(left)), 2):
        a, b = float(np.sign(left[i] - left[j])), float(np.sign(right[i] - right[j]))
        concordant += a * b > 0
        discordant += a * b < 0
        ties_left += a == 0 and b != 0
        ties_right += b == 0 and a != 0
    untied = concordant + discordant
    scale = sqrt((untied + ties_left) * (untied + ties_right))
    return (concordant - discordant) / scale if scale else nan


def kendall_tau_interval(reported: Sequence[float], draws: Floats, level: float = LEVEL) -> tuple[float, float]:
    """Interval of the agreement between a fixed ordering and resampled scores (draws × rows)."""
    taus = np.array([kendall_tau(reported, draw) for draw in draws if np.isfinite(draw).all()])
    return percentile_interval(taus, level)
