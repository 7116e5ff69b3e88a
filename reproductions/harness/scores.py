"""What a harness found, beside a run's record: injected model and base under one harness, always both. Light."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from reproductions.harness.dimensions import by_dimension
from reproductions.records import write_atomically


class HarnessScores(BaseModel):
    """Scores in [0, 1] by benchmark id."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    harness: Literal["lmms-eval", "vlmevalkit"]
    version: str
    """Of the harness; both models were scored by it."""
    model: str
    """What was injected into, as its hub id or folder."""
    injected: str
    """Where what was learned lies."""
    base: dict[str, float]
    after: dict[str, float]
    limit: int | None = None
    """Items per benchmark, if not all."""
    raw: dict[str, dict[str, float]] = {}
    """What the harness said of the injected model, unscaled: task → metric → number."""

    def kept(self) -> dict[str, float]:
        """Dimension → score after ÷ score before, over benchmarks that both have; absent where the base has 0."""
        shared = self.base.keys() & self.after.keys()
        before = by_dimension({name: self.base[name] for name in shared})
        after = by_dimension({name: self.after[name] for name in shared})
        return {name: after[name] / score for name, score in before.items() if score > 0}


def save(scores: HarnessScores, path: Path) -> Path:
    """Write atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, (scores.model_dump_json(indent=1) + "\n").encode())
    return path


def load(path: Path) -> HarnessScores:
    """Read what `save` wrote. Raises ValueError in one line."""
    try:
        return HarnessScores.model_validate_json(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: no harness scores: {str(error).splitlines()[0]}") from None
