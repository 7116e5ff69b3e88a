"""The lists: all papers, benchmarks, repositories and methods, each with facets over what its entries say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from markupsafe import Markup

from docs.pages import Page, Writer
from docs.sources import Sources
from docs.tables import Cell, Column, Row, Table, facet, slug, worth
from docs.words import Words
from registry.schema import Benchmark, Fact, Method, Paper, Repository

DIRECTIONS = ("distill", "replay", "parameter-regularization", "lora-isolation", "knowledge-editing", "benchmark")
FAMILIES = (
    "baseline",
    "distill",
    "replay",
    "parameter-regularization",
    "lora-isolation",
    "knowledge-editing",
    "retrieval",
)
STATES = ("recorded", "candidate", "superseded", "withdrawn", "retracted", "merged")


def pages(sources: Sources, words: Words) -> Iterator[Page]:
    """The four lists of one language."""
    for section, make in (
        ("papers", paper_table),
        ("methods", method_table),
        ("benchmarks", benchmark_table),
        ("repositories", repository_table),
    ):
        writer = Writer(words, sources, f"{section}/index.md")
        table = make(writer)
        yield Page(
            path=writer.path,
            title=words(f"browse.{section}.title"),
            description=words(f"browse.{section}.lead", n=len(table.rows)),
            body=writer.render("browse.html", table=table, kind=section),
            section=section,
            hide=("navigation", "toc"),
            boost=2,
        )


def name(paper: Paper) -> str:
    """What a paper is called in lists: the short name it is known by, if the list has one."""
    return paper.listed_as or paper.title


def venue(paper: Paper) -> str:
    """Venue as one facet value: the series without year, `arXiv` for preprints."""
    known = paper.venue.known
    if not known:
        return ""
    parts = [part.strip() for part in re.split(r"\s*/\s*", str(known))]
    best = next((part for part in parts if part.lower() != "arxiv"), parts[0])
    return re.sub(r"\s*\b(19|20)\d{2}\b.*$", "", best).strip() or best


def unknown(fact: Fact[Any], words: Words) -> Markup:
    """The two ways of not having a value, told apart."""
    return Markup('<span class="aki-none">{}</span>').format(words(f"fact.{fact.value}"))


def chip(kind: str, value: str, words: Words) -> Markup:
    """A small coloured label; the colour never carries meaning alone."""
    return Markup('<span class="aki-chip aki-chip--{}">{}</span>').format(value, words(f"{kind}.{value}"))


# ── papers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def paper_table(writer: Writer) -> Table:
    """All papers, newest first."""
    words, sources = writer.words, writer.sources
    rows = tuple(_paper_row(paper, writer) for paper in sources.papers)
    model_types = {slug(kind): kind for paper in sources.papers for kind in _model_types(paper)}
    years = tuple(str(year) for year in sorted({paper.first_year for paper in sources.papers}, reverse=True))
    venues = {slug(venue(paper)): venue(paper) for paper in sources.papers if venue(paper)}
    facets = (
        facet("direction", words("column.direction"), rows, lambda v: words(f"direction.{v}"), DIRECTIONS),
        facet("bucket", words("column.bucket"), rows, lambda v: words(f"bucket.{v}")),
        facet("model", words("column.model"), rows, lambda v: model_types[v]),
        facet("venue", words("column.venue"), rows, lambda v: venues.get(v, words("fact.not-checked"))),
        facet("year", words("column.year"), rows, str, years),
        facet("status", words("column.status"), rows, lambda v: words(f"status.{v}"), STATES),
        facet("code", words("column.code"), rows, lambda v: words(f"code.{v}"), ("yes", "none", "not-checked")),
    )
    columns = (
        Column("title", words("column.title"), lead=True),
        Column("date", words("column.date"), tight=True),
        Column("direction", words("column.direction")),
        Column("model", words("column.model")),
        Column("venue", words("column.venue")),
        Column("status", words("column.status"), tight=True),
        Column("stars", words("column.stars"), numeric=True, about=words("column.stars.about")),
        Column("tasks", words("column.tasks"), shown=False),
        Column("datasets", words("column.datasets"), shown=False),
    )
    return Table(
        "papers", columns, rows, worth(facets), sort="-date", caption=words("browse.papers.title"), export=True
    )


def _model_types(paper: Paper) -> list[str]:
    return [part for kind in paper.model_types for part in re.split(r"\s*/\s*", kind) if part]


def _paper_row(paper: Paper, writer: Writer) -> Row:
    words, code = writer.words, writer.sources.code(paper)
    title = Markup('<a href="{}">{}</a>').format(writer.link(f"papers/{paper.id}.html"), name(paper))
    if paper.position:
        title += Markup("<small>{}</small>").format(words.of(paper.position))
    direction = chip("direction", paper.direction, words)
    if paper.bucket:
        direction += Markup(" <small>{}</small>").format(words(f"bucket.{paper.bucket}"))
    stars = code.stars.known if code else None
    cells = (
        Cell(title, name(paper)),
        Cell(paper.date, paper.date),
        Cell(direction, paper.direction),
        Cell(" · ".join(_model_types(paper))),
        Cell(str(paper.venue.known) if paper.venue.known else unknown(paper.venue, words), paper.venue.known or ""),
        Cell(words(f"status.{paper.stage}"), paper.stage),
        Cell(_code_cell(paper, writer), stars),
        Cell(words.of(paper.tasks)),
        Cell(", ".join(paper.datasets) or words.of(paper.data_note)),
    )
    facets = {
        "direction": (paper.direction,),
        "bucket": (paper.bucket,) if paper.bucket else (),
        "model": tuple(slug(kind) for kind in _model_types(paper)),
        "venue": (slug(venue(paper)) if venue(paper) else "not-checked",),
        "year": (str(paper.first_year),),
        "status": (paper.stage,),
        "code": ("yes" if paper.code.known else str(paper.code.value),),
    }
    return Row(paper.id, cells, facets, " ".join(_other_names(paper)))


def _other_names(paper: Paper) -> list[str]:
    names = [*paper.aliases, paper.title, *(value for _, value in paper.ids.items())]
    return [other for other in names if other != name(paper)]


def _code_cell(paper: Paper, writer: Writer) -> Markup:
    code = writer.sources.code(paper)
    if code is None:
        return unknown(paper.code, writer.words)
    stars = code.stars.known
    shown = (
        Markup("★&nbsp;{}").format(f"{stars:,}") if stars is not None else Markup("{}").format(writer.words("code.yes"))
    )
    return Markup('<a href="{}">{}</a>').format(writer.link(f"repositories/index.html#{code.id}"), shown)


# ── methods ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def method_table(writer: Writer) -> Table:
    """All methods, by family and name, with what was measured of them."""
    words = writer.words
    ordered = sorted(writer.sources.catalog.methods.values(), key=lambda m: (FAMILIES.index(m.family), m.name.lower()))
    rows = tuple(_method_row(method, writer) for method in ordered)
    facets = (
        facet("family", words("column.family"), rows, lambda v: words(f"family.{v}"), FAMILIES),
        facet("implemented", words("column.implemented"), rows, lambda v: words(f"implemented.{v}"), ("yes", "no")),
    )
    columns = (
        Column("name", words("column.method"), lead=True),
        Column("family", words("column.family")),
        Column("idea", words("column.idea")),
        Column("keeps", words("column.keeps"), shown=False),
        Column("inference", words("column.inference"), shown=False),
        Column("implemented", words("column.implemented")),
    )
    return Table("methods", columns, rows, worth(facets), caption=words("browse.methods.title"), export=True)


def _method_row(method: Method, writer: Writer) -> Row:
    words = writer.words
    link = Markup('<a href="{}">{}</a>').format(writer.link(f"methods/{method.id}.html"), method.name)
    state = "yes" if method.implemented else "no"
    cells = (
        Cell(link, method.name),
        Cell(chip("family", method.family, words), method.family),
        Cell(words.of(method.idea)),
        Cell(words.of(method.state_kept)),
        Cell(words.of(method.at_inference)),
        Cell(words(f"implemented.{state}"), state),
    )
    return Row(method.id, cells, {"family": (method.family,), "implemented": (state,)}, " ".join(method.aliases))


# ── benchmarks ──────────────────────────────────────────────────────────────────────────────────────────────────────


def benchmark_table(writer: Writer) -> Table:
    """All benchmarks, in the list's order."""
    words = writer.words
    ordered = sorted(
        writer.sources.catalog.benchmarks.values(),
        key=lambda b: (b.list_order is None, b.list_order if b.list_order is not None else 0, b.name),
    )
    rows = tuple(_benchmark_row(benchmark, writer) for benchmark in ordered)
    labels = {term.id: words.of(term.label) for term in writer.sources.catalog.taxonomy.dimensions}
    facets = (
        facet("dimension", words("column.dimension"), rows, lambda v: labels.get(v, v), tuple(labels)),
        facet("implemented", words("column.implemented"), rows, lambda v: words(f"implemented.{v}"), ("yes", "no")),
    )
    columns = (
        Column("name", words("column.name"), lead=True),
        Column("type", words("column.type")),
        Column("summary", words("column.summary")),
        Column("dimension", words("column.dimension")),
        Column("data", words("column.datasets")),
        Column("implemented", words("column.implemented")),
    )
    return Table("benchmarks", columns, rows, worth(facets), caption=words("browse.benchmarks.title"), export=True)


def _benchmark_row(benchmark: Benchmark, writer: Writer) -> Row:
    words = writer.words
    labels = {term.id: words.of(term.label) for term in writer.sources.catalog.taxonomy.dimensions}
    link = Markup('<a href="{}">{}</a>').format(writer.link(f"benchmarks/{benchmark.id}.html"), benchmark.name)
    data = Markup(" · ").join(
        Markup('<a href="{}" rel="noopener">{}</a>').format(one.url, one.name) for one in benchmark.datasets
    )
    state = "yes" if benchmark.implementation else "no"
    cells = (
        Cell(link, benchmark.name),
        Cell(words.of(benchmark.type)),
        Cell(words.of(benchmark.summary)),
        Cell(" · ".join(labels.get(dimension, dimension) for dimension in benchmark.dimensions)),
        Cell(data, ", ".join(one.name for one in benchmark.datasets)),
        Cell(words(f"implemented.{state}"), state),
    )
    facets = {"dimension": benchmark.dimensions, "implemented": (state,)}
    return Row(benchmark.id, cells, facets, " ".join(benchmark.aliases))


# ── repositories ────────────────────────────────────────────────────────────────────────────────────────────────────


def repository_table(writer: Writer) -> Table:
    """All repositories and Hub resources, most starred first."""
    words = writer.words
    ordered = sorted(
        writer.sources.catalog.repositories.values(), key=lambda r: (-(r.stars.known or 0), r.name.lower())
    )
    rows = tuple(_repository_row(repository, writer) for repository in ordered)
    facets = (
        facet("role", words("column.role"), rows, lambda v: words(f"role.{v}")),
        facet("host", words("column.host"), rows, lambda v: {"github": "GitHub", "huggingface": "Hugging Face"}[v]),
        facet("state", words("column.state"), rows, lambda v: words(f"state.{v}")),
    )
    columns = (
        Column("name", words("column.name"), lead=True),
        Column("role", words("column.role")),
        Column("stars", words("column.stars"), numeric=True, about=words("column.stars.about")),
        Column("licence", words("column.licence"), shown=any(r.licence.known for r in ordered)),
        Column("state", words("column.state"), shown=any(r.state.known for r in ordered)),
        Column("papers", words("column.papers")),
        Column("summary", words("column.summary"), shown=any(r.summary for r in ordered)),
    )
    return Table(
        "repositories",
        columns,
        rows,
        worth(facets),
        sort="-stars",
        caption=words("browse.repositories.title"),
        export=True,
    )


def _repository_row(repository: Repository, writer: Writer) -> Row:
    words = writer.words
    link = Markup('<a href="{}" rel="noopener">{}</a>').format(repository.url, repository.name)
    if repository.full_name != repository.name:
        link += Markup("<small>{}</small>").format(repository.full_name)
    papers = Markup(" · ").join(
        Markup('<a href="{}">{}</a>').format(writer.link(f"papers/{paper.id}.html"), name(paper))
        for paper in writer.sources.papers_of_repository.get(repository.id, ())
    )
    stars = repository.stars.known
    shown_stars = f"{stars:,}" if stars is not None else unknown(repository.stars, words)
    licence, state = repository.licence.known, repository.state
    cells = (
        Cell(link, repository.full_name),
        Cell(chip("role", repository.role, words), repository.role),
        Cell(_dated(shown_stars, repository.stars, words), stars),
        Cell(str(licence) if licence else unknown(repository.licence, words), str(licence or "")),
        Cell(words(f"state.{state.known}") if state.known else unknown(state, words), str(state.value)),
        Cell(papers, len(writer.sources.papers_of_repository.get(repository.id, ()))),
        Cell(words.of(repository.summary)),
    )
    facets = {"role": (repository.role,), "host": (repository.host,), "state": (str(state.value),)}
    return Row(repository.id, cells, facets, " ".join(repository.aliases))


def _dated(shown: Markup | str, fact: Fact[int], words: Words) -> Markup:
    if fact.checked is None:
        return Markup("{}").format(shown)
    return Markup('<span title="{}">{}</span>').format(words("fact.checked", date=fact.checked), shown)
