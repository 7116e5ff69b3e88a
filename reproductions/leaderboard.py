"""From records to rows: one row per experiment, with intervals, ranks and what it cost. Light.

Nothing is typed in: every value follows from the records and answers below `results/`. Experiments that differ only in
the laboratory checkpoint they start from are one row over all of them. Rows are ranked within a group: same suite,
model family, protocol and questions. Failed runs stay, as rows without scores. Fractions in [0, 1].
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any, Protocol

import numpy as np

from registry.schema import ReportedTable
from reproductions import metrics, records, scoring, statistics
from reproductions.records import RESULTS, Cost, RunRecord, Step
from reproductions.rows import GAP_METRICS, REFERENCES, Continual, Estimate, Gap, GapEntry, LeaderboardRow
from reproductions.selecting import PAPER_FORM
from reproductions.spec import ModelRef, canonical_json, identity
from reproductions.statistics import Key, Resampled, RunScores

RANKED = ("average", "adaptation", "retention")
"""Metrics that a group is ranked by."""


def load_rows(results: Path = RESULTS, only: Collection[str] | None = None) -> tuple[LeaderboardRow, ...]:
    """All rows, or those of the experiments in `only`, best average first within each group.

    Raises RecordError if a record or its answers are damaged.
    """
    groups: dict[str, list[_Row]] = defaultdict(list)
    for row in _collect(results, only):
        groups[row.group].append(row)
    return tuple(finished for group in sorted(groups) for finished in _rank(groups[group]))


class _Row:
    """A row in the making: its records, and the item scores of its finished runs."""

    def __init__(self, found: Sequence[RunRecord], root: Path) -> None:
        self.records = found
        self.finished = [record for record in found if record.status == "finished"]
        self.first = found[0].experiment
        self.id = row_id(self.first.id, self.first.model)
        self.root = root
        self.group = group_of(found[0])
        self._scores: dict[Key, RunScores] | None = None

    @property
    def scores(self) -> dict[Key, RunScores]:
        """Item scores by checkpoint and seed, read once."""
        if self._scores is None:
            self._scores = {scoring.key_of(record): scoring.run_scores(record, self.root) for record in self.finished}
        return self._scores


def _collect(results: Path, only: Collection[str] | None) -> list[_Row]:
    by_row: dict[tuple[str, str], list[RunRecord]] = defaultdict(list)
    for record in records.load_all(results):
        if only is not None and record.experiment.id not in only:
            continue
        by_row[row_id(record.experiment.id, record.experiment.model), _without_checkpoint(record)].append(record)
    return [_Row(found, results) for _, found in sorted(by_row.items())]


def row_id(experiment_id: str, model: ModelRef) -> str:
    """The experiment's id without the checkpoint: `kore/lora-raw-seed-1` on `lab-tiny@seed-1` is `kore/lora-raw`."""
    _, at, checkpoint = model.id.partition("@")
    return experiment_id.removesuffix(f"-{checkpoint}") if at else experiment_id


def group_of(record: RunRecord) -> str:
    """Which rows it may be compared with."""
    experiment = record.experiment
    questions = experiment.data.model_dump(mode="json", exclude_defaults=True, exclude={"form", "prior"})
    parts = [experiment.id.split("/")[0], _family(experiment.model), experiment.protocol, canonical_json(questions)]
    return " · ".join(part for part in parts if part != "{}")


def _family(model: ModelRef) -> str:
    return model.id.partition("@")[0]


def _without_checkpoint(record: RunRecord) -> str:
    data = identity(record.experiment)
    data["model"] = {**data["model"], "id": _family(record.experiment.model)}
    return canonical_json(data)


# Rows of a group


def _rank(rows: Sequence[_Row]) -> list[LeaderboardRow]:
    able = [row for row in rows if row.finished]
    if not able:
        return [_describe(row) for row in rows]
    sample = statistics.resample([row.scores for row in able])
    ranked = [place for place, row in enumerate(able) if row.first.method not in REFERENCES]
    standings = dict(zip(ranked, _standings(sample, ranked), strict=True))
    described = [
        _describe(row).model_copy(update=standings.get(place, {}) | _scores(row, sample, place))
        for place, row in enumerate(able)
    ]
    described.sort(key=lambda one: -(one.average.value if one.average else 0))
    return described + [_describe(row) for row in rows if not row.finished]


def _standings(sample: Resampled, ranked: Sequence[int]) -> list[dict[str, Any]]:
    """How each of the rows at some places of the sample stands among them."""
    if not ranked:
        return []
    point = {metric: sample.point[metric][list(ranked)] for metric in RANKED}
    draws = {metric: sample.draws[metric][:, list(ranked)] for metric in RANKED}
    order = {metric: statistics.separated(point[metric], draws[metric]) for metric in RANKED}
    intervals = {metric: statistics.rank_intervals(better) for metric, better in order.items()}
    pareto = statistics.pareto_membership(draws["adaptation"], draws["retention"])
    best = int(np.argmax(point["average"]))
    return [
        {
            "ranks": {metric: intervals[metric][place] for metric in RANKED},
            "n_ranked": len(ranked),
            "best": place == best,
            "separable": None if place == best else bool(order["average"][best, place]),
            "pareto": float(pareto[place]),
        }
        for place in range(len(ranked))
    ]


def _describe(row: _Row) -> LeaderboardRow:
    """Everything that needs no comparison."""
    first, failed = row.first, len(row.records) - len(row.finished)
    return LeaderboardRow(
        id=row.id,
        experiments=tuple(dict.fromkeys(record.experiment.id for record in row.records)),
        suite=first.id.split("/")[0],
        group=row.group,
        method=first.method,
        method_config=first.method_config,
        form=first.data.form,
        tuning=first.tuning,
        training=first.training,
        data=first.data,
        model=_family(first.model),
        checkpoints=tuple(dict.fromkeys(record.experiment.model.id for record in row.records)),
        protocol=first.protocol,
        tier=first.tier,
        n_seeds=len({record.seed for record in row.finished}),
        n_runs=len(row.finished),
        n_failed=failed,
        status="finished" if not failed else "partly-failed" if row.finished else "failed",
        error=next((record.error for record in row.records if record.error), None),
        degenerate=any(record.degenerate for record in row.records),
        note=first.note,
        cost=_mean_cost([record.cost for record in row.finished if record.cost]),
        hardware=tuple(dict.fromkeys(record.environment.device for record in row.records)),
        commits=tuple(dict.fromkeys(record.environment.commit or "unknown" for record in row.records)),
        records=tuple(f"{record.name}.json" for record in row.records),
        command=f"aki reproduce run {_pattern([record.experiment.id for record in row.records], row.id)}",
        losses=_mean_columns([record.losses for record in row.finished]),
        facts=_mean_by_name([record.facts for record in row.finished]),
    )


def _pattern(ids: Sequence[str], row: str) -> str:
    return ids[0] if len(set(ids)) == 1 else f"'{row}-seed-*'"


def _scores(row: _Row, sample: Resampled, place: int) -> dict[str, Any]:
    """The measured part of a row."""
    values = {metric: _estimate(sample, metric, place) for metric in sample.point}
    last = [record.steps[-1] for record in row.finished]
    base = [record.steps[0] for record in row.finished]
    dimensions = tuple(last[0].retention)
    base_adaptation = fmean(_step_adaptation(step) for step in base)
    base_by_dimension = _mean_by_name([step.retention for step in base])
    base_retention = metrics.retention(base_by_dimension)
    adapted = [score for step in last for score in step.adaptation.values()]
    return {
        "adaptation": values["adaptation"],
        "cem": values["cem"],
        "f1": values["f1"],
        "first_words_cem": values["first-words-cem"],
        "reliability": fmean(score.reliability for score in adapted),
        "by_kind": _mean_by_name([score.by_kind for score in adapted]),
        "by_probe": _mean_by_name([score.by_probe for score in adapted]),
        "retention": values["retention"],
        "by_dimension": {name: values[name] for name in dimensions},
        "average": values["average"],
        "base_adaptation": base_adaptation,
        "base_retention": base_retention,
        "base_by_dimension": base_by_dimension,
        "adaptation_gain": values["adaptation"].value - base_adaptation,
        "retention_change": values["retention"].value - base_retention,
        "continual": continual([record.steps for record in row.finished]),
    }


def _estimate(sample: Resampled, metric: str, place: int) -> Estimate:
    low, high = sample.interval(metric, place)
    return Estimate(value=float(sample.point[metric][place]), low=low, high=high)


def _step_adaptation(step: Step) -> float:
    return fmean(metrics.adaptation(score.cem, score.f1) for score in step.adaptation.values())


def continual(runs: Sequence[Sequence[Step]]) -> Continual | None:
    """Stream metrics, mean over runs; None for a single task. The first step of each run is the base model."""
    matrices = [score_matrix(steps) for steps in runs]
    if not matrices or len(matrices[0]) < 2:
        return None
    return Continual(
        average_accuracy=fmean(metrics.average_accuracy(one) for one in matrices),
        backward_transfer=fmean(metrics.backward_transfer(one) for one in matrices),
        forgetting=fmean(metrics.forgetting(one) for one in matrices),
        matrix=tuple(tuple(row) for row in np.mean(matrices, axis=0).tolist()),
        retention=_mean_columns([tuple(metrics.retention(step.retention) for step in steps[1:]) for steps in runs]),
    )


def score_matrix(steps: Sequence[Step]) -> list[list[float]]:
    """`[i][j]`: K.A on task j after learning task i."""
    return [
        [metrics.adaptation(score.cem, score.f1) for score in step.adaptation.values()]
        for step in steps
        if step.after >= 0
    ]


def _mean_cost(costs: Sequence[Cost]) -> Cost | None:
    if not costs:
        return None
    mean = {field: fmean(getattr(cost, field) for cost in costs) for field in Cost.model_fields}
    whole = {field: round(value) for field, value in mean.items() if not field.endswith("seconds")}
    return Cost.model_validate({**mean, **whole, "peak_bytes": max(cost.peak_bytes for cost in costs)})


def _mean_by_name(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for one in found for name in one)
    return {name: fmean(one[name] for one in found if name in one) for name in names}


def _mean_columns(found: Sequence[Sequence[float]]) -> tuple[float, ...]:
    if not found or any(len(one) != len(other) for one, other in pairwise(found)):
        return ()
    return tuple(fmean(column) for column in zip(*found, strict=True))


def as_json(rows: Iterable[LeaderboardRow]) -> str:
    """Rows as a JSON list."""
    return json.dumps([row.model_dump(mode="json") for row in rows], ensure_ascii=False, indent=1)


# Reported and reproduced orderings


MAIN_SUITES = ("kore", "quick")
"""Where a method is looked for when nobody says which suite: the first that has it."""


def main_rows(rows: Iterable[LeaderboardRow], method: str, form: str | None = None) -> list[LeaderboardRow]:
    """Finished rows of a method on the data its paper uses, or on `form`: main suites first, fewest settings first."""
    wanted = form or PAPER_FORM.get(method, "raw")
    found = [row for row in rows if row.method == method and row.form == wanted and row.average is not None]
    ranked = [row for suite in MAIN_SUITES for row in found if row.suite == suite]
    return sorted(ranked, key=lambda row: (MAIN_SUITES.index(row.suite), n_settings(row), row.id))


def n_settings(row: LeaderboardRow) -> int:
    """How much a row has of its own: settings of the method, and adapters on a part of the layers only."""
    return len(row.method_config) + (row.tuning.targets != "all-linear")


def gap(catalog: HasReported, rows: Iterable[LeaderboardRow], results: Path = RESULTS) -> tuple[Gap, ...]:
    """Agreement of each reported table with our runs of at least three of its methods, by metric and suite."""
    known = tuple(rows)
    found: list[Gap] = []
    for table in catalog.reported.values():
        for suite in MAIN_SUITES:
            own = [row for row in known if row.suite == suite]
            pairs = [(cells, main[0]) for cells in _reported_rows(table) if (main := main_rows(own, cells["method"]))]
            if len(pairs) >= 3:
                found += _gaps(table.id, suite, pairs, results)
    return tuple(found)


class HasReported(Protocol):
    """A registry catalog, as far as it is needed here."""

    @property
    def reported(self) -> Mapping[str, ReportedTable]:
        """Reported tables by id."""
        ...


_DIMENSION_COLUMNS = ("com", "ocr", "m-dis", "ins", "m-idu", "mat", "hal")


def _reported_rows(table: ReportedTable) -> list[dict[str, Any]]:
    """The first row of each method that has all of K.A and K.R, with both computed from its cells."""
    found: dict[str, dict[str, Any]] = {}
    for row in table.rows:
        values = {column: cell.value for column, cell in row.cells.items() if cell.value is not None}
        if row.method is None or row.method in found or not {"cem", "f1", *_DIMENSION_COLUMNS} <= set(values):
            continue
        adapted = metrics.adaptation(values["cem"], values["f1"])
        kept = metrics.retention({name: values[name] for name in _DIMENSION_COLUMNS})
        found[row.method] = {
            "method": row.method,
            "adaptation": adapted,
            "retention": kept,
            "average": metrics.average(adapted, kept),
        }
    return list(found.values())


def _gaps(table: str, suite: str, pairs: Sequence[tuple[dict[str, Any], LeaderboardRow]], results: Path) -> list[Gap]:
    sample = statistics.resample([row_scores(row, results) for _, row in pairs])
    found: list[Gap] = []
    for metric in GAP_METRICS:
        reported = [cells[metric] for cells, _ in pairs]
        ours = sample.point[metric]
        low, high = statistics.kendall_tau_interval(reported, sample.draws[metric])
        entries = [
            GapEntry(
                method=row.method,
                reported=reported[place],
                reproduced=_estimate(sample, metric, place),
                reported_rank=_rank_of(reported, place),
                reproduced_rank=_rank_of(ours.tolist(), place),
            )
            for place, (_, row) in enumerate(pairs)
        ]
        entries.sort(key=lambda one: one.reported_rank)
        tau = Estimate(value=statistics.kendall_tau(reported, ours), low=low, high=high)
        found.append(Gap(table=table, metric=metric, suite=suite, entries=tuple(entries), tau=tau))
    return found


def row_scores(row: LeaderboardRow, results: Path = RESULTS) -> dict[Key, RunScores]:
    """Item scores of a row's finished runs, read again from its records."""
    found = [records.load(results / path) for path in row.records]
    return {scoring.key_of(one): scoring.run_scores(one, results) for one in found if one.status == "finished"}


def _rank_of(values: Sequence[float], place: int) -> float:
    """Rank from 1, the largest first; equal values share the mean of their ranks."""
    above = sum(value > values[place] for value in values)
    return above + (1 + sum(value == values[place] for value in values)) / 2
