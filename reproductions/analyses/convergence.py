"""How methods get where they end: the loss at every step, adaptation and retention every so often.

KORE, Figure 10, shows training losses of some methods, KORE on its own larger data; here rows are on the same data,
and what was learned and lost is asked on the way. Each row is the run of the suite `kore` with the same experiment and
seed: asking changes nothing, so the last point is that run's score.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import fmean

from reproductions import spec, suites
from reproductions.analyses import layers
from reproductions.analyses.spec import ConvergenceLine, ConvergencePoint, ConvergenceResult, ConvergenceSettings
from reproductions.evaluation import evaluate
from reproductions.method import Context, build_method
from reproductions.runner import seed_everything
from reproductions.spec import Experiment, ModelRef
from reproductions.training import Progress
from reproductions.vlm import load_vlm


def experiments(model: ModelRef, settings: ConvergenceSettings) -> dict[str, Experiment]:
    """Row → its experiment; a model without rows of its own takes the settings of the first checkpoint."""
    known = spec.load_all()
    version = model.id.partition("@")[2] or "seed-0"
    found: dict[str, Experiment] = {}
    for row in settings.rows:
        name = f"kore/{row}-{version}" if f"kore/{row}-{version}" in known else f"kore/{row}-seed-0"
        if name not in known:
            raise LookupError(f"convergence: no experiment '{name}'; see reproductions/experiments/kore")
        found[row] = known[name].model_copy(update={"model": model})
    return found


def run(model: ModelRef, settings: ConvergenceSettings, say: layers.Say) -> ConvergenceResult:
    """All rows, one after the other."""
    chosen = experiments(model, settings)
    tuned = suites.load_settings()
    steps = {one.training.steps for one in chosen.values()}
    if len(steps) != 1:
        raise ValueError(f"convergence: rows take different numbers of steps ({sorted(steps)}); choose rows alike")
    total = steps.pop()
    lines: list[ConvergenceLine] = []
    for place, (row, experiment) in enumerate(chosen.items()):

        def at(step: int, row: str = row, before: int = place * total) -> None:
            say(f"{row}, step {step} of {total}", before + step, total * len(chosen))

        lines.append(learn(row, experiment, settings, at, tuned=row in tuned))
    return ConvergenceResult(settings=settings, steps=total, lines=tuple(lines))


def learn(
    row: str, experiment: Experiment, settings: ConvergenceSettings, at: Callable[[int], None], *, tuned: bool
) -> ConvergenceLine:
    """The run of an experiment, as the runner does it, asked on the way."""
    data, injection = experiment.data, layers.injection(experiment.data)
    task = replace(injection.tasks(data, settings.seed)[0], reliability=(), probes={})
    kept = layers.kept_questions(data)
    vlm = load_vlm(experiment.model)
    method = build_method(experiment.method, experiment.method_config)
    points: list[ConvergencePoint] = []

    def ask(step: int) -> None:
        found = evaluate(
            lambda examples, longest: method.answer(vlm, examples, max_new_tokens=longest), [task], kept, after=0
        ).step
        score = found.adaptation[task.id]
        points.append(ConvergencePoint(step=step, cem=score.cem, f1=score.f1, retention=found.retention))
        at(step)

    def progress(now: Progress) -> None:
        if now.step in settings.asked_after or now.step == now.steps:
            ask(now.step)

    context = Context(
        tuning=experiment.tuning,
        training=experiment.training,
        seed=settings.seed,
        prior=lambda n, seed: injection.prior(data, n, seed),
        n_tasks=data.n_tasks,
        dimension_prior=lambda dimension, n, seed: injection.dimension_prior(data, dimension, n, seed),
        restyle=injection.restyle,
        progress=progress,
    )
    ask(0)
    seed_everything(settings.seed, "prepare")
    method.prepare(vlm, context)
    seed_everything(settings.seed, "learn 0")
    trace = method.learn(vlm, injection.tasks(data, settings.seed)[0])
    return ConvergenceLine(
        row=row,
        method=experiment.method,
        form=data.form,
        experiment_digest=spec.digest(experiment),
        learning_rate=experiment.training.learning_rate,
        method_config=dict(experiment.method_config),
        tuned=tuned,
        losses=windows(trace.losses, settings.window),
        points=tuple(points),
    )


def windows(losses: Sequence[float], width: int) -> tuple[float, ...]:
    """Means over consecutive steps; the last may be of fewer."""
    return tuple(fmean(losses[start : start + width]) for start in range(0, len(losses), width))
