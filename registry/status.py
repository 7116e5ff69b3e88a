"""The life of an entry as a small machine: which state may follow which.

candidate → recorded → superseded / withdrawn / retracted / merged. A candidate may also be withdrawn or merged before
it was ever recorded, and a withdrawn entry may be recorded again when its paper comes back. Entries are never deleted.
"""

from __future__ import annotations

import itertools
from datetime import date
from typing import Literal, Protocol

State = Literal["candidate", "recorded", "superseded", "withdrawn", "retracted", "merged"]

FIRST: frozenset[State] = frozenset({"candidate", "recorded"})
"""States an entry may begin in."""

LEGAL: dict[State, frozenset[State]] = {
    "candidate": frozenset({"recorded", "withdrawn", "merged"}),
    "recorded": frozenset({"superseded", "withdrawn", "retracted", "merged"}),
    "superseded": frozenset({"withdrawn", "retracted", "merged"}),
    "withdrawn": frozenset({"recorded", "retracted", "merged"}),
    "retracted": frozenset(),
    "merged": frozenset(),
}
"""Each state → states that may follow it."""

ACTIVE: frozenset[State] = frozenset({"candidate", "recorded"})
"""States that count in totals and are shown by default."""


class Change(Protocol):
    """What the machine looks at in a status change."""

    @property
    def state(self) -> State:
        """The state entered."""
        ...

    @property
    def since(self) -> date:
        """The day it was entered."""
        ...

    @property
    def into(self) -> str | None:
        """The entry that took over."""
        ...


def illegal(history: tuple[Change, ...]) -> str | None:
    """What is wrong with a history, oldest first, in one sentence; None when every step is legal."""
    if not history:
        return "an entry needs at least one status"
    if history[0].state not in FIRST:
        return f"an entry cannot begin as '{history[0].state}'; it begins as {' or '.join(sorted(FIRST))}"
    for before, after in itertools.pairwise(history):
        if after.state not in LEGAL[before.state]:
            allowed = ", ".join(sorted(LEGAL[before.state])) or "nothing"
            return f"'{before.state}' cannot become '{after.state}'; it can become {allowed}"
        if after.since < before.since:
            return f"'{after.state}' is dated {after.since}, before '{before.state}' on {before.since}"
    for change in history:
        if (change.into is not None) != (change.state in {"superseded", "merged"}):
            return f"'into' belongs to superseded and merged, and they need it; see the change to '{change.state}'"
    return None
