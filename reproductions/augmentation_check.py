"""Does a generated answer stay inside its source? A check by words: cheap, strict where invention hurts most.

Numbers, names and negations of the answer must stand in the source; of its other content words a given share must.
It cannot see a recombination of true words into a false sentence ("A bought B" for "B bought A"): read samples.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from reproductions.data.words import contains, words

SHARE = 0.6
"""Of the content words of a sentence; a paraphrase needs some words of its own."""
_NEGATION_WORDS = "no not never none neither nor without cannot isn't wasn't doesn't didn't won't 不 没 未 无 非 否"
_SMALL_WORDS = """
a an the this that these those it its is are was were be been being am of in on at by for with from to as and or but if
then than so such which who whom whose what when where why how there here he she they his her their them him we you i
our your my me us do does did has have had can could will would may might shall should must about into over under
between during after before also both each other more most some any all one called known named located made shown image
picture photo entity name yes based according
的 了 是 在 和 与 及 或 也 都 就 而 其 这 那 有 为 于 以 被 把 由 从 到 对 个 一 图 中 上 下 里 叫 名 称"""
_COUNTING = "zero one two three four five six seven eight nine ten eleven twelve"
NEGATIONS = frozenset(_NEGATION_WORDS.split())
_FUNCTION_WORDS = frozenset(_SMALL_WORDS.split())
_NUMBER_WORDS = {word: str(number) for number, word in enumerate(_COUNTING.split())}
_SENTENCE_START = re.compile(r"(?:^|[.!?。！？:：\n]\s*[\"'“(]*)$")
_NAME = re.compile(r"[A-Z][\w'’-]*")
_SUFFIXES = ("ations", "ation", "ings", "ing", "ers", "er", "ies", "ied", "ed", "es", "s", "ly", "y", "e")


@dataclass(frozen=True)
class Verdict:
    """Whether a text may be taught, and which of its words nothing supports."""

    inside: bool
    missing: tuple[str, ...]
    share: float
    """Share of the content words that the source has, in [0, 1]; 1 where there are none."""


def check(answer: str, source: str, *, share: float = SHARE) -> Verdict:
    """Judge a sentence or paragraph."""
    known = {stem(word) for word in words(source)}
    content = [word for word in words(answer) if word not in _FUNCTION_WORDS]
    missing = [word for word in content if not _supported(word, known)]
    strict = [word for word in missing if _must_be_known(word, answer)]
    invented_negations = [word for word in _negations(answer) if not _negations(source)]
    found = 1 - len(missing) / len(content) if content else 1.0
    inside = not strict and not invented_negations and found >= share
    return Verdict(inside, tuple(dict.fromkeys(strict + invented_negations or missing)), found)


def check_phrase(answer: str, source: str) -> Verdict:
    """Judge a short answer: it must stand in the source as it is."""
    if contains(source, answer):
        return Verdict(inside=True, missing=(), share=1.0)
    verdict = check(answer, source)
    return Verdict(inside=False, missing=verdict.missing or (answer,), share=verdict.share)


def check_question(question: str, source: str) -> Verdict:
    """Judge a question: it may use any words, but no number or name that the source lacks."""
    verdict = check(question, source, share=0.0)
    return verdict if not verdict.inside else Verdict(inside=True, missing=(), share=verdict.share)


def stem(word: str) -> str:
    """A word without its commonest English endings; numbers as digits."""
    word = _NUMBER_WORDS.get(word, word).removesuffix("'s")
    for suffix in _SUFFIXES:
        if len(word) - len(suffix) >= 3 and word.endswith(suffix) and word.isascii() and word.isalpha():
            return word.removesuffix(suffix)
    return word


def _supported(word: str, known: set[str]) -> bool:
    return stem(word) in known


def _must_be_known(word: str, answer: str) -> bool:
    return word[0].isdigit() or word in _NUMBER_WORDS or _is_name(word, answer)


def _is_name(word: str, answer: str) -> bool:
    """Written with a capital somewhere that no sentence begins."""
    return any(
        word in words(match.group()) and not _SENTENCE_START.search(answer[: match.start()])
        for match in _NAME.finditer(answer)
    )


def _negations(text: str) -> list[str]:
    return [word for word in words(text) if word in NEGATIONS or word.endswith("n't")]
