"""What a leaderboard says: rows, estimates, and how far a paper's ordering agrees with ours. Types only; light.

Fractions in [0, 1]; every value is computed by `reproductions.leaderboard` from records, none is typed in.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import Field

from reproductions.records import Cost, Part
from reproductions.spec import Data, Training, Tuning

GapMetric = Literal["adaptation", "retention", "average"]
REFERENCES = ("base", "in-context", "joint")
"""Methods that are shown beside the others and not ranked with them: nothing is learned, nothing is learned into the
weights, or the past is read again."""
GAP_METRICS: tuple[GapMetric, ...] = get_args(GapMetric)


class Estimate(Part):
    """A value and its 95 % interval."""

    value: float
    low: float
    high: float


class Continual(Part):
    """What a stream of tasks did; mean over runs. Task scores are K.A, mean of CEM and F1."""

    average_accuracy: float
    backward_transfer: float
    forgetting: float
    matrix: tuple[tuple[float, ...], ...]
    """Row i: after learning task i; column j: task j."""
    retention: tuple[float, ...]
    """After each task."""


class LeaderboardRow(Part):
    """One experiment, over all its seeds and checkpoints."""

    id: str
    """`<suite>/<name>`, without the checkpoint."""
    experiments: tuple[str, ...]
    suite: str
    group: str
    """Rows of one group are comparable and ranked among each other."""
    method: str
    method_config: dict[str, Any]
    form: str
    """What the injected data look like: `raw`, `knowledge-tree`, …"""
    tuning: Tuning
    training: Training
    data: Data
    model: str
    """Without the checkpoint: `lab-tiny`."""
    checkpoints: tuple[str, ...]
    protocol: Literal["injection", "continual", "editing"]
    tier: Literal["smoke", "cpu", "gpu"]
    n_seeds: int
    n_runs: int
    """Finished runs: checkpoints × seeds."""
    n_failed: int
    status: Literal["finished", "partly-failed", "failed"]
    error: str | None = None
    degenerate: bool = False
    """The method's mechanism needs an earlier task, and there was none."""
    note: str | None = None

    adaptation: Estimate | None = None
    """K.A: mean of CEM and F1 on phrasings and views that were not seen."""
    cem: Estimate | None = None
    f1: Estimate | None = None
    first_words_cem: Estimate | None = None
    reliability: float | None = None
    """Exact match on what was read, as it was read."""
    by_probe: dict[str, float] = Field(default_factory=dict)
    """CEM when only the phrasing, or only the view, is new."""
    by_kind: dict[str, float] = Field(default_factory=dict)
    """CEM per fact type."""
    retention: Estimate | None = None
    """K.R: mean of the dimensions."""
    by_dimension: dict[str, Estimate] = Field(default_factory=dict)
    average: Estimate | None = None
    """KORE's Avg: mean of K.A and K.R."""
    base_adaptation: float | None = None
    base_retention: float | None = None
    base_by_dimension: dict[str, float] = Field(default_factory=dict)
    adaptation_gain: float | None = None
    """Over the base model under the same harness."""
    retention_change: float | None = None
    """Against the base model under the same harness; negative: forgotten."""
    continual: Continual | None = None

    ranks: dict[str, tuple[int, int]] = Field(default_factory=dict)
    """Metric → best and worst rank in the group that the data allow, 95 % for the whole group at once."""
    n_ranked: int = 0
    best: bool = False
    """Highest average of its group."""
    separable: bool | None = None
    """Whether its average can be told from that of the best of its group; None for the best itself."""
    pareto: float | None = None
    """Share of bootstrap draws in which no row of its group is at least as good on both axes and better on one."""

    cost: Cost | None = None
    """Mean over runs; peak bytes: the largest."""
    hardware: tuple[str, ...] = ()
    commits: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    """Paths of the records, relative to the results folder."""
    command: str = ""
    """Runs it again."""
    losses: tuple[float, ...] = ()
    """Mean over runs of the training loss, per tenth of the (first task's) training."""
    facts: dict[str, float] = Field(default_factory=dict)
    """Measured properties of the method, mean over runs."""


class GapEntry(Part):
    """One method in both orderings. The two scores are on different scales and are never compared."""

    method: str
    reported: float
    reproduced: Estimate
    reported_rank: float
    reproduced_rank: float


class Gap(Part):
    """How far a paper's ordering of methods and ours agree."""

    table: str
    """Id of the reported table."""
    metric: GapMetric
    suite: str
    entries: tuple[GapEntry, ...]
    tau: Estimate
    """Kendall's tau-b in [−1, 1]; the interval is over our runs, the paper's numbers stand as printed."""
