"""A run is a function of its experiment, seed and code, also when it is cut in the middle."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from reproductions import records, runner
from reproductions.runner import Job, run
from reproductions.spec import digest


def scores(record):
    assert record.status == "finished", record.error
    return record.scores()


def stream(experiment, **changes):
    data = experiment.data.model_copy(update={"n_tasks": 2})
    return experiment.model_copy(update={"protocol": "continual", "data": data, **changes})


class Cut(BaseException):
    """As rude as a signal."""


def cut_at(stage: str, nth: int = 1):
    seen = []

    def notify(notice):
        if notice.stage == stage and notice.done in (0, 1):
            seen.append(notice)
            if len(seen) == nth:
                raise Cut

    return notify


def test_a_record_holds_base_scores_answers_cost_and_surroundings(experiment, tmp_path):
    record = run(Job(experiment, 0, tmp_path))
    assert [step.after for step in record.steps] == [-1, 0]
    assert set(record.steps[0].retention) == {"COM", "OCR", "M-DIS", "INS", "M-IDU", "MAT", "HAL"}
    path = records.record_path(tmp_path, experiment.id, 0)
    assert records.load(path) == record
    answers = records.load_answers(path, record.answers_digest)
    assert {one.part for one in answers} == {"adaptation", "reliability", "probe", "retention"}
    assert sum(one.part == "adaptation" for one in answers) == 8
    assert record.cost.gradient_steps == 2
    assert record.cost.samples_seen == 4
    assert record.cost.trainable_parameters > 0
    assert record.cost.peak_bytes > 1_000_000
    assert len(record.losses) == 2
    assert len(record.base_model_digest) == len(record.environment.code_digest) == 64
    assert record.environment.threads == 1
    assert record.experiment_digest == digest(experiment)


@pytest.mark.slow
def test_a_run_is_its_seed_and_not_what_ran_before_in_the_process(experiment, tmp_path):
    alone = run(Job(experiment, 0, tmp_path / "a"))
    other = run(Job(experiment, 9, tmp_path / "b"))
    after = run(Job(experiment, 0, tmp_path / "b"))
    assert alone.losses == after.losses != other.losses
    assert scores(alone) == scores(after)
    assert alone.answers_digest == after.answers_digest


def test_a_finished_run_is_not_repeated(experiment, tmp_path):
    first = run(Job(experiment, 0, tmp_path))
    assert run(Job(experiment, 0, tmp_path)).started_at == first.started_at
    changed = experiment.model_copy(update={"training": experiment.training.model_copy(update={"steps": 5})})
    assert run(Job(changed, 0, tmp_path)).cost.gradient_steps == 5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "config", "stage", "nth"),
    [
        ("lora", {}, "asking", 1),
        ("ewc", {"samples": 4}, "learning", 2),
        ("o-lora", {}, "asking", 2),
    ],
)
def test_a_run_cut_anywhere_resumes_with_the_same_scores(experiment, tmp_path, method, config, stage, nth):
    job = Job(stream(experiment, method=method, method_config=config), 0, tmp_path / "cut")
    with pytest.raises(Cut):
        run(job, cut_at(stage, nth))
    assert not job.path.exists()
    resumed, whole = run(job), run(Job(job.experiment, 0, tmp_path / "whole"))
    assert scores(resumed) == scores(whole)
    assert resumed.answers_digest == whole.answers_digest
    assert resumed.losses == whole.losses
    assert not job.state_path.exists()


@pytest.mark.slow
def test_the_second_task_is_not_learned_again_after_a_cut(experiment, tmp_path):
    job = Job(stream(experiment), 0, tmp_path)
    with pytest.raises(Cut):
        run(job, cut_at("asking", 2))
    stages = []
    run(job, lambda notice: stages.append(notice.stage))
    assert "learning" not in stages


@pytest.mark.slow
def test_a_damaged_state_is_as_good_as_none(experiment, tmp_path):
    job = Job(stream(experiment), 0, tmp_path)
    job.path.parent.mkdir(parents=True)
    job.state_path.write_bytes(b"not a state")
    assert run(job).status == "finished"


def test_nothing_but_records_and_answers_is_left(experiment, tmp_path):
    run(Job(experiment, 0, tmp_path))
    files = sorted(path.name for path in (tmp_path / "toy/lora-raw").iterdir())
    assert files == ["seed-0.answers.jsonl.gz", "seed-0.json"]


def test_a_run_that_raises_is_a_failed_record_with_one_line(experiment, tmp_path):
    training = experiment.training.model_copy(update={"learning_rate": 1e30})
    record = run(Job(experiment.model_copy(update={"training": training}), 0, tmp_path))
    assert record.status == "failed"
    assert "FloatingPointError" in record.error
    assert "\n" not in record.error
    assert records.load(records.record_path(tmp_path, experiment.id, 0)) == record


@pytest.mark.slow
def test_a_failed_run_is_tried_again(experiment, tmp_path):
    job = Job(experiment, 0, tmp_path)
    records.save(runner.failed(job, "killed", datetime.now(UTC)), tmp_path)
    assert run(job).status == "finished"


@pytest.mark.slow
def test_the_base_model_is_asked_once_for_both_forms(experiment, tmp_path):
    stages = []
    run(Job(experiment, 0, tmp_path), lambda notice: stages.append(notice.stage))
    tree = experiment.model_copy(
        update={"id": "toy/tree", "data": experiment.data.model_copy(update={"form": "knowledge-tree"})}
    )
    record = run(Job(tree, 0, tmp_path), lambda notice: stages.append(notice.stage))
    assert stages.count("asking the base model") == 1
    assert set(record.steps[0].adaptation) == set(record.steps[1].adaptation)


@pytest.mark.slow
def test_the_row_of_the_base_model_changes_nothing(experiment, tmp_path):
    record = run(Job(experiment.model_copy(update={"method": "base"}), 0, tmp_path))
    assert record.steps[0].retention == record.steps[1].retention
    assert record.steps[0].adaptation == record.steps[1].adaptation


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"method": "lorra"}, "no method named 'lorra'"),
        ({"method_config": {"strength": 1}}, "has no setting 'strength'"),
    ],
)
def test_what_cannot_run_is_refused_before_it_starts(experiment, changes, line):
    with pytest.raises((LookupError, ValueError), match=line):
        runner.check(experiment.model_copy(update=changes))


@pytest.mark.slow
def test_a_method_without_an_earlier_task_is_marked_degenerate(experiment, tmp_path):
    assert run(Job(experiment.model_copy(update={"method": "o-lora"}), 0, tmp_path)).degenerate
    assert not run(Job(stream(experiment, method="o-lora", id="toy/two"), 0, tmp_path)).degenerate
