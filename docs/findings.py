"""What was claimed, what was printed, what does not add up, what is new: claims, printed tables, audit, changes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from markupsafe import Markup

from docs import charts
from docs.browse import name
from docs.drawing import Legend
from docs.entries import external_links, reference, relations, report_link, title
from docs.pages import Page, Writer, percent
from docs.rows import method_name
from docs.sources import Sources
from docs.tables import Cell, Column, Row, Table, facet, worth
from docs.words import Words
from registry.audit import Finding
from registry.schema import KINDS, Claim, ReportedTable
from registry.schema import Column as Printed
from reproductions.claims import ComparisonVerdict

VERDICTS = ("supported", "contradicted", "inconclusive", "not-run", "undecidable")


def pages(sources: Sources, words: Words) -> Iterator[Page]:
    """Claims, printed tables, audit and what is new, in one language."""
    yield claims_page(Writer(words, sources, "claims/index.md"))
    for claim in sources.catalog.claims.values():
        yield claim_page(claim, Writer(words, sources, f"claims/{claim.id}.md"))
    for table in sources.catalog.reported.values():
        yield reported_page(table, Writer(words, sources, f"reported/{table.id}.md"))
    yield audit_page(Writer(words, sources, "audit/index.md"))
    yield new_page(Writer(words, sources, "new/index.md"))


# ── claims ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def claims_page(writer: Writer) -> Page:
    """All claims with the verdict of our runs."""
    words, sources = writer.words, writer.sources
    rows = tuple(_claim_row(claim, writer) for claim in sources.catalog.claims.values())
    papers = {claim.paper: sources.catalog.papers.get(claim.paper) for claim in sources.catalog.claims.values()}
    named = {identity: name(paper) if paper else identity for identity, paper in papers.items()}
    facets = (
        facet("verdict", words("column.verdict"), rows, lambda v: words(f"verdict.{v}"), VERDICTS),
        facet("paper", words("column.title"), rows, lambda v: named.get(v, v)),
    )
    columns = (
        Column("claim", words("column.claim"), lead=True),
        Column("verdict", words("column.verdict")),
        Column("effect", words("column.effect"), numeric=True, about=words("column.effect.about")),
        Column("paper", words("column.title")),
        Column("locator", words("column.locator")),
    )
    table = Table("claims", columns, rows, worth(facets), caption=words("claims.title"), export=True)
    counts = [(verdict, sum(verdict in row.facets["verdict"] for row in rows)) for verdict in VERDICTS]
    body = writer.render("claims.html", table=table, counts=[pair for pair in counts if pair[1]])
    lead = words("claims.lead", n=len(rows))
    return Page(writer.path, words("claims.title"), body, lead, "claims", ("navigation", "toc"), boost=2)


def _claim_row(claim: Claim, writer: Writer) -> Row:
    words, sources = writer.words, writer.sources
    verdict = sources.verdict(claim.id)
    paper = sources.catalog.papers.get(claim.paper)
    found = sources.verdicts.get(claim.id)
    effects = [one.effect for one in found.comparisons if one.effect] if found else []
    shown: Markup | str = "–"
    if effects:
        first = effects[0]
        shown = Markup("{}<small>{} – {}</small>").format(signed(first.value), signed(first.low), signed(first.high))
    cells = (
        Cell(
            Markup('<a href="{}">{}</a>').format(writer.link(f"claims/{claim.id}.html"), words.of(claim.statement)),
            words.of(claim.statement),
        ),
        Cell(verdict_chip(verdict, words), verdict),
        Cell(shown, round(100 * effects[0].value, 4) if effects else None),
        Cell(
            reference(f"papers/{claim.paper}", writer) if paper else claim.paper, name(paper) if paper else claim.paper
        ),
        Cell(words.said(claim.locator)),
    )
    return Row(claim.id, cells, {"verdict": (verdict,), "paper": (claim.paper,)}, claim.id)


REASONS = (
    ("why.apart", re.compile(r"(?P<left>\S+) and (?P<right>\S+) have not been run on the same questions")),
    ("why.not-run", re.compile(r"(?P<what>.+) has not been run")),
    ("why.metric", re.compile(r"no metric '(?P<metric>[^']+)' in our records; there are: (?P<known>.+)")),
)
"""Why a claim is open, as `reproductions.claims` says it → our sentence in either language."""


def reason(why: str | None, words: Words) -> str:
    """Why a comparison is not decided, in the reader's language; what we have no sentence for stays as it is."""
    for key, pattern in REASONS:
        if why and (found := pattern.fullmatch(why)):
            return words(key, **found.groupdict())
    return why or ""


def verdict_chip(verdict: str, words: Words) -> Markup:
    """A verdict as a label; the word carries the meaning."""
    return Markup('<span class="aki-verdict aki-verdict--{}">{}</span>').format(verdict, words(f"verdict.{verdict}"))


def signed(value: float) -> str:
    """A difference of fractions in points, with its sign."""
    return f"{100 * value:+.1f}".replace("-", "−")


@dataclass(frozen=True)
class Compared:
    """A comparison in words, with what was printed and what we measured."""

    text: Markup
    verdict: str
    effect: str
    runs: int
    rows: tuple[Markup, ...]
    why: str
    printed: tuple[Markup, ...]


def claim_page(claim: Claim, writer: Writer) -> Page:
    """Statement, where it is made, each comparison with print, our effect and its interval."""
    words, sources = writer.words, writer.sources
    found = sources.verdicts.get(claim.id)
    compared = [_compared(one, index, found, writer) for index, one in enumerate(claim.comparisons)]
    body = writer.render(
        "claim.html",
        claim=claim,
        verdict=sources.verdict(claim.id),
        paper=sources.catalog.papers.get(claim.paper),
        sources=_outside(claim, sources),
        compared=compared,
        forest=_forest(claim, found, writer),
        relations=relations(claim, "claims", writer),
        report=report_link(writer, "claims", claim),
        chips=[verdict_chip(sources.verdict(claim.id), words)],
    )
    text = words.of(claim.statement)
    shown = text if len(text) < 90 else text[:88].rsplit(" ", 1)[0] + "…"
    return Page(writer.path, shown, body, text, "claims", ("navigation",))


def _outside(claim: Claim, sources: Sources) -> list[tuple[str, str]]:
    """Where the paper itself can be read, as (name of the place, address)."""
    paper = sources.catalog.papers.get(claim.paper)
    return external_links(paper)[:2] if paper else []


def side(reference_text: str, writer: Writer) -> Markup:
    """`kore[data=raw]` as a link to the method, with its settings behind it."""
    method, bracket, options = reference_text.partition("[")
    label = Markup("{}").format(method_name(method.strip(), writer.sources))
    if method.strip() in writer.sources.catalog.methods:
        label = Markup('<a href="{}">{}</a>').format(writer.link(f"methods/{method.strip()}.html"), label)
    return label + Markup(" <small>{}</small>").format(options.rstrip("]")) if bracket else label


def _compared(comparison: Any, index: int, found: Any, writer: Writer) -> Compared:  # noqa: ANN401
    words = writer.words
    decided: ComparisonVerdict | None = found.comparisons[index] if found and index < len(found.comparisons) else None
    sign = {"greater": ">", "less": "<", "equal": "≈"}[comparison.relation]
    margin = (
        Markup(" {} {}").format(
            "+" if comparison.relation == "greater" else "±" if comparison.relation == "equal" else "−",
            percent(comparison.margin),
        )
        if comparison.margin
        else Markup("")
    )
    metric = (
        words(f"metric.{comparison.metric}") if words.has(f"metric.{comparison.metric}") else comparison.metric.upper()
    )
    text = Markup("<strong>{}</strong>: {} {} {}{}").format(
        metric, side(comparison.left, writer), sign, side(comparison.right, writer), margin
    )
    rows = tuple(
        Markup('<a href="{}">{}</a>').format(writer.link(f"runs/{row}.html"), row)
        for row in ((decided.left_row, decided.right_row) if decided else ())
        if row
    )
    printed = tuple(_printed(cell, writer) for cell in (comparison.reported_left, comparison.reported_right) if cell)
    effect = (
        f"{signed(decided.effect.value)} ({signed(decided.effect.low)} – {signed(decided.effect.high)})"
        if decided and decided.effect
        else ""
    )
    why = reason(decided.why, words) if decided else ""
    return Compared(
        text,
        str(decided.decision) if decided else "not-run",
        effect,
        decided.n_runs if decided else 0,
        rows,
        why,
        printed,
    )


def _printed(cell: str, writer: Writer) -> Markup:
    """`kore-table-1/kore/avg` as the printed number, linked to its place."""
    table_id, _, rest = cell.partition("/")
    row_id, _, column_id = rest.partition("/")
    table = writer.sources.catalog.reported.get(table_id)
    if table is None:
        return Markup("{}").format(cell)
    row = next((one for one in table.rows if one.id == row_id), None)
    value = row.cells.get(column_id) if row else None
    shown = f"{value.value:g}" if value and value.value is not None else "–"
    label = row.label if row else row_id
    return Markup('<a href="{}">{} {}</a>').format(
        writer.link(f"reported/{table_id}.html#{row_id}--{column_id}"), label, shown
    )


def _forest(claim: Claim, found: Any, writer: Writer) -> tuple[Markup, Markup] | None:  # noqa: ANN401
    """Our effects with their intervals, drawn wide and narrow."""
    if not found:
        return None
    entries = []
    for comparison, decided in zip(claim.comparisons, found.comparisons, strict=False):
        if decided.effect:
            label = f"{comparison.metric}: {comparison.left.partition('[')[0]} − {comparison.right.partition('[')[0]}"
            entries.append(
                charts.Interval(
                    label, decided.effect.value, decided.effect.low, decided.effect.high, f"v-{decided.decision}"
                )
            )
    if not entries:
        return None
    margins = {comparison.margin for comparison in claim.comparisons if comparison.margin}
    legend = Legend(
        writer.words("claims.forest"), writer.words("claims.forest.about"), writer.words("claims.forest.axis"), ""
    )
    margin = margins.pop() if len(margins) == 1 else None
    wide = charts.forest(entries, legend, identity="forest-wide", zero=0.0, margin=margin)
    narrow = charts.forest(
        entries, legend, identity="forest-narrow", zero=0.0, margin=margin, width=350, room=142, above=True
    )
    return wide, narrow


# ── printed tables ──────────────────────────────────────────────────────────────────────────────────────────────────


def reported_page(table: ReportedTable, writer: Writer) -> Page:
    """A printed table cell by cell; repaired and inconsistent cells marked, with the arithmetic beside them."""
    sources = writer.sources
    found = sources.findings_of.get(table.id, ())
    at = {(finding.row, finding.column): finding for finding in found}
    body = writer.render(
        "reported.html",
        table=table,
        spans=column_groups(table.columns),
        paper=sources.catalog.papers.get(table.paper),
        findings=found,
        at=at,
        decimals={column.id: column.decimals for column in table.columns},
        method=lambda identity: identity and identity in sources.catalog.methods,
        relations=relations(table, "reported", writer),
        report=report_link(writer, "reported", table),
        number=number,
    )
    paper = sources.catalog.papers.get(table.paper)
    heading = f"{writer.words.said(table.table)} · {name(paper) if paper else table.paper}"
    return Page(writer.path, heading, body, writer.words.of(table.caption), "audit", ("navigation", "toc"), boost=0.5)


def column_groups(columns: Sequence[Printed]) -> list[tuple[str, int]]:
    """Neighbouring columns of one group, as (group, how many)."""
    spans: list[tuple[str, int]] = []
    for column in columns:
        group = column.group or ""
        if spans and spans[-1][0] == group:
            spans[-1] = (group, spans[-1][1] + 1)
        else:
            spans.append((group, 1))
    return spans


def number(value: float | None, decimals: int | None = None) -> str:
    """A number for people, en dash for nothing; with as many decimals as the print has, if it says."""
    if value is None:
        return "–"
    return f"{value:g}" if decimals is None else f"{value:,.{decimals}f}"


# ── audit ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def audit_page(writer: Writer) -> Page:
    """Every derived cell that cannot be what was printed, and the tables that were checked."""
    words, sources = writer.words, writer.sources
    rows = tuple(_finding_row(index, finding, writer) for index, finding in enumerate(sources.findings))
    facets = (
        facet(
            "state", words("column.state"), rows, lambda v: words(f"finding.{v}") if words.has(f"finding.{v}") else v
        ),
        facet("table", words("column.table"), rows, lambda v: _table_title(v, writer)),
    )
    columns = (
        Column("cell", words("column.cell"), lead=True),
        Column("printed", words("column.printed"), numeric=True),
        Column("recomputed", words("column.recomputed"), numeric=True),
        Column("state", words("column.state")),
        Column("why", words("column.why")),
        Column("table", words("column.table")),
    )
    table = Table("findings", columns, rows, worth(facets), caption=words("audit.title"), export=True)
    derived = sum(
        1
        for one in sources.catalog.reported.values()
        for column in one.columns
        if column.formula
        for row in one.rows
        if column.id in row.cells
    )
    cells = sum(len(row.cells) for one in sources.catalog.reported.values() for row in one.rows)
    issues = [
        (reference(f"{kind}/{entry.id}", writer), entry.known_issues)
        for kind in KINDS
        for entry in sources.catalog.kind(kind).values()
        if entry.known_issues
    ]
    body = writer.render(
        "audit.html",
        table=table,
        n_tables=len(sources.catalog.reported),
        n_cells=cells,
        n_derived=derived,
        issues=issues,
        tables_list=list(sources.catalog.reported.values()),
        paper_name=lambda identity: (
            name(sources.catalog.papers[identity]) if identity in sources.catalog.papers else identity
        ),
    )
    return Page(writer.path, words("audit.title"), body, words("audit.lead"), "audit", ("navigation",), boost=2)


def _table_title(identity: str, writer: Writer) -> str:
    sources = writer.sources
    table = sources.catalog.reported.get(identity)
    if table is None:
        return identity
    paper = sources.catalog.papers.get(table.paper)
    return f"{name(paper) if paper else table.paper}, {writer.words.said(table.table)}"


def _finding_row(index: int, finding: Finding, writer: Writer) -> Row:
    words, sources = writer.words, writer.sources
    table = sources.catalog.reported.get(finding.table)
    row = next((one for one in table.rows if one.id == finding.row), None) if table else None
    column = next((one for one in table.columns if one.id == finding.column), None) if table else None
    place = writer.link(f"reported/{finding.table}.html#{finding.row}--{finding.column}")
    label = f"{words.said(row.label) if row else finding.row} · {column.name if column else finding.column}"
    state = words(f"finding.{finding.state}") if words.has(f"finding.{finding.state}") else finding.state
    cells = (
        Cell(Markup('<a href="{}">{}</a>').format(place, label), label),
        Cell(str(finding.printed), finding.printed),
        Cell(number(finding.recomputed, column.decimals if column else None), finding.recomputed),
        Cell(Markup('<span class="aki-verdict aki-verdict--{}">{}</span>').format(finding.state, state), finding.state),
        Cell(finding.explanation if words.language == "en" else finding.explanation_zh),
        Cell(_table_title(finding.table, writer)),
    )
    return Row(f"finding-{index}", cells, {"state": (str(finding.state),), "table": (finding.table,)})


# ── what is new ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Event:
    """Something that changed on a day."""

    day: date
    kind: str
    text: Markup
    note: str = ""


def events(writer: Writer) -> list[Event]:
    """Status changes, approved operations and new results, latest first; many alike on one day are one event."""
    words, sources = writer.words, writer.sources
    found: list[Event] = []
    by_day: dict[tuple[date, str, str, str], list[Any]] = {}
    for kind in KINDS:
        for entry in sources.catalog.kind(kind).values():
            for change in entry.status:
                by_day.setdefault((change.since, kind, change.state, words.of(change.reason)), []).append(entry)
    for (day, kind, state, reason), entries in by_day.items():
        if len(entries) > 3:
            place = {"reported": "audit/index.html#tables"}.get(kind, f"{kind}/index.html")
            said = words(f"new.many.{kind}", n=len(entries), state=words(f"status.{state}"))
            text = Markup('<a href="{}">{}</a>').format(writer.link(place), said)
            found.append(Event(day, kind, text, reason))
        else:
            for entry in entries:
                text = reference(f"{kind}/{entry.id}", writer) + Markup(" · {}").format(words(f"status.{state}"))
                found.append(Event(day, kind, text, reason))
    runs: dict[tuple[date, str], int] = {}
    for record in sources.records:
        key = (record.started_at.date(), record.experiment.id.split("/")[0])
        runs[key] = runs.get(key, 0) + 1
    for (day, suite), count in runs.items():
        text = Markup('<a href="{}">{}</a>').format(
            writer.link("leaderboard/index.html"), words("new.runs", n=count, suite=suite)
        )
        found.append(Event(day, "runs", text))
    for change in sources.changes:
        said = words(f"new.operation.{change.kind}", field=change.field or "–")
        text = reference(change.target, writer) + Markup(" · {}").format(said)
        found.append(Event(change.day, "changes", text, words.said(change.reason)))
    return sorted(found, key=lambda event: (event.day, event.kind), reverse=True)


def new_page(writer: Writer) -> Page:
    """The changelog, built from the entries' own history, approved operations and records."""
    words, sources = writer.words, writer.sources
    found = events(writer)
    days = sorted({event.day for event in found}, reverse=True)
    body = writer.render(
        "new.html",
        days=[(day, [event for event in found if event.day == day]) for day in days],
        latest=sources.papers[:10],
        heartbeats=sources.heartbeats,
        paper_name=name,
        title=title,
    )
    return Page(writer.path, words("new.title"), body, words("new.lead"), "new", ("navigation",))
