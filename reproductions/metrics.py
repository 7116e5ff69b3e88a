"""Scores of answers, and what follows from a matrix of scores over a stream of tasks. Pure functions; light.

Answers: cover exact match and word F1 after KORE (arXiv:2510.19316, section 5.2.1). Streams: `scores[i][j]` is accuracy
in [0, 1] on task j after learning tasks 0 … i; average accuracy and backward transfer after Lopez-Paz and Ranzato 2017
(arXiv:1706.08840), forgetting after Chaudhry et al. 2018 (arXiv:1801.10112).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import nan
from statistics import fmean

Matrix = Sequence[Sequence[float]]
"""T × T; row i: after learning task i; column j: accuracy on task j."""

FIRST_WORDS = 6
"""How many words of an answer the guard against reciting looks at."""

_NOT_A_WORD = re.compile(r"[^\w]+|_+")


def words(text: str) -> list[str]:
    """Lower-case words without punctuation, in order."""
    return _NOT_A_WORD.sub(" ", text.lower()).split()


def cem(output: str, gold: str) -> float:
    """1 if the gold answer occurs in the output as consecutive words, else 0 (cover exact match).

    The paper writes y ⊆ Ŷ on strings; its released scorer looks for whole words, and so do we: `art` is not in `party`.
    Raises ValueError if the gold answer has no word, because everything would cover it.
    """
    answer, said = words(gold), words(output)
    if not answer:
        raise ValueError(f"the gold answer {gold!r} has no word")
    n = len(answer)
    return float(any(said[start : start + n] == answer for start in range(len(said) - n + 1)))


def f1(output: str, gold: str) -> float:
    """Harmonic mean of word precision U/|W(Ŷ)| and recall U/|W(Y)|; 0 without any shared word.

    U counts the distinct gold words that occur in the output; |W(·)| counts all words, as the paper's legend says. For
    gold answers that repeat no word this is the usual multiset F1, which is what the released scorer computes.
    """
    answer, said = words(gold), words(output)
    shared = len(set(answer) & set(said))
    if not shared:
        return 0.0
    precision, recall = shared / len(said), shared / len(answer)
    return 2 * precision * recall / (precision + recall)


def first_words_cem(output: str, gold: str, limit: int = FIRST_WORDS) -> float:
    """`cem` on the first words of the output only: an answer that recites everything it knows does not win."""
    return cem(" ".join(words(output)[:limit]), gold)


def exact(output: str, gold: str) -> float:
    """1 if output and gold answer are the same words in the same order, else 0."""
    return float(words(output) == words(gold))


def adaptation(mean_cem: float, mean_f1: float) -> float:
    """KORE's K.A: mean of CEM and F1."""
    return (mean_cem + mean_f1) / 2


def retention(by_dimension: Mapping[str, float]) -> float:
    """KORE's K.R: unweighted mean of the dimensions; NaN without any."""
    return fmean(by_dimension.values()) if by_dimension else nan


def average(adapted: float, retained: float) -> float:
    """KORE's Avg: mean of K.A and K.R. Not the mean over benchmarks, which its table 2 also calls Avg."""
    return (adapted + retained) / 2


def average_accuracy(scores: Matrix) -> float:
    """Mean accuracy over all tasks after the last one."""
    return fmean(_square(scores)[-1])


def backward_transfer(scores: Matrix) -> float:
    """Mean of final minus just-after-learning accuracy on earlier tasks; negative is worse. NaN for a single task."""
    last = _square(scores)[-1][:-1]
    changes = [end - scores[task][task] for task, end in enumerate(last)]
    return fmean(changes) if changes else nan


def forgetting(scores: Matrix) -> float:
    """Mean drop from the best accuracy a task had before the last step to its last; 0 is best. NaN for a single task.

    Not minus `backward_transfer`: the best may have come after the task itself, or before it.
    """
    last = _square(scores)[-1][:-1]
    drops = [max(row[task] for row in scores[:-1]) - end for task, end in enumerate(last)]
    return fmean(drops) if drops else nan


def _square(scores: Matrix) -> Matrix:
    if not scores or any(len(row) != len(scores) for row in scores):
        raise ValueError(f"a score matrix is T × T; got rows of {[len(row) for row in scores]}")
    return scores
