"""Which settings each method takes: as many trials for all, on the validation world only. Light.

Trials are ordinary specs of the suite `tuning`, named `<method>-<form>-<n>`; their world is `validation`, which shares
no entity, seed or item with the world that is reported. Chosen is the highest average (KORE's Avg) over the trial's
seeds; the choice goes into `experiments/settings.yaml`, from which the other suites are written.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Any

from reproductions import metrics, spec
from reproductions.records import Part, RunRecord
from reproductions.spec import Experiment, SpecError

SUITE = "tuning"


class Trial(Part):
    """One setting that was tried."""

    experiment: str
    settings: dict[str, Any]
    average: float | None
    """None: it failed."""
    adaptation: float | None
    retention: float | None
    reliability: float | None


class Choice(Part):
    """What a method takes on one form of the data."""

    row: str
    """`<method>-<form>`."""
    chosen: Trial | None
    trials: tuple[Trial, ...]


def trials(words: Sequence[str]) -> tuple[Experiment, ...]:
    """The trial specs, all or those of the rows named. Raises SpecError for a trial outside the validation world."""
    found = spec.select([f"{SUITE}/{word}-*" for word in words] or [SUITE])
    for one in found:
        if one.data.world != "validation":
            raise SpecError(f"{one.id}: data.world: '{one.data.world}'; tuning may see only 'validation'")
    return found


def row_of(experiment_id: str) -> str:
    """`tuning/lora-raw-3` is a trial of `lora-raw`."""
    return experiment_id.split("/")[1].rpartition("-")[0]


def choose(records: Iterable[RunRecord]) -> list[Choice]:
    """The best trial of each row, by the mean average over its runs; a trial with a failed run is out."""
    by_row: dict[str, dict[str, list[RunRecord]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        by_row[row_of(record.experiment.id)][record.experiment.id].append(record)
    choices: list[Choice] = []
    for row, found in sorted(by_row.items()):
        tried = tuple(_trial(runs) for runs in found.values())
        able = [one for one in tried if one.average is not None]
        best = max(able, key=lambda one: one.average or 0.0, default=None)
        choices.append(Choice(row=row, chosen=best, trials=tried))
    return choices


def further(
    choice: Choice, grid: Sequence[tuple[float, dict[str, Any]]], knob: str | None
) -> tuple[tuple[float, dict[str, Any]], ...]:
    """Two more trials after the first four (learning rate, settings), at places that the best of them fixes.

    Without a second setting: two steps beyond the edge of the grid where the best lies on it, else a step of √2 to
    each side. With one, the grid is a square and its best a corner: one step outwards in either direction.
    """
    if choice.chosen is None:
        return ()
    best = float(choice.chosen.settings["learning_rate"])
    rates = [rate for rate, _ in grid]
    outwards = 0.5 if best == min(rates) else 2.0
    if knob is not None:
        value = float(choice.chosen.settings[knob])
        step = 0.3 if value == min(float(config[knob]) for _, config in grid) else 3.0
        return (_rounded(best * outwards), {knob: value}), (best, {knob: _rounded(value * step)})
    if best in {min(rates), max(rates)}:
        return (_rounded(best * outwards), {}), (_rounded(best * outwards**2), {})
    return (_rounded(best / math.sqrt(2)), {}), (_rounded(best * math.sqrt(2)), {})


def _rounded(value: float) -> float:
    return float(f"{value:.2g}")


def chosen_settings(choices: Iterable[Choice]) -> dict[str, dict[str, Any]]:
    """`<row>-<form>` → what was chosen of the settings that its trials vary, the learning rate among them."""
    found: dict[str, dict[str, Any]] = {}
    for choice in choices:
        if choice.chosen is None:
            continue
        names = dict.fromkeys(name for trial in choice.trials for name in trial.settings)
        varied = [name for name in names if len({repr(trial.settings.get(name)) for trial in choice.trials}) > 1]
        found[choice.row] = {
            name: choice.chosen.settings[name] for name in names if name in varied and name in choice.chosen.settings
        }
    return found


def _trial(runs: Sequence[RunRecord]) -> Trial:
    experiment = runs[0].experiment
    settings = {"learning_rate": experiment.training.learning_rate, **experiment.method_config}
    if any(one.status == "failed" for one in runs):
        return Trial(
            experiment=experiment.id, settings=settings, average=None, adaptation=None, retention=None, reliability=None
        )
    scores = [list(one.steps[-1].adaptation.values()) for one in runs]
    adapted = fmean(metrics.adaptation(score.cem, score.f1) for found in scores for score in found)
    kept = fmean(metrics.retention(one.steps[-1].retention) for one in runs)
    return Trial(
        experiment=experiment.id,
        settings=settings,
        average=metrics.average(adapted, kept),
        adaptation=adapted,
        retention=kept,
        reliability=fmean(score.reliability for found in scores for score in found),
    )
