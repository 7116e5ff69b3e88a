"""Which rows stand together, and what they are called: grouping and naming for everything that shows rows."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from docs.sources import Sources
from docs.tables import slug
from docs.words import Words
from reproductions.rows import LeaderboardRow

DIMENSIONS = ("COM", "OCR", "M-DIS", "INS", "M-IDU", "MAT", "HAL")


MAIN_SUITES = ("kore", "quick", "demo")
"""Suites in the order in which they are shown first."""


@dataclass(frozen=True)
class Group:
    """Rows that may be compared, with the page they stand on."""

    name: str
    rows: tuple[LeaderboardRow, ...]
    path: str
    """`leaderboard/index.md` for the main one."""

    @property
    def first(self) -> LeaderboardRow:
        """The row that stands for what all share: suite, model, protocol."""
        return self.rows[0]

    @property
    def measured(self) -> tuple[LeaderboardRow, ...]:
        """Rows with scores."""
        return tuple(row for row in self.rows if row.adaptation and row.retention)

    @property
    def base(self) -> tuple[float, float] | None:
        """The base model's adaptation and retention under the same harness; mean over the rows' own base scores."""
        known = [(row.base_adaptation, row.base_retention) for row in self.measured]
        pairs = [(a, r) for a, r in known if a is not None and r is not None]
        if not pairs:
            return None
        return sum(a for a, _ in pairs) / len(pairs), sum(r for _, r in pairs) / len(pairs)

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Retention dimensions in the paper's order, then any others."""
        found = {name for row in self.measured for name in row.by_dimension}
        return tuple(name for name in DIMENSIONS if name in found) + tuple(sorted(found - set(DIMENSIONS)))


def groups(sources: Sources) -> tuple[Group, ...]:
    """All groups, the main one first: main suite, injection, most rows."""
    found: dict[str, list[LeaderboardRow]] = defaultdict(list)
    for row in sources.rows:
        found[row.group].append(row)
    ordered = sorted(found.items(), key=_weight)
    return tuple(
        Group(name, tuple(rows), "leaderboard/index.md" if place == 0 else f"leaderboard/{_group_slug(name, rows)}.md")
        for place, (name, rows) in enumerate(ordered)
    )


def _weight(item: tuple[str, Sequence[LeaderboardRow]]) -> tuple[int, bool, int, str]:
    name, rows = item
    suite = rows[0].suite
    return MAIN_SUITES.index(suite) if suite in MAIN_SUITES else 99, rows[0].protocol != "injection", -len(rows), name


def _group_slug(name: str, rows: Sequence[LeaderboardRow]) -> str:
    first = rows[0]
    mark = hashlib.sha256(name.encode()).hexdigest()[:6]
    return f"{slug(first.suite)}-{slug(first.model)}-{first.protocol}-{mark}"


def row_path(row: LeaderboardRow) -> str:
    """`runs/kore/lora-raw`: the page of a row, without ending."""
    return f"runs/{row.id}"


def method_name(method: str, sources: Sources) -> str:
    """The name readers know a method by."""
    entry = sources.catalog.methods.get(method)
    return entry.name if entry else method


def family(method: str, sources: Sources) -> str:
    """The family of a method; what has no entry counts as baseline."""
    entry = sources.catalog.methods.get(method)
    return entry.family if entry else "baseline"


def labels(rows: Sequence[LeaderboardRow], words: Words, sources: Sources) -> dict[str, str]:
    """Row id → short label, with what sets it apart from its neighbours of the same method."""
    by_method: dict[tuple[str, str, str], list[LeaderboardRow]] = defaultdict(list)
    for row in rows:
        by_method[row.group, row.method, row.form].append(row)
    return {
        row.id: " ".join([method_name(row.method, sources), *_differences(row, alike)])
        for alike in by_method.values()
        for row in alike
    }


def _differences(row: LeaderboardRow, alike: Sequence[LeaderboardRow]) -> list[str]:
    """Settings in which rows of one method and one form of data differ, as `key=value`."""
    if len(alike) == 1:
        return []
    own = _settings(row)
    others = [_settings(one) for one in alike]
    return [f"{key}={value}" for key, value in own.items() if any(other.get(key) != value for other in others)]


def _settings(row: LeaderboardRow) -> dict[str, str]:
    settings = {key: short(value) for key, value in sorted(row.method_config.items())}
    settings |= {"tuning": row.tuning.kind, "rank": str(row.tuning.rank), "lr": f"{row.training.learning_rate:g}"}
    settings |= {"targets": row.tuning.targets, "prior": row.data.prior, "steps": str(row.training.steps)}
    return settings


def short(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """A setting as people write it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def form_word(form: str, words: Words) -> str:
    """The form of the injected data in words; unknown forms stay as they are spelled."""
    return words(f"form.{form}") if words.has(f"form.{form}") else form


def group_title(group: Group, words: Words) -> str:
    """`kore · lab-tiny · injection`, with what else sets the group apart."""
    return " · ".join(
        [group.first.suite, group.first.model, words(f"protocol.{group.first.protocol}"), *_data_settings(group)]
    )


def _data_settings(group: Group) -> list[str]:
    """What the group's data settings say beyond the defaults, as `n tasks = 4`."""
    parts = group.name.split(" · ", 3)
    try:
        settings = json.loads(parts[3]) if len(parts) > 3 else {}
    except ValueError:
        return parts[3:]
    return [f"{key.replace('_', ' ')} = {short(value)}" for key, value in settings.items()]


def standing_of(row: LeaderboardRow) -> str:
    """`best`, `tied` (cannot be told from it), `below`, or `failed`."""
    if row.status == "failed" or row.average is None:
        return "failed"
    if row.best:
        return "best"
    return "below" if row.separable else "tied"
