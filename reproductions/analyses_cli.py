"""`aki reproduce analyse …`: the paper's analyses on a base model. Torch only where one runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from reproductions.analyses.spec import (
    ANALYSES,
    FOLDER,
    MODELS,
    Analysis,
    ConvergenceResult,
    DiscardResult,
    SamplesResult,
    SimilarityResult,
    path_of,
)
from reproductions.spec import ModelRef, Spec

HELP = (
    "Repeat an analysis of the KORE paper on a base model, and keep its result as a file.\n\n"
    + "\n\n".join(f"  {name}: {one.about}" for name, one in ANALYSES.items())
    + "\n\nFor example:\n\n  aki reproduce analyse discard-rank --model lab-tiny@seed-1\n\n"
    "  aki reproduce analyse --all"
)


def analyse(
    name: Annotated[str | None, typer.Argument(help=f"{', '.join(ANALYSES)}.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All analyses.")] = False,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", help="lab-tiny@seed-1, or a folder; repeatable. Default: the first shipped model."),
    ] = None,
    samples: Annotated[
        int | None, typer.Option("--samples", min=1, help="Examples behind the statistics, in place of the default.")
    ] = None,
    questions: Annotated[
        int | None, typer.Option("--questions", min=1, help="Questions per dimension, in place of 200.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Also what is there already.")] = False,
    out: Annotated[Path, typer.Option("--out", help="Folder of the results.")] = FOLDER,
    commit: Annotated[
        str | None, typer.Option("--commit", help="Where there is no git: the commit of this copy.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> int:
    """Do analyses and show what came out."""
    names = _names(name, everything)
    models = model or (list(MODELS) if everything else [MODELS[0]])
    from reproductions.analyses import running

    found: list[Analysis] = []
    for one in models:
        for which in names:
            settings = _settings(which, samples, questions)
            say = _Lines(f"{which} of {one}")
            try:
                result = running.analyse(
                    which, ModelRef(id=one), say, root=out, settings=settings, again=again, commit=commit
                )
            except (ValueError, FloatingPointError) as error:
                raise LookupError(f"{which} of {one}: {error}") from None
            found.append(result)
            say.end(f"{result.seconds:.0f} s: {path_of(which, one, out)}")
    if as_json:
        sys.stdout.write(
            json.dumps([one.model_dump(mode="json") for one in found], ensure_ascii=False, indent=1) + "\n"
        )
    else:
        for result in found:
            _show(result)
    return 0


def _names(name: str | None, everything: bool) -> list[str]:
    if everything and name:
        raise LookupError(f"either one analysis or --all; got both '{name}' and --all")
    if everything:
        return list(ANALYSES)
    if name is None:
        raise LookupError(f"which analysis? one of {', '.join(ANALYSES)}, or --all")
    if name not in ANALYSES:
        from reproductions import plugins

        raise LookupError(f"no analysis named '{name}'; {plugins.nearest(name, tuple(ANALYSES))}")
    return [name]


def _settings(name: str, samples: int | None, questions: int | None) -> Spec:
    """The default settings of an analysis, smaller where asked for."""
    default = ANALYSES[name].settings()
    changes: dict[str, object] = {}
    if samples is not None and "samples" in type(default).model_fields:
        changes["samples"] = samples
    if samples is not None and "reference" in type(default).model_fields:
        changes["reference"] = samples
        changes["numbers"] = [number for number in getattr(default, "numbers", ()) if number <= samples // 4] or [1]
    data = getattr(default, "data", None)
    if questions is not None and data is not None:
        changes["data"] = data.model_copy(update={"n_retention_per_dimension": questions})
    return type(default).model_validate({**default.model_dump(), **changes}) if changes else default


class _Lines:
    """Progress on standard error: one line that changes on a terminal, a line per tenth elsewhere."""

    def __init__(self, title: str) -> None:
        self.title, self.live, self.tenth = title, sys.stderr.isatty(), -1

    def __call__(self, what: str, done: int, of: int) -> None:
        """Where it stands."""
        tenth = 10 * done // max(of, 1)
        if self.live:
            sys.stderr.write(f"\r\x1b[K{self.title}: {what} ({done} of {of})")
            sys.stderr.flush()
        elif tenth > self.tenth:
            sys.stderr.write(f"{self.title}: {what} ({done} of {of})\n")
        self.tenth = max(self.tenth, tenth)

    def end(self, text: str) -> None:
        """It is done."""
        sys.stderr.write(("\r\x1b[K" if self.live else "") + f"{self.title}: {text}\n")


# What the terminal shows of a result


def _show(analysis: Analysis) -> None:
    """A table per analysis; everything is in the file."""
    result, title = analysis.result, f"{analysis.result.kind}, {analysis.model.id}"
    if isinstance(result, DiscardResult):
        _show_discard(title, result)
    elif isinstance(result, SimilarityResult):
        _show_similarity(title, result)
    elif isinstance(result, SamplesResult):
        _show_samples(title, result)
    else:
        _show_convergence(title, result)


def _show_discard(title: str, result: DiscardResult) -> None:
    from reproductions.display import percent, show_table

    columns = ("discarded", *(curve.decomposition for curve in result.curves))
    rows = [
        [percent(points[0].share), *(percent(point.overall) for point in points)]
        for points in zip(*(curve.points for curve in result.curves), strict=True)
    ]
    show_table(f"{title}: mean retention (per cent)", columns, rows, right=0)


def _show_similarity(title: str, result: SimilarityResult) -> None:
    from reproductions.display import show_table

    for name in ("cosine", "correlation", "null_overlap"):
        matrix = getattr(result.average, name)
        rows = [
            [dimension, *(f"{value:.2f}" for value in row)]
            for dimension, row in zip(result.dimensions, matrix, strict=True)
        ]
        show_table(f"{title}: {name.replace('_', ' ')}, mean over layers", ("", *result.dimensions), rows, right=1)


def _show_samples(title: str, result: SamplesResult) -> None:
    from reproductions.display import percent, show_table

    columns = ("samples", *(one.layers for one in result.by_layers))
    rows = [
        [str(points[0].samples), *(percent(sum(point.energy) / len(point.energy)) for point in points)]
        for points in zip(*(one.points for one in result.by_layers), strict=True)
    ]
    rows.append(["reference", *(percent(one.least_energy) for one in result.by_layers)])
    show_table(f"{title}: energy of old inputs in the null space (per cent)", columns, rows, right=0)


def _show_convergence(title: str, result: ConvergenceResult) -> None:
    from reproductions.display import percent, show_table

    columns = ("row", *(str(point.step) for point in result.lines[0].points))
    rows = [
        [line.row, *(f"{percent(point.adaptation)} / {percent(point.kept)}" for point in line.points)]
        for line in result.lines
    ]
    show_table(f"{title}: adaptation / retention (per cent) after steps", columns, rows, right=1)
