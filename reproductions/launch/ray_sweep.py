"""Many runs on many machines with Ray: same specs, same records; a worker that dies loses its run and nothing else.

Start a cluster (`ray start --head`, then `ray start --address=…` on the others, each in a checkout of this commit), and
the sweep joins it; without one, it starts Ray on this machine alone.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from reproductions.launch import parcel

if TYPE_CHECKING:
    from reproductions.records import RunRecord
    from reproductions.runner import Job


def sweep(
    jobs: Sequence[Job],
    *,
    address: str | None = None,
    cpus: float = 1,
    gpus: float = 0,
    scratch: str | None = None,
    tell: Callable[[RunRecord], None] = lambda _: None,
) -> list[RunRecord]:
    """Do all runs; records in the order of `jobs`. `cpus` and `gpus` are what one run takes.

    Raises:
        ModuleNotFoundError: Ray is not installed.
    """
    ray: Any = importlib.import_module("ray")
    started = not ray.is_initialized()
    if started:
        ray.init(address=address, log_to_driver=False, include_dashboard=False)
    remote = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=0)(parcel.do)
    try:
        waiting = {remote.remote(parcel.write(job), scratch): job for job in jobs}
        done: dict[str, RunRecord] = {}
        while waiting:
            ready, _ = ray.wait(list(waiting), num_returns=1)
            for reference in ready:
                job = waiting.pop(reference)
                record = _receive(ray, reference, job)
                done[job.name] = record
                tell(record)
        return [done[job.name] for job in jobs]
    finally:
        if started:
            ray.shutdown()


def _receive(ray: Any, reference: Any, job: Job) -> RunRecord:  # noqa: ANN401 - Ray is imported late
    try:
        return parcel.unpack(ray.get(reference), job)
    except ray.exceptions.RayError as error:
        first = " ".join(str(error).split())[:160]
        return parcel.lost(job, f"the worker is gone: {type(error).__name__}: {first}")
