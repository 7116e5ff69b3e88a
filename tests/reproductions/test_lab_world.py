"""The world: determined by its arguments, worlds apart, forms as described."""

import hashlib
from collections import Counter
from itertools import pairwise
from random import Random

import numpy as np
import pytest

from reproductions.examples import Example
from reproductions.lab import lessons, questions, vocabulary, world
from reproductions.lab.chance import constant_floor
from reproductions.lab.drawing import EASY, HARD, NORMAL, Thing, draw_emblem, draw_scene, random_emblem, random_scene
from reproductions.lab.population import NAMES, known_in

WORDS = set(vocabulary.words())


def item(example: Example) -> tuple[str, str]:
    """What is seen and asked, whatever it is called."""
    seen = hashlib.sha256(b"".join(image.tobytes() for image in example.images)).hexdigest()
    return seen, " / ".join(turn.question for turn in example.turns)


def all_items(seed: int, which: world.World) -> list[Example]:
    new = world.entities(40, world=which, seed=seed)
    task = world.injection_task(new, seed=seed, form="knowledge-tree")
    asked = world.retention_questions(40, world=which, seed=seed)
    return [*task.train, *task.questions, *task.reliability, *(one for some in asked.values() for one in some)]


def test_the_worlds_share_no_entity_and_no_item():
    for seed in (0, 1):
        test, validation = all_items(seed, "test"), all_items(seed, "validation")
        assert not {item(example) for example in test} & {item(example) for example in validation}
        assert not {example.entity for example in test if example.entity} & {e.entity for e in validation}
    names = {
        which: {entity.name for entity in world.entities(264, world=which, seed=0)} for which in ("test", "validation")
    }
    assert not names["test"] & names["validation"]
    assert not set(known_in("test")) & set(known_in("validation"))


def test_new_entities_are_never_known_ones():
    assert len(set(NAMES["known"]) | set(NAMES["test"]) | set(NAMES["validation"])) == 24 * 24
    known = {entity.name for entity in world.KNOWN}
    for which in ("test", "validation"):
        new = world.entities(200, world=which, seed=7)
        assert not known & {entity.name for entity in new}
        assert len({entity.name for entity in new}) == 200
        assert not {entity.emblem for entity in new} & {entity.emblem for entity in world.KNOWN}


def test_known_entities_use_every_syllable():
    used = {syllable for entity in world.KNOWN for syllable in entity.name.split()}
    assert used == set(vocabulary.FIRST_SYLLABLES) | set(vocabulary.SECOND_SYLLABLES)


def test_same_arguments_give_the_same_world():
    for _ in range(2):
        digest = hashlib.sha256(repr([item(example) for example in all_items(3, "test")]).encode()).hexdigest()
        assert digest == hashlib.sha256(repr([item(e) for e in all_items(3, "test")]).encode()).hexdigest()
    assert [item(e) for e in world.prior_examples(20, seed=0)] == [item(e) for e in world.prior_examples(20, seed=0)]
    assert [item(e) for e in world.prior_examples(20, seed=0)] != [item(e) for e in world.prior_examples(20, seed=1)]


@pytest.mark.parametrize("form", world.FORMS)
def test_no_form_shows_a_question_or_view_that_is_asked(form):
    task = world.injection_task(world.entities(20, seed=0), seed=0, form=form)
    seen = {image.tobytes() for example in task.train for image in example.images}
    said = {turn.question for example in task.train for turn in example.turns}
    assert not seen & {image.tobytes() for example in task.questions for image in example.images}
    assert not said & {example.turns[-1].question for example in task.questions}
    assert len(task.questions) == 20 * 4
    assert Counter(example.kind for example in task.questions) == dict.fromkeys(vocabulary.FACTS, 20)


@pytest.mark.parametrize("form", world.FORMS)
def test_every_form_asks_the_same_and_repeats_the_first_caption(form):
    new = world.entities(10, seed=0)
    raw, other = (world.injection_task(new, seed=0, form=one) for one in ("raw", form))
    assert [item(example) for example in raw.questions] == [item(example) for example in other.questions]
    assert [item(example) for example in raw.reliability] == [item(example) for example in other.reliability]
    taught = {(example.images[0].tobytes(), turn) for example in other.train for turn in example.turns}
    assert all((example.images[0].tobytes(), example.turns[0]) in taught for example in other.reliability)


def test_forms_have_the_stated_numbers_of_samples_and_views():
    new = world.entities(5, seed=0)
    for form in world.FORMS:
        task = world.injection_task(new, seed=0, form=form)
        views = {example.images[0].tobytes() for example in task.train}
        n_views = {"raw": 1, "raw-qa": 1, "text-augmented": 1, "text-agnostic": 1, "knowledge-tree": 5}.get(form, 7)
        assert len(task.train) == (5 if form == "raw" else 35)
        assert len(views) == n_views * 5 or form == "image-agnostic"


def test_probes_hold_out_only_what_they_say():
    task = world.injection_task(world.entities(10, seed=0), seed=0, form="knowledge-tree")
    trained = {phrasing for phrasings in vocabulary.QUESTIONS.values() for phrasing in phrasings[:3]}
    views = {example.images[0].tobytes() for example in task.train}
    for example in task.probes["view"]:
        assert example.turns[0].question in trained
        assert example.images[0].tobytes() not in views
    for example in task.probes["phrasing"]:
        assert example.turns[0].question not in trained
        assert example.images[0].tobytes() in views


def test_a_knowledge_tree_has_a_trunk_with_all_facts_and_branches_on_other_views():
    (entity,) = world.entities(1, seed=0)
    trunk, recognition, caption, *asked = world.injection_task([entity], seed=0, form="knowledge-tree").train
    assert trunk.turns[0].answer == questions.paragraph(entity)
    assert sorted(turn.answer for turn in trunk.turns[1:]) == sorted(entity.facts.values())
    assert (recognition.answer, caption.answer) == ("yes", questions.paragraph(entity))
    assert [example.answer for example in asked] == list(entity.facts.values())
    assert trunk.images[0].tobytes() not in {example.images[0].tobytes() for example in (recognition, caption, *asked)}


def test_every_word_of_the_world_is_in_the_vocabulary():
    examples = lessons.teach(300, lessons.EVERYTHING, "x") + lessons.teach(100, lessons.SCENES_FIRST, "x")
    examples += [*world.prior_examples(100, seed=0), *world.prior_examples(100, prior="proxy", seed=0)]
    examples += all_items(0, "test")
    examples += [
        e for form in world.FORMS for e in world.injection_task(world.entities(9, seed=1), seed=1, form=form).train
    ]
    for turn in (turn for example in examples for turn in example.turns):
        assert set(turn.question.split()) | set(turn.answer.split()) <= WORDS
        assert len(turn.learned) in (0, len(turn.answer.split()))


def test_retention_asks_each_dimension_equally_often_and_differently():
    asked = world.retention_questions(50, seed=0)
    assert tuple(asked) == world.DIMENSIONS
    for dimension, examples in asked.items():
        assert len(examples) == 50
        assert len({item(example) for example in examples}) == 50, dimension
        assert all(len(example.turns) == (2 if dimension == "M-IDU" else 1) for example in examples)


def test_answers_about_scenes_are_true():
    scene = (Thing("circle", "red", 0, 0), Thing("square", "red", 3, 0), Thing("ring", "blue", 1, 3))
    rng = Random(0)
    for _ in range(200):
        turn = questions.existence(rng, scene)
        thing = turn.question.removeprefix("is there a ").removesuffix(" in the image ?").split()
        shown = [one for one in scene if one.shape == thing[-1] and (len(thing) == 1 or one.color == thing[0])]
        assert turn.answer == ("yes" if shown else "no")
        asked = questions.attribute(rng, scene)
        assert asked is not None
        if asked.question == "where is the ring ?":
            assert asked.answer == "bottom left"
        assert "red object" not in asked.question
        assert "is red" not in asked.question
        counted = questions.counting(rng, scene)
        if "red" in counted.question:
            assert counted.answer == "2"


def test_yes_and_no_are_balanced():
    answers = Counter(example.answer for example in world.retention_questions(400, seed=0)["HAL"])
    assert 0.4 < answers["yes"] / 400 < 0.6


def test_difficulty_changes_what_is_seen():
    def scenes(difficulty):
        return [random_scene(Random(seed), difficulty) for seed in range(30)]

    def spread(difficulty):
        emblem = random_emblem(Random(0))
        views = [draw_emblem(Random(seed), emblem, difficulty).astype(float) for seed in range(20)]
        return np.mean([np.abs(a - b).mean() for a, b in pairwise(views)])

    sizes = [np.mean([len(scene) for scene in scenes(difficulty)]) for difficulty in (EASY, NORMAL, HARD)]
    spreads = [spread(difficulty) for difficulty in (EASY, NORMAL, HARD)]
    assert sizes == sorted(sizes)
    assert spreads == sorted(spreads)
    for name, difficulty in world.DIFFICULTIES.items():
        assert len(world.retention_questions(3, seed=0, difficulty=difficulty)["COM"]) == 3, name


def test_the_proxy_differs_from_what_was_pretrained_on():
    true = world.prior_examples(300, seed=0)
    proxy = world.prior_examples(300, prior="proxy", seed=0)
    assert not any(turn.question.startswith("what is the sum") for example in proxy for turn in example.turns)
    brightness = [np.median([np.median(example.images[0]) for example in some]) for some in (true, proxy)]
    assert brightness[1] > brightness[0] + 20


def test_the_stated_floors_are_what_a_blind_answer_reaches():
    measured = constant_floor(n_fit=2000, n_test=500)
    assert tuple(measured) == world.DIMENSIONS
    for dimension, floor in measured.items():
        assert floor == pytest.approx(world.CHANCE[dimension], abs=0.08), dimension


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: world.entities(265, seed=0), "between 1 and 264"),
        (lambda: world.entities(5, world="training", seed=0), "no world named 'training'"),
        (lambda: world.injection_task(world.entities(2, seed=0), seed=0, form="tree"), "no form named 'tree'"),
    ],
)
def test_bad_requests_say_what_there_is(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def test_pictures_have_one_size_and_are_the_same_for_the_same_seed():
    scene = random_scene(Random(1))
    first, again = (draw_scene(Random(2), scene) for _ in range(2))
    assert first.shape == (64, 64, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
