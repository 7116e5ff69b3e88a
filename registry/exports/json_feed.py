"""JSON Feed 1.1: the same news as RSS."""

from __future__ import annotations

import json
from typing import Any

from registry.exports import HOME, PURPOSE, Selection
from registry.exports.rss import moment, newest
from registry.schema import Paper


def render(selection: Selection) -> str:
    """A feed of the selected papers."""
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": selection.title,
        "home_page_url": HOME,
        "description": selection.text(PURPOSE),
        "language": "zh-CN" if selection.language == "zh" else "en",
        "items": [_item(paper, selection) for paper in newest(selection)],
    }
    return json.dumps(feed, ensure_ascii=False, indent=1) + "\n"


def _item(paper: Paper, selection: Selection) -> dict[str, Any]:
    return {
        "id": f"papers/{paper.id}",
        "url": paper.links[0],
        "title": paper.title,
        "content_text": selection.text(paper.summary),
        "date_published": moment(paper).isoformat().replace("+00:00", "Z"),
        "tags": [paper.direction, *([paper.bucket] if paper.bucket else []), paper.stage],
    }
