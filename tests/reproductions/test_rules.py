"""Rules of single tasks, against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from reproductions import evaluation, rules
from reproductions.data import published
from reproductions.examples import Example, Task, Turn


def question(id_: str, *answers: str) -> Example:
    facts = {"answers": answers} if len(answers) > 1 else {}
    return Example(id_, (), (Turn("?", answers[0]),), facts=facts)


def test_half_of_one_box_in_another_is_a_third_of_their_union():
    # Both 2 × 1; they share 1 × 1; union 3.
    assert rules.iou((0, 0, 2, 1), (1, 0, 3, 1)) == pytest.approx(1 / 3)
    assert rules.iou((0, 0, 1, 1), (2, 2, 3, 3)) == 0


@pytest.mark.parametrize(
    ("said", "right"),
    [
        ("[0.10, 0.20, 0.50, 0.60]", 1.0),
        ("It is at [0.1,0.2,0.5,0.4].", 1.0),  # exactly half
        ("[0.1, 0.2, 0.5, 0.39]", 0.0),
        ("[0.5, 0.6, 0.1, 0.2]", 0.0),  # encloses nothing
        ("on the left", 0.0),
        ("", 0.0),
    ],
)
def test_a_box_counts_from_half_overlap_and_words_are_no_box(said, right):
    assert rules.grounding(said, ["[0.1, 0.2, 0.5, 0.6]"]) == right


def test_a_gold_answer_that_is_no_box_is_said():
    with pytest.raises(ValueError, match="no box of four numbers"):
        rules.grounding("[0, 0, 1, 1]", ["the dog"])


def test_ten_annotators_make_soft_accuracy_as_in_the_vqa_challenge():
    # Two of ten say "blue": left out one of the two, one remains (1/3); left out another, two remain (2/3).
    answers = ["blue"] * 2 + ["green"] * 8
    assert rules.soft_vqa("Blue.", answers) == pytest.approx((2 * (1 / 3) + 8 * (2 / 3)) / 10)
    assert rules.soft_vqa("green", answers) == 1
    assert rules.soft_vqa("red", answers) == 0


def test_vqa_answers_are_compared_without_articles_and_number_words():
    assert rules.soft_vqa("the Two dogs", ["2 dogs"]) == 1
    assert rules.vqa_words("It's 1,000 kg, a lot!") == "its 1000 kg lot"


def test_rouge_l_by_hand():
    # gold: police killed the gunman; said: police kill the gunman → LCS 3, precision 3/4, recall 3/4, F 3/4
    assert rules.rouge_l("police kill the gunman", ["police killed the gunman"]) == pytest.approx(0.75)
    # said: the dog → LCS 2 of gold's 4: precision 1, recall 1/2; F = 2.44 · 0.5 / (0.5 + 1.44)
    assert rules.rouge_l("the dog", ["the old dog barks"]) == pytest.approx(2.44 * 0.5 / 1.94)
    # Best precision and recall over the captions, as the COCO evaluation takes them.
    assert rules.rouge_l("the dog", ["the old dog barks", "a dog"]) == pytest.approx(2.44 * 0.5 / 1.94)
    assert rules.rouge_l("", ["a dog"]) == 0


@pytest.mark.parametrize(
    ("said", "right"),
    [("B", 1), ("b.", 1), ("(B) because it floats", 1), ("C", 0), ("a bird", 0), ("Because", 0), ("", 0)],
)
def test_an_option_is_its_letter_and_an_article_is_none(said, right):
    assert rules.option(said, ["B"]) == right
    assert rules.option("a dog", ["A"]) == 0


def test_words_are_contained_where_substrings_are_not():
    assert rules.contained("10 cars", ["1"]) == 0
    assert rules.contained("a red car", ["red car"]) == 1
    assert rules.accuracy("a red car", ["red car"]) == 0


def test_every_task_of_the_published_streams_has_a_rule_that_exists_or_says_none():
    named = {**published.DOMAINS, **published.ABILITIES, **published.UCIT, **published.COIN}
    assert set(named.values()) - {""} <= set(rules.RULES)
    assert published.COIN["Grounding"] == "grounding"
    assert [task for task, rule in named.items() if not rule] == ["Math", "APP"]


def test_a_task_with_a_rule_is_scored_by_it_beside_cem():
    asked = (question("a", "[0, 0, 1, 1]"), question("b", "[0, 0, 1, 1]"))
    said = {"a": "[0, 0, 1, 0.9]", "b": "[0.9, 0.9, 1, 1]"}
    tasks = [Task("grounding", asked, asked, rule="grounding"), Task("other", asked, asked)]
    step = evaluation.evaluate(lambda examples, _: [said[one.id] for one in examples], tasks, {}, after=0).step
    assert step.adaptation["grounding"].by_rule == 0.5
    assert step.adaptation["grounding"].rule == "grounding"
    assert step.adaptation["grounding"].cem == 0
    assert step.adaptation["other"].by_rule is None


def test_an_unknown_rule_is_named():
    with pytest.raises(LookupError, match="no rule named 'luck'; there are: accuracy"):
        rules.score("luck", question("a", "x"), "x")


def test_all_scores_lie_between_0_and_1():
    said = ["", "a", "[0, 0, 1, 1]", "one two three", "é中文"]
    for name, rule in rules.RULES.items():
        golds = ["[0, 0, 1, 1]"] if name == "grounding" else ["a b", "two"]
        assert np.all([0 <= rule(one, golds) <= 1 for one in said]), name
