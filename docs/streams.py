"""Streams of tasks: score matrices as heat maps, and what becomes of the first task."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from docs import charts
from docs.drawing import Legend
from docs.pages import Page, Writer
from docs.rows import Group, family, form_word, group_title, labels, row_path
from docs.words import Words
from reproductions.rows import Continual


def matrix(continual: Continual, words: Words, identity: str) -> Markup:
    """The score matrix of a row as a heat map."""
    tasks = [words("continual.task", n=index + 1) for index in range(len(continual.matrix))]
    after = [words("continual.after", n=index + 1) for index in range(len(continual.matrix))]
    legend = Legend(words("continual.matrix"), words("continual.matrix.about"), "", "")
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
        steps = [
            words("continual.task", n=index + 1)
            for index in range(len(rows[0].continual.matrix if rows[0].continual else ()))
        ]
        lines = [
            charts.Series(
                names[row.id],
                tuple(step[0] for step in row.continual.matrix),
                family(row.method, sources),
                dashed=row.form == "raw",
            )
            for row in rows
            if row.continual and len(row.continual.matrix) == len(steps)
        ][:10]
        legend = Legend(words("continual.curve"), words("continual.curve.about"), words("continual.axis"), "")
        wide = charts.curves(lines, steps, legend, identity=f"curve-{number}-wide")
        narrow = charts.curves(lines, steps, legend, identity=f"curve-{number}-narrow", narrow=True)
        matrices = [
            (names[row.id], row, matrix(row.continual, words, identity=f"m-{number}-{index}"))
            for index, row in enumerate(rows)
            if row.continual
        ]
        blocks.append((group_title(group, words, sources), wide, narrow, matrices))
    body = writer.render(
        "continual.html", blocks=blocks, row_path=row_path, form_word=lambda form: form_word(form, words)
    )
    return Page(
        writer.path, words("continual.title"), body, words("continual.lead"), "leaderboard", ("navigation", "toc")
    )
