"""What people approved and when the sources were last heard: the agent's decision log, read for the page of changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from agent import workspaces
from agent.proposals import Operation


@dataclass(frozen=True)
class Change:
    """An approved operation that was written to the registry."""

    day: date
    target: str
    """`papers/x`."""
    kind: str
    field: str
    reason: str


@dataclass(frozen=True)
class Heartbeat:
    """When a source last answered without a problem."""

    source: str
    last_success: date | None
    interval_days: int
    problems: tuple[str, ...]

    def late(self, today: date) -> bool:
        """Whether it has been silent for twice its interval."""
        return self.last_success is None or (today - self.last_success).days > 2 * self.interval_days


def applied(folder: Path = workspaces.DEFAULT) -> tuple[Change, ...]:
    """Every applied operation, oldest first. Raises agent.ledger.LedgerError if the log was tampered with."""
    proposals: dict[str, Operation] = {}
    found: list[Change] = []
    for event in workspaces.Workspace(folder).ledger.events():
        proposal = event.data.get("proposal")
        if event.event == "verdict" and proposal is not None:
            operation = Operation.model_validate(proposal)
            proposals[operation.digest] = operation
        digests = event.data.get("operations")
        if event.event == "applied" and isinstance(digests, list):
            done = [proposals[str(digest)] for digest in digests if str(digest) in proposals]
            found += [Change(event.at.date(), one.target, one.kind, one.field, one.reason) for one in done]
    return tuple(found)


def heartbeats(folder: Path = workspaces.DEFAULT) -> tuple[Heartbeat, ...]:
    """Every source that was ever visited, by name."""
    visits = workspaces.Workspace(folder).visits().sources
    return tuple(
        Heartbeat(name, visit.last_success.date() if visit.last_success else None, visit.interval_days, visit.problems)
        for name, visit in sorted(visits.items())
    )
