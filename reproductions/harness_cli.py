"""`aki reproduce harness …`: general ability of a real model before and after injection, by harnesses of others."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from reproductions.harness.scores import HarnessScores
    from reproductions.vlm import VLM

app = typer.Typer(
    help="General ability of a real model before and after injection: lmms-eval, and VLMEvalKit's result files.\n\n"
    "For example:\n\n  aki reproduce harness score llava-hf/llava-1.5-7b-hf runs/llava-7b/kore-tree/seed-0.model "
    "--to kore.harness.json",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

To = Annotated[Path, typer.Option("--to", help="File of the scores.")]


@app.command()
def score(
    base: Annotated[str, typer.Argument(help="The base model: hub id or folder.")],
    injected: Annotated[Path, typer.Argument(help="What was learned: the folder that `run --save` left.")],
    to: To,
    only: Annotated[list[str] | None, typer.Option("--only", help="Benchmark ids; repeatable. Default: all.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Items per benchmark, for a trial.")] = None,
    dtype: Annotated[str, typer.Option("--dtype")] = "bfloat16",
) -> int:
    """Score the base and the injected model with lmms-eval, in one process and one version of it."""
    from reproductions.harness import dimensions, lmms
    from reproductions.harness.scores import HarnessScores, save
    from reproductions.spec import ModelRef

    chosen = [dimensions.kept_named(name) for name in only] if only else list(dimensions.KEPT)
    here = [one for one in chosen if one.lmms]
    tasks = sorted({metric.task for one in here for metric in one.lmms})
    for one in chosen:
        if not one.lmms:
            sys.stderr.write(f"{one.id}: lmms-eval does not have it; import VLMEvalKit's result\n")
    if not tasks:
        raise LookupError("none of these is in lmms-eval; use `aki reproduce harness import-vlmeval`")
    try:
        version = lmms.version()
        ref = ModelRef.model_validate({"id": base, "dtype": dtype})
        before = lmms.results(_load(ref, None), tasks, limit=limit)
        after = lmms.results(_load(ref, injected), tasks, limit=limit)
    except ValueError as error:
        raise LookupError(str(error)) from None
    found = HarnessScores(
        harness="lmms-eval",
        version=version,
        model=base,
        injected=str(injected),
        base=lmms.scores(before, here),
        after=lmms.scores(after, here),
        limit=limit,
        raw=after,
    )
    return _done(found, save(found, to))


def _load(ref: object, injected: Path | None) -> VLM:
    """The base model, with what was learned if there is something."""
    from dataclasses import replace

    from peft import PeftModel

    from reproductions.spec import ModelRef
    from reproductions.vlm import load_vlm

    base = ModelRef.model_validate(ref, from_attributes=True)
    if injected is None:
        return load_vlm(base)
    if (injected / "adapter_config.json").is_file():
        vlm = load_vlm(base)
        return replace(vlm, model=PeftModel.from_pretrained(vlm.base, injected).eval())
    if not (injected / "config.json").is_file():
        raise FileNotFoundError(f"{injected}: neither an adapter nor a model; `aki reproduce run … --save` leaves one")
    return load_vlm(base.model_copy(update={"id": str(injected), "revision": None}))


@app.command("import-vlmeval")
def import_vlmeval(
    folder: Annotated[Path, typer.Argument(help="VLMEvalKit's output folder.")],
    base: Annotated[str, typer.Option("--base", help="The base model's name in the file names.")],
    injected: Annotated[str, typer.Option("--injected", help="The injected model's name in the file names.")],
    to: To,
    version: Annotated[str, typer.Option("--version", help="VLMEvalKit's commit or version; both models' the same.")],
) -> int:
    """Read the scores of both models from VLMEvalKit's result files."""
    from reproductions.harness import vlmevalkit
    from reproductions.harness.scores import HarnessScores, save

    try:
        before, after = vlmevalkit.read_folder(folder, base), vlmevalkit.read_folder(folder, injected)
    except ValueError as error:
        sys.stderr.write(f"aki reproduce harness import-vlmeval: {error}\n")
        return 1
    found = HarnessScores(
        harness="vlmevalkit", version=version, model=base, injected=injected, base=before, after=after
    )
    return _done(found, save(found, to))


@app.command()
def show(
    path: Annotated[Path, typer.Argument(help="A file of scores.")],
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> int:
    """Show what was kept, by dimension."""
    from reproductions.harness.scores import load

    try:
        found = load(path)
    except ValueError as error:
        raise LookupError(str(error)) from None
    if as_json:
        sys.stdout.write(json.dumps({**found.model_dump(mode="json"), "kept": found.kept()}, indent=1) + "\n")
        return 0
    return _done(found, path)


def _done(found: HarnessScores, path: Path) -> int:
    for name in sorted(found.base.keys() & found.after.keys()):
        sys.stdout.write(f"{name}: {found.base[name]:.1%} before, {found.after[name]:.1%} after\n")
    for name, share in found.kept().items():
        sys.stdout.write(f"{name}: {share:.1%} kept\n")
    sys.stdout.write(f"{path}: {found.harness} {found.version}\n")
    return 0
