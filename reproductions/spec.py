"""What to run, as data: an immutable experiment, read from `reproductions/experiments/<suite>/<name>.yaml`. Light."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Spec(BaseModel):
    """Frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelRef(Spec):
    """A base model: `lab-tiny@seed-0`, a local path, or a hub id, with its revision."""

    id: str
    revision: str | None = None
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    quantisation: Literal["none", "4bit", "8bit"] = "none"
    attention: Literal["auto", "eager", "sdpa", "flash_attention_2"] = "auto"


class Tuning(Spec):
    """Which weights learn. Methods do not care, except those that are a tuning themselves."""

    kind: Literal["lora", "full", "projector", "language-model"] = "lora"
    rank: int = Field(32, ge=1)
    alpha: float | None = None
    """None: equal to the rank, so that the scale is 1."""
    targets: Literal["all-linear", "attention"] = "all-linear"
    projector: bool = False
    """Also train the projector, as LLaVA-derived code does."""


class Training(Spec):
    """How the loop runs; the same for every method that it is compared with."""

    learning_rate: float = Field(gt=0)
    steps: int = Field(ge=0)
    batch_size: int = Field(ge=1)
    warmup_fraction: float = Field(0.03, ge=0, le=1)
    schedule: Literal["cosine", "constant"] = "cosine"
    weight_decay: float = 0.0
    clip: float = 1.0
    betas: tuple[float, float] = (0.9, 0.98)
    gradient_checkpointing: bool = False
    accumulation: int = 1


class Data(Spec):
    """What is injected and what is asked."""

    injection: str = "lab-injection"
    """Benchmark id below `reproductions/benchmarks/`."""
    retention: tuple[str, ...] = ("lab-retention",)
    form: str = "raw"
    """`raw`, `knowledge-tree` (KORE's augmentation), `raw-qa`, `raw-views`, `text-augmented`, `image-augmented`."""
    n_entities: int = Field(120, ge=1)
    n_tasks: int = Field(1, ge=1)
    n_retention_per_dimension: int = Field(200, ge=1)
    world: Literal["test", "validation"] = "test"
    """The validation world shares no entity, seed or item with the test world; tuning sees only it."""
    prior: Literal["pretraining", "proxy"] = "pretraining"
    """Where replay, Fisher and covariance samples come from."""
    options: dict[str, Any] = {}


class Experiment(Spec):
    """One row of a leaderboard before it has numbers. Never edited once it has results: copy it under a new name."""

    id: str = Field(pattern=r"^[a-z0-9-]+/[a-z0-9-]+$")
    """`<suite>/<name>`."""
    protocol: Literal["injection", "continual", "editing"] = "injection"
    method: str
    method_config: dict[str, Any] = {}
    tuning: Tuning = Tuning()
    model: ModelRef
    data: Data = Data()
    training: Training
    seeds: tuple[int, ...] = (0,)
    tier: Literal["smoke", "cpu", "gpu"] = "cpu"
    note: str | None = None
    """Why this row exists, when the name does not say it."""
