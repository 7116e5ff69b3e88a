"""Problems of specs and published records, all at once: `path: what is wrong`."""

from __future__ import annotations

from pathlib import Path

from reproductions import records, spec
from reproductions.records import RecordError
from reproductions.spec import Experiment, SpecError


def all_problems(experiments: Path, results: Path) -> list[str]:
    """Everything that is wrong below both folders. Imports the methods, so torch."""
    try:
        known = spec.load_all(experiments)
        for name in spec.load_suites(experiments):
            spec.select([name], experiments)
    except SpecError as error:
        return [str(error), *record_problems({}, results)]
    return [*spec_problems(known, results), *record_problems(known, results)]


def spec_problems(known: dict[str, Experiment], results: Path) -> list[str]:
    """Settings a method does not have, data a benchmark does not give, specs changed after they had results."""
    from reproductions import plugins
    from reproductions.method import build_method

    found: list[str] = []
    for name, experiment in known.items():
        try:
            build_method(experiment.method, experiment.method_config)
            one = experiment.data.model_copy(update={"n_entities": 1})
            benchmark = plugins.load("benchmarks", one.injection)
            if not getattr(benchmark, "from_folder", False):
                benchmark.tasks(one, 0)
            records.check_unchanged(experiment, results)
        except (ValueError, LookupError) as error:
            found.append(f"{name}: {error}")
    return found


def record_problems(known: dict[str, Experiment], results: Path) -> list[str]:
    """Records that do not load, whose answers are not theirs, or whose scores do not follow from their answers."""
    found: list[str] = []
    for path in records.find(results):
        try:
            record = records.load(path)
            if known and record.experiment.id not in known:
                found.append(f"{path}: its experiment {record.experiment.id} has no spec any more; restore it")
            if record.status == "finished":
                records.load_answers(path, record.answers_digest)
                found += [f"{path}: {line}" for line in wrong_scores(record, results)]
        except RecordError as error:
            found.append(str(error))
    return found


def wrong_scores(record: records.RunRecord, root: Path) -> list[str]:
    """Scores of the last step that do not come out of the published answers again."""
    from reproductions.scoring import run_scores

    scores, last = run_scores(record, root), record.steps[-1]
    found: list[str] = []
    stated = sum(score.cem * score.n for score in last.adaptation.values())
    asked = sum(score.n for score in last.adaptation.values())
    again = float(scores.entities.scores["cem"].mean())
    if abs(stated / asked - again) > 1e-9:
        found.append(f"cem is {stated / asked:.6f}, its answers give {again:.6f}")
    for name, value in last.retention.items():
        again = float(scores.dimensions[name].scores["accuracy"].mean())
        if abs(value - again) > 1e-9:
            found.append(f"{name} is {value:.6f}, its answers give {again:.6f}")
    return found
