"""How an entry is cited and found by machines: BibTeX, `citation_*` tags, schema.org, and where to report a problem."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from docs.sources import Sources
from docs.words import Words
from registry import ids
from registry.exports import bibtex as exporter
from registry.schema import Benchmark, Paper

LICENCE = "https://creativecommons.org/licenses/by/4.0/"


def issue_url(repository_url: str, target: str, field: str = "") -> str:
    """A pre-filled issue form: `target` is `kind/id`, `field` may be empty. Empty without a public repository."""
    if not repository_url:
        return ""
    words = {"template": "problem.yml", "title": f"{target}: ", "entry": target, "field": field}
    return f"{repository_url}/issues/new?{urlencode({key: value for key, value in words.items() if value})}"


def urls(paper: Paper) -> list[str]:
    """Every address of the paper that we know, landing page first."""
    found = [*paper.links, *(ids.SCHEMES[scheme].url.format(value) for scheme, value in paper.ids.items())]
    return list(dict.fromkeys(found))


def meta_tags(paper: Paper) -> tuple[tuple[str, str], ...]:
    """Tags that Zotero and Google Scholar read."""
    tags = [("citation_title", paper.title)]
    tags += [("citation_author", author) for author in paper.authors]
    tags.append(("citation_publication_date", paper.date.replace("-", "/")))
    if paper.venue.known and str(paper.venue.known) != "arXiv":
        tags.append(("citation_conference_title", str(paper.venue.known)))
    if paper.ids.doi:
        tags.append(("citation_doi", paper.ids.doi))
    if paper.ids.arxiv:
        tags.append(("citation_arxiv_id", paper.ids.arxiv))
        tags.append(("citation_pdf_url", f"https://arxiv.org/pdf/{paper.ids.arxiv}"))
    return tuple(tags)


def article(paper: Paper, words: Words, sources: Sources) -> dict[str, Any]:
    """schema.org ScholarlyArticle."""
    entry: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "ScholarlyArticle",
        "headline": paper.title,
        "name": paper.title,
        "datePublished": paper.date,
        "sameAs": urls(paper),
        "abstract": words.of(paper.summary),
        "inLanguage": "en",
    }
    if paper.authors:
        entry["author"] = [{"@type": "Person", "name": author} for author in paper.authors]
    if paper.venue.known:
        entry["isPartOf"] = {"@type": "CreativeWork", "name": str(paper.venue.known)}
    code = sources.code(paper)
    if code:
        entry["workExample"] = {"@type": "SoftwareSourceCode", "codeRepository": code.url}
    return entry


def dataset(benchmark: Benchmark, words: Words, sources: Sources) -> dict[str, Any]:
    """schema.org Dataset."""
    entry: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Dataset",
        "name": benchmark.name,
        "description": words.of(benchmark.summary),
        "sameAs": [one.url for one in benchmark.datasets],
    }
    if benchmark.licence.known:
        entry["license"] = str(benchmark.licence.known)
    paper = sources.catalog.papers.get(benchmark.paper or "")
    if paper:
        entry["citation"] = {"@type": "ScholarlyArticle", "headline": paper.title, "url": urls(paper)[0]}
    return entry


def bibtex(paper: Paper) -> str:
    """The paper as one BibTeX entry, without abstract."""
    return exporter.record(paper, "").strip()
