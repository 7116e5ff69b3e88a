"""Failures by entry: what a source that works could not say, since when, and how often it was tried.

A source that is down as a whole says so itself and is not repeated here for each of its entries. What always fails
within a source that answers would otherwise hide behind its green light.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from agent.messages import Exchange, Reading
from agent.workspaces import Failing

GIVEN_UP = 4
"""Failed visits in a row from which on a person should look; asking goes on, in a batch it costs nothing."""


def after(
    before: Sequence[Failing],
    readings: Mapping[str, Reading],
    heard: Mapping[str, Sequence[Exchange]],
    entries: Mapping[str, tuple[str, ...]],
    at: datetime,
) -> tuple[Failing, ...]:
    """What fails after a visit, by source and subject.

    Args:
        before: what failed before it.
        readings: source → what it made of its answers.
        heard: source → its exchanges.
        entries: subject in lower case → the entries it stands for; what stands for none is forgotten.
        at: when the visit began; the same visit read twice counts once.
    """
    rows = {(one.source, one.subject): one for one in before if one.subject.lower() in entries}
    for name, reading in readings.items():
        for subject in reading.answered:
            rows.pop((name, subject), None)
        if not reading.answered:
            continue
        answered = {subject.lower() for subject in reading.answered}
        for subject, error in last_errors(heard.get(name, ())).items():
            if subject.lower() in answered or subject.lower() not in entries:
                continue
            old = rows.get((name, subject))
            rows[name, subject] = Failing(
                source=name,
                subject=subject,
                entries=entries[subject.lower()],
                since=old.since if old else at,
                last=at,
                attempts=1 if old is None else old.attempts + (old.last < at),
                error=error,
            )
    return tuple(rows[key] for key in sorted(rows))


def last_errors(exchanges: Sequence[Exchange]) -> dict[str, str]:
    """Subject → what the last exchange about it came to; an answer kept from the last visit is no new try."""
    asked = [exchange for exchange in exchanges if exchange.answer is None or not exchange.answer.reused]
    return {subject: error_of(exchange) for exchange in asked for subject in exchange.request.subjects}


def error_of(exchange: Exchange) -> str:
    """The class of an error; an answer that lacks what was asked for is `not returned`."""
    if exchange.failure is not None:
        return exchange.failure.kind
    if exchange.answer is None or exchange.answer.ok:
        return "not returned"
    return f"HTTP {exchange.answer.status}"
