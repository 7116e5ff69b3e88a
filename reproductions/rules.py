"""How single tasks of the published streams score an answer: boxes, ten annotators, options, captions. Pure; light.

CEM and F1 say for every task alike whether knowledge arrived; a number printed in a paper is usually one of these. We
follow the definitions, not the released scripts where those cut off digits or drop samples. All are in [0, 1].
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from types import MappingProxyType

from reproductions import metrics
from reproductions.examples import Example

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""
HIT = 0.5
"""Overlap from which a box counts as found (Everingham et al. 2010)."""
AGREEING = 3
"""Annotators that make an answer fully right (Antol et al. 2015, arXiv:1505.00468)."""
ROUGE_BETA = 1.2
"""Weight of recall in ROUGE-L, as in the COCO caption evaluation (Chen et al. 2015, arXiv:1504.00325)."""
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)")
_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d)")
_ARTICLES = frozenset({"a", "an", "the"})
_NUMERALS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_DIGITS: Mapping[str, str] = {"none": "0", **{word: str(number) for number, word in enumerate(_NUMERALS)}}


def accuracy(output: str, golds: Sequence[str]) -> float:
    """1 if the output is one of the answers, word for word."""
    return max(metrics.exact(output, gold) for gold in golds)


def contained(output: str, golds: Sequence[str]) -> float:
    """1 if one of the answers occurs in the output, as words."""
    return max(metrics.cem(output, gold) for gold in golds)


def option(output: str, golds: Sequence[str]) -> float:
    """1 if it begins with the right option's letter: `B`, `b.`, `(B) because …`; `a dog` is no option A."""
    wanted = golds[0].strip(" ().")
    letter = re.match(r"\(([A-Za-z])\)|([A-Za-z])(?:[.:,)]|$)", output.strip())
    if letter and len(wanted) == 1:
        return float((letter[1] or letter[2]).upper() == wanted.upper())
    return accuracy(output, golds)


def box(text: str) -> Box | None:
    """The four numbers of a box; None if there are not exactly four, or they enclose nothing."""
    numbers = [float(one) for one in _NUMBER.findall(text)]
    if len(numbers) != 4:
        return None
    left, top, right, bottom = numbers
    return (left, top, right, bottom) if left < right and top < bottom else None


def iou(first: Box, second: Box) -> float:
    """Area of the intersection over area of the union."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(0.0, width) * max(0.0, height)
    return shared / (_area(first) + _area(second) - shared)


def _area(one: Box) -> float:
    return (one[2] - one[0]) * (one[3] - one[1])


def grounding(output: str, golds: Sequence[str]) -> float:
    """1 if the box overlaps the gold one by half or more; an answer that is no box is wrong."""
    said, wanted = box(output), box(golds[0])
    if wanted is None:
        raise ValueError(f"the gold answer {golds[0]!r} is no box of four numbers")
    return float(said is not None and iou(said, wanted) >= HIT)


def vqa_words(text: str) -> str:
    """An answer as the VQA evaluation compares it: no punctuation and articles, numbers as digits."""
    plain = _DECIMAL_COMMA.sub("", text.lower().replace("'", ""))
    found = re.findall(r"\d+\.\d+|\w+", plain)
    return " ".join(_DIGITS.get(word, word) for word in found if word not in _ARTICLES)


def soft_vqa(output: str, golds: Sequence[str]) -> float:
    """Share of annotators that agree, three being enough; averaged over leaving each of them out.

    With a single answer (as CoIN has for VQAv2) there is nobody to leave out: 1 if it is the same.
    """
    said, known = vqa_words(output), [vqa_words(gold) for gold in golds]
    if len(known) == 1:
        return float(said == known[0])
    hits = [gold == said for gold in known]
    agreeing = sum(hits)
    return fmean(min(1.0, (agreeing - hit) / AGREEING) for hit in hits)


def rouge_l(output: str, golds: Sequence[str]) -> float:
    """Longest common subsequence of words (Lin 2004): F with recall weighted 1.2², best precision and recall of all."""
    said = metrics.words(output)
    pairs = [(_common(said, gold), len(gold)) for gold in (metrics.words(one) for one in golds) if gold]
    if not said or not pairs:
        return 0.0
    precision = max(shared for shared, _ in pairs) / len(said)
    recall = max(shared / length for shared, length in pairs)
    if precision == 0 or recall == 0:
        return 0.0
    return (1 + ROUGE_BETA**2) * precision * recall / (recall + ROUGE_BETA**2 * precision)


def _common(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(second) + 1)
    for word in first:
        before = 0
        for place, other in enumerate(second, start=1):
            before, row[place] = row[place], before + 1 if word == other else max(row[place], row[place - 1])
    return row[-1]


RULES: Mapping[str, Callable[[str, Sequence[str]], float]] = MappingProxyType(
    {
        "accuracy": accuracy,
        "contained": contained,
        "option": option,
        "grounding": grounding,
        "soft-vqa": soft_vqa,
        "rouge-l": rouge_l,
    }
)
"""Name of a task's rule → output, gold answers → score."""


def score(rule: str, question: Example, output: str) -> float:
    """One answer by a task's own rule. Raises LookupError for a rule that is not there."""
    if rule not in RULES:
        raise LookupError(f"no rule named '{rule}'; there are: {', '.join(RULES)}")
    return RULES[rule](output, tuple(question.facts.get("answers") or (question.answer,)))
