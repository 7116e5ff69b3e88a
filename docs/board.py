"""The leaderboard: one page per comparable group of rows, one page per row with every run behind it, and the gap to print.

Nothing is computed here that is not layout: values, intervals and ranks come from `reproductions.leaderboard`.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from docs import charts, citing
from docs.browse import FAMILIES, chip
from docs.pages import Page, Writer, percent
from docs.sources import Sources
from docs.tables import Cell, Column, Row, Table, facet, slug, worth
from docs.words import Words
from reproductions.records import RunRecord
from reproductions.rows import Estimate, Gap, LeaderboardRow

DIMENSIONS = ("COM", "OCR", "M-DIS", "INS", "M-IDU", "MAT", "HAL")
MAIN_SUITES = ("kore", "quick", "demo")
"""Suites in the order in which they are shown first."""


@dataclass(frozen=True)
class Group:
    """Rows that may be compared, with the page they stand on."""

    name: str
    rows: tuple[LeaderboardRow, ...]
    path: str
    """`leaderboard/index.md` for the main one."""

    @property
    def first(self) -> LeaderboardRow:
        """The row that stands for what all share: suite, model, protocol."""
        return self.rows[0]

    @property
    def measured(self) -> tuple[LeaderboardRow, ...]:
        """Rows with scores."""
        return tuple(row for row in self.rows if row.adaptation and row.retention)

    @property
    def base(self) -> tuple[float, float] | None:
        """The base model's adaptation and retention under the same harness; mean over the rows' own base scores."""
        known = [(row.base_adaptation, row.base_retention) for row in self.measured]
        pairs = [(a, r) for a, r in known if a is not None and r is not None]
        if not pairs:
            return None
        return sum(a for a, _ in pairs) / len(pairs), sum(r for _, r in pairs) / len(pairs)

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Retention dimensions in the paper's order, then any others."""
        found = {name for row in self.measured for name in row.by_dimension}
        return tuple(name for name in DIMENSIONS if name in found) + tuple(sorted(found - set(DIMENSIONS)))


def groups(sources: Sources) -> tuple[Group, ...]:
    """All groups, the main one first: main suite, injection, most rows."""
    found: dict[str, list[LeaderboardRow]] = defaultdict(list)
    for row in sources.rows:
        found[row.group].append(row)
    ordered = sorted(found.items(), key=_weight)
    return tuple(
        Group(name, tuple(rows), "leaderboard/index.md" if place == 0 else f"leaderboard/{_group_slug(name, rows)}.md")
        for place, (name, rows) in enumerate(ordered)
    )


def _weight(item: tuple[str, Sequence[LeaderboardRow]]) -> tuple[int, bool, int, str]:
    name, rows = item
    suite = rows[0].suite
    return MAIN_SUITES.index(suite) if suite in MAIN_SUITES else 99, rows[0].protocol != "injection", -len(rows), name


def _group_slug(name: str, rows: Sequence[LeaderboardRow]) -> str:
    first = rows[0]
    mark = hashlib.sha256(name.encode()).hexdigest()[:6]
    return f"{slug(first.suite)}-{slug(first.model)}-{first.protocol}-{mark}"


def pages(sources: Sources, words: Words) -> Iterator[Page]:
    """Leaderboard pages of one language: each group, each row, the gap, the streams."""
    all_groups = groups(sources)
    if not all_groups:
        yield _empty_page(Writer(words, sources, "leaderboard/index.md"))
        return
    for group in all_groups:
        yield group_page(group, all_groups, Writer(words, sources, group.path))
    names = labels(sources.rows, words, sources)
    for row in sources.rows:
        group = next(one for one in all_groups if one.name == row.group)
        yield row_page(row, group, names, Writer(words, sources, f"{row_path(row)}.md"))
    if any(group.first.protocol == "continual" or any(row.continual for row in group.rows) for group in all_groups):
        yield continual_page(all_groups, Writer(words, sources, "leaderboard/continual.md"))
    yield gap_page(Writer(words, sources, "leaderboard/gap.md"))


def row_path(row: LeaderboardRow) -> str:
    """`runs/kore/lora-raw`: the page of a row, without ending."""
    return f"runs/{row.id}"


# ── names of rows ───────────────────────────────────────────────────────────────────────────────────────────────────


def method_name(method: str, sources: Sources) -> str:
    """The name readers know a method by."""
    entry = sources.catalog.methods.get(method)
    return entry.name if entry else method


def family(method: str, sources: Sources) -> str:
    """The family of a method; what has no entry counts as baseline."""
    entry = sources.catalog.methods.get(method)
    return entry.family if entry else "baseline"


def labels(rows: Sequence[LeaderboardRow], words: Words, sources: Sources) -> dict[str, str]:
    """Row id → short label, with what sets it apart from its neighbours of the same method."""
    by_method: dict[tuple[str, str, str], list[LeaderboardRow]] = defaultdict(list)
    for row in rows:
        by_method[row.group, row.method, row.form].append(row)
    return {
        row.id: " ".join([method_name(row.method, sources), *_differences(row, alike)])
        for alike in by_method.values()
        for row in alike
    }


def _differences(row: LeaderboardRow, alike: Sequence[LeaderboardRow]) -> list[str]:
    """Settings in which rows of one method and one form of data differ, as `key=value`."""
    if len(alike) == 1:
        return []
    own = _settings(row)
    others = [_settings(one) for one in alike]
    return [f"{key}={value}" for key, value in own.items() if any(other.get(key) != value for other in others)]


def _settings(row: LeaderboardRow) -> dict[str, str]:
    settings = {key: _short(value) for key, value in sorted(row.method_config.items())}
    settings |= {"tuning": row.tuning.kind, "rank": str(row.tuning.rank), "lr": f"{row.training.learning_rate:g}"}
    settings |= {"targets": row.tuning.targets, "prior": row.data.prior, "steps": str(row.training.steps)}
    return settings


def _short(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return f"{value:g}" if isinstance(value, float) else str(value)


def form_word(form: str, words: Words) -> str:
    """The form of the injected data in words; unknown forms stay as they are spelled."""
    return words(f"form.{form}") if words.has(f"form.{form}") else form


# ── a group ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def points(group: Group, names: Mapping[str, str], writer: Writer) -> tuple[charts.Point, ...]:
    """The rows of a group in the plane; the frontier is over the measured values, membership shares are in the table."""
    found = [
        charts.Point(
            label=names[row.id],
            x=row.adaptation.value,
            y=row.retention.value,
            family=family(row.method, writer.sources),
            x_interval=(row.adaptation.low, row.adaptation.high),
            y_interval=(row.retention.low, row.retention.high),
            hollow=row.form == "raw",
            href=writer.link(f"{row_path(row)}.html"),
            note=writer.words(
                "board.point",
                form=form_word(row.form, writer.words),
                adaptation=percent(row.adaptation.value),
                retention=percent(row.retention.value),
            ),
        )
        for row in group.measured
        if row.adaptation and row.retention
    ]
    return charts.dominating(found)


def plane_legend(group: Group, words: Words, title: str | None = None) -> charts.Legend:
    """The words around the plane."""
    return charts.Legend(
        title=title or words("board.plane.title"),
        description=words("board.plane.description", n=len(group.measured), model=group.first.model),
        x=words("board.axis.adaptation"),
        y=words("board.axis.retention"),
        base=words("board.base"),
        better=words("board.better"),
    )


def pictures(group: Group, writer: Writer, identity: str = "plane") -> Markup:
    """The plane twice: a wide drawing and a narrow one; the style sheet shows the one that fits."""
    names = labels(group.rows, writer.words, writer.sources)
    dots, legend = points(group, names, writer), plane_legend(group, writer.words)
    wide = charts.plane(dots, legend, base=group.base, identity=f"{identity}-wide")
    narrow = charts.plane(dots, legend, base=group.base, narrow=True, identity=f"{identity}-narrow")
    return Markup('<div class="aki-wide">{}</div><div class="aki-narrow">{}</div>').format(wide, narrow)


def families_shown(group: Group, sources: Sources) -> list[tuple[str, Markup]]:
    """Families in the picture with their marker, for the key below it."""
    present = {family(row.method, sources) for row in group.measured}
    return [(one, swatch(one)) for one in FAMILIES if one in present]


def swatch(family_id: str, *, hollow: bool = False) -> Markup:
    """A marker as it stands in the pictures."""
    shape = charts.marker(charts.SHAPES.get(family_id, "circle"), 8, 8, 5)
    return Markup(
        f'<svg class="aki-swatch" viewBox="0 0 16 16" aria-hidden="true"><g class="p f-{family_id}{" h" if hollow else ""}">{shape}</g></svg>'
    )


def group_page(group: Group, every: Sequence[Group], writer: Writer) -> Page:
    """Picture, key, table, radar, notes."""
    words, sources = writer.words, writer.sources
    table = board_table(group, writer)
    body = writer.render(
        "board.html",
        group=group,
        table=table,
        picture=pictures(group, writer) if len(group.measured) > 1 else None,
        key=families_shown(group, sources),
        hollow=swatch("baseline", hollow=True),
        filled=swatch("baseline"),
        summary=summary(group, writer),
        radar=radar_of(group, writer),
        radar_rows=radar_rows(group),
        dimensions=group.dimensions,
        labels=labels(group.rows, words, sources),
        others=[(group_title(one, words), one) for one in every if one is not group],
        title=group_title(group, words),
        main=group.path == "leaderboard/index.md",
        gap=bool(sources.gaps),
        continual=any(row.continual for one in every for row in one.rows),
        releases=sources.releases,
        form_word=lambda form: form_word(form, words),
    )
    title = words("board.title") if group.path == "leaderboard/index.md" else group_title(group, words)
    return Page(
        path=writer.path,
        title=title,
        body=body,
        description=words("board.lead"),
        section="leaderboard",
        hide=("navigation", "toc"),
        boost=3 if group.path == "leaderboard/index.md" else 1,
    )


def group_title(group: Group, words: Words) -> str:
    """`kore · lab-tiny · injection`, with what else sets the group apart."""
    extra = group.name.split(" · ")[3:]
    return " · ".join([group.first.suite, group.first.model, words(f"protocol.{group.first.protocol}"), *extra])


@dataclass(frozen=True)
class Summary:
    """What the data of a group say, as far as intervals allow. All derived."""

    frontier: tuple[tuple[str, str, LeaderboardRow], ...]
    """Label, address, row; highest retention first."""
    best: LeaderboardRow | None
    tied: int
    """Rows that cannot be told from the best."""
    n_methods: int
    n_runs: int
    n_failed: int


def summary(group: Group, writer: Writer) -> Summary:
    """Which rows no other dominates, and how many the best cannot be told from."""
    names = labels(group.rows, writer.words, writer.sources)
    dots = points(group, names, writer)
    front = [
        (names[row.id], writer.link(f"{row_path(row)}.html"), row)
        for row, dot in zip(group.measured, dots, strict=True)
        if dot.frontier
    ]
    front.sort(key=lambda item: -(item[2].retention.value if item[2].retention else 0))
    return Summary(
        frontier=tuple(front),
        best=next((row for row in group.measured if row.best), None),
        tied=sum(row.separable is False for row in group.measured),
        n_methods=len({row.method for row in group.rows}),
        n_runs=sum(row.n_runs for row in group.rows),
        n_failed=sum(row.n_failed for row in group.rows),
    )


# ── the table ───────────────────────────────────────────────────────────────────────────────────────────────────────


def board_table(group: Group, writer: Writer, *, identity: str = "board", export: bool = True) -> Table:
    """One line per row of the group and one for the base model; every number leads to the runs behind it."""
    words, sources = writer.words, writer.sources
    names = labels(group.rows, words, sources)
    rows = [_board_row(row, group, names, writer) for row in group.rows]
    base = _base_row(group, writer)
    forms = {row.form: form_word(row.form, words) for row in group.rows}
    facets = (
        facet("family", words("column.family"), rows, lambda v: words(f"family.{v}"), FAMILIES),
        facet("form", words("column.form"), rows, lambda v: forms[v], tuple(forms)),
        facet("tuning", words("column.tuning"), rows, lambda v: words(f"tuning.{v}")),
        facet("standing", words("column.standing"), rows, lambda v: words(f"standing.{v}"), ("best", "tied", "below", "failed")),
        facet("tier", words("column.tier"), rows, lambda v: words(f"tier.{v}")),
        facet("seeds", words("column.seeds"), rows, str),
    )
    return Table(
        identity,
        board_columns(group, words),
        (*([base] if base else []), *rows),
        worth(facets),
        sort="-average",
        caption=group_title(group, words),
        export=export,
    )


def board_columns(group: Group, words: Words) -> tuple[Column, ...]:
    """Scores first, then dimensions, then how sure, then what it took."""

    def column(key: str, *, shown: bool = True, numeric: bool = True) -> Column:
        about = words(f"column.{key}.about") if words.has(f"column.{key}.about") else ""
        return Column(key, words(f"column.{key}"), numeric=numeric, shown=shown, about=about)

    return (
        Column("method", words("column.method"), lead=True),
        column("form", numeric=False),
        column("adaptation"),
        column("retention"),
        column("average"),
        column("rank"),
        column("pareto", shown=False),
        *(Column(slug(name), name, numeric=True, about=words(f"dimension.{name}")) for name in group.dimensions),
        column("cem", shown=False),
        column("f1", shown=False),
        column("first-words-cem", shown=False),
        column("reliability", shown=False),
        column("runs"),
        column("seconds", shown=False),
        column("memory", shown=False),
        column("parameters", shown=False),
        column("tuning", shown=False, numeric=False),
        column("tier", shown=False, numeric=False),
        column("proof", numeric=False),
    )


def score(estimate: Estimate | None, href: str, words: Words) -> Cell:
    """A value with its interval below it, linked to where it comes from."""
    if estimate is None:
        return Cell(Markup('<span class="aki-none">–</span>'), None)
    shown = Markup('<a class="aki-score" href="{}">{}<small>{}–{}</small></a>').format(
        href, percent(estimate.value), percent(estimate.low), percent(estimate.high)
    )
    return Cell(shown, round(100 * estimate.value, 4))


def _board_row(row: LeaderboardRow, group: Group, names: Mapping[str, str], writer: Writer) -> Row:
    words, sources = writer.words, writer.sources
    page = writer.link(f"{row_path(row)}.html")
    standing = standing_of(row)
    lead = Markup("{}<a href='{}'>{}</a>").format(swatch(family(row.method, sources), hollow=row.form == "raw"), page, names[row.id])
    if row.best:
        lead += Markup(' <span class="aki-tag aki-tag--best">{}</span>').format(words("standing.best"))
    elif row.separable is False:
        lead += Markup(' <span class="aki-tag">{}</span>').format(words("standing.tied"))
    if row.status != "finished":
        lead += Markup(' <span class="aki-tag aki-tag--bad">{}</span>').format(words(f"runstatus.{row.status}"))
    if row.degenerate:
        lead += Markup(' <span class="aki-tag" title="{}">{}</span>').format(words("board.degenerate.about"), words("board.degenerate"))
    cost = row.cost
    cells = (
        Cell(lead, names[row.id]),
        Cell(form_word(row.form, words), row.form),
        score(row.adaptation, f"{page}#adaptation", words),
        score(row.retention, f"{page}#retention", words),
        score(row.average, f"{page}#runs", words),
        rank_cell(row, words),
        Cell(percent(row.pareto, 0), None if row.pareto is None else round(row.pareto, 4)),
        *(score(row.by_dimension.get(name), f"{page}#retention", words) for name in group.dimensions),
        score(row.cem, f"{page}#adaptation", words),
        score(row.f1, f"{page}#adaptation", words),
        score(row.first_words_cem, f"{page}#adaptation", words),
        Cell(percent(row.reliability), None if row.reliability is None else round(100 * row.reliability, 4)),
        Cell(f"{row.n_runs}" + (f" ({row.n_failed} ✗)" if row.n_failed else ""), row.n_runs),
        Cell(f"{cost.train_seconds:.1f}" if cost else "–", round(cost.train_seconds, 2) if cost else None),
        Cell(f"{cost.peak_bytes / 2**20:,.0f}" if cost else "–", round(cost.peak_bytes / 2**20) if cost else None),
        Cell(f"{cost.trainable_parameters:,}" if cost else "–", cost.trainable_parameters if cost else None),
        Cell(words(f"tuning.{row.tuning.kind}"), row.tuning.kind),
        Cell(words(f"tier.{row.tier}"), row.tier),
        Cell(Markup('<a href="{}#runs">{}</a>').format(page, words("board.proof", n=len(row.records))), row.command),
    )
    facets = {
        "family": (family(row.method, sources),),
        "form": (row.form,),
        "tuning": (row.tuning.kind,),
        "standing": (standing,),
        "tier": (row.tier,),
        "seeds": (str(row.n_seeds),),
    }
    return Row(slug(row.id), cells, facets, f"{row.method} {row.id}", mark="failed" if row.status == "failed" else "")


def standing_of(row: LeaderboardRow) -> str:
    """`best`, `tied` (cannot be told from it), `below`, or `failed`."""
    if row.status == "failed" or row.average is None:
        return "failed"
    if row.best:
        return "best"
    return "below" if row.separable else "tied"


def rank_cell(row: LeaderboardRow, words: Words) -> Cell:
    """Rank interval by average: `2–5`."""
    if "average" not in row.ranks:
        return Cell("–", None)
    low, high = row.ranks["average"]
    return Cell(f"{low}" if low == high else f"{low}–{high}", low)


def _base_row(group: Group, writer: Writer) -> Row | None:
    base = group.base
    if base is None:
        return None
    words = writer.words
    by_dimension = {
        name: _mean([row.base_by_dimension[name] for row in group.measured if name in row.base_by_dimension])
        for name in group.dimensions
    }
    page = writer.link(f"{row_path(group.measured[0])}.html#base")

    def value(number: float | None) -> Cell:
        if number is None:
            return Cell("–", None)
        return Cell(Markup('<a class="aki-score" href="{}">{}</a>').format(page, percent(number)), round(100 * number, 4))

    known: dict[str, Cell] = {
        "method": Cell(Markup("<span class='aki-ring' aria-hidden='true'></span>{}").format(words("board.base")), words("board.base")),
        "form": Cell(words("board.base.form")),
        "adaptation": value(base[0]),
        "retention": value(base[1]),
        "average": value((base[0] + base[1]) / 2),
        **{slug(name): value(number) for name, number in by_dimension.items()},
    }
    cells = tuple(known.get(column.key, Cell("", None)) for column in board_columns(group, words))
    return Row("base-model", cells, mark="base")


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


# ── radar ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def radar_rows(group: Group) -> tuple[LeaderboardRow, ...]:
    """At most four rows worth comparing by dimension: those on the frontier, spread from retention to adaptation."""
    measured = list(group.measured)
    front = [
        row
        for row in measured
        if row.adaptation
        and row.retention
        and not any(
            other.adaptation
            and other.retention
            and other.adaptation.value >= row.adaptation.value
            and other.retention.value >= row.retention.value
            and other is not row
            for other in measured
        )
    ]
    front.sort(key=lambda row: row.retention.value if row.retention else 0)
    if len(front) <= 4:
        return tuple(front)
    step = (len(front) - 1) / 3
    return tuple(front[round(index * step)] for index in range(4))


def radar_of(group: Group, writer: Writer) -> Markup | None:
    """The radar of those rows and the base model; None with fewer than three dimensions."""
    if len(group.dimensions) < 3 or not group.measured:
        return None
    names = labels(group.rows, writer.words, writer.sources)
    base = charts.Series(
        writer.words("board.base"),
        tuple(group.measured[0].base_by_dimension.get(name) for name in group.dimensions),
        "baseline",
        dashed=True,
    )
    series = [base]
    for index, row in enumerate(radar_rows(group)):
        values = tuple(row.by_dimension[name].value if name in row.by_dimension else None for name in group.dimensions)
        series.append(charts.Series(names[row.id], values, f"s{index + 1}"))
    legend = charts.Legend(
        title=writer.words("board.radar.title"), description=writer.words("board.radar.description"), x="", y=""
    )
    return charts.radar(group.dimensions, series, legend, identity="radar")


# ── one row ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def row_page(row: LeaderboardRow, group: Group, names: Mapping[str, str], writer: Writer) -> Page:
    """Every run behind a row: scores, base model, cost, surroundings, records and the command that repeats it."""
    words, sources = writer.words, writer.sources
    runs = [sources.records_by_name[path.removesuffix(".json")] for path in row.records if path.removesuffix(".json") in sources.records_by_name]
    body = writer.render(
        "run.html",
        row=row,
        name=names[row.id],
        group=group,
        group_title=group_title(group, words),
        group_page=writer.link(group.path.removesuffix(".md") + ".html"),
        method=sources.catalog.methods.get(row.method),
        runs=runs,
        dimensions=group.dimensions,
        form=form_word(row.form, words),
        chips=[chip("family", family(row.method, sources), words)],
        last=lambda run: run.steps[-1] if run.steps else None,
        adapted=adapted,
        record=lambda run: writer.shared(f"records/{run.name}.json"),
        losses=_loss_spark(row, words),
        matrix=_matrix(row, words, identity="matrix") if row.continual else None,
        settings=settings_lines(row),
        report=citing.issue_url(sources.repository_url, f"runs/{row.id}"),
    )
    return Page(
        path=writer.path,
        title=f"{names[row.id]} · {form_word(row.form, words)} · {row.suite}",
        body=body,
        description=words("run.lead", name=names[row.id], n=row.n_runs),
        section="leaderboard",
        hide=("navigation",),
        boost=0.5,
    )


def adapted(run: RunRecord, metric: str) -> float | None:
    """A run's final adaptation metric, mean over its tasks."""
    if not run.steps:
        return None
    scores = list(run.steps[-1].adaptation.values())
    return sum(getattr(one, metric) for one in scores) / len(scores) if scores else None


def settings_lines(row: LeaderboardRow) -> list[tuple[str, str]]:
    """Everything that was set, defaults included, as (name, value)."""
    lines: list[tuple[str, str]] = [("model", row.model), ("checkpoints", ", ".join(row.checkpoints))]
    for part, values in (
        ("method", row.method_config),
        ("tuning", row.tuning.model_dump(mode="json")),
        ("training", row.training.model_dump(mode="json")),
        ("data", row.data.model_dump(mode="json")),
    ):
        lines += [(f"{part}.{key}", _short(value)) for key, value in values.items() if value not in (None, {}, [])]
    return lines


def _loss_spark(row: LeaderboardRow, words: Words) -> Markup | None:
    if not row.losses:
        return None
    top = max(row.losses)
    values = [(f"{10 * (index + 1)} %", round(1000 * loss / top) if top else 0) for index, loss in enumerate(row.losses)]
    legend = charts.Legend(words("run.losses"), words("run.losses.about", first=f"{row.losses[0]:.3f}", last=f"{row.losses[-1]:.3f}"), "", "")
    return charts.bars(values, legend, identity="losses", family=row.method)


# ── streams ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _matrix(row: LeaderboardRow, words: Words, identity: str) -> Markup:
    continual = row.continual
    assert continual is not None
    tasks = [words("continual.task", n=index + 1) for index in range(len(continual.matrix))]
    after = [words("continual.after", n=index + 1) for index in range(len(continual.matrix))]
    legend = charts.Legend(words("continual.matrix"), words("continual.matrix.about"), "", "")
    return charts.heat(continual.matrix, after, tasks, legend, identity=identity)


def continual_page(every: Sequence[Group], writer: Writer) -> Page:
    """Score matrices as heat maps, one per row, and the forgetting of the first task as curves."""
    words, sources = writer.words, writer.sources
    blocks = []
    for number, group in enumerate(every):
        rows = [row for row in group.rows if row.continual]
        if not rows:
            continue
        names = labels(group.rows, words, sources)
        steps = [words("continual.task", n=index + 1) for index in range(len(rows[0].continual.matrix if rows[0].continual else ()))]
        lines = [
            charts.Series(names[row.id], tuple(step[0] for step in row.continual.matrix), family(row.method, sources), dashed=row.form == "raw")
            for row in rows
            if row.continual and len(row.continual.matrix) == len(steps)
        ][:10]
        legend = charts.Legend(words("continual.curve"), words("continual.curve.about"), words("continual.axis"), "")
        wide = charts.curves(lines, steps, legend, identity=f"curve-{number}-wide")
        narrow = charts.curves(lines, steps, legend, identity=f"curve-{number}-narrow", narrow=True)
        matrices = [(names[row.id], row, _matrix(row, words, identity=f"m-{number}-{index}")) for index, row in enumerate(rows)]
        blocks.append((group_title(group, words), wide, narrow, matrices))
    body = writer.render("continual.html", blocks=blocks, row_path=row_path, form_word=lambda form: form_word(form, words))
    return Page(writer.path, words("continual.title"), body, words("continual.lead"), "leaderboard", ("navigation", "toc"))


# ── reported against reproduced ─────────────────────────────────────────────────────────────────────────────────────


def gap_page(writer: Writer) -> Page:
    """Printed orderings beside ours, with Kendall's tau; the two scales are never mixed."""
    words, sources = writer.words, writer.sources
    blocks = []
    for table_id, suite in dict.fromkeys((gap.table, gap.suite) for gap in sources.gaps):
        found = [gap for gap in sources.gaps if (gap.table, gap.suite) == (table_id, suite)]
        blocks.append((sources.catalog.reported[table_id], suite, [(gap, slope(gap, writer)) for gap in found]))
    body = writer.render(
        "gap.html", blocks=blocks, method_name=lambda method: method_name(method, sources), row_path=row_path
    )
    return Page(writer.path, words("gap.title"), body, words("gap.lead"), "leaderboard", ("navigation", "toc"))


def slope(gap: Gap, writer: Writer) -> Markup:
    """Ranks as printed on the left, ranks as measured on the right, one line per method."""
    words, sources = writer.words, writer.sources
    legend = charts.Legend(
        words("gap.slope", metric=words(f"column.{gap.metric}")), words("gap.slope.about"), words("gap.reported"), words("gap.reproduced")
    )
    lines = [
        charts.Slope(method_name(entry.method, sources), entry.reported_rank, entry.reproduced_rank, family(entry.method, sources))
        for entry in gap.entries
    ]
    return charts.slopes(lines, legend, identity=f"slope-{gap.table}-{gap.suite}-{gap.metric}")


def _empty_page(writer: Writer) -> Page:
    words = writer.words
    body = writer.render("board-empty.html")
    return Page(writer.path, words("board.title"), body, words("board.lead"), "leaderboard", ("navigation", "toc"), boost=3)


# ── for other pages ─────────────────────────────────────────────────────────────────────────────────────────────────


def results_of_method(method: str, writer: Writer) -> Table | None:
    """All rows of one method over all groups, as a small table."""
    words, sources = writer.words, writer.sources
    found = [(group, row) for group in groups(sources) for row in group.rows if row.method == method]
    if not found:
        return None
    rows = []
    for group, row in found:
        page = writer.link(f"{row_path(row)}.html")
        names = labels(group.rows, words, sources)
        lead = Markup("{}<a href='{}'>{}</a>").format(swatch(family(method, sources), hollow=row.form == "raw"), page, names[row.id])
        cells = (
            Cell(lead, names[row.id]),
            Cell(form_word(row.form, words), row.form),
            Cell(Markup("<a href='{}'>{}</a>").format(writer.link(group.path.removesuffix(".md") + ".html"), group_title(group, words))),
            score(row.adaptation, f"{page}#adaptation", words),
            score(row.retention, f"{page}#retention", words),
            score(row.average, f"{page}#runs", words),
            rank_cell(row, words),
            Cell(str(row.n_runs), row.n_runs),
        )
        rows.append(Row(slug(row.id), cells, {"suite": (row.suite,), "form": (row.form,)}))
    columns = (
        Column("row", words("column.row"), lead=True),
        Column("form", words("column.form")),
        Column("group", words("column.group")),
        Column("adaptation", words("column.adaptation"), numeric=True),
        Column("retention", words("column.retention"), numeric=True),
        Column("average", words("column.average"), numeric=True),
        Column("rank", words("column.rank"), numeric=True),
        Column("runs", words("column.runs"), numeric=True),
    )
    facets = (
        facet("suite", words("column.suite"), rows, str),
        facet("form", words("column.form"), rows, lambda v: form_word(v, words)),
    )
    return Table("results", columns, tuple(rows), worth(facets), sort="", caption=words("method.results"))


def experiments_of_method(method: str, sources: Sources) -> list[str]:
    """Ids of experiments that run this method, those with results first, main suites before others."""
    done = [name for row in sources.rows if row.method == method for name in row.experiments]
    planned = [name for name, experiment in sources.experiments.items() if experiment.method == method]

    def weight(name: str) -> tuple[int, str]:
        suite = name.split("/")[0]
        return MAIN_SUITES.index(suite) if suite in MAIN_SUITES else 99, name

    return sorted(dict.fromkeys([*done, *planned]), key=weight)
