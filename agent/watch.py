"""What in the world the registry's entries stand for: the questions of a visit, and the way back from an answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from agent.source import Watched
from registry import ids
from registry.catalog import Catalog
from registry.schema import Benchmark, Paper, Repository

COVERED = {"arxiv.org", "github.com", "huggingface.co", "alphaxiv.org"}
"""Hosts whose own source says more about a link than a status code."""


def watched(catalog: Catalog) -> list[Watched]:
    """Everything to ask about, in the order of the entries; entries that are withdrawn or merged are left alone."""
    found: list[Watched] = []
    for name, paper in catalog.papers.items():
        if paper.active:
            found += of_paper(f"papers/{name}", paper)
    for name, repository in catalog.repositories.items():
        if repository.active:
            found += of_repository(f"repositories/{name}", repository)
    for name, benchmark in catalog.benchmarks.items():
        if benchmark.active:
            found += of_benchmark(f"benchmarks/{name}", benchmark)
    return found


def of_paper(ref: str, paper: Paper) -> Iterator[Watched]:
    """Its arXiv number, its Hub page while no code is known, its links elsewhere."""
    if paper.ids.arxiv:
        yield Watched(f"arxiv:{paper.ids.arxiv}", ref)
        if paper.code.known is None:
            yield Watched(f"huggingface:papers/{paper.ids.arxiv}", ref)
    for link in paper.links:
        if (urlsplit(link).hostname or "").removeprefix("www.") not in COVERED:
            yield Watched(f"link:{link}", ref)


def of_repository(ref: str, repository: Repository) -> Iterator[Watched]:
    """Its name on GitHub with the number as second name, or its asset on the Hub."""
    checked = repository.stars.checked.isoformat() if repository.stars.checked else ""
    if repository.host == "github":
        number = repository.numeric_id.known
        yield Watched(
            f"github:{repository.full_name}", ref, hint=str(number) if number is not None else "", checked=checked
        )
        return
    named = ids.from_address(repository.url)
    if named is not None and named[0] == "huggingface":
        yield Watched(f"huggingface:{named[1]}", ref, checked=checked)


def of_benchmark(ref: str, benchmark: Benchmark) -> Iterator[Watched]:
    """Its data sets on the Hub."""
    for dataset in benchmark.datasets:
        if dataset.huggingface:
            yield Watched(f"huggingface:datasets/{dataset.huggingface.removeprefix('datasets/')}", ref)


def by_subject(everything: list[Watched]) -> Mapping[str, tuple[str, ...]]:
    """Subject, in lower case → the entries it stands for, each once."""
    found: dict[str, list[str]] = defaultdict(list)
    for one in everything:
        if one.entry not in found[one.subject.lower()]:
            found[one.subject.lower()].append(one.entry)
    return {subject: tuple(entries) for subject, entries in found.items()}


def former_names(catalog: Catalog) -> dict[str, tuple[str, ...]]:
    """Reference → the references its entry had before, so that what was said about them still counts."""
    found: dict[str, list[str]] = defaultdict(list)
    for old, now in catalog.redirects.items():
        found[now].append(old)
    return {ref: tuple(sorted(names)) for ref, names in found.items()}
