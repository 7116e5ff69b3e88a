"""llms.txt: what the registry holds, for language models (https://llmstxt.org); `llms-full` has the texts in full."""

from __future__ import annotations

from collections.abc import Iterator

from registry import search
from registry.exports import NAME, PURPOSE, Selection
from registry.schema import KINDS, Entry, Paper, Text


def render(selection: Selection) -> str:
    """Title, purpose, and a section of links per direction and per further kind."""
    return "\n".join(lines(selection, full=False)) + "\n"


def lines(selection: Selection, *, full: bool) -> Iterator[str]:
    """The lines of the file."""
    yield f"# {NAME}"
    yield ""
    yield f"> {selection.text(PURPOSE)}"
    for term in selection.catalog.taxonomy.directions:
        papers = [paper for paper in selection.papers if paper.direction == term.id]
        if papers:
            yield from _section(f"Papers: {_inline(selection.text(term.label))}", list(papers), selection, full)
    if selection.wanted:
        return
    for kind in ("benchmarks", "repositories", "methods"):
        entries = list(selection.catalog.kind(kind).values())
        if entries:
            yield from _section(kind.capitalize(), entries, selection, full)


def _section(title: str, entries: list[Entry], selection: Selection, full: bool) -> Iterator[str]:
    yield from ("", f"## {title}", "")
    for entry in entries:
        summary = getattr(entry, "summary", None) or getattr(entry, "idea", None)
        says = selection.text(summary) if isinstance(summary, Text) else ""
        yield f"- [{_inline(search.title(entry))}]({_address(entry)}): {_inline(says)}".removesuffix(": ")
        if full:
            yield from _details(entry, selection)


def _inline(text: str) -> str:
    """Text on one line, with brackets that do not end a link."""
    return " ".join(text.split()).replace("[", "(").replace("]", ")")


def _address(entry: Entry) -> str:
    if isinstance(entry, Paper):
        return entry.links[0].replace("(", "%28").replace(")", "%29")
    if url := getattr(entry, "url", None):
        return str(url)
    kind = next(name for name, model in KINDS.items() if isinstance(entry, model))
    return f"registry/data/{kind}/{entry.id}.yaml"


def _details(entry: Entry, selection: Selection) -> Iterator[str]:
    facets = "; ".join(f"{facet}: {', '.join(values)}" for facet, values in search.facets(entry).items() if values)
    yield f"  - {facets}"
    for issue in entry.known_issues:
        yield f"  - known issue: {_inline(selection.text(issue.what))} ({_inline(selection.text(issue.evidence))})"
