"""RSS 2.0: papers as news, newest change of status first."""

from __future__ import annotations

from datetime import UTC, datetime, time
from email.utils import format_datetime
from xml.sax.saxutils import escape, quoteattr

from registry.exports import HOME, PURPOSE, Selection
from registry.schema import Paper

LIMIT = 200
"""Items of a feed; readers fetch it again and again."""


def newest(selection: Selection) -> list[Paper]:
    """Papers of a selection, the latest change of status first, then the latest paper."""
    return sorted(selection.papers, key=lambda paper: (paper.status[-1].since, paper.date, paper.id), reverse=True)[
        :LIMIT
    ]


def moment(paper: Paper) -> datetime:
    """When the paper's status last changed, at midnight UTC."""
    return datetime.combine(paper.status[-1].since, time(), tzinfo=UTC)


def render(selection: Selection) -> str:
    """A feed of the selected papers."""
    papers = newest(selection)
    head = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<rss version="2.0">',
        "<channel>",
        f"<title>{escape(selection.title)}</title>",
        f"<link>{escape(HOME)}</link>",
        f"<description>{escape(selection.text(PURPOSE))}</description>",
        f"<language>{'zh-CN' if selection.language == 'zh' else 'en'}</language>",
    ]
    if papers:
        head.append(f"<lastBuildDate>{format_datetime(moment(papers[0]))}</lastBuildDate>")
    items = [line for paper in papers for line in _item(paper, selection)]
    return "\n".join([*head, *items, "</channel>", "</rss>", ""])


def _item(paper: Paper, selection: Selection) -> list[str]:
    categories = [paper.direction, *([paper.bucket] if paper.bucket else []), paper.stage]
    return [
        "<item>",
        f"<title>{escape(paper.title)}</title>",
        f"<link>{escape(paper.links[0])}</link>",
        f"<guid isPermaLink={quoteattr('false')}>papers/{paper.id}</guid>",
        f"<pubDate>{format_datetime(moment(paper))}</pubDate>",
        f"<description>{escape(selection.text(paper.summary))}</description>",
        *(f"<category>{escape(category)}</category>" for category in categories),
        "</item>",
    ]
