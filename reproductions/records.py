"""What a run leaves behind: raw scores, the base model's scores under the same harness, cost and surroundings. Light.

Rows of the leaderboard are derived from records; a record is never edited. Fractions in [0, 1], full precision.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from reproductions.spec import Experiment, canonical_json, digest

RESULTS = Path(__file__).parent / "results"
"""Published records, in git: `<suite>/<name>/seed-<n>.json`."""
RUNS = Path(__file__).parent.parent / "runs"
"""What was run here, ignored by git; the same layout."""


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
    by_probe: dict[str, float] = {}
    """CEM when only the `phrasing`, or only the `view`, was never seen in training."""
    rule: str | None = None
    """The task's own way of scoring, by a name of `reproductions.rules`; None: it has none."""
    by_rule: float | None = None
    """Mean score by that rule, beside CEM and F1."""
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
    code_digest: str | None = None
    """SHA-256 over the files that can change a score; a finished run is not repeated while it stays the same."""


class Answer(Part):
    """What the model said to one question: a line of the answers file."""

    step: int
    """As in `Step.after`."""
    part: Literal["adaptation", "reliability", "probe", "retention"]
    group: str
    """Task id, retention dimension, or `<task id>/<probe>`."""
    id: str
    entity: str = ""
    kind: str = ""
    gold: str
    output: str


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
    degenerate: bool = False
    """The method's mechanism needs an earlier task and there was none: the row measures plain fine-tuning."""

    @property
    def name(self) -> str:
        """`<suite>/<name>/seed-<n>`: where the record lies."""
        return f"{self.experiment.id}/seed-{self.seed}"

    def scores(self) -> dict[str, float]:
        """Every score by name, base model included: what `verify` compares."""
        found: dict[str, float] = {}
        for step in self.steps:
            for dimension, value in step.retention.items():
                found[f"{step.after}/retention/{dimension}"] = value
            for task, score in step.adaptation.items():
                for metric in ("cem", "f1", "first_words_cem", "reliability"):
                    found[f"{step.after}/{task}/{metric}"] = getattr(score, metric)
        return found


class RecordError(ValueError):
    """What is wrong with a record, where, and what to do: one line."""


def record_path(root: Path, experiment_id: str, seed: int) -> Path:
    """Where the record of one run lies."""
    return root / experiment_id / f"seed-{seed}.json"


def answers_path(record: Path) -> Path:
    """The answers file beside a record."""
    return record.with_name(f"{record.stem}.answers.jsonl.gz")


def load(path: Path) -> RunRecord:
    """One record. Raises RecordError if it cannot be read or its experiment does not have the digest it states."""
    try:
        record = RunRecord.model_validate_json(path.read_bytes())
    except OSError as error:
        raise RecordError(f"{path}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(str(part) for part in problem["loc"]) or "(whole file)"
        raise RecordError(f"{path}: {field}: {problem['msg']}") from None
    if record.experiment_digest != digest(record.experiment):
        raise RecordError(f"{path}: experiment_digest: does not belong to the experiment; records are never edited")
    return record


def load_all(root: Path = RESULTS) -> tuple[RunRecord, ...]:
    """All records below a folder, sorted by experiment and seed; empty without such a folder. Raises RecordError."""
    return tuple(load(path) for path in find(root))


def find(root: Path, experiment_id: str = "*/*") -> list[Path]:
    """Paths of records, sorted by experiment and seed."""
    paths = root.glob(f"{experiment_id}/seed-*.json")
    return sorted(paths, key=lambda path: (path.parent.as_posix(), _seed_of(path)))


def save(record: RunRecord, root: Path, answers: Iterable[Answer] | None = None) -> Path:
    """Write the answers, then the record, each atomically: a record that is there is whole."""
    path = record_path(root, record.experiment.id, record.seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    if answers is not None:
        write_atomically(answers_path(path), pack(answers))
    text = json.dumps(record.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False)
    write_atomically(path, (text + "\n").encode())
    return path


def pack(answers: Iterable[Answer]) -> bytes:
    """The answers file: gzip of one JSON object a line; the same answers give the same bytes."""
    raw = answer_lines(answers)
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0, compresslevel=9) as stream:
        stream.write(raw)
    return packed.getvalue()


def answer_lines(answers: Iterable[Answer]) -> bytes:
    """The uncompressed bytes of the answers file."""
    return "".join(canonical_json(one.model_dump(exclude_defaults=True)) + "\n" for one in answers).encode()


def answers_digest(answers: Iterable[Answer]) -> str:
    """SHA-256 of `answer_lines`."""
    return hashlib.sha256(answer_lines(answers)).hexdigest()


def load_answers(path: Path, expected_digest: str | None = None) -> tuple[Answer, ...]:
    """The answers beside the record at `path`. Raises RecordError if missing, unreadable or of another digest."""
    file = answers_path(path)
    try:
        raw = gzip.decompress(file.read_bytes())
    except FileNotFoundError:
        raise RecordError(f"{file}: missing; every finished record keeps its answers beside it") from None
    except (OSError, EOFError) as error:
        raise RecordError(f"{file}: cannot be read: {error}") from None
    if expected_digest is not None and hashlib.sha256(raw).hexdigest() != expected_digest:
        raise RecordError(f"{file}: is not the file that the record names; answers are never edited")
    return tuple(Answer.model_validate_json(line) for line in raw.splitlines())


def write_atomically(path: Path, content: bytes) -> None:
    """The file is there whole or not at all."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_bytes(content)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def check_unchanged(experiment: Experiment, results: Path = RESULTS) -> None:
    """Raises RecordError if a published experiment now says something else."""
    for path in find(results, experiment.id):
        if load(path).experiment_digest != digest(experiment):
            raise RecordError(
                f"experiment {experiment.id} already has results; copy it under a new name instead of changing it"
            )


def _seed_of(path: Path) -> int:
    number = path.stem.removeprefix("seed-")
    return int(number) if number.isdecimal() else -1
