"""From answers to scores, item by item: what the bootstrap resamples. Light (numpy)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np

from reproductions import metrics, records
from reproductions.records import Answer, RunRecord
from reproductions.statistics import Floats, Key, RunScores, Units

ADAPTATION: tuple[str, ...] = ("cem", "f1", "first-words-cem")
COVERED = frozenset({"NAMES", "CAPITALS"})
"""Abilities of the small tier: its model speaks in sentences, so an answer counts if it contains the right one."""


def key_of(record: RunRecord) -> Key:
    """Which run this is within its row; equal keys of two rows saw the same entities and questions."""
    return record.experiment.model.id, record.seed


def run_scores(record: RunRecord, root: Path) -> RunScores:
    """Item scores after the last task, from the answers beside the record; read once. Raises RecordError."""
    path = records.record_path(root, record.experiment.id, record.seed)
    file = records.answers_path(path)
    changed = file.stat().st_mtime_ns if file.exists() else 0
    return _read(path, record.answers_digest, record.steps[-1].after, changed)


@lru_cache(maxsize=2048)
def _read(path: Path, digest: str | None, step: int, changed: int) -> RunScores:
    """`changed`: when the file was last written, so that a new file is read again."""
    return score_answers(records.load_answers(path, digest), step)


def score_answers(answers: Iterable[Answer], step: int) -> RunScores:
    """Scores by entity and by retention item at one step."""
    entities: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    dimensions: dict[str, dict[str, float]] = defaultdict(dict)
    for one in answers:
        if one.step != step:
            continue
        if one.part == "adaptation":
            entities[one.entity].append(_adaptation_scores(one.output, one.gold))
        elif one.part == "retention":
            score = _covered if one.group in COVERED else _exact
            dimensions[one.group][one.id] = score(one.output, one.gold)
    names = tuple(sorted(entities))
    means = np.array([np.mean(entities[name], axis=0) for name in names]).reshape(len(names), 3)
    columns: dict[str, Floats] = dict(zip(ADAPTATION, means.T, strict=True))
    return RunScores(
        Units(names, columns),
        {name: Units(tuple(items), {"accuracy": np.array(list(items.values()))}) for name, items in dimensions.items()},
    )


@lru_cache(maxsize=200_000)
def _adaptation_scores(output: str, gold: str) -> tuple[float, float, float]:
    return metrics.cem(output, gold), metrics.f1(output, gold), metrics.first_words_cem(output, gold)


@lru_cache(maxsize=200_000)
def _covered(output: str, gold: str) -> float:
    return metrics.cem(output, gold)


@lru_cache(maxsize=200_000)
def _exact(output: str, gold: str) -> float:
    return metrics.exact(output, gold)
