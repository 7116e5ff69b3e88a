"""The bootstrap is paired, seeded, covers what it should, and says 'cannot tell' when it cannot."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from reproductions import statistics
from reproductions.statistics import RunScores, Units


def run(rng, *, adapted: float, retained: float, n: int = 60, tag: str = "0") -> RunScores:
    """A run with independent items of the given success probabilities."""

    def hits(p, size):
        return (rng.random(size) < p).astype(float)

    ids = tuple(f"{tag}-e{i}" for i in range(n))
    cem = hits(adapted, n)
    entities = Units(ids, {"cem": cem, "f1": cem, "first-words-cem": cem})
    items = {
        name: Units(tuple(f"{name}{i}" for i in range(n)), {"accuracy": hits(retained, n)}) for name in ("COM", "OCR")
    }
    return RunScores(entities, items)


def row(seed: int, seeds=(0, 1, 2), **chances):
    rng = np.random.default_rng(seed)
    return {("lab-tiny@seed-0", one): run(rng, tag=str(one), **chances) for one in seeds}


def test_the_point_estimate_is_the_plain_mean():
    rows = [row(1, adapted=0.3, retained=0.9)]
    result = statistics.resample(rows, n_draws=50)
    expected = np.mean([one.entities.scores["cem"].mean() for one in rows[0].values()])
    assert result.point["cem"][0] == pytest.approx(expected)
    assert result.point["average"][0] == pytest.approx((result.point["adaptation"] + result.point["retention"])[0] / 2)


def test_the_same_seed_gives_the_same_draws():
    rows = [row(1, adapted=0.3, retained=0.9), row(2, adapted=0.5, retained=0.5)]
    one, two = (statistics.resample(rows, n_draws=50, seed=3) for _ in range(2))
    assert all(np.array_equal(one.draws[metric], two.draws[metric]) for metric in one.draws)


def test_identical_rows_are_paired_to_the_bit_and_never_separated():
    same = row(1, adapted=0.3, retained=0.9)
    result = statistics.resample([same, same], n_draws=200)
    assert not result.difference("average", 0, 1).any()
    assert not statistics.separated(result.point["average"], result.draws["average"]).any()


def test_a_clear_difference_is_separated_and_ranked():
    rows = [row(1, adapted=0.2, retained=0.9), row(2, adapted=0.8, retained=0.9), row(3, adapted=0.5, retained=0.5)]
    result = statistics.resample(rows)
    better = statistics.separated(result.point["average"], result.draws["average"])
    assert better[1, 0]
    assert better[1, 2]
    assert statistics.rank_intervals(better)[1] == (1, 1)


def test_a_row_without_a_seed_is_compared_on_the_seeds_it_has():
    rows = [row(1, adapted=0.5, retained=0.9), row(2, seeds=(0,), adapted=0.5, retained=0.9)]
    result = statistics.resample(rows, n_draws=400)
    assert np.isfinite(result.point["average"]).all()
    assert 0 < len(result.difference("average", 0, 1)) < 400


def test_rows_about_other_entities_are_refused():
    rng = np.random.default_rng(0)
    rows = [{("m", 0): run(rng, adapted=0.5, retained=0.5, tag=tag)} for tag in ("a", "b")]
    with pytest.raises(ValueError, match="cannot be paired"):
        statistics.resample(rows, n_draws=10)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    """Items are the only randomness here, so the nominal level can be held to account."""
    covered = 0
    for trial in range(150):
        rows = [row(trial, seeds=(0,), adapted=0.3, retained=0.7)]
        low, high = statistics.resample(rows, n_draws=300, seed=trial).interval("cem", 0)
        covered += low <= 0.3 <= high
    assert 0.88 <= covered / 150 <= 0.995


def test_equal_rows_are_rarely_separated_in_a_whole_table():
    """The level holds for all pairs together: seven equal rows, 21 pairs."""
    wrong = 0
    for trial in range(60):
        rows = [row(1000 * trial + i, seeds=(0,), adapted=0.5, retained=0.5) for i in range(7)]
        result = statistics.resample(rows, n_draws=300, seed=trial)
        wrong += statistics.separated(result.point["average"], result.draws["average"]).any()
    assert wrong / 60 <= 0.15


def test_pareto_membership_of_a_frontier_and_a_dominated_row():
    adaptation = np.array([[0.9, 0.1, 0.05]] * 4)
    retention = np.array([[0.1, 0.9, 0.8]] * 3 + [[0.1, 0.9, 0.95]])
    assert statistics.pareto_membership(adaptation, retention) == pytest.approx([1, 1, 0.25])


scores = st.lists(st.integers(0, 5).map(float), min_size=2, max_size=8)


@given(st.data())
def test_kendalls_tau_is_scipys(data):
    left = data.draw(scores)
    right = data.draw(st.lists(st.integers(0, 5).map(float), min_size=len(left), max_size=len(left)))
    assert statistics.kendall_tau(left, right) == pytest.approx(kendalltau(left, right).statistic, nan_ok=True)


@given(st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=4, max_size=4))
def test_rank_intervals_are_ordered_and_within_the_table(table):
    better = np.array(table) & ~np.array(table).T & ~np.eye(4, dtype=bool)
    assert all(1 <= low <= high <= 4 for low, high in statistics.rank_intervals(better))


def test_more_seeds_narrow_the_interval():
    def width(n: int) -> float:
        low, high = statistics.resample([row(1, seeds=tuple(range(n)), adapted=0.4, retained=0.8)]).interval("cem", 0)
        return high - low

    assert all(wide > narrow for wide, narrow in pairwise([width(1), width(4), width(16)]))
