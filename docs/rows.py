"""Which rows stand together, and what they are called: grouping and naming for everything that shows rows."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from docs.plane import MANY
from docs.sources import Sources
from docs.tables import slug
from docs.words import Words
from reproductions.rows import REFERENCES, LeaderboardRow
from reproductions.spec import Data, Tuning

DIMENSIONS = ("COM", "OCR", "M-DIS", "INS", "M-IDU", "MAT", "HAL")


MAIN_SUITES = ("kore", "quick", "demo")
"""Suites in the order in which they are shown first."""
LEARNED = 0.8
"""Reliability from which on a row counts as having learned what it was given; below, what it kept says little."""
USUAL = Tuning()
UNTRAINED = ("base", "in-context")
"""Methods that no reliability is asked of: nothing is learned into the weights."""


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
    """All groups, the main one first: main suite, injection, most rows. Suites that only choose settings have none."""
    found: dict[str, list[LeaderboardRow]] = defaultdict(list)
    for row in sources.rows:
        if sources.is_board(row.suite):
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


def drawn_rows(group: Group) -> tuple[LeaderboardRow, ...]:
    """Measured rows that have a point of their own: the base model is a ring, and facts in context are not injected."""
    return tuple(row for row in group.measured if row.method not in UNTRAINED)


def row_numbers(group: Group) -> dict[str, int]:
    """Row id → number in picture and table, by average; empty where names fit."""
    drawn = drawn_rows(group)
    return {row.id: place + 1 for place, row in enumerate(drawn)} if len(drawn) > MANY else {}


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


def unlearned(row: LeaderboardRow) -> bool:
    """Whether it fails to read back even the phrasings that it was trained on."""
    return row.reliability is not None and row.reliability < LEARNED and row.method not in UNTRAINED


def labels(rows: Sequence[LeaderboardRow], words: Words, sources: Sources) -> dict[str, str]:
    """Row id → short label, with what sets it apart from its neighbours of the same method."""
    by_method: dict[tuple[str, str, str], list[LeaderboardRow]] = defaultdict(list)
    for row in rows:
        by_method[row.group, row.method, row.form].append(row)
    named: dict[str, str] = {}
    for alike in by_method.values():
        name = method_name(alike[0].method, sources)
        marks = {row.id: _differences(row, alike, words) for row in alike}
        if len(set(map(tuple, marks.values()))) < len(
            alike
        ):  # then how long and how fast they learned tells them apart
            marks = {row.id: [*marks[row.id], *_different(row, alike, _pace)] for row in alike}
        named |= {row: f"{name} ({', '.join(said)})" if said else name for row, said in marks.items()}
    return named


Settings = dict[str, tuple[str, bool]]
"""Setting → how it is said, and whether it is the usual one, which goes without saying."""


def _differences(row: LeaderboardRow, alike: Sequence[LeaderboardRow], words: Words) -> list[str]:
    """Settings in which rows of one method and one form of data differ, where they are not the usual ones."""
    return _different(row, alike, lambda one: _settings(one, words))


def _different(
    row: LeaderboardRow, alike: Sequence[LeaderboardRow], settings: Callable[[LeaderboardRow], Settings]
) -> list[str]:
    others = [settings(one) for one in alike]
    return [
        said
        for key, (said, usual) in settings(row).items()
        if not usual and any(other.get(key, ("", True))[0] != said for other in others)
    ]


def _settings(row: LeaderboardRow, words: Words) -> Settings:
    own = {key: (f"{key}={short(value)}", False) for key, value in sorted(row.method_config.items())}
    tuning = row.tuning
    return own | {
        "kind": (words(f"tuning.{tuning.kind}"), tuning.kind == "lora"),
        "rank": (words("setting.rank", value=tuning.rank), tuning.rank == USUAL.rank),
        "targets": (words(f"setting.targets.{tuning.targets}"), tuning.targets == USUAL.targets),
        "prior": (words("setting.prior", value=row.data.prior), row.data.prior == Data().prior),
    }


def _pace(row: LeaderboardRow) -> Settings:
    training = row.training
    return {"rate": (f"lr={training.learning_rate:g}", False), "steps": (f"steps={training.steps}", False)}


def short(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """A setting as people write it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def form_word(form: str, words: Words) -> str:
    """The form of the injected data in words; unknown forms stay as they are spelled."""
    return words(f"form.{form}") if words.has(f"form.{form}") else form


def suite_title(suite: str, words: Words, sources: Sources) -> str:
    """The suite's title in the reader's language; its id where it has none."""
    known = sources.suites.get(suite)
    return (known and (known.title if words.language == "en" else known.title_zh)) or suite


def suite_texts(suite: str, words: Words, sources: Sources) -> tuple[str, str]:
    """What a suite is, and what to know before comparing its rows; empty where `suites.yaml` does not say."""
    known = sources.suites.get(suite)
    if known is None:
        return "", ""
    chinese = words.language == "zh"
    return (known.about_zh if chinese else known.about) or "", (known.caveats_zh if chinese else known.caveats) or ""


def group_title(group: Group, words: Words, sources: Sources) -> str:
    """`Main comparison · lab-tiny · knowledge injection`, with what else sets the group apart."""
    first = group.first
    parts = [suite_title(first.suite, words, sources), first.model, words(f"protocol.{first.protocol}")]
    return " · ".join([*parts, *_data_settings(group, words)])


def _data_settings(group: Group, words: Words) -> list[str]:
    """What the group's data settings say beyond the defaults, as `2 tasks`."""
    parts = group.name.split(" · ", 3)
    try:
        settings = json.loads(parts[3]) if len(parts) > 3 else {}
    except ValueError:
        return parts[3:]

    def said(key: str, value: Any) -> str:  # noqa: ANN401 - any JSON value
        own = f"setting.{key}"
        return words(own, value=short(value)) if words.has(own) else f"{key.replace('_', ' ')} = {short(value)}"

    return [said(key, value) for key, value in settings.items()]


def standing_of(row: LeaderboardRow) -> str:
    """`best`, `tied` (cannot be told from it), `below`, `reference` (not ranked), or `failed`."""
    if row.status == "failed" or row.average is None:
        return "failed"
    if row.method in REFERENCES:
        return "reference"
    if row.best:
        return "best"
    return "below" if row.separable else "tied"
