"""The leaderboard pages: picture, frontier, table, radar. Values, intervals and ranks come from `reproductions`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from docs import charts, gaps, plane, runs, streams
from docs.boardtable import board_table
from docs.browse import FAMILIES
from docs.drawing import Legend, swatch
from docs.pages import Page, Writer, percent
from docs.rows import (
    LEARNED,
    Group,
    drawn_rows,
    family,
    form_word,
    group_title,
    groups,
    labels,
    row_numbers,
    row_path,
    suite_texts,
    unlearned,
)
from docs.sources import Sources
from docs.words import Words
from reproductions.rows import REFERENCES, LeaderboardRow


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
        yield runs.row_page(row, group, names, Writer(words, sources, f"{row_path(row)}.md"))
    if any(group.first.protocol == "continual" or any(row.continual for row in group.rows) for group in all_groups):
        yield streams.continual_page(all_groups, Writer(words, sources, "leaderboard/continual.md"))
    yield gaps.gap_page(Writer(words, sources, "leaderboard/gap.md"))


def points(group: Group, names: Mapping[str, str], writer: Writer) -> tuple[plane.Point, ...]:
    """The rows of a group in the plane; the frontier is over measured values, membership shares are in the table.

    The base model is drawn as a ring with its level, so a row of its own has no point.
    """
    numbers = row_numbers(group)
    found = [
        plane.Point(
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
            number=numbers.get(row.id),
            doubtful=unlearned(row),
            reference=row.method in REFERENCES,
        )
        for row in drawn_rows(group)
        if row.adaptation and row.retention
    ]
    return plane.dominating(found)


def plane_legend(group: Group, words: Words, title: str | None = None) -> Legend:
    """The words around the plane."""
    return Legend(
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
    wide = plane.plane(dots, legend, base=group.base, identity=f"{identity}-wide")
    narrow = plane.plane(dots, legend, base=group.base, narrow=True, identity=f"{identity}-narrow")
    return Markup('<div class="aki-wide">{}</div><div class="aki-narrow">{}</div>').format(wide, narrow)


def families_shown(group: Group, sources: Sources) -> list[tuple[str, Markup]]:
    """Families in the picture with their marker, for the key below it."""
    present = {family(row.method, sources) for row in drawn_rows(group)}
    return [(one, swatch(one)) for one in FAMILIES if one in present]


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
        others=[(group_title(one, words, sources), one) for one in every if one is not group],
        title=group_title(group, words, sources),
        main=group.path == "leaderboard/index.md",
        gap=bool(sources.gaps),
        continual=any(row.continual for one in every for row in one.rows),
        releases=sources.releases,
        form_word=lambda form: form_word(form, words),
        about=suite_texts(group.first.suite, words, sources),
        numbered=bool(row_numbers(group)),
        doubtful=swatch("baseline", doubtful=True) if any(map(unlearned, group.rows)) else None,
        learned=percent(LEARNED, 0),
    )
    title = words("board.title") if group.path == "leaderboard/index.md" else group_title(group, words, sources)
    return Page(
        path=writer.path,
        title=title,
        body=body,
        description=words("board.lead"),
        section="leaderboard",
        hide=("navigation", "toc"),
        boost=3 if group.path == "leaderboard/index.md" else 1,
    )


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
        for row, dot in zip(drawn_rows(group), dots, strict=True)
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


def radar_rows(group: Group) -> tuple[LeaderboardRow, ...]:
    """At most four rows worth comparing by dimension: those on the frontier, spread from retention to adaptation."""
    measured = list(drawn_rows(group))
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
    legend = Legend(
        title=writer.words("board.radar.title"), description=writer.words("board.radar.description"), x="", y=""
    )
    return charts.radar(group.dimensions, series, legend, identity="radar")


def _empty_page(writer: Writer) -> Page:
    words = writer.words
    body = writer.render("board-empty.html")
    return Page(
        writer.path, words("board.title"), body, words("board.lead"), "leaderboard", ("navigation", "toc"), boost=3
    )
