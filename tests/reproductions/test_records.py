"""Records: whole or absent, never edited, the same bytes for the same answers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from reproductions import records
from reproductions.records import AdaptationScore, Answer, Environment, RecordError, RunRecord, Step
from reproductions.spec import Experiment, ModelRef, Training, digest

EXPERIMENT = Experiment(
    id="toy/lora-raw",
    method="lora",
    model=ModelRef(id="lab-tiny@seed-0"),
    training=Training(learning_rate=0.01, steps=1, batch_size=1),
)
ANSWERS = (
    Answer(step=0, part="adaptation", group="task-0", id="q1", entity="e1", kind="home", gold="tall 塔", output="red"),
    Answer(step=-1, part="retention", group="COM", id="q2", gold="yes", output="yes"),
)


def record(seed: int = 0, **changes) -> RunRecord:
    score = AdaptationScore(cem=0.25, f1=0.5, first_words_cem=0.25, reliability=1.0, n=4)
    step = Step(after=0, adaptation={"task-0": score}, retention={"COM": 0.75}, n_retention={"COM": 4})
    values = {
        "experiment": EXPERIMENT,
        "experiment_digest": digest(EXPERIMENT),
        "seed": seed,
        "status": "finished",
        "steps": (step,),
        "environment": Environment(
            commit=None, dirty=None, python="3.11.7", packages={}, device="cpu", threads=1, platform="linux"
        ),
        "base_model_digest": "0" * 64,
        "answers_digest": records.answers_digest(ANSWERS),
        "started_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    return RunRecord(**{**values, **changes})


def test_a_saved_record_comes_back_equal_and_leaves_no_other_file(tmp_path):
    path = records.save(record(), tmp_path, ANSWERS)
    assert records.load(path) == record()
    assert records.load_answers(path, record().answers_digest) == ANSWERS
    assert sorted(file.name for file in path.parent.iterdir()) == ["seed-0.answers.jsonl.gz", "seed-0.json"]


def test_the_same_answers_are_the_same_bytes():
    assert records.pack(ANSWERS) == records.pack(ANSWERS)


def test_seeds_sort_as_numbers(tmp_path):
    for seed in (10, 2, 0):
        records.save(record(seed), tmp_path)
    assert [one.seed for one in records.load_all(tmp_path)] == [0, 2, 10]


def test_no_folder_means_no_records(tmp_path):
    assert records.load_all(tmp_path / "nothing") == ()


def test_an_edited_experiment_is_noticed(tmp_path):
    path = records.save(record(), tmp_path)
    path.write_text(path.read_text().replace('"learning_rate": 0.01', '"learning_rate": 0.02'))
    with pytest.raises(RecordError, match="records are never edited"):
        records.load(path)


def test_edited_answers_are_noticed(tmp_path):
    path = records.save(record(), tmp_path, ANSWERS[:1])
    with pytest.raises(RecordError, match="answers are never edited"):
        records.load_answers(path, record().answers_digest)


@pytest.mark.parametrize("text", ["", "{}", '{"seed": "x"}', "[1]"])
def test_a_broken_record_gets_one_line_with_its_path(tmp_path, text):
    path = records.record_path(tmp_path, "toy/lora-raw", 0)
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(RecordError) as caught:
        records.load(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_spec_with_results_cannot_change_its_meaning(tmp_path):
    records.save(record(), tmp_path)
    records.check_unchanged(EXPERIMENT.model_copy(update={"note": "prose", "seeds": (0, 1, 2)}), tmp_path)
    changed = EXPERIMENT.model_copy(update={"method_config": {"strength": 1.0}})
    with pytest.raises(RecordError, match="copy it under a new name"):
        records.check_unchanged(changed, tmp_path)


def test_every_score_has_a_name():
    assert record().scores() == {
        "0/retention/COM": 0.75,
        "0/task-0/cem": 0.25,
        "0/task-0/f1": 0.5,
        "0/task-0/first_words_cem": 0.25,
        "0/task-0/reliability": 1.0,
    }
