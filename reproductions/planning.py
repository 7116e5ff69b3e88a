"""What would run, how long and in how much memory, estimated from records that are there. Light."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median

from reproductions import records
from reproductions.records import Cost, Part, RunRecord
from reproductions.spec import Experiment, digest

START_SECONDS = 8.0
"""Loading libraries, once per process."""


class PlannedRun(Part):
    """One run that would be done, or is done already."""

    experiment: str
    seed: int
    method: str
    form: str
    model: str
    state: str
    """`done`: a finished record of this experiment is there; `to do` otherwise."""
    seconds: float | None
    """Estimated; None where no record is like it."""
    peak_bytes: int | None
    based_on: str
    """Which records the estimate stands on."""


def plan(chosen: Sequence[Experiment], runs: Path, results: Path) -> list[PlannedRun]:
    """Every run of these experiments."""
    known = [*_readable(results), *_readable(runs)]
    return [_one(experiment, seed, runs, known) for experiment in chosen for seed in experiment.seeds]


def _readable(root: Path) -> list[RunRecord]:
    found: list[RunRecord] = []
    for path in records.find(root):
        try:
            found.append(records.load(path))
        except records.RecordError:
            continue
    return found


def _one(experiment: Experiment, seed: int, runs: Path, known: Sequence[RunRecord]) -> PlannedRun:
    path = records.record_path(runs, experiment.id, seed)
    seconds, peak, basis = estimate(experiment, known)
    return PlannedRun(
        experiment=experiment.id,
        seed=seed,
        method=experiment.method,
        form=experiment.data.form,
        model=experiment.model.id,
        state="done" if _done(path, experiment) else "to do",
        seconds=seconds,
        peak_bytes=peak,
        based_on=basis,
    )


def _done(path: Path, experiment: Experiment) -> bool:
    if not path.exists():
        return False
    try:
        record = records.load(path)
    except records.RecordError:
        return False
    return record.status == "finished" and record.experiment_digest == digest(experiment)


def estimate(experiment: Experiment, known: Iterable[RunRecord]) -> tuple[float | None, int | None, str]:
    """Seconds, peak bytes and what they stand on: records of the same model size, nearest in method and data."""
    family = experiment.model.id.partition("@")[0]
    alike = [one for one in known if one.cost and one.experiment.model.id.partition("@")[0] == family]
    for basis, fits in (
        ("same method and data", lambda one: _like(one, experiment, method=True)),
        ("same data", lambda one: _like(one, experiment, method=False)),
        ("same model", lambda _: True),
    ):
        found = [one for one in alike if fits(one)]
        if found:
            seconds = median(_seconds(one, experiment) for one in found)
            peak = round(median(one.cost.peak_bytes for one in found if one.cost))
            return seconds, peak, f"{len(found)} records, {basis}"
    return None, None, "no record of this model"


def _like(record: RunRecord, experiment: Experiment, *, method: bool) -> bool:
    same_form = record.experiment.data.form == experiment.data.form
    return same_form and (not method or record.experiment.method == experiment.method)


def _seconds(record: RunRecord, experiment: Experiment) -> float:
    """Time of a like run, training scaled to the number of samples read."""
    cost, data = record.cost, experiment.data
    assert cost is not None, "only runs with a cost are alike"
    samples = experiment.training.steps * experiment.training.batch_size * data.n_tasks
    scale = samples / cost.samples_seen if cost.samples_seen else 1.0
    return cost.prepare_seconds + cost.evaluate_seconds + cost.train_seconds * scale + _base_seconds(cost)


def _base_seconds(cost: Cost) -> float:
    """Asking the base model takes as long as asking once."""
    return cost.evaluate_seconds * 0.3


def total_seconds(planned: Iterable[PlannedRun], n_workers: int) -> float | None:
    """Wall time of what is to do on so many processes; None if nothing is known about a run."""
    todo = [one.seconds for one in planned if one.state != "done"]
    if any(one is None for one in todo):
        return None
    return START_SECONDS * bool(todo) + sum(one for one in todo if one is not None) / max(1, n_workers)
