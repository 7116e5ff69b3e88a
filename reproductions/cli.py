"""`aki reproduce …`: list, check, plan, run, record, verify and compare. Torch only where something runs."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from reproductions import analyses_cli, data_cli, harness_cli, launch_cli, small_cli
from reproductions.records import RESULTS, RUNS, RecordError
from reproductions.spec import EXPERIMENTS, Experiment, SpecError

EXAMPLES = """

For example:

  aki reproduce plan quick

  aki reproduce run quick/kore-tree --seed 0

  aki reproduce run kore --form raw --set training.steps=100

  aki reproduce table
"""

app = typer.Typer(
    help="What we measured: run the field's methods, keep and compare their results." + EXAMPLES,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(data_cli.app, name="data")
app.add_typer(launch_cli.app, name="launch")
app.add_typer(harness_cli.app, name="harness")
app.add_typer(small_cli.app, name="small")
app.command("analyse", help=analyses_cli.HELP)(analyses_cli.analyse)

UsageErrors: type[Exception] = typer.BadParameter.__mro__[2]
"""Base of all that typer raises for wrong usage; typer brings its own click and does not name the class."""

Words = Annotated[list[str], typer.Argument(help="Experiments: id, glob, suite, or a method's name.")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
Jobs = Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Processes; default: one per core.")]
Runs = Annotated[Path, typer.Option("--out", help="Folder of the runs, not in git.")]
Model = Annotated[str | None, typer.Option("--model", help="Another base model: lab-tiny@seed-1, or a folder.")]
Form = Annotated[str | None, typer.Option("--form", help="Another form of the data: raw, knowledge-tree, …")]
Seed = Annotated[list[int] | None, typer.Option("--seed", min=0, help="Seeds in place of the spec's; repeatable.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="Another setting, training.steps=50; repeatable.")]


INTERRUPTED = 130


class RefusalError(Exception):
    """Wrong usage or unreadable input: one line, exit code 2."""


def main(arguments: list[str]) -> int:
    """Run a command; exit code 0 fine, 1 problems found, 2 wrong usage or bad input."""
    try:
        result = app(arguments or ["--help"], standalone_mode=False, prog_name="aki reproduce")
    except BrokenPipeError:
        sys.stdout = None  # the reader has gone; do not complain again at exit
        return 0
    except UsageErrors as error:
        return _refuse(error.format_message())  # pyright: ignore[reportAttributeAccessIssue]
    except (RefusalError, SpecError, RecordError, LookupError, OSError) as error:
        return _refuse(error)
    except ModuleNotFoundError as error:
        return _refuse(f"{error.name} is not installed; running needs: pip install -e '.[reproductions]'")
    except (typer.Abort, KeyboardInterrupt):
        result = INTERRUPTED
    if result == INTERRUPTED:  # typer itself turns an interrupt into this code
        sys.stderr.write("aki reproduce: interrupted; nothing is half-written, the same command goes on from here\n")
    return result if isinstance(result, int) else 0


def _refuse(error: object) -> int:
    sys.stderr.write(f"aki reproduce: {' '.join(str(error).split())}\n")
    return 2


def _say(text: str = "") -> None:
    sys.stdout.write(f"{text}\n")


def _say_json(value: Any) -> None:  # noqa: ANN401 - anything that is JSON
    _say(json.dumps(value, ensure_ascii=False, indent=1))


def _dump(models: Any) -> list[Any]:  # noqa: ANN401 - any iterable of models
    return [one.model_dump(mode="json") for one in models]


def _chosen(
    words: list[str], model: str | None, form: str | None, seed: list[int] | None, settings: list[str] | None
) -> tuple[Experiment, ...]:
    from reproductions import selecting

    changes = selecting.Changes(model, form, tuple(seed or ()), selecting.parse_settings(settings or []))
    return selecting.experiments(words, changes)


def _workers(jobs: int | None) -> int:
    if jobs is not None:
        return jobs
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@app.command("list")
def list_(
    words: Annotated[list[str] | None, typer.Argument(help="Suites or globs.")] = None, as_json: Json = False
) -> None:
    """Show what can be run: suites, methods, and with words the experiments meant by them."""
    from reproductions import display, plugins, records, spec

    known, suites = spec.load_all(), spec.load_suites()
    if words:
        chosen = spec.select(words)
        if as_json:
            return _say_json(_dump(chosen))
        rows = [[one.id, one.method, one.data.form, one.model.id, ", ".join(map(str, one.seeds))] for one in chosen]
        return display.show_table("", ("experiment", "method", "data", "model", "seeds"), rows)
    published = {"/".join(path.parent.parts[-2:]) for path in records.find(RESULTS)}
    overview = {
        name: {
            "experiments": len(members := spec.select([name])),
            "runs": sum(len(one.seeds) for one in members),
            "published": sum(one.id in published for one in members),
            "about": suites[name].about if name in suites else "",
        }
        for name in sorted({*suites, *(one.split("/")[0] for one in known)})
    }
    methods = plugins.names("methods")
    if as_json:
        return _say_json({"suites": overview, "methods": methods, "benchmarks": plugins.names("benchmarks")})
    rows = [
        [name, str(one["experiments"]), str(one["runs"]), str(one["published"]), str(one["about"])]
        for name, one in overview.items()
    ]
    display.show_table("", ("suite", "experiments", "runs", "published", "about"), rows)
    return _say(f"methods: {', '.join(methods)}")


@app.command()
def check(as_json: Json = False) -> int:
    """Check all specs with their methods' settings, and all published records with their answers."""
    from reproductions import checking

    problems = checking.all_problems(EXPERIMENTS, RESULTS)
    if as_json:
        _say_json(problems)
    else:
        for problem in problems:
            _say(problem)
        _say(f"{len(problems)} problems" if problems else "experiments and records are in order")
    return 1 if problems else 0


@app.command()
def plan(
    words: Words,
    model: Model = None,
    form: Form = None,
    seed: Seed = None,
    settings: Set = None,
    jobs: Jobs = None,
    out: Runs = RUNS,
    gpu: Annotated[
        str | None, typer.Option("--gpu", help="For real models: h100, a100-40, … Default: this machine's.")
    ] = None,
    devices: Annotated[int, typer.Option("--devices", min=1, help="How many of them, sharded.")] = 1,
    tokens: Annotated[int | None, typer.Option("--tokens", min=1, help="Per conversation, if you know.")] = None,
    as_json: Json = False,
) -> int:
    """Say what would run, how long it would take and how much memory, without running it.

    For a real model: whether it fits an accelerator, hours and disk; exit code 1 and the setting that helps if not.
    """
    from reproductions import display, planning

    chosen = _chosen(words, model, form, seed, settings)
    real = [one for one in chosen if not one.data.injection.startswith("lab-")]
    if real:
        return _say_sizes(real, gpu, devices, tokens, as_json)
    planned = planning.plan(chosen, out, RESULTS)
    total = planning.total_seconds(planned, _workers(jobs))
    if as_json:
        _say_json({"runs": _dump(planned), "seconds": total, "processes": _workers(jobs)})
    else:
        display.show_plan(planned, total, _workers(jobs))
    return 0


def _say_sizes(chosen: list[Experiment], gpu: str | None, devices: int, tokens: int | None, as_json: bool) -> int:
    """Sizes of runs on real models. Imports torch, to lay a model out without its weights."""
    from reproductions import sizing

    where = sizing.accelerator_named(gpu)
    try:
        reports = [sizing.report(one, where, devices, tokens) for one in chosen]
    except ValueError as error:
        raise RefusalError(str(error)) from None
    if as_json:
        _say_json([one.as_json() for one in reports])
    else:
        _say("\n".join(line for one in reports for line in one.lines()))
        _say("assumed: " + "; ".join(reports[0].verdict.estimate.assumptions))
    return 0 if all(one.verdict.fits for one in reports) else 1


@app.command()
def run(
    words: Words,
    model: Model = None,
    form: Form = None,
    seed: Seed = None,
    settings: Set = None,
    jobs: Jobs = None,
    out: Runs = RUNS,
    commit: Annotated[
        str | None, typer.Option("--commit", help="Where there is no git: the commit of this copy.")
    ] = None,
    inject: Annotated[str | None, typer.Option("--inject", help="Other data to inject: evoke, own-data, …")] = None,
    save: Annotated[bool, typer.Option("--save", help="Keep what was learned: an adapter, or the weights.")] = False,
    as_json: Json = False,
) -> int:
    """Run experiments. What finished before is kept, what was interrupted goes on, what failed is tried again."""
    from reproductions import display, spec

    chosen = _chosen(words, model, form, seed, [*(settings or []), *([f"data.injection={inject}"] if inject else [])])
    try:
        for experiment in chosen:
            spec.check(experiment, where=experiment.id)
        found = _run_all(chosen, out, _workers(jobs), commit, save=save)
    except (ValueError, LookupError) as error:
        raise RefusalError(str(error.args[0] if isinstance(error, KeyError) else error)) from None
    if as_json:
        _say_json(
            [{"run": one.name, "status": one.status, "error": one.error, "scores": one.scores()} for one in found]
        )
    failed = [one for one in found if one.status == "failed"]
    if failed and not as_json:
        display.show_table("failed", ("run", "why"), [[one.name, one.error or ""] for one in failed])
    sys.stderr.write(f"records: {out}\n")
    return 1 if failed else 0


def _run_all(
    chosen: tuple[Experiment, ...], out: Path, n_workers: int, commit: str | None, *, save: bool = False
) -> list[Any]:
    from reproductions import display, runner, workers

    for experiment in chosen:
        runner.check(experiment)
    jobs = [runner.Job(one, seed, out, commit, save) for one in chosen for seed in one.seeds]
    with display.RunProgress(len(jobs)) as progress:
        return workers.run_all(jobs, n_workers, progress)


@app.command()
def record(words: Words, out: Runs = RUNS, dry_run: Annotated[bool, typer.Option("--dry-run")] = False) -> int:
    """Publish finished runs: copy them to reproductions/results, after checks, for a pull request."""
    from reproductions import publishing, spec

    chosen = spec.select(words)
    wrong = [problem for one in chosen for problem in publishing.problems(one, out, RESULTS)]
    for problem in wrong:
        _say(problem)
    if wrong:
        _say(f"{len(wrong)} problems; nothing was published")
        return 1
    for one in chosen:
        if dry_run:
            _say(f"would publish {one.id}, {len(one.seeds)} seeds")
            continue
        publishing.publish(one, out, RESULTS)
        _say(f"published {one.id}, {len(one.seeds)} seeds")
    return 0


@app.command()
def verify(
    words: Words,
    seed: Seed = None,
    tolerance: Annotated[float, typer.Option("--tolerance", min=0, help="Largest difference that passes.")] = 0.0,
    jobs: Jobs = None,
    out: Runs = RUNS,
    as_json: Json = False,
) -> int:
    """Run published experiments again, from scratch, and compare every score with the published one."""
    from reproductions import display, publishing, records, spec

    chosen = spec.select(words)
    paths = [path for one in chosen for path in records.find(RESULTS, one.id)]
    published = [one for one in map(records.load, paths) if not seed or one.seed in seed]
    if not published:
        raise RefusalError(f"nothing is published of {', '.join(words)}; `aki reproduce list` shows what is")
    folder = out / ".verify"
    publishing.forget(folder)
    wanted = {one.experiment.id: one.experiment for one in published}
    seeds = {name: tuple(one.seed for one in published if one.experiment.id == name) for name in wanted}
    again = _run_all(
        tuple(one.model_copy(update={"seeds": seeds[name]}) for name, one in wanted.items()),
        folder,
        _workers(jobs),
        None,
    )
    now = {one.name: one for one in again}
    pairs = [(one, publishing.compare(one, now[one.name], tolerance)) for one in published]
    if as_json:
        _say_json({one.name: _dump(found) for one, found in pairs})
    else:
        for one, found in pairs:
            display.show_differences(one, found, len(one.scores()))
        _explain(published, again, any(found for _, found in pairs))
    return 1 if any(found for _, found in pairs) else 0


def _explain(published: list[Any], again: list[Any], differ: bool) -> None:
    before, after = published[0].environment, again[0].environment
    if differ and (before.device, before.packages) != (after.device, after.packages):
        _say(
            f"published on {before.device}, torch {before.packages.get('torch')}; this is {after.device}, "
            f"torch {after.packages.get('torch')}: the last digits may differ, see --tolerance"
        )


@app.command()
def table(
    words: Annotated[list[str] | None, typer.Argument(help="Only these: id, glob or suite.")] = None,
    runs: Annotated[bool, typer.Option("--runs", help="What was run here, instead of what is published.")] = False,
    out: Runs = RUNS,
    as_json: Json = False,
) -> None:
    """Show the leaderboard: average, adaptation and retention with intervals, ranks that the data allow, cost."""
    from reproductions import display, leaderboard, spec

    chosen = spec.select(words) if words else ()
    rows = leaderboard.load_rows(out if runs else RESULTS, {one.id for one in chosen} if words else None)
    if as_json:
        return _say_json(_dump(rows))
    if not rows:
        return _say(
            "no records yet; run `aki reproduce run quick`" if runs or not words else "none of these is published"
        )
    return display.show_rows(rows)


@app.command()
def show(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="kore/lora-raw or kore/lora-raw/seed-0")],
    runs: Annotated[bool, typer.Option("--runs", help="Of what was run here, instead of what is published.")] = False,
    out: Runs = RUNS,
    as_json: Json = False,
) -> None:
    """Show everything about a row or a run: settings, scores, cost, surroundings."""
    from reproductions import showing

    root = out if runs else RESULTS
    text = showing.as_json(run_id, root) if as_json else showing.as_text(run_id, root)
    if text is None:
        raise RefusalError(f"no record '{run_id}' in {root}; `aki reproduce table` shows what there is")
    _say(text)


@app.command()
def claims(as_json: Json = False) -> None:
    """Say which claims of the papers our published runs support or contradict."""
    import registry
    from reproductions import claims as deciding
    from reproductions import display

    verdicts = deciding.decide(registry.load().claims.values())
    if as_json:
        return _say_json({name: one.model_dump(mode="json") for name, one in verdicts.items()})
    return display.show_verdicts(verdicts)


@app.command()
def pretrain(
    name: Annotated[str, typer.Argument(help="lab-tiny or lab-base")],
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the checkpoint; default: build/.")] = None,
) -> None:
    """Pretrain a laboratory model from nothing, as the shipped one was (minutes on one core for lab-tiny)."""
    from reproductions import display
    from reproductions.lab import pretraining

    folder = out or Path("build") / "lab" / name / f"seed-{seed}"
    if name not in pretraining.RECIPES:
        raise RefusalError(f"no laboratory model named '{name}'; there are: {', '.join(pretraining.RECIPES)}")
    with display.PretrainingProgress(name) as progress:
        pretraining.pretrain(name, seed, folder, progress)
    _say(f"{folder}: try it with --model {folder}")


@app.command()
def tune(
    words: Annotated[
        list[str] | None, typer.Argument(help="Rows of reproductions/experiments/tuning.yaml; all.")
    ] = None,
    jobs: Jobs = None,
    out: Runs = RUNS,
    as_json: Json = False,
) -> int:
    """Try settings on the validation world, as many for every method, and show which one each would take."""
    from reproductions import display, search

    trials = search.trials(words or [])
    if not trials:
        raise RefusalError(f"nothing to tune under {', '.join(words or [])}; see reproductions/experiments/tuning.yaml")
    found = _run_all(trials, out, _workers(jobs), None)
    choices = search.choose(found)
    if as_json:
        _say_json(_dump(choices))
    else:
        display.show_choices(choices)
    return 1 if any(one.status == "failed" for one in found) else 0
