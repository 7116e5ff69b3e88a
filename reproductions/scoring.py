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


def key_of(record: RunRecord) -> Key:
    """Which run this is within its row; equal keys of two rows saw the same entities and questions."""
    return record.experiment.model.id, record.seed


def run_scores(record: RunRecord, root: Path) -> RunScores:
    """Item scores after the last task, from the answers beside the record. Raises RecordError."""
    path = records.record_path(root, record.experiment.id, record.seed)
    return score_answers(_last_answers(path, record), record.steps[-1].after)


def _last_answers(path: Path, record: RunRecord) -> list[Answer]:
    return [one for one in records.load_answers(path, record.answers_digest) if one.step == record.steps[-1].after]


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
            dimensions[one.group][one.id] = _exact(one.output, one.gold)
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
def _exact(output: str, gold: str) -> float:
    return metrics.exact(output, gold)
