"""CSL-JSON, which citation processors read (Zotero, pandoc, citeproc)."""

from __future__ import annotations

import json
from typing import Any

from registry.exports import Selection
from registry.exports.bibtex import proceedings
from registry.ids import address
from registry.schema import Paper


def render(selection: Selection) -> str:
    """All papers of a selection, as an array of items."""
    items = [item(paper, selection.text(paper.summary)) for paper in selection.papers]
    return json.dumps(items, ensure_ascii=False, indent=2) + "\n"


def item(paper: Paper, abstract: str) -> dict[str, Any]:
    """One paper."""
    where = proceedings(paper)
    parts = [int(part) for part in paper.date.split("-")]
    found: dict[str, Any] = {
        "id": paper.id,
        "type": "paper-conference" if where else "article",
        "title": paper.title,
        "author": [{"literal": author} for author in paper.authors],
        "issued": {"date-parts": [parts]},
        "container-title": where or ("arXiv" if paper.ids.arxiv else ""),
        "publisher": "" if where else paper.venue.known or "",
        "DOI": paper.ids.doi or "",
        "number": f"arXiv:{paper.ids.arxiv}" if paper.ids.arxiv else "",
        "URL": address("arxiv", paper.ids.arxiv) if paper.ids.arxiv and not where else paper.links[0],
        "abstract": abstract,
        "status": paper.stage,
    }
    return {name: value for name, value in found.items() if value}
