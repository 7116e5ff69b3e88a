"""Text compared as words: lower case, without punctuation; Chinese, Japanese and Korean by character."""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"\d+(?:[.,]\d+)*|[぀-ヿ㐀-䶿一-鿿가-힯]|[^\W\d_]+(?:['’][^\W\d_]+)*|\d+")


def words(text: str) -> list[str]:
    """Words in order. Numbers stay whole (`1,200.5`), thousands separators go."""
    return [_plain(match.group()) for match in _WORD.finditer(unicodedata.normalize("NFKC", text).casefold())]


def normal(text: str) -> str:
    """The words, one space between them."""
    return " ".join(words(text))


def contains(text: str, phrase: str) -> bool:
    """Whether the phrase occurs in the text as whole words in a row; an empty phrase occurs nowhere."""
    inner = normal(phrase)
    return bool(inner) and f" {inner} " in f" {normal(text)} "


def _plain(word: str) -> str:
    if not word[0].isdigit():
        return word.replace("’", "'")
    return re.sub(r",(?=\d{3}\b)", "", word)
