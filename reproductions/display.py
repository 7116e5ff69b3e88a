"""What the terminal shows: tables of rows, plans and verdicts, and the progress of runs. Light."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any

from reproductions.planning import PlannedRun
from reproductions.publishing import Difference
from reproductions.records import RunRecord

if TYPE_CHECKING:
    from rich.table import Table

    from reproductions.claims import ClaimVerdict
    from reproductions.rows import Estimate, LeaderboardRow
    from reproductions.search import Choice
    from reproductions.workers import Event

NARROW = 100
"""Columns below which tables leave out what can be looked up."""


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: int = 99) -> None:
    """Print a table to standard output; columns from `right` on are numbers."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table: Table = Table(title=title or None, box=SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if place >= right else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    _console().print(table)


def _console() -> Any:  # noqa: ANN401 - rich is loaded when it is needed
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 132, highlight=False, markup=False)


def percent(value: float | None) -> str:
    """A fraction as per cent with one decimal; a dash for nothing."""
    return "–" if value is None else f"{100 * value:.1f}"


def with_interval(estimate: Estimate | None) -> str:
    """`47.2 [45.1–49.0]`."""
    if estimate is None:
        return "–"
    return f"{percent(estimate.value)} [{percent(estimate.low)}–{percent(estimate.high)}]"


def duration(seconds: float | None) -> str:
    """`40 s`, `12 min`, `1 h 40 min`; `unknown` for nothing."""
    if seconds is None:
        return "unknown"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def size(n_bytes: int | None) -> str:
    """Bytes as MB or GB."""
    if n_bytes is None:
        return "unknown"
    return f"{n_bytes / 1e6:.0f} MB" if n_bytes < 1e9 else f"{n_bytes / 1e9:.1f} GB"


def show_rows(rows: Sequence[LeaderboardRow]) -> None:
    """The leaderboard, one table per group."""
    groups: dict[str, list[LeaderboardRow]] = {}
    for row in rows:
        groups.setdefault(row.group, []).append(row)
    columns = ("rank", "experiment", "data", "runs", "average", "adaptation", "retention", "read back", "seconds")
    for group, members in groups.items():
        kept = next((row for row in members if row.base_retention is not None), None)
        base = f"; base model: retention {percent(kept.base_retention)}" if kept else ""
        show_table(f"{group} (per cent, 95 % intervals{base})", columns, [_cells(row) for row in members], right=3)


def _cells(row: LeaderboardRow) -> list[str]:
    if row.average is None:
        return ["–", row.id, row.form, "0", "failed", "", "", "", ""]
    low, high = row.ranks.get("average", (0, 0))
    return [
        "ref." if not high else str(low) if low == high else f"{low}–{high}",
        row.id + (" (degenerate)" if row.degenerate else ""),
        row.form,
        f"{row.n_runs}" + (f" (+{row.n_failed} failed)" if row.n_failed else ""),
        with_interval(row.average),
        with_interval(row.adaptation),
        with_interval(row.retention),
        percent(row.reliability),
        f"{row.cost.train_seconds + row.cost.prepare_seconds:.0f}" if row.cost else "–",
    ]


def show_plan(planned: Sequence[PlannedRun], total: float | None, n_workers: int) -> None:
    """What would run."""
    by_experiment: dict[str, list[PlannedRun]] = {}
    for one in planned:
        by_experiment.setdefault(one.experiment, []).append(one)
    rows = [
        [
            name,
            ", ".join(str(one.seed) for one in runs),
            str(sum(one.state == "done" for one in runs)),
            duration(runs[0].seconds),
            size(runs[0].peak_bytes),
            runs[0].based_on,
        ]
        for name, runs in by_experiment.items()
    ]
    show_table("", ("experiment", "seeds", "done", "each", "memory", "estimated from"), rows)
    todo = sum(one.state != "done" for one in planned)
    processes = "process" if n_workers == 1 else "processes"
    _console().print(f"{todo} of {len(planned)} runs to do: about {duration(total)} on {n_workers} {processes}.")


def show_verdicts(verdicts: Mapping[str, ClaimVerdict]) -> None:
    """Claims and what became of them."""
    rows = [[name, one.decision, _effects(one)] for name, one in verdicts.items()]
    show_table("", ("claim", "our runs say", "effect (points, 95 % interval)"), rows)


def _effects(verdict: ClaimVerdict) -> str:
    """The comparisons that were decided, a line each, and once each what kept the others from being."""
    lines = [
        f"{one.comparison.metric}: {one.comparison.left} {one.comparison.relation} {one.comparison.right}: "
        f"{with_interval(one.effect)}"
        for one in verdict.comparisons
        if one.effect
    ]
    missing = dict.fromkeys(one.why for one in verdict.comparisons if not one.effect and one.why)
    return "\n".join([*lines, *missing] or [verdict.why or ""])


def show_differences(record: RunRecord, differences: Sequence[Difference], n_scores: int) -> None:
    """What `verify` found for one run."""
    if not differences:
        _console().print(f"{record.name}: all {n_scores} scores as published")
        return
    worst = max(abs((one.published or 0) - (one.now or 0)) for one in differences)
    _console().print(
        f"{record.name}: {len(differences)} of {n_scores} scores differ, by {100 * worst:.2f} points at most"
    )
    rows = [[one.score, percent(one.published), percent(one.now)] for one in differences[:12]]
    show_table("", ("score", "published", "now"), rows, right=1)


class RunProgress(AbstractContextManager["RunProgress"]):
    """A bar over all runs and a line for each that is going on, on standard error; plain lines without a terminal."""

    def __init__(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self.total, self.done = total, 0
        console = Console(stderr=True, highlight=False)
        self.live = console.is_terminal
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=not self.live,
        )
        self.whole = self.progress.add_task("runs", total=total)
        self.lines: dict[str, Any] = {}

    def __enter__(self) -> RunProgress:
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.progress.stop()

    def __call__(self, event: Event) -> None:
        """Show an event."""
        from reproductions.workers import Doing, Ended

        name = event.job.name
        if isinstance(event, Doing):
            line = self.lines.setdefault(name, self.progress.add_task(name, total=None) if self.live else None)
            if line is not None:
                notice = event.notice
                text = f"{name} · {notice.stage}"
                self.progress.update(line, description=text, completed=notice.done, total=notice.of or None)
        elif isinstance(event, Ended):
            self.done += 1
            line = self.lines.pop(name, None)
            if line is not None:
                self.progress.remove_task(line)
            self.progress.advance(self.whole)
            self._say(event.record, event.repeated)

    def _say(self, record: RunRecord, repeated: bool) -> None:
        text = f"[{self.done}/{self.total}] {summary(record)}" + ("" if repeated else " (was there already)")
        if self.live:
            self.progress.console.print(text, markup=False)
        else:
            sys.stderr.write(text + "\n")
            sys.stderr.flush()


class PretrainingProgress(AbstractContextManager["PretrainingProgress"]):
    """A bar per stage of pretraining, on standard error."""

    def __init__(self, name: str) -> None:
        from rich.console import Console
        from rich.progress import Progress

        self.name = name
        self.progress = Progress(console=Console(stderr=True, highlight=False))
        self.stages: dict[str, Any] = {}

    def __enter__(self) -> PretrainingProgress:
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.progress.stop()

    def __call__(self, stage: str, step: int, steps: int, loss: float) -> None:
        """Show where a stage stands."""
        if stage not in self.stages:
            self.stages[stage] = self.progress.add_task(stage, total=steps)
        self.progress.update(self.stages[stage], completed=step, description=f"{self.name} · {stage} · loss {loss:.3f}")


def show_choices(choices: Sequence[Choice]) -> None:
    """What tuning found: every trial, the chosen one marked."""
    rows = [
        [
            "→" if one == choice.chosen else "",
            choice.row,
            str(one.settings),
            percent(one.average),
            percent(one.adaptation),
            percent(one.retention),
            percent(one.reliability),
        ]
        for choice in choices
        for one in choice.trials
    ]
    columns = ("", "row", "settings", "average", "adaptation", "retention", "read back")
    show_table("validation world, per cent", columns, rows, right=3)


def summary(record: RunRecord) -> str:
    """One line about a run."""
    from reproductions import metrics

    if record.status == "failed":
        return f"{record.name}: failed: {record.error}"
    last = record.steps[-1]
    scores = list(last.adaptation.values())
    adapted = sum(metrics.adaptation(one.cem, one.f1) for one in scores) / len(scores)
    kept, before = metrics.retention(last.retention), metrics.retention(record.steps[0].retention)
    seconds = record.cost.train_seconds + record.cost.prepare_seconds if record.cost else 0
    return (
        f"{record.name}: adaptation {percent(adapted)}, retention {percent(kept)} (base {percent(before)}), "
        f"{duration(seconds)} of learning"
    )
