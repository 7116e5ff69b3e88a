"""Company and benchmark pages: has the main text changed, and does it link to papers or repositories we do not have.

Feeds are read with feedparser, pages with trafilatura, which finds the main text among menus and footers. New arXiv
numbers are looked up on arXiv, so that they can be judged like any other new paper; new repositories are judged by the
words around the link.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import cast

from agent.messages import Answer, Exchange, Observation, Reading, Request, in_chunks, observe, sha256
from agent.source import Settings, Source, Watched, distinct, refusals

KEPT = 20_000
"""Characters of a page's main text that are kept as excerpt."""
AROUND = 160
ARXIV = re.compile(r"arxiv\.org/(?:abs|pdf|html)/(\d{4}\.\d{4,5})")
GITHUB = re.compile(r"https?://(?:www\.)?github\.com/([A-Za-z0-9-]{1,39})/([A-Za-z0-9._-]{1,100})")
NO_REPOSITORY = {"features", "topics", "orgs", "about", "sponsors", "marketplace", "collections", "login", "settings"}
LOOK_UP = 50


class Pages(Source):
    """The pages named in the configuration."""

    name = "pages"
    title = "Pages"
    interval_days = 7

    def plan(self, watched: Sequence[Watched], settings: Settings) -> tuple[Request, ...]:
        """One request per page; what is known already goes along, so that only new links are looked up."""
        known = {
            "arxiv": ",".join(one.name for one in distinct(watched, "arxiv")),
            "github": ",".join(one.name.lower() for one in distinct(watched, "github")),
        }
        return tuple(
            Request(
                source="pages",
                purpose="page",
                url=url,
                accept="text/html,application/atom+xml,application/rss+xml;q=0.9,*/*;q=0.5",
                subjects=(f"page:{url}",),
                hints=known,
                patience=2,
            )
            for url in settings.pages
        )

    def follow(self, exchange: Exchange) -> tuple[Request, ...]:
        """The arXiv entries of numbers that a page links to and the registry does not have."""
        if exchange.request.purpose != "page" or exchange.good is None:
            return ()
        from agent.sources.arxiv import by_ids

        known = set(exchange.request.hints.get("arxiv", "").split(","))
        text = content(exchange.good)
        fresh = [number for number in dict.fromkeys(ARXIV.findall(text)) if number not in known]
        return tuple(
            by_ids(chunk).model_copy(update={"source": "pages", "purpose": "discover"})
            for chunk in in_chunks(fresh[:LOOK_UP], LOOK_UP)
        )

    def read(self, exchanges: Sequence[Exchange]) -> Reading:
        """The state of each page, listings of new papers, mentions of new repositories."""
        observations: list[Observation] = []
        answered, problems = [], refusals(exchanges)
        for exchange in exchanges:
            answer = exchange.answer
            if answer is None:
                continue
            if not answer.ok:
                problems.append(f"{exchange.request.url}: HTTP {answer.status}")
            elif exchange.request.purpose == "page":
                answered.append(exchange.request.subjects[0])
                observations += of_page(exchange, answer)
            else:
                observations += listings(answer)
        return Reading(observations=tuple(observations), answered=tuple(sorted(answered)), problems=tuple(problems))


def of_page(exchange: Exchange, answer: Answer) -> list[Observation]:
    """The page's main text, and the repositories it links to that are new."""
    url, text = exchange.request.url, content(answer)[:KEPT]
    if not text:
        return []
    subject = exchange.request.subjects[0]
    found = [
        observe(
            answer, "pages", subject, "page", sha256(text), excerpt=text, locator="main text", quote=text[:200], url=url
        )
    ]
    known = set(exchange.request.hints.get("github", "").split(","))
    for match in GITHUB.finditer(text):
        name = f"{match[1]}/{match[2].rstrip('.').removesuffix('.git')}"
        if name.lower() in known or match[1].lower() in NO_REPOSITORY:
            continue
        known.add(name.lower())
        around = text[max(0, match.start() - AROUND) : match.end() + AROUND]
        value = {"name": name, "around": around, "page": url}
        mention = observe(
            answer, "pages", f"github:{name}", "mention", cast("dict", value), excerpt=text, locator="main text",
            quote=match[0], url=url,
        )  # fmt: skip
        found.append(mention)
    return found


def listings(answer: Answer) -> list[Observation]:
    """Papers that a page linked to, as arXiv has them."""
    from agent.sources.arxiv import base_id, is_error, listing, parse

    return [
        listing(answer, f"arxiv:{base_id(result)}", result).model_copy(update={"source": "pages"})
        for result in parse(answer).results
        if not is_error(result)
    ]


def content(answer: Answer) -> str:
    """Main text of a page with the addresses of its links, or titles, texts and links of a feed; empty if neither."""
    head = answer.body.lstrip()[:200].lower()
    if head.startswith(("<?xml", "<rss", "<feed")) or "xml" in answer.headers.get("content-type", ""):
        return of_feed(answer.body)
    if not head:
        return ""
    import trafilatura

    text = trafilatura.extract(answer.body, include_links=True, include_comments=False, include_tables=True)
    return text or ""


def of_feed(body: str) -> str:
    """The entries of a feed, one block each."""
    import feedparser

    blocks = []
    for entry in feedparser.parse(body).entries[:100]:
        summary = re.sub(r"<[^>]*?href=\"([^\"]*)\"[^>]*>", r" \1 ", str(entry.get("summary", "")))
        blocks.append(
            "\n".join((str(entry.get("title", "")), str(entry.get("link", "")), re.sub(r"<[^>]+>", " ", summary)))
        )
    return "\n\n".join(blocks)


SOURCE = Pages()
