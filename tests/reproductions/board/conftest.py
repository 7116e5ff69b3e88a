"""A toy results folder: records whose answers are right with a chosen probability."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean

import pytest

from reproductions import metrics, records
from reproductions.records import AdaptationScore, Answer, Cost, Environment, RunRecord, Step
from reproductions.spec import Data, Experiment, ModelRef, Training, digest

DIMENSIONS = ("COM", "OCR", "HAL")
N_ENTITIES, N_ITEMS = 40, 60
BASE = {"COM": 0.9, "OCR": 0.8, "HAL": 0.95}


def answers(experiment: Experiment, seed: int, *, adapted: float, retained: float) -> list[Answer]:
    """Two questions per entity and some items per dimension; a wrong answer shares one of two words."""
    rng = random.Random(f"{experiment.id} {seed}")
    found: list[Answer] = []
    for task in range(experiment.data.n_tasks):
        for entity in range(N_ENTITIES):
            for kind in ("home", "job"):
                name = f"s{seed}-t{task}-e{entity}"
                output = "old harbor" if rng.random() < adapted else "old castle"
                found.append(
                    Answer(
                        step=experiment.data.n_tasks - 1,
                        part="adaptation",
                        group=f"task-{task}",
                        id=f"{name}/{kind}",
                        entity=name,
                        kind=kind,
                        gold="old harbor",
                        output=output,
                    )
                )
    for dimension in DIMENSIONS:
        for item in range(N_ITEMS):
            output = "yes" if rng.random() < retained else "no"
            found.append(
                Answer(
                    step=experiment.data.n_tasks - 1,
                    part="retention",
                    group=dimension,
                    id=f"{dimension}-{item}",
                    gold="yes",
                    output=output,
                )
            )
    return found


def write_run(
    root: Path,
    name: str,
    *,
    method: str = "lora",
    seed: int = 0,
    adapted: float = 0.5,
    retained: float = 0.5,
    model: str = "lab-tiny@seed-0",
    error: str | None = None,
    n_tasks: int = 1,
    form: str = "raw",
    config: dict | None = None,
    world: str = "test",
    **changes: object,
) -> Path:
    experiment = Experiment(
        id=name,
        method=method,
        method_config=config or {},
        model=ModelRef(id=model),
        data=Data(form=form, n_tasks=n_tasks, world=world),
        protocol="continual" if n_tasks > 1 else "injection",
        training=Training(learning_rate=0.01, steps=10, batch_size=8),
        seeds=(0, 1, 2),
    )
    said = answers(experiment, seed, adapted=adapted, retained=retained)

    said_last = [one for one in said if one.step == n_tasks - 1]

    def score(task: str) -> AdaptationScore:
        mine = [one for one in said_last if one.group == task]
        cem = mean(metrics.cem(one.output, one.gold) for one in mine)
        f1 = mean(metrics.f1(one.output, one.gold) for one in mine)
        return AdaptationScore(cem=cem, f1=f1, first_words_cem=cem, reliability=1.0, n=len(mine))

    nothing = AdaptationScore(cem=0.01, f1=0.01, first_words_cem=0.01, reliability=0.0, n=2 * N_ENTITIES)
    tasks = [f"task-{task}" for task in range(n_tasks)]
    kept = {name: mean(one.output == one.gold for one in said_last if one.group == name) for name in DIMENSIONS}

    def step(after: int) -> Step:
        scores = {task: score(task) if after >= 0 else nothing for task in tasks}
        now = kept if after >= 0 else BASE
        return Step(after=after, adaptation=scores, retention=now, n_retention=dict.fromkeys(now, N_ITEMS))

    steps = [step(after) for after in range(-1, n_tasks)]
    cost = Cost(
        train_seconds=2 + seed,
        prepare_seconds=1,
        evaluate_seconds=1,
        cpu_seconds=4,
        peak_bytes=1000 + seed,
        trainable_parameters=10,
        stored_parameters=0,
        gradient_steps=10,
        samples_seen=80,
        tokens_seen=800,
    )
    values = {
        "experiment": experiment,
        "experiment_digest": digest(experiment),
        "seed": seed,
        "status": "failed" if error else "finished",
        "error": error,
        "steps": () if error else tuple(steps),
        "losses": (3.0, 1.0),
        "cost": None if error else cost,
        "environment": Environment(
            commit="abc", dirty=False, python="3.11", packages={}, device="toy processor", threads=1, platform="linux"
        ),
        "base_model_digest": "0" * 64,
        "answers_digest": None if error else records.answers_digest(said),
        "started_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    return records.save(RunRecord.model_validate({**values, **changes}), root, None if error else said)


@pytest.fixture
def write() -> Callable[..., Path]:
    return write_run
