"""One experiment, one seed → one record: base model, then task after task, each asked everything.

What a run does depends on the experiment, the seed and the code alone. After each task and each evaluation its state is
saved beside the record; a run that was killed goes on from there and ends with the same scores to the bit. A run that
raises ends as a failed record with the error in one line.
"""

from __future__ import annotations

import hashlib
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from statistics import fmean

import torch
from transformers.utils import logging as transformers_logging

from reproductions import plugins, provenance, records
from reproductions import state as saved_state
from reproductions.benchmark import Injection, Retention
from reproductions.evaluation import evaluate
from reproductions.examples import Example, Task
from reproductions.memory import PeakMemory
from reproductions.method import Context, Method, build_method
from reproductions.records import Answer, Cost, RunRecord, Step
from reproductions.spec import Data, Experiment, ModelRef, canonical_json, digest
from reproductions.state import State, Timed, memory, remember
from reproductions.training import Progress
from reproductions.tuning import learning
from reproductions.vlm import VLM, cpu_has_bfloat16, load_vlm

TENTHS = 10
# Loading takes a fraction of a second here; its bars and the library's notes to its own authors would hide ours.
transformers_logging.disable_progress_bar()
warnings.filterwarnings("ignore", category=FutureWarning, module=r"transformers\.")


@dataclass(frozen=True)
class Notice:
    """What a run is doing."""

    stage: str
    done: int = 0
    of: int = 0


@dataclass(frozen=True)
class Job:
    """One run to be done."""

    experiment: Experiment
    seed: int
    out: Path
    """Folder of the records, `runs/`."""
    commit: str | None = None
    """Where there is no git: the commit that the tree is a copy of."""
    save: bool = False
    """Also keep what was learned, to be loaded with transformers and PEFT alone."""

    @property
    def name(self) -> str:
        """`<suite>/<name>/seed-<n>`."""
        return f"{self.experiment.id}/seed-{self.seed}"

    @property
    def path(self) -> Path:
        """Where its record goes."""
        return records.record_path(self.out, self.experiment.id, self.seed)

    @property
    def model_path(self) -> Path:
        """Where what was learned goes, if it is kept."""
        return self.path.with_suffix(".model")

    @property
    def state_path(self) -> Path:
        """Where its saved state goes meanwhile."""
        return self.path.with_name(f".{self.path.stem}.state")


def finished(job: Job) -> RunRecord | None:
    """The record that is already there, if it finished with the same experiment, base model and code."""
    if not job.path.exists():
        return None
    try:
        record = records.load(job.path)
        records.load_answers(job.path, record.answers_digest)
    except records.RecordError:
        return None
    same = (
        record.status == "finished",
        record.experiment_digest == digest(job.experiment),
        record.environment.code_digest == _code_digest(job.experiment),
    )
    return record if all(same) and record.base_model_digest == base_digest(job.experiment.model) else None


def check(experiment: Experiment) -> None:
    """Refuse before anything runs. Raises LookupError, ValueError or FileNotFoundError in one line."""
    build_method(experiment.method, experiment.method_config)
    one = experiment.data.model_copy(update={"n_entities": 1})
    benchmark: Injection = plugins.load("benchmarks", one.injection)
    benchmark.tasks(one, 0)
    base_digest(experiment.model)


def modules(experiment: Experiment) -> tuple[str, ...]:
    """The modules whose code makes the scores of an experiment."""
    benchmarks = (experiment.data.injection, *experiment.data.retention)
    method = f"methods.{experiment.method.replace('-', '_')}"
    return ("evaluation", "vlm", method, *(f"benchmarks.{name.replace('-', '_')}" for name in benchmarks))


def run(job: Job, notify: Callable[[Notice], None] = lambda _: None) -> RunRecord:
    """Do a run and save its record, finished or failed; one that is there already is not repeated.

    Interrupts pass through and leave the saved state.
    """
    torch.set_num_threads(1)
    done = finished(job)
    if done is not None and (job.model_path.is_dir() or not job.save):
        return done
    started = datetime.now(UTC)
    try:
        record, answers = _Run(job, notify).complete(started)
    except Exception as error:  # whatever a method does wrong becomes a failed row
        record, answers = failed(job, f"{type(error).__name__}: {' '.join(str(error).split())}", started), None
    records.save(record, job.out, answers)
    job.state_path.unlink(missing_ok=True)
    return record


def failed(job: Job, error: str, started: datetime) -> RunRecord:
    """The record of a run that did not finish."""
    return RunRecord(
        experiment=job.experiment,
        experiment_digest=digest(job.experiment),
        seed=job.seed,
        status="failed",
        error=error,
        environment=environment(job),
        base_model_digest="",
        started_at=started,
    )


def environment(job: Job) -> records.Environment:
    """Surroundings of a run here."""
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else provenance.processor()
    precision = "" if torch.cuda.is_available() else " (bfloat16)" if cpu_has_bfloat16() else " (float32)"
    return provenance.environment(
        device=name + precision,
        threads=torch.get_num_threads(),
        modules=modules(job.experiment),
        commit=job.commit,
    )


class _Run:
    """The stages of one run."""

    def __init__(self, job: Job, notify: Callable[[Notice], None]) -> None:
        self.job, self.notify = job, notify
        self.experiment, self.data = job.experiment, job.experiment.data
        self.injection: Injection = plugins.load("benchmarks", self.data.injection)
        self.retention = _retention(self.data)

    def complete(self, started: datetime) -> tuple[RunRecord, list[Answer]]:
        """All stages, from wherever the saved state stands."""
        cpu = time.process_time()
        self.notify(Notice("loading"))
        tasks = self.injection.tasks(self.data, self.job.seed)
        with PeakMemory() as peak:
            state, method, vlm = self._begin(tasks)
            self._stream(state, method, vlm, tasks)
            if self.job.save:
                self.notify(Notice("saving"))
                method.export(vlm, self.job.model_path)
        state.peak_bytes = max(state.peak_bytes, peak.bytes)
        state.add("cpu", time.process_time() - cpu)
        return self._record(state, method, started), state.answers

    def _begin(self, tasks: Sequence[Task]) -> tuple[State, Method, VLM]:
        """A prepared method on a fresh model, or the saved ones."""
        method = build_method(self.experiment.method, self.experiment.method_config)
        context = self._context()
        state = saved_state.load(self.job.state_path, _identity(self.job))
        if state is not None and state.vlm is not None:
            remember(method, state.memory, context)
            return state, method, state.vlm
        vlm = load_vlm(self.experiment.model)
        state = State(_identity(self.job), base_digest=vlm.digest())
        state.steps.append(self._base_step(vlm, tasks, state.base_digest))
        self.notify(Notice("preparing"))
        seed_everything(self.job.seed, "prepare")
        with Timed(state, "prepare"):
            method.prepare(vlm, context)
        state.trainable = sum(weight.numel() for weight in learning(vlm).values())
        return state, method, vlm

    def _stream(self, state: State, method: Method, vlm: VLM, tasks: Sequence[Task]) -> None:
        """Learn each task that has not been learned, then ask everything."""
        retention = self.retention
        for place, task in enumerate(tasks):
            if place >= state.learned:
                seed_everything(self.job.seed, f"learn {place}")
                with Timed(state, "train"):
                    state.traces.append(method.learn(vlm, task))
                    method.consolidate(vlm, task)
                state.learned = place + 1
                saved_state.save(self.job.state_path, replace(state, vlm=vlm, memory=memory(method)))
            if place + 1 >= len(state.steps):
                self.notify(Notice("asking"))
                with Timed(state, "evaluate"):
                    found = evaluate(_asker(method, vlm), tasks, retention, after=place)
                state.steps.append(found.step)
                state.answers.extend(found.answers)
                if place + 1 < len(tasks):
                    saved_state.save(self.job.state_path, replace(state, vlm=vlm, memory=memory(method)))

    def _base_step(self, vlm: VLM, tasks: Sequence[Task], base_digest: str) -> Step:
        """The base model's scores on the same questions, from an earlier run if there was one."""
        questions = self.data.model_dump(mode="json", exclude={"form", "prior"})
        code = provenance.code_digest(
            tuple(name for name in modules(self.experiment) if not name.startswith("methods."))
        )
        key = canonical_json([base_digest, questions, self.job.seed, code])
        path = self.job.out / ".base" / f"{hashlib.sha256(key.encode()).hexdigest()}.json"
        if path.exists():
            return _with_task_ids(Step.model_validate_json(path.read_bytes()), tasks)
        self.notify(Notice("asking the base model"))
        step = evaluate(_asker(None, vlm), tasks, self.retention, after=-1).step
        path.parent.mkdir(parents=True, exist_ok=True)
        records.write_atomically(path, step.model_dump_json(indent=1).encode())
        return step

    def _context(self) -> Context:
        data, injection = self.data, self.injection

        def dimension_prior(dimension: str, n: int, seed: int) -> list[Example]:
            return injection.dimension_prior(data, dimension, n, seed)

        return Context(
            tuning=self.experiment.tuning,
            training=self.experiment.training,
            seed=self.job.seed,
            prior=lambda n, seed: injection.prior(data, n, seed),
            n_tasks=data.n_tasks,
            dimension_prior=dimension_prior,
            restyle=injection.restyle,
            progress=self._learning,
        )

    def _learning(self, progress: Progress) -> None:
        self.notify(Notice("learning", progress.step, progress.steps))

    def _record(self, state: State, method: Method, started: datetime) -> RunRecord:
        return RunRecord(
            experiment=self.experiment,
            experiment_digest=digest(self.experiment),
            seed=self.job.seed,
            status="finished",
            steps=tuple(state.steps),
            losses=tuple(loss for trace in state.traces for loss in tenths(trace.losses)),
            cost=Cost(
                train_seconds=state.seconds.get("train", 0.0),
                prepare_seconds=state.seconds.get("prepare", 0.0),
                evaluate_seconds=state.seconds.get("evaluate", 0.0),
                cpu_seconds=state.seconds.get("cpu", 0.0),
                peak_bytes=state.peak_bytes,
                trainable_parameters=state.trainable,
                stored_parameters=method.stored_parameters(),
                gradient_steps=sum(trace.steps for trace in state.traces),
                samples_seen=sum(trace.samples for trace in state.traces),
                tokens_seen=sum(trace.tokens for trace in state.traces),
            ),
            environment=environment(self.job),
            base_model_digest=state.base_digest,
            answers_digest=records.answers_digest(state.answers),
            started_at=started,
            facts=dict(method.facts),
            degenerate=method.degenerate_one_shot and self.data.n_tasks == 1,
        )


def _retention(data: Data) -> dict[str, tuple[Retention, Sequence[Example]]]:
    """Dimension → who scores it and its questions."""
    found: dict[str, tuple[Retention, Sequence[Example]]] = {}
    for name in data.retention:
        benchmark: Retention = plugins.load("benchmarks", name)
        for dimension, questions in benchmark.questions(data).items():
            found[dimension] = (benchmark, questions)
    return found


def _asker(method: Method | None, vlm: VLM) -> Callable[[Sequence[Example], int], list[str]]:
    def ask(examples: Sequence[Example], longest: int) -> list[str]:
        if method is None:
            return vlm.answer(examples, max_new_tokens=longest)
        return method.answer(vlm, examples, max_new_tokens=longest)

    return ask


def _with_task_ids(step: Step, tasks: Sequence[Task]) -> Step:
    """A base-model step of another form of the data: its tasks ask the same under other ids."""
    scores = zip(tasks, step.adaptation.values(), strict=True)
    return step.model_copy(update={"adaptation": {task.id: score for task, score in scores}})


def seed_everything(seed: int, stage: str) -> None:
    """Set torch's global random state from the run's seed and the stage, so that earlier stages do not matter."""
    number = int.from_bytes(hashlib.sha256(f"{seed} {stage}".encode()).digest()[:8], "big")
    torch.manual_seed(number % 2**63)


def tenths(losses: Sequence[float]) -> list[float]:
    """Mean of each tenth of training; fewer numbers than ten steps stay as they are."""
    n = min(TENTHS, len(losses))
    return [fmean(losses[len(losses) * part // n : len(losses) * (part + 1) // n]) for part in range(n)]


def _identity(job: Job) -> str:
    """What a saved state must belong to."""
    return f"{digest(job.experiment)} {job.seed} {_code_digest(job.experiment)} {torch.__version__}"


def _code_digest(experiment: Experiment) -> str:
    return provenance.code_digest(modules(experiment))


def base_digest(ref: ModelRef) -> str:
    """Digest of a base model's weights. Raises FileNotFoundError or ValueError if there is no such model."""
    return _base_digest(ref.model_dump_json())


@lru_cache(maxsize=32)
def _base_digest(ref: str) -> str:
    return load_vlm(ModelRef.model_validate_json(ref)).digest()
