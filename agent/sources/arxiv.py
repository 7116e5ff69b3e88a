"""arXiv: titles, authors, venues, DOIs, withdrawals and code links of known papers; new papers from saved queries.

The query API at export.arxiv.org (Atom), read with the `arxiv` package. Updates go by id lists in chunks of 150, as the
address must stay near 2 kB. A malformed id sinks its whole batch with a 400, so batches are halved until the bad id
stands alone; an unknown id is silently left out, so asked is compared with returned; an empty page is not believed at
once. There is no flag for a withdrawn paper, only words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlencode

import arxiv
from arxiv import _feed  # the package's own reader of answers; its public client would open sockets of its own
from pydantic import JsonValue

from agent import ladder
from agent.messages import Answer, Exchange, Observation, Reading, Request, in_chunks, observe
from agent.source import Settings, Source, Watched, distinct, refusals
from registry.ids import wrong

API = "https://export.arxiv.org/api/query"
CHUNK = 150
TRIES = 3
"""How often an empty page is asked for before it is believed."""
PER_PAGE = 100
EXTENDS = re.compile(
    r"(?:extended version|extension|follow[- ]?up|journal version) (?:of|to) [^.;]{0,80}?arxiv:\s*(\d{4}\.\d{4,5})",
    re.IGNORECASE,
)
"""How a comment says which earlier paper this one extends."""


class Arxiv(Source):
    """Known papers by id, new papers by saved query."""

    name = "arxiv"
    title = "arXiv"
    interval_days = 7

    def plan(self, watched: Sequence[Watched], settings: Settings) -> tuple[Request, ...]:
        """One request per 150 known papers, one per 150 imported ones, one per saved query."""
        numbers = [one.name for one in distinct(watched, "arxiv") if wrong("arxiv", one.name) is None]
        updates = [by_ids(chunk) for chunk in in_chunks(numbers, settings.options.get("chunk", CHUNK))]
        imported = [by_ids(chunk, purpose="imported") for chunk in in_chunks(settings.numbers, CHUNK)]
        return (*updates, *imported, *(by_query(query, 0, settings.query_results) for query in settings.queries))

    def follow(self, exchange: Exchange) -> tuple[Request, ...]:
        """Halves of a refused batch; an empty page once more; the next page of a query that has one."""
        request, answer = exchange.request, exchange.answer
        if answer is None:
            return ()
        numbers = [subject.partition(":")[2] for subject in request.subjects]
        if answer.status == 400 and len(numbers) > 1:
            middle = len(numbers) // 2
            return by_ids(numbers[:middle], request.purpose), by_ids(numbers[middle:], request.purpose)
        if not answer.ok:
            return ()
        page = parse(answer)
        if request.purpose != "discover":
            doubtful = numbers and not page.results and request.attempt < TRIES
            return (request.model_copy(update={"attempt": request.attempt + 1}),) if doubtful else ()
        return next_page(request, page)

    def read(self, exchanges: Sequence[Exchange]) -> Reading:
        """Observations of every returned paper, and which of the asked ones did not come back."""
        observations: list[Observation] = []
        answered: set[str] = set()
        asked: set[str] = set()
        problems = refusals(exchanges)
        for exchange in exchanges:
            answer = exchange.good
            if answer is None:
                problems += refused(exchange)
                continue
            if exchange.request.purpose != "discover":
                asked.update(exchange.request.subjects)
            for result in parse(answer).results:
                if is_error(result):
                    problems.append(f"arXiv: {result.summary.strip()}")
                    continue
                subject = f"arxiv:{base_id(result)}"
                if exchange.request.purpose == "update":
                    answered.add(subject)
                    observations += facts(answer, subject, result)
                else:
                    observations.append(listing(answer, subject, result))
                    if exchange.request.purpose == "imported":
                        answered.add(subject)
        return Reading(
            observations=tuple(observations),
            answered=tuple(sorted(answered)),
            missing=tuple(sorted(asked - answered)),
            problems=tuple(problems),
        )


def by_ids(numbers: Iterable[str], purpose: str = "update") -> Request:
    """The latest metadata of these papers; `imported` ones are not in the registry yet."""
    chosen = tuple(numbers)
    query = urlencode({"id_list": ",".join(chosen), "start": 0, "max_results": max(len(chosen), 1)}, safe=",")
    return Request(
        source="arxiv",
        purpose=purpose,
        url=f"{API}?{query}",
        accept="application/atom+xml",
        subjects=tuple(f"arxiv:{number}" for number in chosen),
    )


def by_query(query: str, start: int, limit: int) -> Request:
    """A page of a saved query, newest first; `limit` is the most that all its pages together may bring."""
    words = {
        "search_query": query,
        "sortBy": "submittedDate",
        "sortOrder": "descending",
        "start": start,
        "max_results": min(PER_PAGE, limit - start),
    }
    return Request(
        source="arxiv",
        purpose="discover",
        url=f"{API}?{urlencode(words)}",
        accept="application/atom+xml",
        hints={"query": query, "start": str(start), "limit": str(limit)},
    )


def next_page(request: Request, page: _feed.ParsedFeed) -> tuple[Request, ...]:
    """The following page of a query, until its limit or its last result."""
    limit, reached = int(request.hints["limit"]), int(request.hints["start"]) + len(page.results)
    done = not page.results or reached >= min(limit, page.header.total_results)
    return () if done else (by_query(request.hints["query"], reached, limit),)


def parse(answer: Answer) -> _feed.ParsedFeed:
    """The page of results; empty if the answer is not Atom."""
    return _feed.parse(answer.body.encode("utf-8"))


def refused(exchange: Exchange) -> list[str]:
    """The line for an answer outside the 200s; a halved batch is no problem of its own."""
    answer = exchange.answer
    if answer is None or (answer.status == 400 and len(exchange.request.subjects) > 1):
        return []
    return [
        f"arXiv refused {', '.join(exchange.request.subjects) or exchange.request.purpose} with HTTP {answer.status}"
    ]


def is_error(result: arxiv.Result) -> bool:
    """Whether this is an error: an entry named "Error". There are papers named so too, hence the test of the id."""
    return "/api/errors" in result.entry_id


def base_id(result: arxiv.Result) -> str:
    """`2505.24440` of `http://arxiv.org/abs/2505.24440v2`."""
    return re.sub(r"v\d+$", "", result.get_short_id().split("/abs/")[-1])


def version(result: arxiv.Result) -> str:
    """`v2`, or `v1` when the id has no suffix."""
    found = re.search(r"v\d+$", result.entry_id)
    return found[0] if found else "v1"


def facts(answer: Answer, subject: str, result: arxiv.Result) -> list[Observation]:
    """What one entry of the feed says about a known paper."""
    page = f"https://arxiv.org/abs/{base_id(result)}"

    def seen(field: str, value: JsonValue, element: str, text: str, quote: str, rung: str | None = None) -> Observation:
        excerpt = f"{page}\n{element}: {text}"
        return observe(
            answer,
            "arxiv",
            subject,
            field,
            value,
            excerpt=excerpt,
            locator=f"entry/{element}",
            quote=quote,
            rung=rung,
            url=page,
        )

    comment, reference = result.comment or "", result.journal_ref or ""
    found = [
        seen("title", result.title.strip(), "title", result.title, result.title),
        seen("version", version(result), "id", result.entry_id, result.entry_id),
    ]
    if names := [author.name.strip() for author in result.authors if author.name.strip()]:
        said = ", ".join(names)
        found.append(seen("authors", list(names), "author", said, said))
    if reference:
        place = ladder.venue(reference, said=True)
        found.append(
            seen(
                "venue",
                place.name if place else reference[:120],
                "arxiv:journal_ref",
                reference,
                reference,
                "journal-ref",
            )
        )
    if comment and (place := ladder.venue(comment)):
        found.append(seen("venue", place.name, "arxiv:comment", comment, place.quote, "comment"))
    if result.doi and "10.48550" not in result.doi:
        found.append(
            seen("doi", result.doi.removeprefix("https://doi.org/"), "arxiv:doi", result.doi, result.doi, "doi")
        )
    for element, text in (("arxiv:comment", comment), ("summary", result.summary)):
        if words := ladder.withdrawal(text):
            found.append(seen("withdrawn", version(result), element, text, words))
            break
    if other := EXTENDS.search(comment):
        found.append(seen("extends", f"arxiv:{other[1]}", "arxiv:comment", comment, other[0]))
    for element, text in (("arxiv:comment", comment), ("summary", result.summary)):
        if repository := ladder.code(text):
            found.append(seen("code", repository[0], element, text, repository[1], "comment"))
            break
    return found


def listing(answer: Answer, subject: str, result: arxiv.Result) -> Observation:
    """A paper that a saved query brought, with what is needed to judge it."""
    page = f"https://arxiv.org/abs/{base_id(result)}"
    value = {
        "title": result.title.strip(),
        "abstract": result.summary.strip(),
        "published": result.published.strftime("%Y-%m"),
        "authors": [author.name for author in result.authors],
        "categories": list(result.categories),
        "comment": result.comment or "",
    }
    excerpt = f"{page}\ntitle: {result.title}\ncomment: {result.comment or ''}\nsummary: {result.summary}"
    return observe(
        answer, "arxiv", subject, "listing", value, excerpt=excerpt, locator="entry/title", quote=result.title, url=page
    )


SOURCE = Arxiv()
