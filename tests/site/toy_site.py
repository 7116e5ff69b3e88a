"""Synthetic results and entries for looking at the site and for measuring it. Nothing here is ever published."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from registry import textyaml
from registry.schema import ExternalIds, Fact, Paper, Remark, StatusChange, Text
from reproductions import records, spec
from reproductions.records import AdaptationScore, Answer, Cost, Environment, RunRecord, Step
from reproductions.rows import Estimate, LeaderboardRow
from reproductions.spec import Data, Experiment, ModelRef, Training, Tuning, digest

DIMENSIONS = ("COM", "OCR", "M-DIS", "INS", "M-IDU", "MAT", "HAL")
BASE = dict(zip(DIMENSIONS, (0.77, 0.83, 0.99, 0.99, 0.81, 0.91, 0.99), strict=True))
METHODS = {
    "full-ft": ((0.24, 0.59), (0.60, 0.45)),
    "lora": ((0.25, 0.63), (0.65, 0.53)),
    "replay": ((0.27, 0.65), (0.55, 0.66)),
    "ewc": ((0.14, 0.87), (0.63, 0.78)),
    "lwf": ((0.11, 0.80), (0.40, 0.80)),
    "kore": ((0.19, 0.81), (0.48, 0.76)),
    "l2-sp": ((0.18, 0.72), (0.50, 0.61)),
    "si": ((0.16, 0.74), (0.47, 0.63)),
    "mas": ((0.15, 0.78), (0.49, 0.68)),
    "o-lora": ((0.24, 0.62), (0.63, 0.54)),
    "lora-null": ((0.20, 0.79), (0.50, 0.72)),
    "moelora": ((0.22, 0.64), (0.58, 0.56)),
}
"""Method → (adaptation, retention) on raw data and on augmented data."""


def _answers(experiment: Experiment, seed: int, adapted: float, kept: dict[str, float], size: int) -> list[Answer]:
    rng = random.Random(f"{experiment.id} {seed}")
    last, said = experiment.data.n_tasks - 1, []
    for task in range(experiment.data.n_tasks):
        for entity in range(size):
            name = f"{experiment.model.id}-s{seed}-t{task}-e{entity}"
            output = "old harbor" if rng.random() < adapted else "old castle" if rng.random() < 0.2 else "no idea"
            said.append(
                Answer(
                    step=last,
                    part="adaptation",
                    group=f"task-{task}",
                    id=f"{name}/home",
                    entity=name,
                    kind="home",
                    gold="old harbor",
                    output=output,
                )
            )
    for dimension, share in kept.items():
        said += [
            Answer(
                step=last,
                part="retention",
                group=dimension,
                id=f"{experiment.model.id}-{dimension}-{item}",
                gold="yes",
                output="yes" if rng.random() < share else "no",
            )
            for item in range(size)
        ]
    return said


def _spread(retention: float, rng: random.Random) -> dict[str, float]:
    lost = {name: rng.uniform(0.2, 1.8) for name in DIMENSIONS}
    factor = (sum(BASE.values()) / 7 - retention) * 7 / sum(lost.values())
    return {name: min(1.0, max(0.02, BASE[name] - factor * lost[name])) for name in DIMENSIONS}


def write_run(
    root: Path,
    suite: str,
    method: str,
    form: str,
    checkpoint: int,
    seed: int,
    adapted: float,
    retained: float,
    *,
    n_tasks: int = 1,
    failed: bool = False,
    size: int = 40,
) -> None:
    """One toy record with its answers."""
    experiment = Experiment(
        id=f"{suite}/{method}-{'tree' if form != 'raw' else 'raw'}-seed-{checkpoint}",
        method=method,
        model=ModelRef(id=f"lab-tiny@seed-{checkpoint}"),
        data=Data(form=form, n_tasks=n_tasks),
        tuning=Tuning(kind="full" if method == "full-ft" else "lora"),
        protocol="continual" if n_tasks > 1 else "injection",
        training=Training(learning_rate=0.004, steps=160, batch_size=24),
        seeds=(0, 1, 2),
    )
    write_record(root, experiment, seed, adapted, retained, failed=failed, size=size)


def write_record(
    root: Path,
    experiment: Experiment,
    seed: int,
    adapted: float,
    retained: float,
    *,
    failed: bool = False,
    size: int = 40,
    reliability: float = 0.95,
) -> None:
    """A toy record of any experiment, with its answers."""
    rng = random.Random(f"{experiment.id} {seed}")
    kept = _spread(retained + rng.uniform(-0.02, 0.02), random.Random(f"{experiment.method} {experiment.data.form}"))
    said = _answers(experiment, seed, adapted, kept, size)

    def step(after: int, kept_now: dict[str, float]) -> Step:
        scores = {}
        for task in range(experiment.data.n_tasks):
            value = 0.01 if task > after else adapted * (0.8 ** (after - task)) * rng.uniform(0.93, 1.0)
            scores[f"task-{task}"] = AdaptationScore(
                cem=value, f1=value * 1.05, first_words_cem=value * 0.95, reliability=reliability, n=size
            )
        return Step(after=after, adaptation=scores, retention=kept_now, n_retention=dict.fromkeys(kept_now, size))

    record = RunRecord(
        experiment=experiment,
        experiment_digest=digest(experiment),
        seed=seed,
        status="failed" if failed else "finished",
        error="loss is not finite at step 41: nan" if failed else None,
        steps=() if failed else (step(-1, BASE), *(step(after, kept) for after in range(experiment.data.n_tasks))),
        losses=(3.1, 2.2, 1.6, 1.1, 0.8, 0.6, 0.5, 0.4, 0.35, 0.3),
        cost=None
        if failed
        else Cost(
            train_seconds=9.5 + seed,
            prepare_seconds=1.2,
            evaluate_seconds=2.1,
            cpu_seconds=12,
            peak_bytes=420_000_000,
            trainable_parameters=221_184,
            stored_parameters=0,
            gradient_steps=160,
            samples_seen=3840,
            tokens_seen=290_000,
        ),
        environment=Environment(
            commit="0123456789abcdef",
            dirty=False,
            python="3.11.7",
            packages={"torch": "2.13.0"},
            device="toy processor",
            threads=1,
            platform="linux",
        ),
        base_model_digest="0" * 64,
        answers_digest=None if failed else records.answers_digest(said),
        started_at=datetime(2026, 1, 1, 12, tzinfo=UTC),
    )
    records.save(record, root, None if failed else said)


def write_results(root: Path, *, checkpoints: int = 3, seeds: int = 3, methods: int = 99) -> Path:
    """A results folder with a main group, a stream and a failed row."""
    for method, pairs in list(METHODS.items())[:methods]:
        for form, (adapted, retained) in zip(("raw", "knowledge-tree"), pairs, strict=True):
            for checkpoint in range(checkpoints):
                for seed in range(seeds):
                    write_run(root, "kore", method, form, checkpoint, seed, adapted, retained)
    write_run(root, "kore", "corda", "raw", 0, 0, 0, 0, failed=True)
    for method in ("lora", "ewc", "o-lora")[:methods]:
        adapted, retained = METHODS[method][1]
        for seed in range(seeds):
            write_run(root, "two-phase", method, "knowledge-tree", 0, seed, adapted, retained, n_tasks=4)
    return root


def write_suites(root: Path, *suites: str, size: int = 20) -> Path:
    """A toy record for every run of these suites' real specs, as a finished study would have."""
    for experiment in spec.load_all().values():
        suite, _, name = experiment.id.partition("/")
        if suite not in suites:
            continue
        rng = random.Random(re.sub(r"-seed-\d$", "", name))
        low, high = METHODS.get(experiment.method, ((0.18, 0.7), (0.5, 0.65)))
        adapted, retained = low if experiment.data.form == "raw" else high
        adapted, retained = (value + rng.uniform(-0.05, 0.05) for value in (adapted, retained))
        learned = 0.4 if experiment.method == "si" else 0.95
        for seed in experiment.seeds:
            write_record(root, experiment, seed, adapted, retained, size=size, reliability=learned)
    return root


HOSTILE_ID = "hostile-title-2026"
HOSTILE = (
    '</title><script>alert(1)</script>"><img src=x onerror=alert(2)> & [x](javascript:alert(3)) '
    "{{ 7*7 }} `a` *b* <!-- \u200bzero"
)
"""A title that tries everything at once."""


def synthetic_papers(count: int) -> Iterator[Paper]:
    """Papers of realistic length, all different."""
    rng = random.Random(0)
    words = [
        "continual",
        "multimodal",
        "distillation",
        "adapter",
        "subspace",
        "replay",
        "knowledge",
        "injection",
        "vision",
        "language",
        "model",
        "retention",
        "token",
        "routing",
        "prompt",
        "gradient",
        "null",
        "space",
        "editing",
    ]
    directions = ("distill", "replay", "parameter-regularization", "lora-isolation", "knowledge-editing")
    for index in range(count):
        direction = directions[index % 5]
        title = f"{' '.join(rng.sample(words, 8)).capitalize()} {index}"
        sentence = " ".join(rng.choices(words, k=34)).capitalize() + "."
        yield Paper(
            id=f"synthetic-{index}",
            title=title,
            date=f"{2020 + index % 7}-{1 + index % 12:02d}",
            ids=ExternalIds(arxiv=f"{20 + index % 7}{1 + index % 12:02d}.{10000 + index}"),
            links=(f"https://arxiv.org/abs/{20 + index % 7}{1 + index % 12:02d}.{10000 + index}",),
            venue=Fact(
                value=rng.choice(("arXiv", "ICLR 2026", "CVPR 2025", "ACL 2025")),
                source="https://example.org/list",
                checked="2026-05-19",
            ),
            direction=direction,
            bucket="multimodal" if direction == "distill" else None,
            position=Text(en=" ".join(rng.sample(words, 5)), zh="多模态持续学习与知识注入的方法"),
            model_types=(rng.choice(("VLM", "MLLM", "LLM")),),
            summary=Text(
                en=sentence,
                zh="把新知识注入视觉语言模型，同时约束更新方向，使原有能力得以保持；并在多个基准上比较遗忘与适应。" * 2,
            ),
            tasks=Text(en=" ".join(rng.sample(words, 4)), zh="多模态持续指令微调、遗忘分析"),
            datasets=("EVOKE", "LLaVA-665K"),
            status=(StatusChange(state="recorded", since="2026-05-19", reason=Remark(en="synthetic", zh="合成数据")),),
        )


def write_registry(folder: Path, papers: Iterator[Paper], taxonomy: Path) -> Path:
    """A registry folder with these papers and the real vocabulary."""
    (folder / "papers").mkdir(parents=True)
    (folder / "taxonomy.yaml").write_bytes(taxonomy.read_bytes())
    for paper in papers:
        (folder / "papers" / f"{paper.id}.yaml").write_text(textyaml.dump(paper), encoding="utf-8")
    return folder


def shifted(row: LeaderboardRow, index: int) -> LeaderboardRow:
    """The row with every score moved at random, as another row would have."""
    rng = random.Random(index)

    def move(one: Estimate) -> Estimate:
        value = min(1.0, max(0.0, one.value + rng.uniform(-0.2, 0.2)))
        return Estimate(value=value, low=value - rng.uniform(0.01, 0.08), high=value + rng.uniform(0.01, 0.08))

    return row.model_copy(
        update={
            **{name: move(getattr(row, name)) for name in ("adaptation", "retention", "average")},
            "by_dimension": {name: move(one) for name, one in row.by_dimension.items()},
            "ranks": {"average": (rng.randint(1, 500), rng.randint(500, 1000))},
            "pareto": rng.random(),
        }
    )
