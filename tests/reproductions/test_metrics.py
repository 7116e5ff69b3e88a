"""Scores of answers and of streams."""

from __future__ import annotations

from math import isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reproductions import metrics

fraction = st.floats(0, 1)
word = st.text("abcdefgh", min_size=1, max_size=5)


def matrices(least: int = 1):
    return st.integers(least, 6).flatmap(
        lambda n: st.lists(st.lists(fraction, min_size=n, max_size=n), min_size=n, max_size=n)
    )


def test_cem_wants_the_whole_answer_as_words():
    assert metrics.cem("It was Thomas Matthew Crooks, I think.", "thomas matthew crooks") == 1
    assert metrics.cem("Thomas Crooks", "Thomas Matthew Crooks") == 0
    assert metrics.cem("a party", "art") == 0
    assert metrics.cem("", "art") == 0


def test_an_empty_gold_answer_is_refused():
    with pytest.raises(ValueError, match="no word"):
        metrics.cem("anything", " … ")


def test_f1_of_the_papers_formula():
    # two of three gold words, four words said: P = 2/4, R = 2/3
    assert metrics.f1("the red green tower", "red green blue") == pytest.approx(2 * 0.5 * (2 / 3) / (0.5 + 2 / 3))


def test_repeating_the_answer_costs_precision():
    assert metrics.f1("red red red red", "red") == pytest.approx(2 * 0.25 / 1.25)


def test_reciting_everything_wins_cem_but_neither_f1_nor_first_words():
    recital = " ".join(f"fact{n}" for n in range(20)) + " blue harbour"
    assert metrics.cem(recital, "blue harbour") == 1
    assert metrics.first_words_cem(recital, "blue harbour") == 0
    assert metrics.f1(recital, "blue harbour") < 0.2


def test_kores_averages_on_its_printed_row():
    adapted = metrics.adaptation(30.65, 41.26)
    retained = metrics.retention(
        {"COM": 52.41, "OCR": 40.98, "M-DIS": 48.68, "INS": 38.54, "M-IDU": 16.58, "MAT": 18.59, "HAL": 51.75}
    )
    assert adapted == pytest.approx(35.96, abs=0.0051)
    assert retained == pytest.approx(38.22, abs=0.0051)
    assert metrics.average(adapted, retained) == pytest.approx(37.09, abs=0.0051)


def test_a_stream_by_hand():
    scores = [[0.8, 0.1, 0.0], [0.9, 0.7, 0.2], [0.5, 0.6, 0.9]]
    assert metrics.average_accuracy(scores) == pytest.approx((0.5 + 0.6 + 0.9) / 3)
    assert metrics.backward_transfer(scores) == pytest.approx(((0.5 - 0.8) + (0.6 - 0.7)) / 2)
    assert metrics.forgetting(scores) == pytest.approx(((0.9 - 0.5) + (0.7 - 0.6)) / 2)


def test_a_single_task_has_no_transfer_and_no_forgetting():
    assert isnan(metrics.backward_transfer([[0.7]]))
    assert isnan(metrics.forgetting([[0.7]]))


def test_a_ragged_matrix_is_refused():
    with pytest.raises(ValueError, match="T × T"):
        metrics.forgetting([[0.1], [0.2, 0.3]])


@given(st.lists(word, min_size=1, max_size=6, unique=True))
def test_the_gold_answer_itself_scores_one(answer):
    gold = " ".join(answer)
    assert metrics.cem(gold, gold) == metrics.f1(gold, gold) == metrics.exact(gold, gold) == 1


@given(st.text(max_size=40), st.lists(word, min_size=1, max_size=4))
def test_scores_are_fractions_and_cem_never_falls_when_more_is_said(output, answer):
    gold = " ".join(answer)
    assert 0 <= metrics.f1(output, gold) <= 1
    assert metrics.cem(output, gold) <= metrics.cem(output + " more", gold)
    assert metrics.first_words_cem(output, gold) <= metrics.cem(output, gold)
    assert metrics.exact(output, gold) <= metrics.cem(output, gold)


@given(matrices(least=2))
def test_forgetting_is_at_least_minus_backward_transfer(scores):
    assert metrics.forgetting(scores) >= -metrics.backward_transfer(scores) - 1e-12


@given(st.lists(fraction, min_size=2, max_size=6))
def test_nothing_changes_nothing_is_forgotten(row):
    scores = [row for _ in row]
    assert metrics.forgetting(scores) == pytest.approx(0)
    assert metrics.backward_transfer(scores) == pytest.approx(0)
