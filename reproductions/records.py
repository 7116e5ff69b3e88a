"""What a run leaves behind: raw scores, the base model's scores under the same harness, cost and surroundings. Light.

Rows of the leaderboard are derived from records; a record is never edited. Fractions in [0, 1], full precision.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from reproductions.spec import Experiment


class Part(BaseModel):
    """Frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class AdaptationScore(Part):
    """How much of one task is there at one step of the stream."""

    cem: float
    """Cover exact match: the gold answer occurs in the output as words (KORE, section 4)."""
    f1: float
    first_words_cem: float
    """CEM on the first six words only: a model that recites everything does not win."""
    reliability: float
    """Exact match on the training phrasings."""
    by_kind: dict[str, float] = {}
    """CEM per fact type."""
    n: int


class Step(Part):
    """Scores after learning task `after` (0-based; -1: the base model)."""

    after: int
    adaptation: dict[str, AdaptationScore]
    """Task id → score, all tasks."""
    retention: dict[str, float]
    """Dimension → accuracy."""
    n_retention: dict[str, int]


class Cost(Part):
    """What it took."""

    train_seconds: float
    prepare_seconds: float
    evaluate_seconds: float
    cpu_seconds: float
    peak_bytes: int
    trainable_parameters: int
    stored_parameters: int
    gradient_steps: int
    samples_seen: int
    tokens_seen: int


class Environment(Part):
    """Where and with what."""

    commit: str | None
    dirty: bool | None
    python: str
    packages: dict[str, str]
    device: str
    threads: int
    platform: str


class RunRecord(Part):
    """One experiment, one seed."""

    schema_version: Literal[1] = 1
    experiment: Experiment
    experiment_digest: str
    """SHA-256 of the canonical JSON of the resolved experiment."""
    seed: int
    status: Literal["finished", "failed"]
    error: str | None = None
    steps: tuple[Step, ...] = ()
    """First the base model, then after each task."""
    losses: tuple[float, ...] = ()
    """Mean training loss per tenth of training, per task in order."""
    cost: Cost | None = None
    environment: Environment
    base_model_digest: str
    """SHA-256 over the base model's weights."""
    answers_digest: str | None = None
    """SHA-256 of the per-item answers file `<seed>.answers.jsonl.gz` beside the record (its uncompressed bytes)."""
    started_at: datetime
    facts: dict[str, float] = {}
    """Measured properties of the method, e.g. energy share of the null space."""
