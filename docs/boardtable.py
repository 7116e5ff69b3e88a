"""The leaderboard as a table: a line per row and one for the base model; every number leads to the runs behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from docs.browse import FAMILIES
from docs.drawing import swatch
from docs.pages import Writer, percent
from docs.rows import (
    LEARNED,
    Group,
    family,
    form_word,
    group_title,
    groups,
    labels,
    row_numbers,
    row_path,
    standing_of,
    unlearned,
)
from docs.tables import Cell, Column, Row, Table, facet, slug, worth
from docs.words import Words
from reproductions.leaderboard import PAPER_FORM
from reproductions.rows import Estimate, LeaderboardRow
from reproductions.suites import NOT_TUNED

RING = Markup("<span class='aki-ring' aria-hidden='true'></span>")
"""The base model, as it stands in the picture."""


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
        facet(
            "standing",
            words("column.standing"),
            rows,
            lambda v: words(f"standing.{v}"),
            ("best", "tied", "below", "failed"),
        ),
        facet("tier", words("column.tier"), rows, lambda v: words(f"tier.{v}")),
        facet("seeds", words("column.seeds"), rows, str),
    )
    return Table(
        identity,
        board_columns(group, words),
        (*([base] if base else []), *rows),
        worth(facets),
        sort="-average",
        caption=group_title(group, words, sources),
        export=export,
        scores=True,
    )


def board_columns(group: Group, words: Words) -> tuple[Column, ...]:
    """Scores first, then dimensions, then how sure, then what it took."""

    def column(key: str, *, shown: bool = True, numeric: bool = True, tight: bool = False) -> Column:
        about = words(f"column.{key}.about") if words.has(f"column.{key}.about") else ""
        return Column(key, words(f"column.{key}"), numeric=numeric, shown=shown, about=about, tight=tight)

    return (
        Column("method", words("column.method"), lead=True),
        column("form", numeric=False, tight=True),
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
        column("reported", shown=False, numeric=False),
        column("proof", numeric=False, tight=True),
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
    dot = (
        RING
        if row.method == "base"
        else swatch(family(row.method, sources), hollow=row.form == "raw", doubtful=unlearned(row))
    )
    number = row_numbers(group).get(row.id)
    lead = Markup("<span class='aki-no'>{}</span>").format(number) if number else Markup("")
    lead += Markup("{}<a href='{}'>{}</a>").format(dot, page, names[row.id])
    if standing == "reference" and row.method != "base":
        lead += Markup(' <span class="aki-tag">{}</span>').format(words("standing.reference"))
    elif row.best:
        lead += Markup(' <span class="aki-tag aki-tag--best">{}</span>').format(words("standing.best"))
    elif row.separable is False:
        lead += Markup(' <span class="aki-tag">{}</span>').format(words("standing.tied"))
    if row.status != "finished":
        lead += Markup(' <span class="aki-tag aki-tag--bad">{}</span>').format(words(f"runstatus.{row.status}"))
    if unlearned(row):
        lead += Markup(' <span class="aki-tag aki-tag--bad" title="{}">{}</span>').format(
            words("board.unlearned.about", bound=percent(LEARNED, 0)),
            words("board.unlearned", share=percent(row.reliability, 0)),
        )
    if row.note:
        lead += Markup(' <span class="aki-tag" title="{}">{}</span>').format(
            row.note, words("board.untuned" if row.note == NOT_TUNED else "board.note")
        )
    if row.degenerate:
        lead += Markup(' <span class="aki-tag" title="{}">{}</span>').format(
            words("board.degenerate.about"), words("board.degenerate")
        )
    cost = row.cost
    cells = (
        Cell(lead, names[row.id]),
        Cell(words("board.base.form") if row.method == "base" else form_word(row.form, words), row.form),
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
        printed_cell(row, writer),
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
    mark = "failed" if row.status == "failed" else "base" if row.method == "base" else ""
    return Row(slug(row.id), cells, facets, f"{row.method} {row.id}", mark=mark)


def printed_cell(row: LeaderboardRow, writer: Writer) -> Cell:
    """What a paper reports for the method on the data it uses, beside ours and never mixed with it: another scale."""
    if row.form != PAPER_FORM.get(row.method, "raw"):
        return Cell("", None)
    found = {
        gap.metric: (gap.table, entry.reported)
        for gap in reversed(writer.sources.gaps)
        for entry in gap.entries
        if entry.method == row.method and gap.suite == row.suite
    }
    if "adaptation" not in found or "retention" not in found:
        return Cell("", None)
    table = found["adaptation"][0]
    line = next((one.id for one in writer.sources.catalog.reported[table].rows if one.method == row.method), "")
    shown = f"{found['adaptation'][1]:.1f} / {found['retention'][1]:.1f}"
    link = Markup('<a href="{}">{}</a>').format(writer.link(f"reported/{table}.html#{line}"), shown)
    return Cell(link, shown)


def rank_cell(row: LeaderboardRow, words: Words) -> Cell:
    """Rank interval by average: `2–5`."""
    if "average" not in row.ranks:
        return Cell("–", None)
    low, high = row.ranks["average"]
    return Cell(f"{low}" if low == high else f"{low}–{high}", low)


def _base_row(group: Group, writer: Writer) -> Row | None:
    """The mean of the rows' own base scores; none where the base model has a row, with intervals, itself."""
    base = group.base
    if base is None or any(row.method == "base" for row in group.measured):
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
        return Cell(
            Markup('<a class="aki-score" href="{}">{}</a>').format(page, percent(number)), round(100 * number, 4)
        )

    known: dict[str, Cell] = {
        "method": Cell(
            RING + words("board.base"),
            words("board.base"),
        ),
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
        lead = Markup("{}<a href='{}'>{}</a>").format(
            swatch(family(method, sources), hollow=row.form == "raw"), page, names[row.id]
        )
        cells = (
            Cell(lead, names[row.id]),
            Cell(form_word(row.form, words), row.form),
            Cell(
                Markup("<a href='{}'>{}</a>").format(
                    writer.link(group.path.removesuffix(".md") + ".html"), group_title(group, words, sources)
                )
            ),
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
    return Table("results", columns, tuple(rows), worth(facets), caption=words("method.results"), scores=True)
