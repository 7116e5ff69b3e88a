"""Links elsewhere: OpenReview, ACL, CVF, publishers. Dead is only what is gone twice, a week apart.

404, 410 and a host that does not exist count as a first or second sign; 401, 403, 406, 429, 5xx and silence mean that
the link was not checked. HEAD first; some servers answer it wrongly, so a 404 or 405 is asked again with GET.
"""

from __future__ import annotations

from collections.abc import Sequence

from agent.messages import Answer, Exchange, Observation, Reading, Request, observe
from agent.source import Settings, Source, Watched, distinct, in_turn

PER_RUN = 40
GONE = {404, 410}
ASK_AGAIN = {404, 405, 410, 501}


class Links(Source):
    """Status of the pages that entries link to."""

    name = "links"
    title = "Links"
    interval_days = 14

    def plan(self, watched: Sequence[Watched], settings: Settings) -> tuple[Request, ...]:
        """The links whose turn it is, one request each."""
        links = [one.subject for one in distinct(watched, "link")]
        chosen = in_turn(links, settings.options.get("per_run", PER_RUN), settings.turn)
        return tuple(ask(subject, head=True) for subject in chosen)

    def follow(self, exchange: Exchange) -> tuple[Request, ...]:
        """GET where the answer to HEAD may be wrong."""
        answer = exchange.answer
        doubtful = exchange.request.method == "HEAD" and answer is not None and answer.status in ASK_AGAIN
        return (ask(exchange.request.subjects[0], head=False),) if doubtful else ()

    def read(self, exchanges: Sequence[Exchange]) -> Reading:
        """Which links are alive, which gave a sign of being dead, which were not checked."""
        last = {exchange.request.subjects[0]: exchange for exchange in exchanges}
        online = any(
            exchange.answer is not None for exchange in exchanges
        )  # else no name is found, and nothing is said
        dead = [sign for subject, exchange in last.items() if online and (sign := gone(subject, exchange))]
        signs = {observation.subject for observation in dead}
        alive = {subject for subject, e in last.items() if e.answer is not None and e.answer.status < 400}
        return Reading(
            observations=tuple(dead),
            answered=tuple(sorted(alive | signs)),
            missing=tuple(sorted(set(last) - alive - signs)),
        )


def ask(subject: str, *, head: bool) -> Request:
    """One try; a busy host is not waited for."""
    return Request(
        source="links",
        purpose="link",
        method="HEAD" if head else "GET",
        url=subject.removeprefix("link:"),
        accept="text/html,application/xhtml+xml,*/*;q=0.8",
        subjects=(subject,),
        patience=1,
    )


def gone(subject: str, exchange: Exchange) -> Observation | None:
    """A sign that the link is dead, None when it is not or was not checked."""
    link = subject.removeprefix("link:")
    if exchange.answer is not None and exchange.answer.status in GONE and exchange.request.method == "GET":
        answer, words = exchange.answer, f"HTTP {exchange.answer.status}"
    elif exchange.failure is not None and exchange.failure.kind == "no-such-host":
        answer, words = Answer(status=0, url=link, fetched_at=exchange.failure.at), exchange.failure.message
    else:
        return None
    return observe(
        answer, "links", subject, "dead", "dead", excerpt=f"{link}\n{words}", locator="status", quote=words, url=link
    )


SOURCE = Links()
