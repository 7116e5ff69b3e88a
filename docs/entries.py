"""A page per paper, method, benchmark, claim and reported table: all we know about one thing, with its source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from docs import boardtable, citing, runs
from docs.browse import chip, name, unknown
from docs.pages import Page, Writer
from docs.sources import Sources
from docs.words import Words
from registry import ids
from registry.schema import Benchmark, Claim, Entry, Fact, Method, Paper, ReportedTable, Repository

FOLDERS = {
    "reported": "reported",
    "claims": "claims",
    "papers": "papers",
    "methods": "methods",
    "benchmarks": "benchmarks",
}
"""Kinds with a page each; repositories live on their list."""


def pages(sources: Sources, words: Words) -> Iterator[Page]:
    """All entry pages of one language."""
    for paper in sources.papers:
        yield paper_page(paper, Writer(words, sources, f"papers/{paper.id}.md"))
    for method in sources.catalog.methods.values():
        yield method_page(method, Writer(words, sources, f"methods/{method.id}.md"))
    for benchmark in sources.catalog.benchmarks.values():
        yield benchmark_page(benchmark, Writer(words, sources, f"benchmarks/{benchmark.id}.md"))


@dataclass(frozen=True)
class Line:
    """A fact in the facts grid: heading, value, and where and when it was read."""

    label: str
    value: Markup | str
    checked: Markup | str = ""


def checked(fact: Fact[Any], words: Words) -> Markup:
    """`checked on 2026-05-19 · source`, or nothing for what nobody has looked at."""
    if fact.checked is None:
        return Markup("")
    note = Markup("{}").format(words("fact.checked", date=fact.checked))
    if fact.confidence and words.has(f"confidence.{fact.confidence}"):
        note += Markup(" · {}").format(words(f"confidence.{fact.confidence}"))
    if fact.source:
        note += Markup(' · <a href="{}" rel="noopener nofollow">{}</a>').format(fact.source, words("fact.source"))
    if fact.evidence:
        note += Markup(" · “{}”").format(words.said(fact.evidence))
    return note


def fact_line(label: str, fact: Fact[Any], words: Words, shown: Markup | str | None = None) -> Line:
    """A volatile fact as a line; unknown values say which kind of unknown they are."""
    value = shown if shown is not None else (str(fact.known) if fact.known is not None else unknown(fact, words))
    return Line(label, value, checked(fact, words))


def reference(target: str, writer: Writer) -> Markup:
    """A link to `kind/id` under the name that readers know."""
    kind = target.partition("/")[0]
    try:
        entry = writer.sources.catalog.entry(target)
    except LookupError:
        return Markup("{}").format(target)
    place = f"repositories/index.html#{entry.id}" if kind == "repositories" else f"{kind}/{entry.id}.html"
    return Markup('<a href="{}">{}</a>').format(writer.link(place), title(entry, writer.words))


def title(entry: Entry, words: Words) -> str:
    """What an entry of any kind is called."""
    match entry:
        case Paper():
            return name(entry)
        case Method() | Benchmark() | Repository():
            return entry.name
        case ReportedTable():
            return f"{words.said(entry.table)} · {words.of(entry.caption)}"
        case Claim():
            return words.of(entry.statement)
        case _:
            return entry.id


def relations(entry: Entry, kind: str, writer: Writer) -> list[tuple[str, list[Markup]]]:
    """Arrows from and to the entry, grouped by what they say in words."""
    words, groups = writer.words, {}
    for arrow in entry.relations:
        groups.setdefault(words(f"relation.{arrow.kind}"), []).append(
            _arrow(arrow.target, words.of(arrow.note), writer)
        )
    for arrow in writer.sources.catalog.inverse(f"{kind}/{entry.id}"):
        if words.has(f"relation.{arrow.kind}.by"):
            groups.setdefault(words(f"relation.{arrow.kind}.by"), []).append(_arrow(arrow.source, "", writer))
    return list(groups.items())


def _arrow(target: str, note: str, writer: Writer) -> Markup:
    link = reference(target, writer)
    return link + Markup(" <small>{}</small>").format(note) if note else link


def report_link(writer: Writer, kind: str, entry: Entry, field: str = "") -> str:
    """Address of a new issue with entry and field filled in; empty when no public repository is known."""
    return citing.issue_url(writer.sources.repository_url, f"{kind}/{entry.id}", field)


# ── papers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def paper_page(paper: Paper, writer: Writer) -> Page:
    """Summary, facts with their source, methods, printed tables, claims, relations, BibTeX, history."""
    words, sources = writer.words, writer.sources
    body = writer.render(
        "paper.html",
        paper=paper,
        chips=[chip("direction", paper.direction, words)],
        facts=paper_facts(paper, writer),
        links=external_links(paper),
        code=sources.code(paper),
        methods=sources.methods_of.get(paper.id, ()),
        tables=sources.reported_of.get(paper.id, ()),
        claims=sources.claims_of.get(paper.id, ()),
        relations=relations(paper, "papers", writer),
        reference=lambda target: reference(target, writer),
        bibtex=citing.bibtex(paper),
        report=report_link(writer, "papers", paper),
        kind="papers",
        entry=paper,
    )
    return Page(
        path=writer.path,
        title=paper.title,
        body=body,
        description=words.of(paper.summary),
        section="papers",
        hide=("navigation",),
        citation=citing.meta_tags(paper),
        jsonld=citing.article(paper, words, sources),
        boost=1.5,
    )


def paper_facts(paper: Paper, writer: Writer) -> list[Line]:
    """The facts grid of a paper."""
    words, code = writer.words, writer.sources.code(paper)
    lines = [
        *also_called(paper, words),
        Line(words("column.date"), paper.date),
        fact_line(words("column.venue"), paper.venue, words),
        Line(words("column.model"), " · ".join(paper.model_types)),
    ]
    if paper.tasks:
        lines.append(Line(words("column.tasks"), words.of(paper.tasks)))
    if paper.datasets or paper.data_note:
        lines.append(Line(words("column.datasets"), ", ".join(paper.datasets) or words.of(paper.data_note)))
    shown = None
    if code is not None:
        shown = Markup('<a href="{}" rel="noopener">{}</a>').format(code.url, code.full_name)
    lines.append(fact_line(words("column.code"), paper.code, words, shown))
    if code is not None and code.stars.known is not None:
        lines.append(fact_line(words("column.stars"), code.stars, words, f"{code.stars.known:,}"))
    if paper.ids.items():
        links = Markup("<br>").join(
            Markup('{} <a href="{}" rel="noopener">{}</a>').format(scheme, ids.SCHEMES[scheme].url.format(value), value)
            for scheme, value in paper.ids.items()
        )
        lines.append(Line(words("entry.ids"), links))
    return lines


def also_called(entry: Entry, words: Words) -> list[Line]:
    """Other names of an entry, as a line of facts, so that a search for them ends here."""
    names = [*entry.aliases, *([entry.listed_as] if isinstance(entry, Paper) and entry.listed_as else [])]
    return [Line(words("entry.aliases"), " · ".join(dict.fromkeys(names)))] if names else []


def external_links(paper: Paper) -> list[tuple[str, str]]:
    """Where the paper can be read: (label, URL), each place once."""
    found = {link: _host(link) for link in paper.links}
    for scheme, value in paper.ids.items():
        url = ids.SCHEMES[scheme].url.format(value)
        found.setdefault(url, _host(url))
    seen: set[str] = set()
    return [(label, url) for url, label in found.items() if not (label in seen or seen.add(label))]


def _host(url: str) -> str:
    known = {
        "arxiv.org": "arXiv",
        "openreview.net": "OpenReview",
        "aclanthology.org": "ACL Anthology",
        "doi.org": "DOI",
        "huggingface.co": "Hugging Face",
        "openaccess.thecvf.com": "CVF",
        "www.ecva.net": "ECVA",
        "ojs.aaai.org": "AAAI",
        "proceedings.mlr.press": "PMLR",
        "proceedings.neurips.cc": "NeurIPS",
        "github.com": "GitHub",
    }
    host = url.split("/")[2] if url.count("/") >= 2 else url
    return known.get(host, host.removeprefix("www."))


# ── methods ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def method_page(method: Method, writer: Writer) -> Page:
    """Idea, which algorithm of that name ours is, what was measured, how to run it."""
    words, sources = writer.words, writer.sources
    body = writer.render(
        "method.html",
        method=method,
        paper=sources.catalog.papers.get(method.paper or ""),
        results=boardtable.results_of_method(method.id, writer),
        claims=[claim for claim in sources.catalog.claims.values() if _speaks_of(claim, method.id)],
        reported=_reported_rows(method.id, sources),
        relations=relations(method, "methods", writer),
        reference=lambda target: reference(target, writer),
        experiments=runs.experiments_of_method(method.id, sources),
        chips=[chip("family", method.family, words)],
        names=also_called(method, words),
        report=report_link(writer, "methods", method),
        kind="methods",
        entry=method,
    )
    return Page(
        path=writer.path,
        title=method.name,
        body=body,
        description=words.of(method.idea),
        section="methods",
        hide=("navigation",),
        boost=2,
    )


def method_of(side: str) -> str:
    """The method id of one side of a comparison, `kore[data=raw]` → `kore`."""
    return side.partition("[")[0].strip()


def _speaks_of(claim: Claim, method: str) -> bool:
    return any(method in (method_of(part.left), method_of(part.right)) for part in claim.comparisons)


def _reported_rows(method: str, sources: Sources) -> list[tuple[ReportedTable, Any]]:
    return [(table, row) for table in sources.catalog.reported.values() for row in table.rows if row.method == method]


# ── benchmarks ──────────────────────────────────────────────────────────────────────────────────────────────────────


def benchmark_page(benchmark: Benchmark, writer: Writer) -> Page:
    """What it measures, its data sets with revision and licence, who evaluates on it."""
    words, sources = writer.words, writer.sources
    labels = {term.id: words.of(term.label) for term in sources.catalog.taxonomy.dimensions}
    body = writer.render(
        "benchmark.html",
        benchmark=benchmark,
        names=also_called(benchmark, words),
        dimensions=[labels.get(dimension, dimension) for dimension in benchmark.dimensions],
        paper=sources.catalog.papers.get(benchmark.paper or ""),
        code=sources.catalog.repositories.get(benchmark.code or ""),
        datasets=[
            (
                one,
                fact_line(words("column.revision"), one.revision, words),
                fact_line(words("column.licence"), one.licence, words),
            )
            for one in benchmark.datasets
        ],
        licence=fact_line(words("column.licence"), benchmark.licence, words),
        users=_papers_naming(benchmark, sources),
        relations=relations(benchmark, "benchmarks", writer),
        reference=lambda target: reference(target, writer),
        report=report_link(writer, "benchmarks", benchmark),
        kind="benchmarks",
        entry=benchmark,
    )
    return Page(
        path=writer.path,
        title=benchmark.name,
        body=body,
        description=words.of(benchmark.summary),
        section="benchmarks",
        hide=("navigation",),
        jsonld=citing.dataset(benchmark, words, sources),
        boost=2,
    )


def _papers_naming(benchmark: Benchmark, sources: Sources) -> list[Paper]:
    """Papers whose data sets name the benchmark, by any of its names."""
    names = {part.strip().lower() for one in (benchmark.name, *benchmark.aliases) for part in one.split("/")}
    return [
        paper
        for paper in sources.papers
        if any(part.strip().lower() in names for one in paper.datasets for part in one.split("/"))
    ]
