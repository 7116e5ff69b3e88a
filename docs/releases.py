"""The leaderboard as it was at each release: small snapshots in git, so that a number never changes silently."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from registry.exports import write_text
from reproductions.leaderboard import MAIN_SUITES
from reproductions.rows import LeaderboardRow

FOLDER = Path(__file__).with_name("releases")
NAME = re.compile(r"v?\d+(\.\d+)*([.-][a-z0-9]+)*")
STEP = 0.001
"""Smallest difference of a fraction that counts as a change."""


class Score(BaseModel):
    """What a row said."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    form: str
    status: str
    n_runs: int
    adaptation: float | None = None
    retention: float | None = None
    average: float | None = None


class Snapshot(BaseModel):
    """All rows on the day of a release, by id."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    date: date
    commit: str | None = None
    rows: dict[str, Score]


@dataclass(frozen=True)
class Release:
    """A snapshot seen beside the one before."""

    name: str
    date: date
    n_rows: int
    n_new: int
    n_changed: int
    n_gone: int
    best: str
    """Id of the row with the highest average on the main board; empty without any."""


def snapshot(name: str, rows: Sequence[LeaderboardRow], *, day: date, commit: str | None) -> Snapshot:
    """The rows as they are now. Raises ValueError for a name that is no version."""
    if not NAME.fullmatch(name):
        raise ValueError(f"'{name}' is no version; versions look like v0.1.0")
    return Snapshot(name=name, date=day, commit=commit, rows={row.id: _score(row) for row in rows})


def _score(row: LeaderboardRow) -> Score:
    def value(metric: str) -> float | None:
        estimate = getattr(row, metric)
        return round(estimate.value, 6) if estimate else None

    return Score(
        method=row.method,
        form=row.form,
        status=row.status,
        n_runs=row.n_runs,
        adaptation=value("adaptation"),
        retention=value("retention"),
        average=value("average"),
    )


def save(taken: Snapshot, folder: Path = FOLDER) -> Path:
    """Write a snapshot. Raises FileExistsError: a release is never rewritten."""
    file = folder / f"{taken.name}.json"
    if file.exists():
        raise FileExistsError(f"{file.name}: there is a snapshot of this release already; releases are never rewritten")
    text = json.dumps(taken.model_dump(mode="json"), ensure_ascii=False, indent=1, sort_keys=True)
    write_text(file, text + "\n")
    return file


def load(folder: Path = FOLDER) -> tuple[Snapshot, ...]:
    """All snapshots, oldest first."""
    found = [Snapshot.model_validate_json(file.read_bytes()) for file in sorted(folder.glob("*.json"))]
    return tuple(sorted(found, key=lambda one: (one.date, one.name)))


def history(snapshots: Sequence[Snapshot]) -> tuple[Release, ...]:
    """Each release with what changed since the one before, latest first."""
    empty = Snapshot(name="", date=date.min, rows={})
    return tuple(_compare(before, after) for before, after in pairwise([empty, *snapshots]))[::-1]


def _compare(before: Snapshot, after: Snapshot) -> Release:
    both = before.rows.keys() & after.rows.keys()
    main = next((suite for suite in MAIN_SUITES if any(_is_of(suite, row) for row in after.rows)), "")
    averages = {
        row: score.average for row, score in after.rows.items() if score.average is not None and _is_of(main, row)
    }
    return Release(
        name=after.name,
        date=after.date,
        n_rows=len(after.rows),
        n_new=len(after.rows.keys() - before.rows.keys()),
        n_changed=sum(differs(before.rows[row], after.rows[row]) for row in both),
        n_gone=len(before.rows.keys() - after.rows.keys()),
        best=max(averages, key=lambda row: averages[row]) if averages else "",
    )


def _is_of(suite: str, row: str) -> bool:
    return not suite or row.startswith(f"{suite}/")


def differs(one: Score, other: Score) -> bool:
    """Whether a row says something else than it did."""
    if one.status != other.status:
        return True
    pairs = [(getattr(one, metric), getattr(other, metric)) for metric in ("adaptation", "retention", "average")]
    return any((a is None) != (b is None) or (a is not None and abs(a - b) >= STEP) for a, b in pairs)
