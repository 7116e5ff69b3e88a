"""One visit to the sources: ask what is planned, follow where answers lead, keep every exchange.

A source can fail alone: the others go on, and the report says what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from agent.messages import Exchange, Reading, Request
from agent.source import Source

MOST_FOLLOWED = 400
"""Follow-up questions of one source and visit; more would be a loop."""


def ask(
    source: Source,
    requests: Iterable[Request],
    send: Callable[[Request], Exchange],
    keep: Callable[[Exchange, int], None] | None = None,
) -> list[Exchange]:
    """All exchanges of one source, follow-ups included, in the order they happened.

    Args:
        source: says which follow-ups an answer calls for.
        requests: what was planned.
        send: the transport's `exchange`.
        keep: called with every exchange and its number from 1, as it happens; the recording.
    """
    waiting, exchanges, followed = list(requests), [], 0
    while waiting:
        exchange = send(waiting.pop(0))
        exchanges.append(exchange)
        if keep is not None:
            keep(exchange, len(exchanges))
        further = source.follow(exchange)
        followed += len(further)
        if followed <= MOST_FOLLOWED:
            waiting[:0] = further
    return exchanges


def read_all(sources: Sequence[Source], heard: Mapping[str, Sequence[Exchange]]) -> dict[str, Reading]:
    """What each source makes of its exchanges; one that cannot read them has a problem instead of observations."""
    readings = {}
    for source in sources:
        if source.name not in heard:
            continue
        try:
            readings[source.name] = source.read(heard[source.name])
        except Exception as error:
            readings[source.name] = Reading(
                problems=(f"{source.title}: the answers could not be read ({type(error).__name__}: {error})",)
            )
    return readings
