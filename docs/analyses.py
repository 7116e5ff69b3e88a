"""The paper's analyses, as they come out here: a picture and a table each, beside what the paper found."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

from markupsafe import Markup

from docs import charts
from docs.drawing import Frame, Legend, dot, group, level, line, number, svg, ticks, word
from docs.pages import Page, Writer, percent
from docs.rows import method_name
from docs.sources import Sources
from docs.words import Words
from reproductions.analyses import spec
from reproductions.analyses.spec import (
    Analysis,
    ConvergenceLine,
    ConvergencePoint,
    ConvergenceResult,
    DiscardResult,
    SamplesResult,
    SimilarityOfLayers,
    SimilarityResult,
)
from reproductions.records import RESULTS
from reproductions.spec import Data

PATH = "analyses/index.md"
COLOURS = ("s1", "s2", "s3", "s4", "knowledge-editing", "baseline")
"""Of lines that are not methods of one family each."""
HALF = 1 / 2
SAMPLES_RUNS = {
    16: "ablations/kore-tree-samples-16",
    64: "ablations/kore-tree-samples-64",
    256: "kore/kore-tree-seed-0",
    1024: "ablations/kore-tree-samples-1024",
}
"""Examples behind KORE's covariance → experiment, all on the first base model."""


def pages(sources: Sources, words: Words) -> Iterator[Page]:
    """The page of all analyses."""
    writer = Writer(words, sources, PATH)
    found = spec.load_all((sources.results or RESULTS) / "analyses")
    makers = {
        "discard-rank": discarded,
        "covariance-similarity": similarities,
        "covariance-samples": samples,
        "convergence": convergence,
    }
    sections = [makers[name](found[name], writer) for name in makers if name in found]
    missing = [name for name in makers if name not in found]
    body = writer.render("analyses.html", sections=sections, missing=missing, about=spec.ANALYSES)
    yield Page(PATH, words("analyses.title"), body, words("analyses.lead"), "leaderboard", ("navigation",))


def copy_results(sources: Sources, folder: Path) -> None:
    """Every result, as the file that it is."""
    root = (sources.results or RESULTS) / "analyses"
    for file in sorted(root.glob("*/*.json")):
        place = folder / file.relative_to(root)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)


@dataclass(frozen=True)
class Figure:
    """A picture with what stands below it; twice where a phone needs another drawing."""

    title: str
    wide: Markup
    narrow: Markup | None = None
    note: str = ""


@dataclass(frozen=True)
class Grid:
    """A table: heads, rows, and what it holds."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Markup | str, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class Section:
    """One analysis on the page."""

    name: str
    title: str
    question: str
    paper: str
    where: str
    here: tuple[str, ...]
    figures: tuple[Figure, ...]
    grids: tuple[Grid, ...]
    definition: str
    results: tuple[Analysis, ...]
    heats: tuple[Figure, ...] = field(default=())

    @property
    def command(self) -> str:
        """Makes the results again."""
        words = [f"aki reproduce analyse {self.name}", *(f"--model {one.model.id}" for one in self.results)]
        data = getattr(self.results[0].result.settings, "data", None)
        if data and data.n_retention_per_dimension != Data().n_retention_per_dimension:
            words.append(f"--questions {data.n_retention_per_dimension}")
        return " ".join(words)

    @property
    def models(self) -> str:
        """Base models, comma separated."""
        return ", ".join(one.model.id for one in self.results)

    @property
    def surroundings(self) -> str:
        """Commit and machine of each result, once."""
        said = (f"{(one.environment.commit or '?')[:8]}, {one.environment.device}" for one in self.results)
        return "; ".join(dict.fromkeys(said))


def _section(
    name: str,
    results: Sequence[Analysis],
    words: Words,
    *,
    here: Sequence[str],
    figures: Sequence[Figure] = (),
    grids: Sequence[Grid] = (),
    heats: Sequence[Figure] = (),
) -> Section:
    key = f"analyses.{name}"
    return Section(
        name,
        words(f"{key}.title"),
        words(f"{key}.question"),
        words(f"{key}.paper"),
        words(f"{key}.where"),
        tuple(here),
        tuple(figures),
        tuple(grids),
        words(f"{key}.definition"),
        tuple(results),
        tuple(heats),
    )


# ── lines over numbers ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Line:
    """Values over places on the horizontal axis."""

    label: str
    spots: tuple[tuple[float, float], ...]
    colour: str
    dashed: bool = False


def graph(
    lines: Sequence[Line],
    places: Sequence[tuple[float, str]],
    legend: Legend,
    *,
    identity: str,
    top: float = 1.0,
    narrow: bool = False,
    scale: float = 100,
) -> Markup:
    """Lines in a frame; `places` are the labelled values of the horizontal axis, `scale` what a fraction stands for."""
    frame = Frame(
        width=360 if narrow else 700,
        height=270 if narrow else 320,
        left=40,
        right=104 if narrow else 140,
        top=26,
        bottom=44,
        x_range=(places[0][0], places[-1][0]),
        y_range=(0.0, top),
    )
    parts = [word(4, 14, legend.y, "ax")]
    for value in ticks(0, top, most=5):
        shown = f"{scale * value:g}"
        parts += [level(frame, value), word(frame.left - 8, frame.y(value) + 4, shown, "t", "end")]
    last = -100.0
    for value, label in places:
        if frame.x(value) - last > 7 * len(label) + 6:  # a label that would touch the one before it is left out
            last = frame.x(value)
            parts.append(word(last, frame.floor + 18, label, "t", "middle"))
    parts.append(word(frame.middle, frame.height - 6, legend.x, "ax", "middle"))
    parts += [_drawn(frame, one, dots=len(one.spots) < 20, scale=scale) for one in lines]
    for one, y in _ends(frame, lines):
        parts.append(group(f"f-{one.colour}", one.label, dot(frame.end + 10, y, 3.4)))
        parts.append(word(frame.end + 17, y + 4, one.label, "l"))
    return svg("".join(parts), frame.width, frame.height, legend, identity=identity)


def _drawn(frame: Frame, one: Line, *, dots: bool, scale: float) -> str:
    path = "".join(
        f"{'L' if index else 'M'}{number(frame.x(x))} {number(frame.y(y))}" for index, (x, y) in enumerate(one.spots)
    )
    marks = [dot(frame.x(x), frame.y(y), 3) for x, y in one.spots] if dots else []
    says = f"{one.label}: {scale * one.spots[-1][1]:.1f}"
    return group(f"f-{one.colour}", says, line(path, "ra rd" if one.dashed else "ra"), *marks)


def _ends(frame: Frame, lines: Sequence[Line]) -> list[tuple[Line, float]]:
    """Where names stand at the right end, moved apart where they would touch."""
    places: list[tuple[Line, float]] = []
    lowest = -1e9
    for one in sorted(lines, key=lambda one: -one.spots[-1][1]):
        lowest = max(frame.y(one.spots[-1][1]), lowest + 14)
        places.append((one, lowest))
    over = max(0.0, lowest - frame.floor) if places else 0.0
    return [(one, y - over) for one, y in places]


def both(
    title: str,
    lines: Sequence[Line],
    places: Sequence[tuple[float, str]],
    axes: tuple[str, str],
    identity: str,
    *,
    note: str = "",
    top: float = 1.0,
    scale: float = 100,
) -> Figure:
    """The drawing for a desk and the one for a phone."""
    legend = Legend(title, note or title, axes[0], axes[1])
    return Figure(
        title,
        graph(lines, places, legend, identity=f"{identity}-wide", top=top, scale=scale),
        graph(lines, places, legend, identity=f"{identity}-narrow", top=top, scale=scale, narrow=True),
        note,
    )


def spread(values: Sequence[float], digits: int = 1) -> Markup:
    """Mean, and from lowest to highest where there are several."""
    mean = percent(fmean(values), digits)
    if len(values) < 2:
        return Markup("{}").format(mean)
    return Markup("{}<small>{}–{}</small>").format(mean, percent(min(values), digits), percent(max(values), digits))


# ── discard-rank curves ─────────────────────────────────────────────────────────────────────────────────────────────


def discarded(results: Sequence[Analysis], writer: Writer) -> Section:
    """Retention as components are dropped, and CO-SVD with C from one dimension."""
    words = writer.words
    found = [one.result for one in results if isinstance(one.result, DiscardResult)]
    names = [curve.decomposition for curve in found[0].curves]
    shares = [point.share for point in found[0].curves[0].points]
    ranks = [point.rank for point in found[0].curves[0].points]
    values = {
        name: [[result.curves[place].points[index].overall for result in found] for index in range(len(shares))]
        for place, name in enumerate(names)
    }
    lines = [
        Line(
            words(f"analyses.{name}"),
            tuple((share, fmean(each)) for share, each in zip(shares, values[name], strict=True)),
            colour,
            dashed=name == "whitened",
        )
        for name, colour in zip(names, COLOURS, strict=False)
    ]
    title = words("analyses.discard-rank.figure")
    axes = (words("analyses.discarded"), words("analyses.retention"))
    figure = both(title, lines, [(share, percent(share, 0)) for share in shares], axes, "discard")
    rows = tuple(
        (f"{percent(share)}", str(rank), *(spread(values[name][index]) for name in names))
        for index, (share, rank) in enumerate(zip(shares, ranks, strict=True))
    )
    head = (words("analyses.dropped"), words("analyses.components"), *(words(f"analyses.{name}") for name in names))
    half = shares.index(HALF)
    at_half = {name.replace("-", "_"): percent(fmean(values[name][half])) for name in names}
    sentences = [
        words("analyses.discard-rank.here", base=percent(fmean(values["svd"][0])), n=len(found), **at_half),
        words("analyses.discard-rank.whitened", **at_half),
    ]
    matrix, dimensions = _by_source(found, HALF)
    if matrix:
        own = [matrix[index][index] for index in range(len(dimensions))]
        others = [matrix[i][j] for i in range(len(dimensions)) for j in range(len(dimensions)) if i != j]
        columns = list(zip(*matrix, strict=True))
        wins = sum(max(column) == column[index] for index, column in enumerate(columns))
        best = words(
            "analyses.source.here", own=percent(fmean(own)), other=percent(fmean(others)), wins=wins, n=len(own)
        )
        sentences.append(best)
    legend = Legend(words("analyses.source"), words("analyses.source.about"), "", "")
    heat = charts.heat(matrix, dimensions, dimensions, legend, identity="sources")
    heats = [Figure(words("analyses.source"), heat, None, words("analyses.source.about"))] if matrix else []
    questions = found[0].settings.data.n_retention_per_dimension
    grid = Grid(title, head, rows, words("analyses.spread", questions=questions))
    return _section("discard-rank", results, words, here=sentences, figures=[figure], grids=[grid], heats=heats)


def _by_source(found: Sequence[DiscardResult], share: float) -> tuple[list[list[float]], tuple[str, ...]]:
    """Source of C × scored dimension, mean over base models."""
    at = [[point for point in result.by_source if point.share == share] for result in found]
    if not all(at):
        return [], ()
    dimensions = tuple(point.source for point in at[0])
    matrix = [
        [fmean(points[row].retention[dimension] for points in at) for dimension in dimensions]
        for row in range(len(dimensions))
    ]
    return matrix, dimensions


# ── similarity ──────────────────────────────────────────────────────────────────────────────────────────────────────

MEASURES = ("cosine", "correlation", "null_overlap")


def similarities(results: Sequence[Analysis], writer: Writer) -> Section:
    """Three matrices over all layers, and how far from the ceiling each kind of layer is."""
    words = writer.words
    found = [one.result for one in results if isinstance(one.result, SimilarityResult)]
    dimensions, averages = found[0].dimensions, [one.average for one in found]
    heats, said = [], {}
    for measure in MEASURES:
        matrix = _mean_matrix([getattr(one, measure) for one in averages])
        title = words(f"analyses.{measure}")
        legend = Legend(title, words(f"analyses.{measure}.about"), "", "")
        picture = charts.heat(matrix, dimensions, dimensions, legend, identity=f"similar-{measure.replace('_', '-')}")
        heats.append(Figure(title, picture, None, words(f"analyses.{measure}.about")))
        said[measure] = matrix
    pairs = {
        (a, b): said["correlation"][i][j] for i, a in enumerate(dimensions) for j, b in enumerate(dimensions) if i < j
    }
    alike, unlike = max(pairs, key=lambda pair: pairs[pair]), min(pairs, key=lambda pair: pairs[pair])
    loner = min(dimensions, key=lambda name: fmean(value for pair, value in pairs.items() if name in pair))
    sentences = [
        words(
            "analyses.covariance-similarity.here",
            alike=" – ".join(alike),
            high=percent(pairs[alike], 0),
            unlike=" – ".join(unlike),
            low=percent(pairs[unlike], 0),
            loner=loner,
            mean=percent(fmean(value for pair, value in pairs.items() if loner in pair), 0),
            rest=percent(fmean(value for pair, value in pairs.items() if loner not in pair), 0),
        ),
        words(
            "analyses.covariance-similarity.null",
            between=percent(_off(said["null_overlap"]), 0),
            within=percent(_on(said["null_overlap"]), 0),
            chance=percent(_chance(found[0].by_layers), 0),
            r=averages[0].rank,
        ),
    ]
    kinds = [one.layers for one in found[0].by_layers]
    rows = tuple(
        (_short(kind), *_kind_cells([one.by_layers[index] for one in found])) for index, kind in enumerate(kinds)
    )
    head = (words("analyses.layers"), words("analyses.width"), *(words(f"analyses.{measure}") for measure in MEASURES))
    grid = Grid(words("analyses.similar.table"), head, rows, words("analyses.similar.note"))
    return _section("covariance-similarity", results, words, here=sentences, heats=heats, grids=[grid])


def _short(kind: str) -> str:
    """`q_proj, k_proj, v_proj` as `q, k, v`."""
    return kind.replace("_proj", "")


def _chance(layers: Sequence[SimilarityOfLayers]) -> float:
    """Overlap of null spaces that have nothing to do with each other, mean over layers."""
    return sum(one.n_layers * one.rank / one.width for one in layers) / sum(one.n_layers for one in layers)


def _kind_cells(layers: Sequence[SimilarityOfLayers]) -> list[Markup | str]:
    cells: list[Markup | str] = [str(layers[0].width)]
    for measure in MEASURES:
        matrix = _mean_matrix([getattr(one, measure) for one in layers])
        cells.append(Markup("{}<small>{}</small>").format(percent(_off(matrix)), percent(_on(matrix))))
    return cells


def _mean_matrix(matrices: Sequence[Sequence[Sequence[float]]]) -> list[list[float]]:
    size = range(len(matrices[0]))
    return [[fmean(matrix[i][j] for matrix in matrices) for j in size] for i in size]


def _off(matrix: Sequence[Sequence[float]]) -> float:
    """Mean beside the diagonal."""
    return fmean(value for i, row in enumerate(matrix) for j, value in enumerate(row) if i != j)


def _on(matrix: Sequence[Sequence[float]]) -> float:
    """Mean of the diagonal."""
    return fmean(matrix[i][i] for i in range(len(matrix)))


# ── samples ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def samples(results: Sequence[Analysis], writer: Writer) -> Section:
    """How the null space converges, and what KORE makes of it."""
    words = writer.words
    found = [one.result for one in results if isinstance(one.result, SamplesResult)]
    kinds = [one.layers for one in found[0].by_layers]
    numbers = [point.samples for point in found[0].by_layers[0].points]
    overlaps = [
        [fmean(fmean(one.by_layers[kind].points[place].overlap) for one in found) for place in range(len(numbers))]
        for kind in range(len(kinds))
    ]
    lines = [
        Line(_short(kind), tuple((float(place), value) for place, value in enumerate(overlaps[index])), COLOURS[index])
        for index, kind in enumerate(kinds)
    ]
    places = [(float(place), str(value)) for place, value in enumerate(numbers)]
    title = words("analyses.covariance-samples.figure")
    figure = both(
        title,
        lines,
        places,
        (words("analyses.examples"), words("analyses.overlap")),
        "samples",
        note=words("analyses.covariance-samples.note"),
    )

    def leak(place: int) -> float:
        """Energy of old inputs in the null space from so many examples, as a multiple of the least possible."""
        return fmean(fmean(layer.points[place].energy) / layer.least_energy for one in found for layer in one.by_layers)

    def angle(place: int) -> float:
        return fmean(fmean(layer.points[place].largest_angle) for one in found for layer in one.by_layers)

    downstream = _downstream(writer)
    rows = tuple(
        (
            str(value),
            percent(fmean(overlaps[kind][place] for kind in range(len(kinds)))),
            f"{angle(place):.0f}°",
            f"{leak(place):.2f} ×",
            *downstream.get(value, ("–", "–")),
        )
        for place, value in enumerate(numbers)
    )
    keys = ("examples", "overlap.short", "angle", "leak", "kore.adaptation", "kore.retention")
    grid = Grid(
        title, tuple(words(f"analyses.{key}") for key in keys), rows, words("analyses.covariance-samples.table")
    )

    def at(number: int) -> int:
        return numbers.index(number) if number in numbers else len(numbers) - 1

    few, usual = at(32), at(256)
    sentence = words(
        "analyses.covariance-samples.here",
        few=numbers[few],
        usual=numbers[usual],
        few_leak=f"{leak(few):.2f}",
        usual_leak=f"{leak(usual):.2f}",
        few_overlap=percent(fmean(row[few] for row in overlaps), 0),
        usual_overlap=percent(fmean(row[usual] for row in overlaps), 0),
        reference=found[0].settings.reference,
    )
    last = words("analyses.covariance-samples.measured" if downstream else "analyses.covariance-samples.not-run")
    return _section("covariance-samples", results, words, here=[sentence, last], figures=[figure], grids=[grid])


def _downstream(writer: Writer) -> Mapping[int, tuple[Markup, Markup]]:
    """Examples → adaptation and retention of KORE with so many, mean and range over seeds."""
    found = {}
    for n_examples, name in SAMPLES_RUNS.items():
        last = [one.steps[-1] for one in writer.sources.records if one.experiment.id == name and one.steps]
        if last:
            adapted = [(score.cem + score.f1) / 2 for step in last for score in step.adaptation.values()]
            found[n_examples] = spread(adapted), spread([fmean(step.retention.values()) for step in last])
    return found


# ── convergence ─────────────────────────────────────────────────────────────────────────────────────────────────────


def convergence(results: Sequence[Analysis], writer: Writer) -> Section:
    """Losses, adaptation and retention while methods learn, means over base models."""
    words = writer.words
    found = [one.result for one in results if isinstance(one.result, ConvergenceResult)]
    rows = [line.row for line in found[0].lines]
    steps = [point.step for point in found[0].lines[0].points]
    by_row = {row: [line for one in found for line in one.lines if line.row == row] for row in rows}
    names = {row: _row_name(by_row[row][0], writer) for row in rows}

    def value(row: str, place: int, which: str) -> float:
        return fmean(getattr(line.points[place], which) for line in by_row[row])

    def scored(which: str) -> list[Line]:
        return [
            Line(
                names[row],
                tuple((float(step), value(row, place, which)) for place, step in enumerate(steps)),
                COLOURS[index % len(COLOURS)],
                dashed=by_row[row][0].form == "raw",
            )
            for index, row in enumerate(rows)
        ]

    window = found[0].settings.window
    losses = [
        Line(
            names[row],
            tuple(
                ((place + 0.5) * window, fmean(line.losses[place] for line in by_row[row]))
                for place in range(min(len(line.losses) for line in by_row[row]))
            ),
            COLOURS[index % len(COLOURS)],
            dashed=by_row[row][0].form == "raw",
        )
        for index, row in enumerate(rows)
    ]
    places, axis = [(float(step), str(step)) for step in steps], words("analyses.steps")
    highest = max(spot[1] for one in losses for spot in one.spots[:1])
    figures = [
        both(
            words("analyses.adapting"), scored("adaptation"), places, (axis, words("analyses.adaptation")), "adapting"
        ),
        both(words("analyses.keeping"), scored("kept"), places, (axis, words("analyses.retention")), "keeping"),
        both(
            words("analyses.losses"),
            losses,
            places,
            (axis, words("analyses.loss")),
            "losses",
            note=words("analyses.losses.note", window=window),
            top=highest,
            scale=1,
        ),
    ]
    grid = Grid(
        words("analyses.convergence.table"),
        (words("column.method"), *(words("analyses.after", step=step) for step in steps)),
        tuple((names[row], *_both_scores(by_row[row], steps)) for row in rows),
        words("analyses.convergence.table.note"),
    )
    middle = _nearest(steps, steps[-1] // 5)
    fastest = max(rows, key=lambda row: value(row, middle, "adaptation"))
    mildest = max(rows, key=lambda row: value(row, len(steps) - 1, "adaptation") + value(row, len(steps) - 1, "kept"))
    here = words(
        "analyses.convergence.here",
        step=steps[middle],
        fastest=names[fastest],
        early=percent(value(fastest, middle, "adaptation")),
        best=names[mildest],
        adaptation=percent(value(mildest, len(steps) - 1, "adaptation")),
        retention=percent(value(mildest, len(steps) - 1, "kept")),
        lowest=names[min(rows, key=lambda row: value(row, len(steps) - 1, "kept"))],
        dip=percent(min(value(row, len(steps) - 1, "kept") for row in rows)),
    )
    said = [here, _early(rows, value, steps, words)]
    if any(not line.tuned for lines in by_row.values() for line in lines):
        said.append(words("analyses.not-tuned"))
    return _section("convergence", results, words, here=said, figures=figures, grids=[grid])


def _early(rows: Sequence[str], value: Callable[[str, int, str], float], steps: Sequence[int], words: Words) -> str:
    """How much of what is finally forgotten is gone after a fifth of the steps."""
    middle, end = _nearest(steps, steps[-1] // 5), len(steps) - 1
    lost = [
        (value(row, 0, "kept") - value(row, middle, "kept"))
        / max(value(row, 0, "kept") - value(row, end, "kept"), 1e-9)
        for row in rows
    ]
    learned = [value(row, middle, "adaptation") / max(value(row, end, "adaptation"), 1e-9) for row in rows]
    return words(
        "analyses.convergence.early",
        step=steps[middle],
        lost=percent(fmean(lost), 0),
        learned=percent(fmean(learned), 0),
    )


def _nearest(steps: Sequence[int], wanted: int) -> int:
    return min(range(len(steps)), key=lambda place: abs(steps[place] - wanted))


def _row_name(line: ConvergenceLine, writer: Writer) -> str:
    name = method_name(line.method, writer.sources)
    return name if line.form != "raw" else writer.words("analyses.on-raw", name=name)


def _both_scores(lines: Sequence[ConvergenceLine], steps: Sequence[int]) -> list[Markup]:
    def mean(place: int, which: str) -> float:
        points: list[ConvergencePoint] = [line.points[place] for line in lines]
        return fmean(getattr(point, which) for point in points)

    return [
        Markup("{}<small>{}</small>").format(percent(mean(place, "adaptation")), percent(mean(place, "kept")))
        for place in range(len(steps))
    ]
