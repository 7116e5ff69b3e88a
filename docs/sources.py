"""Everything a page may be made of, loaded once: the catalog, the measurements and what was decided from them."""

from __future__ import annotations

import subprocess
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docs.changes import Change, Heartbeat
from docs.releases import Release, Snapshot
from registry import exports
from registry.audit import Finding
from registry.schema import Claim, Method, Paper, ReportedTable, Repository
from reproductions import search
from reproductions.claims import ClaimVerdict
from reproductions.questions import Asked, Question
from reproductions.records import RunRecord
from reproductions.rows import Gap, LeaderboardRow
from reproductions.spec import Experiment, Suite

if TYPE_CHECKING:
    from registry.catalog import Catalog

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Sources:
    """What is known and what was measured. `rows`, `records`, `verdicts` and `findings` may be empty: pages say so."""

    catalog: Catalog
    rows: tuple[LeaderboardRow, ...] = ()
    records: tuple[RunRecord, ...] = ()
    gaps: tuple[Gap, ...] = ()
    verdicts: Mapping[str, ClaimVerdict] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    experiments: Mapping[str, Experiment] = field(default_factory=dict)
    suites: Mapping[str, Suite] = field(default_factory=dict)
    questions: Mapping[str, Question] = field(default_factory=dict)
    """What the ablations are asked, by id."""
    asked: Mapping[str, tuple[Asked, ...]] = field(default_factory=dict)
    """Question → what its records say, a row at a time."""
    results: Path | None = None
    """Folder that the records were read from."""
    changes: tuple[Change, ...] = ()
    heartbeats: tuple[Heartbeat, ...] = ()
    releases: tuple[Release, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()
    today: date = field(default_factory=lambda: datetime.now(UTC).date())
    commit: str | None = None
    site_url: str = ""
    """Absolute address of the English root with a slash at its end; empty: unknown, pages use relative links."""
    repository_url: str = ""
    """Where problems are reported, `https://github.com/owner/name`; empty: unknown."""

    @cached_property
    def papers(self) -> tuple[Paper, ...]:
        """Papers in the order readers see: newest first, then by title."""
        return tuple(sorted(self.catalog.papers.values(), key=lambda paper: (paper.date, paper.id), reverse=True))

    @cached_property
    def active_papers(self) -> tuple[Paper, ...]:
        """Papers that count: candidates and recorded ones."""
        return tuple(paper for paper in self.papers if paper.active)

    @cached_property
    def methods_of(self) -> Mapping[str, tuple[Method, ...]]:
        """Paper id → methods it introduces."""
        return _grouped((method.paper, method) for method in self.catalog.methods.values() if method.paper)

    @cached_property
    def claims_of(self) -> Mapping[str, tuple[Claim, ...]]:
        """Paper id → its claims."""
        return _grouped((claim.paper, claim) for claim in self.catalog.claims.values())

    @cached_property
    def reported_of(self) -> Mapping[str, tuple[ReportedTable, ...]]:
        """Paper id → its transcribed tables."""
        return _grouped((table.paper, table) for table in self.catalog.reported.values())

    @cached_property
    def papers_of_repository(self) -> Mapping[str, tuple[Paper, ...]]:
        """Repository id → papers that name it as their code."""
        return _grouped((str(paper.code.known), paper) for paper in self.papers if paper.code.known)

    @cached_property
    def feed_names(self) -> tuple[str, ...]:
        """Feeds below `feeds/`, without ending."""
        return ("new", *(place for place, _ in exports.feeds(self.catalog)))

    @property
    def data_files(self) -> tuple[str, ...]:
        """Files below `api/v1/`."""
        own = (
            "leaderboard.json",
            "leaderboard.compact.json",
            "leaderboard.csv",
            "verdicts.json",
            "audit.json",
            "gap.json",
        )
        return tuple(sorted([*own, *(name for name in exports.WHOLE if not name.startswith("llms"))]))

    @cached_property
    def records_by_name(self) -> Mapping[str, RunRecord]:
        """`suite/name/seed-n` → record."""
        return {record.name: record for record in self.records}

    @cached_property
    def trials(self) -> tuple[RunRecord, ...]:
        """Published runs on the validation world, by which settings were chosen."""
        return tuple(record for record in self.records if record.experiment.id.startswith(f"{search.SUITE}/"))

    @cached_property
    def findings_of(self) -> Mapping[str, tuple[Finding, ...]]:
        """Reported table id → what the audit found in it."""
        return _grouped((finding.table, finding) for finding in self.findings)

    def is_board(self, suite: str) -> bool:
        """Whether rows of a suite are ranked; those that settings were chosen by are not."""
        return suite not in self.suites or self.suites[suite].board

    def verdict(self, claim: str) -> str:
        """What our runs say about a claim, as one word of `verdict.*`."""
        found = self.verdicts.get(claim)
        if not self.catalog.claims[claim].comparisons:
            return "undecidable"
        return found.decision if found is not None else "not-run"

    def code(self, paper: Paper) -> Repository | None:
        """The paper's official repository, if one is known and has an entry."""
        return self.catalog.repositories.get(str(paper.code.known)) if paper.code.known else None

    @cached_property
    def newest_check(self) -> date | None:
        """The latest day on which any volatile fact was read."""
        days = [day for paper in self.papers for day in (paper.venue.checked, paper.code.checked) if day]
        for repository in self.catalog.repositories.values():
            days += [fact.checked for fact in (repository.stars, repository.licence, repository.state) if fact.checked]
        return max(days, default=None)


def _grouped(pairs: Iterable[tuple[Any, Any]]) -> dict[str, tuple[Any, ...]]:
    groups: dict[str, list[Any]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return {key: tuple(values) for key, values in groups.items()}


def commit(root: Path = ROOT) -> str | None:
    """Short id of the checked-out commit; None outside git."""
    try:
        answer = subprocess.run(
            ["git", "rev-parse", "--short=10", "HEAD"], cwd=root, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() or None


def github_remote(root: Path = ROOT) -> str:
    """`https://github.com/owner/name` of the remote called origin; empty when there is none on GitHub."""
    try:
        answer = subprocess.run(
            ["git", "remote", "get-url", "origin"], cwd=root, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    url = answer.stdout.strip().removesuffix(".git")
    if url.startswith("git@github.com:"):
        url = "https://github.com/" + url.removeprefix("git@github.com:")
    return url if url.startswith("https://github.com/") and "@" not in url else ""
