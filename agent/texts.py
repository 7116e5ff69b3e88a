"""Text from outside: cleaned before it may become a value, and made visible before a person judges it."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import urlsplit

INVISIBLE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffc\U000e0000-\U000e0fff\ud800-\udfff]"
)
"""Controls, zero-width and bidirectional marks, fillers, tags, half surrogates: what a reader does not see."""


def visible(text: str) -> str:
    """The text with every hidden character spelled out, `⟨U+202E⟩`, so that nothing can hide in a review."""
    return INVISIBLE.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text)


def hides_something(text: str) -> bool:
    """Whether the text has characters that a reader does not see."""
    return INVISIBLE.search(text) is not None


def clean(text: str, limit: int = 400) -> str:
    """One line that the schema takes: hidden characters out, spaces single, at most `limit` characters."""
    return " ".join(INVISIBLE.sub("", unicodedata.normalize("NFC", text)).split())[:limit].rstrip()


def folded(text: str) -> str:
    """Key under which two spellings of one value are equal: case, width, spaces and hidden marks do not count."""
    plain = " ".join(INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).casefold().split())
    return plain.strip(" .,;:!'\"`*_")


def folded_address(url: str) -> str:
    """Key under which two spellings of one address are equal."""
    parts = urlsplit(url.strip())
    host = (parts.hostname or "").lower().removeprefix("www.")
    return f"{host}{parts.path.rstrip('/').removesuffix('.git')}" + (f"?{parts.query}" if parts.query else "")
