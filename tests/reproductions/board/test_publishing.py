"""What may be published, and whether published rows come out again."""

from __future__ import annotations

import pytest

from reproductions import checking, planning, publishing, records, spec
from reproductions.records import RecordError


@pytest.fixture
def place(tmp_path, write):
    """Three seeds of one experiment, its spec, and an empty results folder."""
    for seed in range(3):
        write(tmp_path / "runs", "quick/lora-raw", seed=seed)
    experiment = records.load(records.record_path(tmp_path / "runs", "quick/lora-raw", 0)).experiment
    spec.save(experiment, tmp_path / "experiments")
    return tmp_path, experiment


def test_finished_seeds_of_a_clean_commit_are_published_whole(place):
    root, experiment = place
    publishing.publish(experiment, root / "runs", root / "results")
    assert records.load_all(root / "results") == records.load_all(root / "runs")
    assert checking.record_problems({experiment.id: experiment}, root / "results") == []


def test_publishing_again_is_no_change(place):
    root, experiment = place
    for _ in range(2):
        publishing.publish(experiment, root / "runs", root / "results")


def rewrite(root, seed, **changes):
    path = records.record_path(root / "runs", "quick/lora-raw", seed)
    records.save(records.load(path).model_copy(update=changes), root / "runs")
    return path


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"dirty": True}, "uncommitted code"),
        ({"commit": None}, "outside git"),
        ({"commit": "def"}, "different commits"),
    ],
)
def test_doubtful_surroundings_are_refused(place, change, line):
    root, experiment = place
    path = records.record_path(root / "runs", "quick/lora-raw", 1)
    rewrite(root, 1, environment=records.load(path).environment.model_copy(update=change))
    with pytest.raises(RecordError, match=line):
        publishing.publish(experiment, root / "runs", root / "results")
    assert records.find(root / "results") == []


def test_no_seed_is_picked(place):
    root, experiment = place
    records.record_path(root / "runs", "quick/lora-raw", 2).unlink()
    with pytest.raises(RecordError, match="seed 2 has not been run; run all seeds"):
        publishing.publish(experiment, root / "runs", root / "results")


def test_another_version_of_the_spec_is_refused(place):
    root, experiment = place
    changed = experiment.model_copy(update={"method_config": {"samples": 8}})
    assert any(
        "another version of the spec" in line for line in publishing.problems(changed, root / "runs", root / "results")
    )


def test_published_scores_are_not_replaced(place, write):
    root, experiment = place
    publishing.publish(experiment, root / "runs", root / "results")
    write(root / "runs", "quick/lora-raw", seed=0, adapted=0.9)
    with pytest.raises(RecordError, match="is published with other scores"):
        publishing.publish(experiment, root / "runs", root / "results")


def test_a_failed_run_is_published_too(place, write):
    root, experiment = place
    write(root / "runs", "quick/lora-raw", seed=1, error="FloatingPointError: loss is nan")
    publishing.publish(experiment, root / "runs", root / "results")
    assert [one.status for one in records.load_all(root / "results")] == ["finished", "failed", "finished"]


def test_every_differing_score_is_named(place, write):
    root, _ = place
    before = records.load(records.record_path(root / "runs", "quick/lora-raw", 0))
    after = records.load(write(root / "other", "quick/lora-raw", seed=0, adapted=0.6))
    differences = publishing.compare(before, after)
    assert {one.score for one in differences} == {f"0/task-0/{name}" for name in ("cem", "f1", "first_words_cem")}
    assert publishing.compare(before, before) == publishing.compare(before, after, tolerance=0.2) == []


def test_scores_that_do_not_follow_from_the_answers_are_found(place):
    root, experiment = place
    path = records.record_path(root / "runs", "quick/lora-raw", 0)
    record = records.load(path)
    last = record.steps[-1].model_copy(update={"retention": {"COM": 0.99, "OCR": 0.5, "HAL": 0.5}})
    rewrite(root, 0, steps=(*record.steps[:-1], last))
    lines = checking.record_problems({experiment.id: experiment}, root / "runs")
    assert any("COM is 0.990000, its answers give" in line for line in lines)


def test_a_record_without_a_spec_is_found(place):
    root, experiment = place
    lines = checking.record_problems({"quick/other": experiment}, root / "runs")
    assert len([line for line in lines if "has no spec any more" in line]) == 3


def test_a_plan_is_estimated_from_like_records(place):
    root, experiment = place
    planned = planning.plan([experiment.model_copy(update={"seeds": (0, 5)})], root / "runs", root / "results")
    assert [one.state for one in planned] == ["done", "to do"]
    assert planned[1].seconds == pytest.approx(1 + 1 + 3 + 0.3)  # prepare, ask, median of learning, ask the base
    assert planned[1].peak_bytes == 1001
    assert planned[1].based_on == "3 records, same method and data"
    assert planning.total_seconds(planned, 2) == pytest.approx(planning.START_SECONDS + 5.3 / 2)


def test_a_plan_without_records_admits_it(place, tmp_path):
    _, experiment = place
    planned = planning.plan([experiment], tmp_path / "none", tmp_path / "none")
    assert planned[0].seconds is None
    assert planning.total_seconds(planned, 2) is None
