"""`aki reproduce small …`: the small tier out of package registries: its pictures, its model, its alignment."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="The small tier: SmolLM2-135M and EfficientNet-Lite0 out of PyPI packages, emoji and flags out of npm's.\n\n"
    "For example:\n\n  aki reproduce small draw archives --to data/small\n\n"
    "  aki reproduce small build models/small",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

To = Annotated[Path, typer.Option("--to", help="Folder of the pictures.")]


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")


@app.command()
def draw(
    archives: Annotated[Path, typer.Argument(help="Folder with the archives of `npm pack`.")],
    to: To = Path("data/small"),
    only: Annotated[int | None, typer.Option("--only", min=1, help="So many of each kind, for a try.")] = None,
) -> None:
    """Draw emoji and flags, 224 × 224, and write what is injected and what was there before beside them."""
    from reproductions.small import knowledge, pictures

    try:
        found = pictures.draw_all(archives, to, only=only)
    except pictures.PicturesError as error:
        raise LookupError(str(error)) from None
    knowledge.write(found)
    sys.stdout.write(f"{len(found.emoji)} emoji in {len(pictures.SETS)} styles, {len(found.countries)} flags: {to}\n")


@app.command()
def build(
    folder: Annotated[Path, typer.Argument(help="Where the model goes, 530 MB.")],
    unaligned: Annotated[bool, typer.Option("--unaligned", help="With a projector that has learned nothing.")] = False,
) -> None:
    """Assemble the model from the installed packages, with the projector that is shipped here."""
    from reproductions.small import parts

    parts.build(folder, aligned=not unaligned)
    sys.stdout.write(f"{folder}: use it with --model {folder}\n")


@app.command()
def align(
    model: Annotated[Path, typer.Argument(help="A model that `build --unaligned` made.")],
    to: Annotated[Path, typer.Option("--to", help="Folder of the projector and the figures.")],
    data: Annotated[Path, typer.Option("--data", help="Folder of the pictures.")] = Path("data/small"),
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Another recipe, speech_steps=300; repeatable.")
    ] = None,
) -> None:
    """Teach the projector to name pictures, and measure it against a blank picture and nearest pixels."""
    from reproductions import provenance, selecting
    from reproductions.small import alignment, pictures
    from reproductions.spec import ModelRef
    from reproductions.vlm import load_vlm

    try:
        recipe = alignment.recipe(selecting.parse_settings(settings or []))
        shown = pictures.read(data)
        vlm = load_vlm(ModelRef(id=str(model)))
    except ValueError as error:
        raise LookupError(str(error)) from None
    report = alignment.align(vlm, shown, recipe, _tell)
    where = provenance.environment(device=provenance.processor(), threads=1, modules=("small.alignment",))
    alignment.save(vlm, report, to, {"environment": where.model_dump(mode="json")})
    figures = report.figures
    sys.stdout.write(
        f"names of {figures.n} pictures in a style never seen: {figures.model:.1%} "
        f"(blank picture {figures.blank:.1%}, nearest pixels {figures.pixels:.1%}, "
        f"nearest features {figures.features:.1%}); in a taught style {figures.taught:.1%}\n"
    )
