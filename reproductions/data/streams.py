"""Streams of published data sets: per task one training file and one evaluation file, read into `Task`s.

Every data set differs in names and places only, so a benchmark file says where things lie and nothing more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reproductions.data.conversations import Reading, read_evaluation, read_training
from reproductions.data.images import ImageFile, ImageIndex
from reproductions.data.problems import DataError, Problem
from reproductions.examples import Example, Task


@dataclass(frozen=True)
class TaskFiles:
    """Where one task lies."""

    id: str
    train: Path
    test: Path
    image_roots: tuple[Path, ...]
    expected_train: int | None = None
    """Records in the published release; None: not stated anywhere that we have read."""
    expected_test: int | None = None
    rule: str = ""
    """How the release scores it, by a name of `reproductions.rules`."""


@dataclass
class StreamReading:
    """A stream that was looked at: its tasks, what is wrong, and how much there is."""

    tasks: list[Task] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    """Task id → what → how many."""


def read_stream(
    folder: Path,
    files: Sequence[TaskFiles],
    *,
    limit: int | None = None,
    kind_of: Callable[[Example], str] | None = None,
) -> StreamReading:
    """Read every task.

    `limit` caps training and evaluation records per task, from the top; `kind_of` names the kinds of training examples.
    In a stream of several tasks the ids are prefixed with the task's: the releases count from 0 in each.
    """
    reading = StreamReading()
    for task in files:
        images = ImageIndex(task.image_roots)
        trained = read_training(task.train, images, name=_name(task.train, folder), limit=limit)
        asked = read_evaluation(task.test, images, name=_name(task.test, folder), limit=limit)
        if kind_of is not None:
            trained.examples = [replace(example, kind=kind_of(example)) for example in trained.examples]
        if len(files) > 1:
            trained.examples = [_prefixed(example, task.id) for example in trained.examples]
            asked.examples = [_prefixed(example, task.id) for example in asked.examples]
        reading.problems += [*trained.problems, *asked.problems]
        if limit is None:
            reading.problems += _miscounts(task, trained, asked, folder)
        reading.problems += shared(task, trained.examples, asked.examples, folder)
        reading.tasks.append(Task(task.id, tuple(trained.examples), tuple(asked.examples), rule=task.rule))
        reading.counts[task.id] = {
            "train": len(trained.examples),
            "test": len(asked.examples),
            **{
                f"train {kind}": count
                for kind, count in sorted(Counter(e.kind for e in trained.examples).items())
                if kind
            },
        }
    return reading


def _prefixed(example: Example, task: str) -> Example:
    entity = f"{task}/{example.entity}" if example.entity else ""
    return replace(example, id=f"{task}/{example.id}", entity=entity)


def tasks_of(name: str, reading: StreamReading, options: Mapping[str, Any]) -> tuple[Task, ...]:
    """The tasks, if they can be used.

    Raises:
        DataError: records were refused and `skip_broken` is not set, or a task has nothing to learn or to ask.
    """
    refused = [problem for problem in reading.problems if problem.severity == "error"]
    if refused and not options.get("skip_broken"):
        hint = "data.options.skip_broken: true runs without them"
        raise DataError(f"{name}: {len(refused)} records cannot be used ({hint})", refused)
    empty = [task.id for task in reading.tasks if not task.train or not task.questions]
    if empty:
        raise DataError(f"{name}: nothing left to learn or to ask in {', '.join(empty)}", refused)
    return tuple(reading.tasks)


def shared(task: TaskFiles, trained: Sequence[Example], asked: Sequence[Example], folder: Path) -> list[Problem]:
    """Questions that are also trained on, on the same image: they measure memory, so somebody should know."""
    seen = {(_paths(example), turn.question) for example in trained for turn in example.turns}
    both = [example.id for example in asked if (_paths(example), example.turns[-1].question) in seen]
    if not both:
        return []
    message = f"{len(both)} of {len(asked)} questions are trained on, on the same image, e.g. {both[0]!r}"
    return [Problem(_name(task.test, folder), message, "as published; say so beside the score", severity="warning")]


def _paths(example: Example) -> tuple[str, ...]:
    return tuple(str(image.path) for image in example.images if isinstance(image, ImageFile))


def _miscounts(task: TaskFiles, trained: Reading, asked: Reading, folder: Path) -> list[Problem]:
    expected = ((task.expected_train, trained, task.train), (task.expected_test, asked, task.test))
    return [
        Problem(
            _name(path, folder),
            f"{len(reading.examples) + len(reading.problems)} records, published are {number}",
            "is the download complete?",
            severity="warning",
        )
        for number, reading, path in expected
        if number is not None and len(reading.examples) + len(reading.problems) != number
    ]


def _name(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
