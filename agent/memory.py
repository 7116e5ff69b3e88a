"""What was rejected stays rejected, by what it means and not by how it was put, until its own condition wakes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from agent.proposals import AskAgain, Operation, meanings


@dataclass(frozen=True)
class Rejection:
    """A fact that a person did not want, why, and when it may be asked about again."""

    keys: frozenset[str]
    reason: str
    reviewer: str
    ask_again: AskAgain
    contents: Mapping[str, tuple[str, ...]]
    """Source → digests of what it had said at the time."""
    number: int
    """Line of the decision log."""

    def forbids(self, operation: Operation, today: date, former: Mapping[str, tuple[str, ...]] | None = None) -> bool:
        """Whether the operation says the same again while the rejection is alive."""
        return bool(self.keys & meanings(operation, former)) and not self.awake(operation, today)

    def awake(self, operation: Operation, today: date) -> bool:
        """Whether the condition to ask again has come true for this operation."""
        match self.ask_again.when:
            case "never":
                return False
            case "after":
                return self.ask_again.day is not None and today >= self.ask_again.day
            case "source-changes":
                return any(
                    evidence.source in self.contents and evidence.content not in self.contents[evidence.source]
                    for evidence in operation.evidence
                )
            case "two-sources":
                return len({evidence.source for evidence in operation.evidence}) >= 2


def forbidding(
    operation: Operation,
    rejections: Iterable[Rejection],
    today: date,
    former: Mapping[str, tuple[str, ...]] | None = None,
) -> Rejection | None:
    """The live rejection that this operation would repeat, or None."""
    return next((rejection for rejection in rejections if rejection.forbids(operation, today, former)), None)


def contents_by_source(operation: Operation) -> dict[str, tuple[str, ...]]:
    """Source → digests of its excerpts in the operation's evidence."""
    sources = sorted({evidence.source for evidence in operation.evidence})
    return {s: tuple(sorted(e.content for e in operation.evidence if e.source == s)) for s in sources}
