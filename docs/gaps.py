"""Printed orderings beside ours, with Kendall's tau; the two scales are never mixed."""

from __future__ import annotations

from markupsafe import Markup

from docs import charts
from docs.drawing import Legend
from docs.pages import Page, Writer
from docs.rows import family, method_name, row_path
from reproductions.rows import Gap


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
    legend = Legend(
        words("gap.slope", metric=words(f"column.{gap.metric}")),
        words("gap.slope.about"),
        words("gap.reported"),
        words("gap.reproduced"),
    )
    lines = [
        charts.Slope(
            method_name(entry.method, sources),
            entry.reported_rank,
            entry.reproduced_rank,
            family(entry.method, sources),
        )
        for entry in gap.entries
    ]
    return charts.slopes(lines, legend, identity=f"slope-{gap.table}-{gap.suite}-{gap.metric}")
