"""Published data sets as benchmarks: what `reproductions/benchmarks/<id>.py` says about each is where it lies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from reproductions.data import past
from reproductions.data.folders import locate
from reproductions.data.streams import StreamReading, TaskFiles, read_stream, tasks_of
from reproductions.examples import Example, Task
from reproductions.spec import Data


@dataclass(frozen=True)
class Released:
    """A data set in the folder `data.options.folder`, or `$AKI_DATA/<id>`, or `data/<id>`.

    `data.n_entities` caps records per task and file when it is below `size`; `data.n_tasks` takes the first so many
    tasks.
    """

    id: str
    repository: str
    """On the hub, as a data set."""
    files: Callable[[Path, Mapping[str, Any]], Sequence[TaskFiles]]
    size: int
    """Facts or records per task of the whole release; at least so many wanted means all."""
    forms: tuple[str, ...] = ("raw",)
    kind_of: Callable[[Example], str] | None = None
    from_folder: bool = True
    """It has to be downloaded; contract tests that need no data leave it out."""

    def tasks(self, data: Data, seed: int) -> tuple[Task, ...]:
        """The stream in the paper's order; the same for every seed, for the data are what they are.

        Raises FileNotFoundError with the command that fetches it, DataError, or ValueError for a form that it is not.
        """
        self._check(data)
        limit = None if data.n_entities >= self.size else data.n_entities
        reading = self.read(locate(self.id, data.options, repository=self.repository), data.options, limit)
        tasks = tasks_of(self.id, reading, data.options)
        if data.n_tasks > len(tasks):
            raise ValueError(f"data.n_tasks: {self.id} has {len(tasks)} tasks, {data.n_tasks} are wanted")
        return tasks[: data.n_tasks]

    def read(self, folder: Path, options: Mapping[str, Any], limit: int | None = None) -> StreamReading:
        """Everything below a folder, with what is wrong with it."""
        key = tuple(sorted((str(name), str(value)) for name, value in options.items()))
        return _read(self, folder, key, limit)

    def _check(self, data: Data) -> None:
        if data.form not in self.forms:
            known = ", ".join(self.forms)
            raise ValueError(f"data.form: no form named '{data.form}'; {self.id} has: {known}")
        if data.world != "test":
            raise ValueError(f"data.world: {self.id} has no world for tuning; tune on other data")

    def prior(self, data: Data, n: int, seed: int) -> list[Example]:
        """From the conversations that `data.options.prior` names."""
        return past.sample(data.options, n, seed)

    def dimension_prior(self, data: Data, dimension: str, n: int, seed: int) -> list[Example]:
        """From the conversations that `data.options.dimension_priors` names."""
        return past.sample_dimension(data.options, dimension, n, seed)

    def restyle(self, example: Example, seed: int) -> Example | None:
        """Nothing: the release has one answer style."""
        return None


@lru_cache(maxsize=4)
def _read(benchmark: Released, folder: Path, options: tuple[tuple[str, str], ...], limit: int | None) -> StreamReading:
    files = benchmark.files(folder, dict(options))
    return read_stream(folder, files, limit=limit, kind_of=benchmark.kind_of)
