"""A list of arXiv ids or addresses, one a line; empty lines and lines that begin with # do not count."""

from __future__ import annotations

import re
from collections.abc import Iterator

from registry import ids


def read(text: str, name: str) -> Iterator[tuple[int, str]]:
    """(line number, id) of every line.

    Raises:
        ValueError: a line is neither an id nor an address of one; all or nothing.
    """
    found: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split("#")[0].split()
        if not words:
            continue
        value = _id(words[0].rstrip(",;"))
        if value is None:
            raise ValueError(f"{name}:{number}: {words[0][:60]!r} is no arXiv id; write 2505.24449, or its address")
        found.append((number, value))
    yield from found


def _id(word: str) -> str | None:
    carried = ids.from_address(word) if word.startswith("http") else None
    if carried:
        return carried[1] if carried[0] == "arxiv" else None
    bare = re.sub(r"v\d+$", "", word.removeprefix("arXiv:").removeprefix("arxiv:"))
    return None if ids.wrong("arxiv", bare) else bare


def month(number: str) -> str | None:
    """The month an id was given in, `2025-05`."""
    digits = number.rpartition("/")[2][:4]
    year = int(digits[:2])
    return f"{2000 + year if year < 90 else 1900 + year}-{digits[2:4]}"
