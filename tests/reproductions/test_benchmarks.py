"""What every benchmark promises: nothing asked was read, perfect answers score 1, silence scores 0."""

from __future__ import annotations

import pytest

from reproductions import metrics, plugins
from reproductions.spec import Data

SMALL = Data(n_entities=6, n_retention_per_dimension=8)
EVERY = {name: plugins.load("benchmarks", name) for name in plugins.names("benchmarks")}
LOADED = {name: benchmark for name, benchmark in EVERY.items() if not getattr(benchmark, "from_folder", False)}
"""Without those that have to be downloaded; `test_data_published.py` walks them on small data of their exact format."""
INJECTION = sorted(name for name, benchmark in LOADED.items() if hasattr(benchmark, "tasks"))
RETENTION = sorted(name for name, benchmark in LOADED.items() if hasattr(benchmark, "questions"))
FORMS = ("raw", "knowledge-tree", "raw-qa", "raw-views", "text-augmented", "image-augmented")


def seen(examples):
    """Question and picture of every turn: what a model could have learned by heart."""
    return {(turn.question, image.tobytes()) for one in examples for turn in one.turns for image in one.images}


def test_every_benchmark_injects_or_asks():
    assert set(INJECTION) | set(RETENTION) == set(LOADED)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", INJECTION)
def test_no_question_was_read_and_every_entity_is_asked_about(name, form):
    for task in LOADED[name].tasks(SMALL.model_copy(update={"form": form}), seed=0):
        assert task.train
        assert not seen(task.train) & seen(task.questions)
        assert {one.entity for one in task.questions} == {one.entity for one in task.train}
        train_phrasings = {turn.question for one in task.train for turn in one.turns}
        assert not train_phrasings & {one.turns[-1].question for one in task.questions}


@pytest.mark.parametrize("name", INJECTION)
def test_the_form_of_the_data_does_not_change_the_questions(name):
    raw, tree = (
        LOADED[name].tasks(SMALL.model_copy(update={"form": form}), seed=3)[0] for form in ("raw", "knowledge-tree")
    )
    assert [one.id for one in raw.questions] == [one.id for one in tree.questions]
    assert [one.answer for one in raw.questions] == [one.answer for one in tree.questions]
    assert seen(raw.questions) == seen(tree.questions)


@pytest.mark.parametrize("name", INJECTION)
def test_tasks_share_no_entity_and_worlds_share_none_either(name):
    two = SMALL.model_copy(update={"n_tasks": 2})
    first, second = LOADED[name].tasks(two, seed=0)
    assert not {one.entity for one in first.questions} & {one.entity for one in second.questions}
    other = LOADED[name].tasks(SMALL.model_copy(update={"world": "validation"}), seed=0)[0]
    names = {one.facts["name"] for task in (first, second) for one in task.questions}
    assert not names & {one.facts["name"] for one in other.questions}


@pytest.mark.parametrize("name", INJECTION)
def test_perfect_answers_score_one_and_silence_zero(name):
    for one in LOADED[name].tasks(SMALL, seed=0)[0].questions:
        assert metrics.cem(one.answer, one.answer) == metrics.f1(one.answer, one.answer) == 1
        assert metrics.cem("", one.answer) == metrics.f1("", one.answer) == 0


@pytest.mark.parametrize("name", INJECTION)
def test_an_unknown_form_names_the_known_ones(name):
    with pytest.raises(ValueError, match="no form named 'rwa'"):
        LOADED[name].tasks(SMALL.model_copy(update={"form": "rwa"}), seed=0)


@pytest.mark.parametrize("name", INJECTION)
def test_restyled_examples_say_the_same_with_training_phrasings(name):
    benchmark = LOADED[name]
    task = benchmark.tasks(SMALL, seed=0)[0]
    restyled = [benchmark.restyle(one, seed=0) for one in task.train]
    assert all(one is not None and one.entity for one in restyled)
    assert not {one.turns[-1].question for one in restyled} & {one.turns[-1].question for one in task.questions}


@pytest.mark.parametrize("name", RETENTION)
def test_retention_items_have_answers_and_ids_of_their_own(name):
    benchmark = LOADED[name]
    asked = benchmark.questions(SMALL)
    ids = [one.id for questions in asked.values() for one in questions]
    assert len(set(ids)) == len(ids)
    assert all(len(questions) == 8 for questions in asked.values())
    assert set(asked) == set(benchmark.chance)
    for questions in asked.values():
        assert all(benchmark.score(one, one.answer) == 1 and benchmark.score(one, "") == 0 for one in questions)


@pytest.mark.parametrize("dimension", ["M-DIS", "OCR", "MAT"])
def test_samples_of_an_ability_are_never_the_scored_items(dimension):
    scored = LOADED["lab-retention"].questions(Data())[dimension]
    samples = LOADED["lab-injection"].dimension_prior(Data(), dimension, 200, 0)
    assert len(samples) == 200
    assert not seen(samples) & seen(scored)
