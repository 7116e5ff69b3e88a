"""The first page, and the page that says what has not been run: both made of counts, nothing typed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from docs import board, charts, findings, people, rows
from docs.browse import DIRECTIONS, name
from docs.drawing import Legend, swatch
from docs.pages import Page, Writer, blocks, heading, percent
from docs.sources import Sources
from docs.words import Words
from registry.schema import Benchmark, Claim, Method, Term


def pages(sources: Sources, words: Words) -> Iterator[Page]:
    """Home and `about/not-run`."""
    yield home_page(Writer(words, sources, "index.md"))
    yield not_run_page(Writer(words, sources, "about/not-run.md"))


@dataclass(frozen=True)
class Area:
    """One direction of the map: what it is, how much there is, when it came."""

    term: Term
    n_papers: int
    n_methods: int
    n_running: int
    by_year: Markup
    buckets: tuple[tuple[str, int], ...]


def home_page(writer: Writer) -> Page:
    """Question, picture, map, news, freshness."""
    words, sources = writer.words, writer.sources
    groups = rows.groups(sources)
    main = groups[0] if groups else None
    drawn = main if main and len(main.measured) > 1 else None
    body = writer.render(
        "home.html",
        areas=areas(writer),
        picture=board.pictures(drawn, writer, identity="home") if drawn else None,
        group=drawn,
        summary=board.summary(drawn, writer) if drawn else None,
        key=board.families_shown(drawn, sources) if drawn else [],
        hollow=swatch("baseline", hollow=True),
        filled=swatch("baseline"),
        doubtful=swatch("baseline", doubtful=True) if drawn and any(map(rows.unlearned, drawn.rows)) else None,
        learned=percent(rows.LEARNED, 0),
        numbered=bool(drawn and rows.row_numbers(drawn)),
        caveats=rows.suite_texts(drawn.first.suite, words, sources)[1] if drawn else "",
        events=findings.events(writer)[:6],
        latest=sources.active_papers[:6],
        paper_name=name,
        form_word=lambda form: rows.form_word(form, words),
        counts={
            "papers": len(sources.active_papers),
            "methods": len(sources.catalog.methods),
            "running": sum(method.implemented for method in sources.catalog.methods.values()),
            "benchmarks": len(sources.catalog.benchmarks),
            "repositories": len(sources.catalog.repositories),
            "claims": len(sources.catalog.claims),
            "records": len(sources.records),
            "findings": len(sources.findings),
        },
        newest_run=max((record.started_at.date() for record in sources.records), default=None),
    )
    return Page(
        writer.path,
        words("home.title"),
        body,
        words("site.description"),
        hide=("navigation", "toc"),
        jsonld={
            "@context": "https://schema.org",
            "@type": "WebSite",
            "name": "Awesome Knowledge Injection",
            "description": words("site.description"),
            "inLanguage": words.tag,
            "license": "https://creativecommons.org/licenses/by/4.0/",
        },
        boost=2,
    )


def areas(writer: Writer) -> list[Area]:
    """The directions of the taxonomy in the list's order, with live counts."""
    sources = writer.sources
    terms = {term.id: term for term in sources.catalog.taxonomy.directions}
    years = sorted({paper.first_year for paper in sources.active_papers})
    span = range(years[0], years[-1] + 1) if years else range(0)
    return [_area(terms[direction], span, writer) for direction in DIRECTIONS if direction in terms]


def _area(term: Term, years: range, writer: Writer) -> Area:
    words, sources = writer.words, writer.sources
    papers = [paper for paper in sources.active_papers if paper.direction == term.id]
    methods = [method for method in sources.catalog.methods.values() if method.family == term.id]
    counts = Counter(paper.first_year for paper in papers)
    legend = Legend(
        words("home.years", direction=words(f"direction.{term.id}")),
        ", ".join(f"{year}: {counts[year]}" for year in years if counts[year]),
        "",
        "",
    )
    buckets = Counter(paper.bucket for paper in papers if paper.bucket)
    order = [bucket.id for bucket in sources.catalog.taxonomy.buckets if buckets[bucket.id]]  # pyright: ignore[reportArgumentType]
    return Area(
        term=term,
        n_papers=len(papers),
        n_methods=len(methods),
        n_running=sum(method.implemented for method in methods),
        by_year=charts.bars(
            [(str(year), counts[year]) for year in years], legend, identity=f"years-{term.id}", family=term.id
        ),
        buckets=tuple((bucket, buckets[bucket]) for bucket in order),  # pyright: ignore[reportArgumentType]
    )


# ── what has not been run ───────────────────────────────────────────────────────────────────────────────────────────


def not_run_page(writer: Writer) -> Page:
    """Methods, benchmarks, claims, experiments and tiers that are only on paper here."""
    words, sources = writer.words, writer.sources
    methods: list[Method] = [method for method in sources.catalog.methods.values() if not method.implemented]
    measured = {row.method for row in sources.rows if row.status != "failed"}
    waiting = [m for m in sources.catalog.methods.values() if m.implemented and m.id not in measured]
    benchmarks: list[Benchmark] = [one for one in sources.catalog.benchmarks.values() if not one.implementation]
    claims: list[tuple[Claim, str]] = [
        (claim, _why(claim.id, writer))
        for claim in sources.catalog.claims.values()
        if sources.verdict(claim.id) == "not-run"
    ]
    done = {record.experiment.id for record in sources.records}
    experiments = sorted(name for name in sources.experiments if name not in done)
    body = writer.render(
        "not-run.html",
        methods=methods,
        waiting=waiting,
        benchmarks=benchmarks,
        claims=claims,
        experiments=experiments,
        tiers=Counter(record.experiment.tier for record in sources.records),
        devices=Counter(record.environment.device for record in sources.records),
        failed=[row for row in sources.rows if row.n_failed],
        row_path=rows.row_path,
    )
    by_hand = people.written_below(words, sources)
    if by_hand:
        body = "\n\n".join((body.strip(), blocks(str(heading(words("notrun.byhand"), "by-hand"))), by_hand))
    return Page(writer.path, words("notrun.title"), body, words("notrun.lead"), "guides", boost=1.5)


def _why(claim: str, writer: Writer) -> str:
    found = writer.sources.verdicts.get(claim)
    return findings.reason(found.why, writer.words) if found else ""
