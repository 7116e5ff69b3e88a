"""What the ablations are asked, and what their records answer: one thing changed at a time, against a reference. Light.

The questions are data, `experiments/questions.yaml`. Differences are paired over seeds, entities and items, with 95 %
intervals; all variants of a question share a base checkpoint. Nothing is typed in: variants without records have none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

from pydantic import Field, ValidationError

from reproductions import scoring, statistics
from reproductions.records import RESULTS, RunRecord
from reproductions.rows import Estimate
from reproductions.spec import EXPERIMENTS, Experiment, Spec, SpecError, first_problem, read_yaml

FILE = EXPERIMENTS / "questions.yaml"
METRICS = ("adaptation", "retention")


class VariantSpec(Spec):
    """One variant: an experiment by id, `{row}` standing for the row that it varies."""

    experiment: str
    label: str
    label_zh: str


class Question(Spec):
    """One question, asked of one or more rows."""

    title: str
    title_zh: str
    about: str
    about_zh: str
    rows: tuple[str, ...] = Field(min_length=1)
    reference: str
    variants: tuple[VariantSpec, ...] = Field(min_length=2)

    def experiments(self) -> tuple[str, ...]:
        """Ids of all variants of all rows."""
        return tuple(one.experiment.format(row=row) for row in self.rows for one in self.variants)


@dataclass(frozen=True)
class Variant:
    """What the records of one variant say; without finished runs there are no values."""

    spec: VariantSpec
    experiment: Experiment
    reference: bool
    n_runs: int = 0
    n_failed: int = 0
    reliability: float | None = None
    values: Mapping[str, Estimate] = field(default_factory=dict)
    """Metric → value."""
    changes: Mapping[str, Estimate] = field(default_factory=dict)
    """Metric → difference from the reference; empty for itself, and where it has not been run."""


@dataclass(frozen=True)
class Asked:
    """A question of one row: its variants in order."""

    row: str
    variants: tuple[Variant, ...]

    @property
    def first(self) -> Experiment:
        """The reference: what the row is."""
        return next(one.experiment for one in self.variants if one.reference)

    @property
    def n_run(self) -> int:
        """Variants with values."""
        return sum(bool(one.values) for one in self.variants)


def load_questions(file: Path = FILE) -> dict[str, Question]:
    """Questions by id, in the file's order; empty without a file. Raises SpecError."""
    if not file.exists():
        return {}
    try:
        return {name: Question.model_validate(value) for name, value in read_yaml(file).items()}
    except ValidationError as error:
        raise SpecError(f"{file}: {first_problem(error)}") from None


def answer(
    question: Question,
    experiments: Mapping[str, Experiment],
    found: Iterable[RunRecord],
    root: Path = RESULTS,
) -> tuple[Asked, ...]:
    """What is known about each row of a question.

    Raises SpecError for a variant or a reference that is no experiment, RecordError if answers are damaged.
    """
    by_experiment: dict[str, list[RunRecord]] = defaultdict(list)
    for record in found:
        by_experiment[record.experiment.id].append(record)
    return tuple(_asked(question, row, experiments, by_experiment, root) for row in question.rows)


def _asked(
    question: Question,
    row: str,
    experiments: Mapping[str, Experiment],
    records: Mapping[str, Sequence[RunRecord]],
    root: Path,
) -> Asked:
    reference = question.reference.format(row=row)
    named = [one.experiment.format(row=row) for one in question.variants]
    unknown = [name for name in (reference, *named) if name not in experiments]
    if unknown or reference not in named:
        raise SpecError(
            f"questions.yaml: row '{row}': no experiment '{(unknown or [reference])[0]}' among its variants"
        )
    finished = {name: [one for one in records.get(name, ()) if one.status == "finished"] for name in named}
    measured = [name for name in named if finished[name]]
    values, changes = _measure([finished[name] for name in measured], measured, reference, root)
    return Asked(
        row,
        tuple(
            Variant(
                spec=one,
                experiment=experiments[name],
                reference=name == reference,
                n_runs=len(finished[name]),
                n_failed=len(records.get(name, ())) - len(finished[name]),
                reliability=_reliability(finished[name]),
                values=values.get(name, {}),
                changes=changes.get(name, {}),
            )
            for one, name in zip(question.variants, named, strict=True)
        ),
    )


def _measure(
    runs: Sequence[Sequence[RunRecord]], names: Sequence[str], reference: str, root: Path
) -> tuple[dict[str, dict[str, Estimate]], dict[str, dict[str, Estimate]]]:
    """Values of each variant, and paired differences from the reference where that has been run."""
    if not names:
        return {}, {}
    sample = statistics.resample(
        [{scoring.key_of(record): scoring.run_scores(record, root) for record in own} for own in runs]
    )
    values = {
        name: {metric: _estimate(sample.point[metric][place], sample.draws[metric][:, place]) for metric in METRICS}
        for place, name in enumerate(names)
    }
    if reference not in names:
        return values, {}
    base = names.index(reference)
    changes = {
        name: {
            metric: _estimate(
                sample.point[metric][place] - sample.point[metric][base], sample.difference(metric, place, base)
            )
            for metric in METRICS
        }
        for place, name in enumerate(names)
        if place != base
    }
    return values, changes


def _estimate(value: float, draws: statistics.Floats) -> Estimate:
    low, high = statistics.percentile_interval(draws)
    return Estimate(value=float(value), low=low, high=high)


def _reliability(runs: Sequence[RunRecord]) -> float | None:
    scores = [score.reliability for run in runs for score in run.steps[-1].adaptation.values()]
    return fmean(scores) if scores else None
