"""CITATION.cff (1.2.0): how to cite the project, with the papers of the registry as references."""

from __future__ import annotations

import json
from collections.abc import Iterator

from registry.exports import DATA_LICENCE, HOME, NAME, PURPOSE, Selection
from registry.exports.bibtex import proceedings
from registry.schema import Paper

CONTRIBUTORS = f"The {NAME} contributors"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def render(selection: Selection) -> str:
    """The file; strings are quoted as JSON, which YAML reads."""
    version = selection.catalog.taxonomy.version
    head = [
        "cff-version: 1.2.0",
        f"message: {_quoted('If you use the registry, please cite it, and the papers that it points to.')}",
        "type: dataset",
        f"title: {_quoted(NAME)}",
        f"abstract: {_quoted(PURPOSE.en)}",
        "authors:",
        f"  - name: {_quoted(CONTRIBUTORS)}",
        f"version: {_quoted(version)}",
        f"license: {DATA_LICENCE}",
        f"repository-code: {_quoted(HOME)}",
    ]
    references = [line for paper in selection.papers for line in _reference(paper)]
    return "\n".join([*head, *(["references:", *references] if references else []), ""])


def _reference(paper: Paper) -> Iterator[str]:
    where = proceedings(paper)
    yield f"  - type: {'conference-paper' if where else 'article'}"
    yield f"    title: {_quoted(paper.title)}"
    yield "    authors:"
    for author in paper.authors or ("The authors",):
        yield f"      - name: {_quoted(author)}"
    yield f"    year: {paper.date[:4]}"
    if "-" in paper.date:
        yield f"    month: {int(paper.date[5:7])}"
    if where:
        yield f"    collection-title: {_quoted(where)}"
    if paper.ids.doi:
        yield f"    doi: {_quoted(paper.ids.doi)}"
    yield f"    url: {_quoted(paper.links[0])}"
