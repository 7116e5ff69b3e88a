"""What the front ends share: the proposals in order, each as a card a person can judge, and the verdicts they give.

Everything shown has gone through `visible`: hidden characters are spelled out, nothing is interpreted.
"""

from __future__ import annotations

import getpass
import os
import statistics
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from pydantic import JsonValue

from agent import watch
from agent.apply import base_digest
from agent.edits import ConflictError, UnfitError, current, diff, find, tree_of
from agent.messages import Evidence, canonical
from agent.proposals import AskAgain, Group, Operation, Verdict, Word
from agent.propose import order
from agent.texts import visible
from agent.workspaces import Workspace
from registry.catalog import Catalog

CONTEXT = 240
"""Characters of the excerpt shown before and after the quoted words."""
BULK: frozenset[Group] = frozenset({"mechanical"})
"""Groups that may be approved all at once."""


@dataclass(frozen=True)
class Seen:
    """A piece of evidence in its context."""

    source: str
    url: str
    read_at: str
    locator: str
    before: str
    quote: str
    after: str
    intact: bool
    """Whether the excerpt is there and is what its name says, with the quote in it."""


@dataclass(frozen=True)
class Card:
    """One proposal as a person sees it."""

    digest: str
    base: str
    group: Group
    headline: str
    target: str
    field: str
    kind: str
    old: str
    new: str
    confidence: float
    reason: str
    why: tuple[str, ...]
    diff: tuple[str, ...]
    conflict: str
    """Why it cannot be carried out as it stands; empty when it can."""
    evidence: tuple[Seen, ...]
    state: Word | Literal["open"]
    note: str
    """What was said before: the reason of a needs-more, or why an earlier verdict is void."""


@dataclass
class Session:
    """A sitting of one reviewer; every verdict is on disk at once, so it can be left at any time."""

    workspace: Workspace
    catalog: Catalog
    reviewer: str
    via: Literal["terminal", "plain", "page", "pull-request"] = "terminal"
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    given: list[int] = field(default_factory=list)
    """Numbers of this session's verdicts in the log, oldest first."""
    looked_at: datetime | None = None

    def operations(self, group: Group | None = None) -> list[Operation]:
        """Open proposals in the order of review."""
        return [op for op in sorted(self.workspace.operations(), key=order) if group is None or op.group == group]

    def undecided(self, group: Group | None = None) -> list[Operation]:
        """Open proposals without a standing verdict; those that need more come last."""
        verdicts = self.workspace.verdicts()
        fresh = [op for op in self.operations(group) if op.digest not in verdicts]
        again = [
            op for op in self.operations(group) if op.digest in verdicts and verdicts[op.digest].word == "needs-more"
        ]
        return [*fresh, *again]

    def cards(self, operations: Sequence[Operation] | None = None) -> list[Card]:
        """The cards of these operations, default all open ones."""
        verdicts, notes = self.workspace.verdicts(), self.notes()
        chosen = self.operations() if operations is None else operations
        return [
            card(op, self.workspace, self.catalog, verdicts.get(op.digest), notes.get(op.digest, "")) for op in chosen
        ]

    def notes(self) -> dict[str, str]:
        """Operation digest → why an earlier verdict on it no longer counts."""
        events = self.workspace.ledger.events()
        reasons = {str(e.data.get("of")): str(e.data.get("reason")) for e in events if e.event == "void"}
        return {
            Verdict.model_validate(e.data["verdict"]).operation: f"an earlier verdict is void: {reasons[str(e.number)]}"
            for e in events
            if e.event == "verdict" and str(e.number) in reasons
        }

    def look(self) -> None:
        """The reviewer begins to look at a card; the time until the verdict is logged."""
        self.looked_at = self.clock()

    def decide(
        self,
        operation: Operation,
        word: Word,
        *,
        reason: str = "",
        value: JsonValue | None = None,
        ask_again: AskAgain | None = None,
        seconds: float | None = None,
    ) -> int:
        """Give a verdict; returns its number in the log.

        Raises:
            ValueError: a reason or a value is missing, or the edited value does not fit the entry.
        """
        now = self.clock()
        if seconds is None and self.looked_at is not None:
            seconds = max(0.0, round((now - self.looked_at).total_seconds(), 1))
        verdict = Verdict(
            operation=operation.digest,
            base=base_digest(self.catalog, operation.target),
            word=word,
            reviewer=self.reviewer,
            at=now,
            reason=reason,
            value=value,
            ask_again=ask_again or AskAgain(),
            seconds=seconds,
            via=self.via,
        )
        if word in {"approve", "edit"}:
            self.try_out(operation, verdict)
        number = self.workspace.decide(operation, verdict, watch.former_names(self.catalog))
        self.given.append(number)
        return number

    def try_out(self, operation: Operation, verdict: Verdict) -> None:
        """Refuse an approval that could not be carried out."""
        changed = operation if verdict.value is None else operation.model_copy(update={"new": verdict.value})
        try:
            diff(find(self.catalog, operation.target), changed)
        except (ConflictError, UnfitError) as error:
            raise ValueError(f"cannot be carried out: {error}") from None

    def approve_all(self, group: Group) -> int:
        """Approve every undecided proposal of a group at once; returns how many.

        Raises:
            ValueError: the group has to be looked at one by one.
        """
        if group not in BULK:
            raise ValueError(f"'{group}' proposals are decided one by one; only mechanical ones go in bulk")
        waiting = [c for c in self.cards(self.undecided(group)) if not c.conflict and c.state == "open"]
        by_digest = {operation.digest: operation for operation in self.operations(group)}
        for one in waiting:
            self.decide(by_digest[one.digest], "approve", seconds=0.0)
        return len(waiting)

    def undo(self) -> Operation | None:
        """Take the last verdict of this session back, else the reviewer's last one that was not applied.

        Raises:
            LookupError: there is nothing to take back.
        """
        standing = dict(self.workspace.standing())
        applied = self.workspace.applied_digests()
        own = [n for n, v in standing.items() if v.reviewer == self.reviewer and v.operation not in applied]
        candidates = [n for n in self.given if n in own] or own
        if not candidates:
            raise LookupError("there is no verdict of yours to take back")
        number = candidates[-1]
        restored = self.workspace.undo(number, self.reviewer, self.clock())
        digest = standing[number].operation
        return restored or next((op for op in self.operations() if op.digest == digest), None)

    def progress(self) -> tuple[int, int]:
        """(decided, all) of the open proposals."""
        verdicts = self.workspace.verdicts()
        operations = self.operations()
        return sum(op.digest in verdicts for op in operations), len(operations)

    def median_seconds(self) -> float | None:
        """Median time per verdict of this session, bulk ones left out; None before the first."""
        mine = [v.seconds for n, v in self.workspace.standing() if n in self.given and v.seconds]
        return round(statistics.median(mine), 1) if mine else None


def card(operation: Operation, workspace: Workspace, catalog: Catalog, verdict: Verdict | None, note: str) -> Card:
    """What a person needs to judge one proposal."""
    entry = find(catalog, operation.target)
    conflict = ""
    lines: list[str] = []
    try:
        lines = diff(entry, operation)
    except (ConflictError, UnfitError) as error:
        here = current(tree_of(entry), operation.field) if entry is not None and operation.field else None
        conflict = f"{error}; expected {short(operation.old)}, now {short(here)}, proposed {short(operation.new)}"
    if verdict is not None and verdict.word == "needs-more":
        note = f"needs more, said {verdict.reviewer}: {verdict.reason}"
    return Card(
        digest=operation.digest,
        base=base_digest(catalog, operation.target),
        group=operation.group,
        headline=headline(operation),
        target=operation.target,
        field=operation.field or "new entry",
        kind=operation.kind,
        old=before(operation),
        new=short(operation.new),
        confidence=operation.confidence,
        reason=visible(operation.reason),
        why=tuple(visible(line) for line in operation.why),
        diff=tuple(visible(line) for line in lines),
        conflict=visible(conflict),
        evidence=tuple(in_context(evidence, workspace) for evidence in operation.evidence),
        state=verdict.word if verdict is not None else "open",
        note=visible(note),
    )


def headline(operation: Operation) -> str:
    """One line: what would become of what."""
    name = operation.target.partition("/")[2]
    if operation.is_new_entry:
        title = operation.new.get("title") or operation.new.get("name") if isinstance(operation.new, dict) else ""
        return visible(f"+ {operation.target}: {title}")
    match operation.kind:
        case "relate" | "add":
            return visible(f"{name} · {operation.field} + {short(operation.new)}")
        case "remove":
            return visible(f"{name} · {operation.field} − {short(operation.old)}")
        case _:
            return visible(f"{name} · {operation.field}: {before(operation)} → {short(operation.new)}")


def short(value: JsonValue | None, limit: int = 90) -> str:
    """A value in one visible line."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        inner = value.get("value") or value.get("state") or value.get("target")
        text = str(inner) if inner is not None else canonical(value)
        text += f" (into {value['into']})" if "into" in value else ""
    else:
        text = str(value)
    text = " ".join(visible(text).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def before(operation: Operation) -> str:
    """What stands there now; a fact nobody has looked at is "not checked", not nothing."""
    is_fact = isinstance(operation.new, dict) and "value" in operation.new
    return "not checked" if operation.old is None and is_fact else short(operation.old)


def in_context(evidence: Evidence, workspace: Workspace) -> Seen:
    """The quoted words with what stands around them in the kept excerpt."""
    excerpt = workspace.excerpt(evidence.content)
    place = excerpt.find(evidence.quote) if excerpt is not None else -1
    before = after = ""
    if excerpt is not None and place >= 0:
        end = place + len(evidence.quote)
        before, after = excerpt[max(0, place - CONTEXT) : place], excerpt[end : end + CONTEXT]
    return Seen(
        source=evidence.source,
        url=visible(evidence.url),
        read_at=evidence.read_at.strftime("%Y-%m-%d %H:%M UTC"),
        locator=visible(evidence.locator),
        before=visible(before),
        quote=visible(evidence.quote),
        after=visible(after),
        intact=place >= 0,
    )


def reviewer_name() -> str:
    """Who is reviewing: AKI_REVIEWER, else git's user name, else the account."""
    if name := os.environ.get("AKI_REVIEWER", "").strip():
        return name
    try:
        found = subprocess.run(["git", "config", "user.name"], capture_output=True, text=True, check=False, timeout=10)
        if found.returncode == 0 and found.stdout.strip():
            return found.stdout.strip()
    except OSError:
        pass
    return getpass.getuser()
