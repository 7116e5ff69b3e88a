"""Many runs on a SLURM cluster, or as local processes, with submitit: one array task per run, records in one folder.

The folder of the runs has to be on a file system that all nodes see. A task that is preempted or killed goes on from
its saved state when the same command is given again.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from reproductions import records
from reproductions.launch import parcel

if TYPE_CHECKING:
    from reproductions.records import RunRecord
    from reproductions.runner import Job


@dataclass(frozen=True)
class Resources:
    """What one run asks the cluster for."""

    minutes: int = 24 * 60
    gpus: int = 1
    cpus: int = 8
    memory_gigabytes: int = 64
    partition: str | None = None
    at_once: int = 64
    """Most runs at the same time."""


def _do(text: str, out: str) -> None:
    """In the task: the run's own folder is the common one, so that it can go on from there."""
    parcel.do(text, out)


def submit(
    jobs: Sequence[Job],
    resources: Resources,
    *,
    cluster: Literal["slurm", "local"] = "slurm",
    tell: Callable[[RunRecord], None] = lambda _: None,
) -> list[RunRecord]:
    """Submit all runs and wait for them; records in the order of `jobs`.

    Raises:
        ModuleNotFoundError: submitit is not installed.
    """
    submitit: Any = importlib.import_module("submitit")
    executor = submitit.AutoExecutor(folder=str(jobs[0].out / ".submitit"), cluster=cluster)
    executor.update_parameters(**_parameters(resources, cluster))
    tasks = executor.map_array(_do, [parcel.write(job) for job in jobs], [str(job.out.absolute()) for job in jobs])
    return [_collect(task, job, tell) for task, job in zip(tasks, jobs, strict=True)]


def _parameters(resources: Resources, cluster: str) -> dict[str, Any]:
    plain = {"timeout_min": resources.minutes, "cpus_per_task": resources.cpus}
    if cluster == "local":
        return plain
    more = {
        "name": "aki",
        "gpus_per_node": resources.gpus,
        "mem_gb": resources.memory_gigabytes,
        "slurm_array_parallelism": resources.at_once,
    }
    return {**plain, **more, **({"slurm_partition": resources.partition} if resources.partition else {})}


def _collect(task: Any, job: Job, tell: Callable[[RunRecord], None]) -> RunRecord:  # noqa: ANN401 - of submitit
    try:
        task.result()
        record = records.load(job.path)
    except Exception as error:  # whatever a node does wrong becomes a failed row
        first = " ".join(str(error).split())[:160]
        record = parcel.lost(job, f"the task is gone: {type(error).__name__}: {first}")
    tell(record)
    return record
