"""What our runs say about what papers claim: supported, contradicted, inconclusive or not run. Light.

A claim of the registry carries comparisons, `left relation right + margin` on a metric. Left and right name a row:
`kore`, or `kore[data=raw, constrain=false]` with settings as in a spec. A bare method is the row on the data that its
paper trains it on. Both sides are compared run by run on the same entities and questions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from registry.schema import Claim, Comparison
from reproductions import leaderboard, statistics
from reproductions.records import RESULTS, Part
from reproductions.rows import Estimate, LeaderboardRow
from reproductions.selecting import PAPER_FORM

Decision = Literal["supported", "contradicted", "inconclusive", "not-run"]

_REFERENCE = re.compile(r"^(?P<method>[a-z0-9-]+)(?:\[(?P<options>[^\]]*)\])?$")


class ComparisonVerdict(Part):
    """One comparison, decided."""

    comparison: Comparison
    decision: Decision
    effect: Estimate | None = None
    """Left minus right, paired; fractions."""
    left_row: str | None = None
    """Ids of the rows compared."""
    right_row: str | None = None
    n_runs: int = 0
    why: str | None = None
    """For `not-run`: what is missing."""


class ClaimVerdict(Part):
    """A claim, decided: supported if all its comparisons are, contradicted if one is."""

    claim: str
    decision: Decision
    comparisons: tuple[ComparisonVerdict, ...] = ()
    why: str | None = None


@dataclass(frozen=True)
class Reference:
    """A row as a claim names it."""

    method: str
    options: tuple[tuple[str, str], ...] = ()


def decide(claims: Iterable[Claim], records_root: Path = RESULTS) -> dict[str, ClaimVerdict]:
    """A verdict for every claim, by id. Raises RecordError if records are damaged."""
    rows = leaderboard.load_rows(records_root)
    return {claim.id: decide_one(claim, rows, records_root) for claim in claims}


def decide_one(claim: Claim, rows: Sequence[LeaderboardRow], root: Path) -> ClaimVerdict:
    """The verdict on one claim."""
    if not claim.comparisons:
        return ClaimVerdict(claim=claim.id, decision="not-run", why="states nothing that a run of ours could decide")
    verdicts = tuple(compare(one, rows, root) for one in claim.comparisons)
    missing = next((one.why for one in verdicts if one.why), None)
    return ClaimVerdict(claim=claim.id, decision=_together(verdicts), comparisons=verdicts, why=missing)


def _together(verdicts: Sequence[ComparisonVerdict]) -> Decision:
    decisions = {one.decision for one in verdicts}
    for decisive in ("contradicted", "not-run", "inconclusive"):
        if decisive in decisions:
            return decisive
    return "supported"


def compare(comparison: Comparison, rows: Sequence[LeaderboardRow], root: Path) -> ComparisonVerdict:
    """The verdict on one comparison; trials on the validation world only choose settings and decide nothing."""
    fitting = [
        row
        for row in rows
        if row.protocol == comparison.protocol and row.average is not None and row.data.world == "test"
    ]
    try:
        sides = find_pair(parse(comparison.left), parse(comparison.right), fitting)
    except ValueError as error:
        return ComparisonVerdict(comparison=comparison, decision="not-run", why=str(error))
    scores = [leaderboard.row_scores(row, root) for row in sides]
    shared = set(scores[0]) & set(scores[1])
    sample = statistics.resample([{key: one[key] for key in sorted(shared)} for one in scores])
    metric = metric_name(comparison.metric, sample.point)
    if metric is None:
        why = f"no metric '{comparison.metric}' in our records; there are: {', '.join(sample.point)}"
        return ComparisonVerdict(comparison=comparison, decision="not-run", why=why)
    low, high = statistics.percentile_interval(sample.difference(metric, 0, 1))
    effect = Estimate(value=float(sample.point[metric][0] - sample.point[metric][1]), low=low, high=high)
    return ComparisonVerdict(
        comparison=comparison,
        decision=judge(comparison, effect),
        effect=effect,
        left_row=sides[0].id,
        right_row=sides[1].id,
        n_runs=len(shared),
    )


def judge(comparison: Comparison, effect: Estimate) -> Decision:
    """Where the interval of left − right lies against the margin.

    `greater`: left > right + margin. `less`: left < right − margin. `equal`: the difference is within ± margin.
    """
    margin = comparison.margin
    if comparison.relation == "equal":
        if -margin <= effect.low and effect.high <= margin:
            return "supported"
        return "contradicted" if effect.low > margin or effect.high < -margin else "inconclusive"
    sign = 1 if comparison.relation == "greater" else -1
    low, high = sorted((sign * effect.low, sign * effect.high))
    if low > margin:
        return "supported"
    return "contradicted" if high < margin else "inconclusive"


def parse(text: str) -> Reference:
    """`kore[data=raw, rank=16]` as method and options. Raises ValueError that says what is wrong."""
    found = _REFERENCE.match(text.replace(" ", ""))
    if not found:
        raise ValueError(f"'{text}' is not `method` or `method[setting=value, …]`")
    options = [part for part in (found["options"] or "").split(",") if part]
    pairs = [part.partition("=") for part in options]
    if any(not equals or not value for _, equals, value in pairs):
        raise ValueError(f"'{text}': each setting is `name=value`")
    return Reference(found["method"], tuple((name, value.lower()) for name, _, value in pairs))


def find_pair(
    left: Reference, right: Reference, rows: Sequence[LeaderboardRow]
) -> tuple[LeaderboardRow, LeaderboardRow]:
    """Rows for both sides that saw the same runs; the plainest pair in the main suites. Raises ValueError if none."""
    lefts, rights = candidates(left, rows), candidates(right, rows)
    for reference, found in ((left, lefts), (right, rights)):
        if not found:
            options = ", ".join(f"{name}={value}" for name, value in reference.options)
            raise ValueError(f"{reference.method}{f'[{options}]' if options else ''} has not been run")
    pairs = [(one, other) for one in lefts for other in rights if one.id != other.id and _comparable(one, other)]
    if not pairs:
        raise ValueError(f"{left.method} and {right.method} have not been run on the same questions")
    return min(pairs, key=lambda pair: (_order(*pair), pair[0].id, pair[1].id))


def candidates(reference: Reference, rows: Sequence[LeaderboardRow]) -> list[LeaderboardRow]:
    """Rows that have the method and every option; without options on `data`, the data that the paper uses."""
    options = dict(reference.options)
    form = options.pop("data", options.pop("form", PAPER_FORM.get(reference.method, "raw")))
    found = [row for row in rows if row.method == reference.method and row.form == form]
    return [row for row in found if all(settings(row).get(name) == value for name, value in options.items())]


def settings(row: LeaderboardRow) -> dict[str, str]:
    """Everything that a reference may name, as text: method settings, tuning, training, data, suite and model."""
    parts = [row.training.model_dump(), row.tuning.model_dump(), row.data.model_dump(exclude={"form"})]
    merged = {name: value for part in parts for name, value in part.items()} | row.method_config
    merged |= {"suite": row.suite, "model": row.model, "protocol": row.protocol}
    if row.method_config.get("dimensions"):
        merged["prior"] = "specific"  # a constraint from samples of some abilities alone, as the claims call it
    return {name: str(value).lower() for name, value in merged.items()}


def metric_name(metric: str, known: Iterable[str]) -> str | None:
    """The registry writes metrics as slugs, dimensions in lower case: `m-dis` is `M-DIS`."""
    return next((name for name in known if name.lower() == metric.lower()), None)


def _comparable(one: LeaderboardRow, other: LeaderboardRow) -> bool:
    mine, yours = ({**row.data.model_dump(), "form": "", "prior": ""} for row in (one, other))
    return mine == yours and bool(set(one.checkpoints) & set(other.checkpoints))


def _order(left: LeaderboardRow, right: LeaderboardRow) -> tuple[int, int, int]:
    """Main suites first, then few settings of their own, then the same training on both sides."""
    suites = leaderboard.MAIN_SUITES
    place = sum(suites.index(row.suite) if row.suite in suites else len(suites) for row in (left, right))
    own = sum(leaderboard.n_settings(row) for row in (left, right))
    return place, own, int(left.training != right.training)
