"""Runs in parallel: one process per core, one thread each. A process that dies loses its run and nothing else."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import TYPE_CHECKING, Any

from reproductions import records, runner
from reproductions.records import RunRecord
from reproductions.runner import Job, Notice

if TYPE_CHECKING:
    from types import FrameType

_POLITE_SECONDS = 5.0
_SWALLOWED_SECONDS = 1.0
_STDERR = 2


@dataclass(frozen=True)
class Started:
    """A run was given to a worker."""

    job: Job


@dataclass(frozen=True)
class Doing:
    """What a run is doing."""

    job: Job
    notice: Notice


@dataclass(frozen=True)
class Ended:
    """A run has its record."""

    job: Job
    record: RunRecord
    repeated: bool
    """False: the record was there already."""


Event = Started | Doing | Ended


def run_all(jobs: Sequence[Job], n_workers: int, tell: Callable[[Event], None]) -> list[RunRecord]:
    """Do all runs, in order as workers become free; records in the order of `jobs`.

    An interrupt stops the workers and passes through; what they saved stays, so that the next call goes on.
    """
    if n_workers <= 1 or len(jobs) <= 1:
        return [_here(job, tell) for job in jobs]
    done: dict[str, RunRecord] = {}
    for event in _events(jobs, min(n_workers, len(jobs))):
        if isinstance(event, Ended):
            done[event.job.name] = event.record
        tell(event)
    return [done[job.name] for job in jobs]


def _here(job: Job, tell: Callable[[Event], None]) -> RunRecord:
    """In this process."""
    tell(Started(job))
    started = datetime.now(UTC)
    record = runner.run(job, lambda notice: tell(Doing(job, notice)))
    tell(Ended(job, record, repeated=record.started_at >= started))
    return record


class _Worker:
    """A process and the run that it has."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(target=_work, args=(theirs,), daemon=True)
        with _single_threaded(), _deaf_to_interrupts():
            self.process.start()
        theirs.close()
        self.job: Job | None = None

    def give(self, job: Job) -> None:
        """Hand over a run."""
        self.job = job
        self.pipe.send(job)

    def stop(self) -> None:
        """End the process, kindly at first."""
        self.process.terminate()
        self.process.join(_POLITE_SECONDS)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.pipe.close()


def _events(jobs: Sequence[Job], n_workers: int) -> Iterator[Event]:
    todo = list(reversed(jobs))
    workers = [_Worker() for _ in range(n_workers)]
    try:
        while todo or any(worker.job for worker in workers):
            for worker in workers:
                if worker.job is None and todo:
                    worker.give(todo[-1])
                    yield Started(todo.pop())
            busy = [worker for worker in workers if worker.job is not None]
            ready: Any = wait([worker.pipe for worker in busy])
            for place, worker in enumerate(workers):
                if worker.pipe in ready:
                    event = _hear(worker)
                    if isinstance(event, Ended) and event.record.status == "failed" and not worker.process.is_alive():
                        worker.stop()
                        workers[place] = _Worker()
                    yield event
    finally:
        for worker in workers:
            worker.stop()


def _hear(worker: _Worker) -> Event:
    """The next event of a worker; the record of a failed run if it has died."""
    job = worker.job
    assert job is not None, "only busy workers are heard"
    try:
        event: Event = worker.pipe.recv()
    except (EOFError, ConnectionResetError):
        worker.process.join(_POLITE_SECONDS)
        record = runner.failed(job, _cause_of_death(worker.process.exitcode), datetime.now(UTC))
        records.save(record, job.out)
        event = Ended(job, record, repeated=True)
    if isinstance(event, Ended):
        worker.job = None
    return event


def _cause_of_death(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = "; probably out of memory" if name == "SIGKILL" else ""
        return f"the process was ended by {name}{hint}"
    return f"the process ended with code {code}"


# In the worker


def _work(pipe: Connection) -> None:
    """Do runs as they come in. Interrupts are the parent's business; a request to stop is obeyed between two writes."""
    signal.signal(signal.SIGTERM, _leave)
    with suppress(EOFError, BrokenPipeError):
        while True:
            job: Job = pipe.recv()
            _here(job, _Sender(pipe))


def _leave(number: int, frame: FrameType | None) -> None:
    """End the process, without a word; again shortly, should a destructor at work have swallowed it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), _STDERR)
    signal.signal(signal.SIGALRM, _leave)
    signal.setitimer(signal.ITIMER_REAL, _SWALLOWED_SECONDS)
    raise SystemExit(128 + number)


class _Sender:
    """Sends events, notices of progress at most a few times a second."""

    def __init__(self, pipe: Connection) -> None:
        self.pipe = pipe
        self.last = 0.0

    def __call__(self, event: Event) -> None:
        if isinstance(event, Started):
            return
        now = time.monotonic()
        if isinstance(event, Doing) and event.notice.done not in (0, event.notice.of) and now - self.last < 0.2:
            return
        self.last = now
        self.pipe.send(event)


@contextmanager
def _single_threaded() -> Iterator[None]:
    """New processes see one thread; libraries read that when they are loaded."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """New processes never see an interrupt, not even while they load; one that comes then reaches us afterwards."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
