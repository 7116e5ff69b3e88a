"""What may be published, publishing it, and whether a published row comes out again. Light."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from reproductions import records
from reproductions.records import Part, RecordError, RunRecord
from reproductions.spec import Experiment, digest


class Difference(Part):
    """A score that did not come out as published."""

    score: str
    published: float | None
    now: float | None


def problems(experiment: Experiment, runs: Path, results: Path) -> list[str]:
    """Why the runs of an experiment may not be published; empty if they may."""
    found = [_why_not(experiment)] if experiment.tier == "smoke" else []
    loaded: list[RunRecord] = []
    for seed in experiment.seeds:
        path = records.record_path(runs, experiment.id, seed)
        if not path.exists():
            found.append(f"{experiment.id}: seed {seed} has not been run; run all seeds of the spec, none is picked")
            continue
        loaded.append(records.load(path))
        found += _problems_of(loaded[-1], experiment, path)
    if len({one.environment.commit for one in loaded}) > 1:
        found.append(f"{experiment.id}: its seeds were run at different commits; run it again at one")
    return found + _clashes(loaded, results)


def _why_not(experiment: Experiment) -> str:
    return f"{experiment.id}: tier is 'smoke'; such runs show that the code works, not how well"


def _problems_of(record: RunRecord, experiment: Experiment, path: Path) -> list[str]:
    name, found = record.name, []
    if record.experiment_digest != digest(experiment):
        found.append(f"{name}: was run with another version of the spec; run it again")
    if record.environment.commit is None:
        found.append(f"{name}: was run outside git, so nobody can say with which code; run with --commit")
    if record.environment.dirty:
        found.append(f"{name}: was run with uncommitted code; commit, then run it again")
    if record.status == "finished":
        records.load_answers(path, record.answers_digest)
    return found


def _clashes(loaded: Sequence[RunRecord], results: Path) -> list[str]:
    """Published records are not replaced by different ones."""
    found: list[str] = []
    for record in loaded:
        path = records.record_path(results, record.experiment.id, record.seed)
        if path.exists():
            published = records.load(path)
            if published.status == "finished" and compare(published, record):
                found.append(f"{record.name}: is published with other scores; copy the spec under a new name")
    return found


def publish(experiment: Experiment, runs: Path, results: Path) -> list[Path]:
    """Copy all records of an experiment, with their answers. Raises RecordError if they may not be published."""
    wrong = problems(experiment, runs, results)
    if wrong:
        raise RecordError(wrong[0] if len(wrong) == 1 else f"{wrong[0]} (and {len(wrong) - 1} more)")
    return [_copy(records.record_path(runs, experiment.id, seed), results, experiment) for seed in experiment.seeds]


def _copy(source: Path, results: Path, experiment: Experiment) -> Path:
    target = results / experiment.id / source.name
    target.parent.mkdir(parents=True, exist_ok=True)
    answers = records.answers_path(source)
    if answers.exists():
        records.write_atomically(records.answers_path(target), answers.read_bytes())
    records.write_atomically(target, source.read_bytes())
    return target


def compare(published: RunRecord, now: RunRecord, tolerance: float = 0.0) -> list[Difference]:
    """Scores that differ by more than the tolerance, or are missing on one side."""
    before, after = published.scores(), now.scores()
    found: list[Difference] = []
    for name in dict.fromkeys((*before, *after)):
        one, other = before.get(name), after.get(name)
        if one is None or other is None or abs(one - other) > tolerance:
            found.append(Difference(score=name, published=one, now=other))
    return found


def forget(folder: Path) -> None:
    """Remove a folder of runs, if it is there."""
    shutil.rmtree(folder, ignore_errors=True)
