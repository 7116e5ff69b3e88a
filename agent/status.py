"""How the agent is: when each source was last heard, what waits, what failed, what was spent."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from agent import source
from agent.config import Config
from agent.failing import GIVEN_UP
from agent.proposals import GROUPS, Operation, Verdict
from agent.review.session import Session
from agent.workspaces import Failing, SourceVisit, Workspace
from registry.catalog import Catalog

Light = Literal["green", "amber", "off", "never"]
"""Heard in time; silent for twice its interval or failing; switched off; not heard yet."""

MARKS: dict[Light, str] = {"green": "🟢", "amber": "🟠", "off": "⚪", "never": "⚪"}


@dataclass(frozen=True)
class SourceStatus:
    """One source."""

    name: str
    title: str
    light: Light
    visit: SourceVisit

    @property
    def words(self) -> str:
        """What the light means here."""
        last = self.visit.last_success
        match self.light:
            case "off":
                return "switched off"
            case "never":
                return "not heard yet"
            case "amber" if self.visit.problems:
                return self.visit.problems[0]
            case _:
                return f"last success {last:%Y-%m-%d}" if last else "never without a problem"


@dataclass(frozen=True)
class Status:
    """Everything at a glance."""

    at: datetime
    enabled: bool
    sources: tuple[SourceStatus, ...]
    open: dict[str, int]
    """Group → open proposals without a verdict."""
    approved: int
    needs_more: int
    conflicts: tuple[str, ...]
    rejected: int
    carried: int
    requests: dict[str, int]
    failing: tuple[Failing, ...] = ()
    """Entries that a working source could not say anything about, the longest row of failures first."""
    visited: datetime | None = None
    """When any source was last asked."""
    off: str = ""
    """Which switch is off; empty when none is."""

    @property
    def amber(self) -> bool:
        """Whether somebody should look."""
        return any(one.light == "amber" for one in self.sources)

    @property
    def given_up(self) -> tuple[Failing, ...]:
        """Entries that failed so often that a person should look."""
        return tuple(one for one in self.failing if one.attempts >= GIVEN_UP)

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "at": self.at.isoformat(),
            "enabled": self.enabled,
            "amber": self.amber,
            "sources": {
                one.name: {"light": one.light, "words": one.words, **one.visit.model_dump(mode="json")}
                for one in self.sources
            },
            "open": self.open,
            "approved": self.approved,
            "needs_more": self.needs_more,
            "conflicts": list(self.conflicts),
            "rejected": self.rejected,
            "carried": self.carried,
            "requests": self.requests,
            "failing": [one.model_dump(mode="json") for one in self.failing],
        }


def status(workspace: Workspace, catalog: Catalog, config: Config, at: datetime) -> Status:
    """The state of sources and proposals."""
    visits, verdicts = workspace.visits(), workspace.verdicts()
    session = Session(workspace, catalog, "status")
    waiting = [op for op in session.operations() if op.digest not in verdicts]
    requests: Counter[str] = Counter()
    for visit in visits.sources.values():
        requests.update(visit.requests)
    return Status(
        at=at,
        enabled=config.enabled,
        sources=tuple(source_status(name, visits.sources.get(name), config, at) for name in source.names()),
        open={group: sum(op.group == group for op in waiting) for group in GROUPS},
        approved=standing(verdicts, session.operations(), {"approve", "edit"}),
        needs_more=standing(verdicts, session.operations(), {"needs-more"}),
        conflicts=tuple(f"{c.headline}: {c.conflict}" for c in session.cards() if c.conflict),
        rejected=len(workspace.rejections()),
        carried=visits.carried,
        requests=dict(sorted(requests.items())),
        failing=tuple(sorted(visits.failing, key=lambda one: (-one.attempts, one.since, one.source, one.subject))),
        visited=visits.latest if visits.sources else None,
        off="" if config.enabled else "enabled: false in agent/config.yaml",
    )


def standing(verdicts: dict[str, Verdict], operations: Sequence[Operation], words: set[str]) -> int:
    """How many open proposals have one of these verdicts."""
    return sum(op.digest in verdicts and verdicts[op.digest].word in words for op in operations)


def source_status(name: str, visit: SourceVisit | None, config: Config, at: datetime) -> SourceStatus:
    """The light of one source: amber when it has been silent for twice its interval."""
    known = visit or SourceVisit()
    title = source.load(name).title
    if name in config.sources and not config.sources[name].enabled:
        return SourceStatus(name, title, "off", known)
    if known.last_attempt is None:
        return SourceStatus(name, title, "never", known)
    silent = known.last_success is None or at - known.last_success > timedelta(days=2 * known.interval_days)
    return SourceStatus(name, title, "amber" if silent or known.problems else "green", known)


def markdown(state: Status) -> str:
    """The status as a page or issue body; everything from outside is set as code, so nothing is interpreted."""
    lines = [
        "# The update agent",
        "",
        (f"Last visit {state.visited:%Y-%m-%d %H:%M} UTC." if state.visited else "No visit yet.")
        + (f" **Switched off**: {as_code(state.off)}." if state.off else ""),
        "",
        "| | Source | Last success | Requests | |",
        "|---|---|---|---|---|",
    ]
    for one in state.sources:
        last = one.visit.last_success.strftime("%Y-%m-%d") if one.visit.last_success else "–"
        total = sum(one.visit.requests.values()) or "–"
        lines.append(f"| {MARKS[one.light]} | {one.title} | {last} | {total} | {as_code(one.words)} |")
    lines += ["", "| Proposals | |", "|---|---|"]
    lines += [f"| waiting, {group} | {state.open[group]} |" for group in GROUPS]
    lines += [
        f"| approved, not yet applied | {state.approved} |",
        f"| need more | {state.needs_more} |",
        f"| in conflict | {len(state.conflicts)} |",
        f"| held back by the limit | {state.carried} |",
        f"| rejected and remembered | {state.rejected} |",
        "",
    ]
    lines += [f"- conflict: {as_code(conflict)}" for conflict in state.conflicts]
    if state.failing:
        lines += ["", f"**Entries that a working source could not say anything about: {len(state.failing)}**", ""]
        lines += [f"- {as_code(failing_line(one))}" for one in state.failing[:MOST_FAILING]]
        if len(state.failing) > MOST_FAILING:
            lines.append(f"- … and {len(state.failing) - MOST_FAILING} more (`aki agent status --json`)")
    lines += [
        "",
        "Review: `aki agent review` · apply: `aki agent apply` · stop: `enabled: false` in `agent/config.yaml`.",
        "",
    ]
    return "\n".join(lines)


MOST_FAILING = 12
"""Failing entries shown one by one; the rest is counted, and all are in `--json`."""


def failing_line(one: Failing) -> str:
    """`papers/kore-2025: arxiv not returned, 5 visits since 2026-10-05 (arxiv:2505.24440)`."""
    visits = "1 visit" if one.attempts == 1 else f"{one.attempts} visits"
    more = "" if len(one.entries) == 1 else f" and {len(one.entries) - 1} more"
    look = "; somebody should look" if one.attempts >= GIVEN_UP else ""
    return (
        f"{one.entries[0]}{more}: {one.source} {one.error}, {visits} since {one.since:%Y-%m-%d} ({one.subject}){look}"
    )


def as_code(text: str) -> str:
    """Text in a code span that it cannot break out of."""
    plain = " ".join(text.replace("`", "'").replace("|", "¦").split())
    return f"`{plain[:200]}`" if plain else ""


def stats(workspace: Workspace) -> dict[str, Any]:
    """What reviewing costs: verdicts by word and source, share of edits and rejections, median seconds per verdict."""
    verdicts = [verdict for _, verdict in workspace.standing()]
    timed = [verdict.seconds for verdict in verdicts if verdict.seconds]
    by_source: dict[str, Counter[str]] = {}
    for event in workspace.ledger.events():
        if event.event != "verdict":
            continue
        verdict, heard = Verdict.model_validate(event.data["verdict"]), event.data.get("heard")
        for name in heard if isinstance(heard, dict) else {}:
            by_source.setdefault(name, Counter())[verdict.word] += 1
    return {
        "verdicts": len(verdicts),
        "by_word": dict(sorted(Counter(verdict.word for verdict in verdicts).items())),
        "by_reviewer": dict(sorted(Counter(verdict.reviewer for verdict in verdicts).items())),
        "by_way": dict(sorted(Counter(verdict.via for verdict in verdicts).items())),
        "by_source": {name: dict(sorted(words.items())) for name, words in sorted(by_source.items())},
        "median_seconds": round(statistics.median(timed), 1) if timed else None,
        "timed": len(timed),
        "applied": len(workspace.applied_digests()),
    }
