"""`aki reproduce data …`: check, unpack and augment the data that real models learn from. Needs no torch."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from reproductions.augmentation_endpoint import Harvest
    from reproductions.data.problems import Problem

app = typer.Typer(
    help="Check, unpack and augment data for real models: your own facts, EVOKE, KORE-74K, MLLM-CL, UCIT, CoIN.\n\n"
    "For example:\n\n  aki reproduce data check my-facts\n\n  aki reproduce data check data/evoke --as evoke",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

Folder = Annotated[Path, typer.Argument(help="The folder of the data.")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _say_json(value: Any) -> None:  # noqa: ANN401 - anything that is JSON
    _say(json.dumps(value, ensure_ascii=False, indent=1))


@app.command()
def check(
    folder: Folder,
    release: Annotated[str | None, typer.Option("--as", help="A benchmark's id; default: your own facts.")] = None,
    as_json: Json = False,
    limit: Annotated[int, typer.Option("--show", min=0, help="Most problems to show; 0 for all.")] = 50,
) -> int:
    """Find everything that is wrong with a folder, at once: file, line, field, and how to mend it.

    Exit code 0: it can be used (warnings are worth a look); 1: problems; 2: it cannot be read at all.
    """
    counts, problems = _own(folder) if release is None else _released(folder, release)
    errors = [one for one in problems if one.severity == "error"]
    if as_json:
        _say_json({"counts": counts, "problems": [one.as_json() for one in problems]})
        return 1 if errors else 0
    shown = problems if limit == 0 else problems[:limit]
    for one in shown:
        _say(str(one))
    if len(shown) < len(problems):
        _say(f"… and {len(problems) - len(shown)} more; --show 0 shows all")
    _say(", ".join(f"{number:,} {what}" for what, number in counts.items()))
    warnings = len(problems) - len(errors)
    _say(f"{len(errors)} problems, {warnings} warnings" if problems else "in order")
    return 1 if errors else 0


def _own(folder: Path) -> tuple[dict[str, int], list[Problem]]:
    from reproductions.data import own

    found = own.check(folder)
    if found.unreadable:
        raise FileNotFoundError(str(found.problems[0]))
    items = found.items
    images = sum(len(item.images) + len(item.test_images) for item in items)
    tasks = len({item.task for item in items})
    counts = {"items": len(items), "tasks": tasks, "images": images, "held-out questions": found.questions}
    return counts, found.problems


def _released(folder: Path, release: str) -> tuple[dict[str, int], list[Problem]]:
    from reproductions import plugins
    from reproductions.data.released import Released

    benchmark = plugins.load("benchmarks", release)
    if not isinstance(benchmark, Released):
        raise LookupError(f"--as {release}: that is no published data set; leave it out for your own facts")
    if not folder.is_dir():
        raise FileNotFoundError(
            f"no folder {folder}; get it with: hf download {benchmark.repository} --repo-type dataset "
            f"--local-dir {folder}"
        )
    reading = benchmark.read(folder, {"folder": str(folder)})
    counts = {f"{task} {what}": number for task, found in reading.counts.items() for what, number in found.items()}
    return counts, reading.problems


@app.command()
def schema() -> None:
    """Print the JSON Schema of one line of facts.jsonl."""
    from reproductions.data import own

    _say_json(own.json_schema())


@app.command()
def unpack(folder: Folder) -> int:
    """Unpack every image archive below a folder beside itself; zips that were cut into parts are joined first."""
    from reproductions.data import archives

    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder}")
    try:
        done = archives.unpack(folder, report=lambda one: _say(_told(one)))
    except ValueError as error:
        sys.stderr.write(f"aki reproduce data unpack: {error}\n")
        return 1
    _say(f"{len(done)} archives, {sum(one.files for one in done):,} files")
    return 0


def _told(one: Any) -> str:  # noqa: ANN401 - an Unpacked, whose module is imported late
    return f"{one.archive}: {one.files:,} files" + (" (unpacked before)" if one.skipped else "")


@app.command()
def augment(
    folder: Folder,
    url: Annotated[str, typer.Option("--endpoint", help="Base address, OpenAI-compatible: http://localhost:8000/v1")],
    model: Annotated[str, typer.Option("--model", help="The model's name there.")],
    requests: Annotated[int, typer.Option("--max-requests", min=0, help="Budget; the cache is free.")] = 1000,
    tokens: Annotated[
        int, typer.Option("--max-tokens", min=0, help="Budget, prompts and answers together.")
    ] = 2_000_000,
    parallel: Annotated[int, typer.Option("--parallel", min=1, max=64)] = 4,
    turns: Annotated[int, typer.Option("--turns", min=1, max=10, help="Dialogue turns and short questions.")] = 5,
    cache: Annotated[Path | None, typer.Option("--cache", help="Default: FOLDER/.augmentation-cache")] = None,
    as_json: Json = False,
) -> int:
    """Let a language model write dialogues, summaries and questions about your facts; keep what the facts support.

    The key, if the endpoint wants one, is read from AKI_ENDPOINT_KEY. Exit code 3: the budget did not reach every item.
    """
    from reproductions.augmentation_endpoint import Budget, Endpoint, write_grown
    from reproductions.augmentation_endpoint import augment as ask_for
    from reproductions.data import own
    from reproductions.data.problems import DataError

    budget = Budget(requests, tokens)
    try:
        items = own.read(folder)
    except DataError as error:
        sys.stderr.write(f"aki reproduce data augment: {error}\n")
        return 1
    harvest = ask_for(
        items,
        Endpoint(url, model),
        budget,
        cache or folder / ".augmentation-cache",
        parallel=parallel,
        turns=turns,
    )
    path = write_grown(folder, harvest.grown)
    _say_json(_counts(harvest, budget)) if as_json else _report(harvest, budget, path)
    return 1 if harvest.failed else 3 if harvest.left else 0


def _counts(harvest: Harvest, budget: Any) -> dict[str, Any]:  # noqa: ANN401 - a Budget, whose module is imported late
    kept = sum(len(one.growth.dialogue) + len(one.growth.quadruplets) for one in harvest.grown)
    return {
        "augmented": len(harvest.grown),
        "texts_kept": kept,
        "texts_refused": sum(len(one.rejected) for one in harvest.grown),
        "failed": harvest.failed,
        "left": harvest.left,
        "requests": budget.spent_requests,
        "tokens": budget.spent_tokens,
    }


def _report(harvest: Harvest, budget: Any, path: Path) -> None:  # noqa: ANN401
    counts = _counts(harvest, budget)
    for name, why in harvest.failed.items():
        _say(f"{name}: {why}")
    for one in harvest.grown[:3]:
        for refused in one.rejected[:2]:
            missing = ", ".join(refused.missing[:4])
            _say(f"{one.id}: left out {refused.part}, nothing supports {missing}: {refused.text[:90]}")
    _say(
        f"{path}: {counts['augmented']} items, {counts['texts_kept']} texts kept, {counts['texts_refused']} left out; "
        f"{budget.spent_requests} requests, {budget.spent_tokens:,} tokens"
    )
    if harvest.left:
        _say(f"{len(harvest.left)} items are left; raise --max-requests or --max-tokens and run the same command again")
