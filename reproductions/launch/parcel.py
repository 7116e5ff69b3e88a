"""A run as a parcel between machines that share no folder: the job as text there, record and answers as bytes back."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from reproductions import records
from reproductions.spec import Experiment

if TYPE_CHECKING:
    from reproductions.records import RunRecord
    from reproductions.runner import Job


@dataclass(frozen=True)
class Parcel:
    """What came back."""

    record: bytes
    answers: bytes | None


def write(job: Job) -> str:
    """The job as text."""
    facts = {"experiment": job.experiment.model_dump(mode="json"), "seed": job.seed, "commit": job.commit}
    return json.dumps(facts, sort_keys=True)


def do(text: str, scratch: str | None = None) -> Parcel:
    """Do the job here, in a scratch folder; with a lasting one, an interrupted run goes on where it was."""
    from reproductions import runner

    facts = json.loads(text)
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(scratch or temporary)
        job = runner.Job(Experiment.model_validate(facts["experiment"]), facts["seed"], out, facts["commit"])
        runner.run(job)
        answers = records.answers_path(job.path)
        return Parcel(job.path.read_bytes(), answers.read_bytes() if answers.is_file() else None)


def unpack(parcel: Parcel, job: Job) -> RunRecord:
    """Put record and answers where they belong, answers first."""
    job.path.parent.mkdir(parents=True, exist_ok=True)
    if parcel.answers is not None:
        records.write_atomically(records.answers_path(job.path), parcel.answers)
    records.write_atomically(job.path, parcel.record)
    return records.load(job.path)


def lost(job: Job, why: str) -> RunRecord:
    """The record of a run whose worker is gone."""
    from reproductions import runner

    record = runner.failed(job, why, datetime.now(UTC))
    records.save(record, job.out)
    return record
