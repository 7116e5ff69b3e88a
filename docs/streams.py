"""Streams of tasks: score matrices as heat maps, and what becomes of the first task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from docs import charts
from docs.drawing import Legend
from docs.pages import Page, Writer
from docs.rows import Group, family, form_word, group_title, labels, row_path, suite_texts
from docs.words import Words
from reproductions.rows import Continual, LeaderboardRow


def matrix(continual: Continual, words: Words, identity: str) -> Markup:
    """The score matrix of a row as a heat map."""
    tasks = [words("continual.task", n=index + 1) for index in range(len(continual.matrix))]
    after = [words("continual.after", n=index + 1) for index in range(len(continual.matrix))]
    legend = Legend(words("continual.matrix"), words("continual.matrix.about"), "", "")
    return charts.heat(continual.matrix, after, tasks, legend, identity=identity)


@dataclass(frozen=True)
class Stream:
    """Rows of one group on one form of data: the fate of the first task, and a matrix per row."""

    form: str
    wide: Markup
    narrow: Markup
    matrices: tuple[tuple[str, LeaderboardRow, Markup], ...]


def continual_page(every: Sequence[Group], writer: Writer) -> Page:
    """Score matrices as heat maps, one per row, and the forgetting of the first task as curves."""
    words, sources = writer.words, writer.sources
    streaming = [group for group in every if any(row.continual for row in group.rows)]
    blocks = [
        (
            group_title(group, words, sources),
            suite_texts(group.first.suite, words, sources),
            _streams(group, place, writer),
        )
        for place, group in enumerate(streaming)
    ]
    body = writer.render("continual.html", blocks=blocks, row_path=row_path)
    return Page(
        writer.path, words("continual.title"), body, words("continual.lead"), "leaderboard", ("navigation", "toc")
    )


def _streams(group: Group, place: int, writer: Writer) -> list[Stream]:
    """One per form of data, the augmented ones first; lines of one picture have equally many steps."""
    words = writer.words
    names = labels(group.rows, words, writer.sources)
    forms = sorted(dict.fromkeys(row.form for row in group.rows if row.continual), key=lambda form: form == "raw")
    found = []
    for number, form in enumerate(forms):
        rows = [row for row in group.rows if row.form == form and row.continual]
        matrices = tuple(
            (names[row.id], row, matrix(row.continual, words, identity=f"m-{place}-{number}-{index}"))
            for index, row in enumerate(rows)
            if row.continual
        )
        wide, narrow = _curves(rows, names, f"curve-{place}-{number}", writer)
        found.append(Stream(form_word(form, words), wide, narrow, matrices))
    return found


def _curves(
    rows: Sequence[LeaderboardRow], names: Mapping[str, str], identity: str, writer: Writer
) -> tuple[Markup, Markup]:
    words = writer.words
    n_tasks = max(len(row.continual.matrix) for row in rows if row.continual)
    steps = [words("continual.task", n=index + 1) for index in range(n_tasks)]
    lines = [
        charts.Series(
            names[row.id], tuple(step[0] for step in row.continual.matrix), family(row.method, writer.sources)
        )
        for row in rows
        if row.continual and len(row.continual.matrix) == n_tasks
    ]
    legend = Legend(words("continual.curve"), words("continual.curve.about"), words("continual.axis"), "")
    wide = charts.curves(lines, steps, legend, identity=f"{identity}-wide")
    return wide, charts.curves(lines, steps, legend, identity=f"{identity}-narrow", narrow=True)
