"""A reader of BibTeX: records with their fields, strings expanded, TeX turned into text as far as titles need it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from registry import ids

ACCENTS = {
    "'": "\u0301", "`": "\u0300", "^": "\u0302", '"': "\u0308", "~": "\u0303", "=": "\u0304", ".": "\u0307",
    "u": "\u0306", "v": "\u030c", "H": "\u030b", "c": "\u0327", "k": "\u0328", "r": "\u030a",
}  # fmt: skip
LETTERS = {
    "ss": "ß", "o": "ø", "O": "Ø", "l": "ł", "L": "Ł", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "aa": "å", "AA": "Å",
    "i": "i", "j": "j", "textbackslash": "\\", "textasciitilde": "~", "textasciicircum": "^", "textendash": "–",
    "textemdash": "—", "textquoteright": "’", "textquoteleft": "‘", "alpha": "α", "beta": "β", "lambda": "λ",
}  # fmt: skip
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
SKIPPED = {"comment", "preamble"}
MAX_DEPTH = 100


class BibtexError(ValueError):
    """Not BibTeX; begins with the line."""


@dataclass(frozen=True)
class Record:
    """One record: kind (`article`, small letters), key, and its fields in small letters, as text."""

    kind: str
    key: str
    fields: Mapping[str, str]

    def get(self, name: str) -> str | None:
        """A field as one line of text, None when absent or empty."""
        return " ".join(plain(self.fields.get(name, "")).split()) or None


def read(text: str) -> list[Record]:
    """All records of a text; what stands between them does not count.

    Raises:
        BibtexError: a record does not end, or a field is not written as fields are.
    """
    return list(_Scanner(text).records())


class _Scanner:
    """Walks through a text once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.strings: dict[str, str] = {name: str(number) for number, name in enumerate(MONTHS, start=1)}

    def records(self) -> Iterator[Record]:
        for found in iter(self._next_record, None):
            kind = found.lower()
            if kind in SKIPPED:
                self._braced()
            elif kind == "string":
                self.strings.update({name.lower(): value for name, value in self._fields()})
            else:
                key = self._until(",}").strip()
                more = self.text[self.position - 1] == ","
                yield Record(kind, key, {name.lower(): value for name, value in self._fields()} if more else {})

    def _next_record(self) -> str | None:
        """The kind of the next record; the position is then behind its opening brace."""
        found = re.compile(r"@\s*([A-Za-z]+)\s*[{(]").search(self.text, self.position)
        if found is None:
            return None
        self.position = found.end()
        return found[1]

    def _fail(self, message: str) -> BibtexError:
        line = self.text.count("\n", 0, min(self.position, len(self.text))) + 1
        return BibtexError(f"{line}: {message}")

    def _space(self) -> None:
        while self.position < len(self.text) and self.text[self.position] in " \t\r\n,":
            self.position += 1

    def _until(self, ends: str) -> str:
        start = self.position
        while self.position < len(self.text) and self.text[self.position] not in ends:
            self.position += 1
        if self.position >= len(self.text):
            self.position = start
            raise self._fail("the record does not end; a brace is missing")
        self.position += 1
        return self.text[start : self.position - 1]

    def _fields(self) -> Iterator[tuple[str, str]]:
        while True:
            self._space()
            if self.position >= len(self.text):
                raise self._fail("the record does not end; a brace is missing")
            if self.text[self.position] in "})":
                self.position += 1
                return
            found = re.compile(r"([A-Za-z][\w:.+/-]*)\s*=\s*").match(self.text, self.position)
            if found is None:
                raise self._fail(f"expected `field = value`, found {self.text[self.position :][:20]!r}")
            self.position = found.end()
            yield found[1], self._value()

    def _value(self) -> str:
        """Braced, quoted, a number or a name, joined by #."""
        parts = [self._part()]
        while (joint := re.compile(r"\s*#\s*").match(self.text, self.position)) is not None:
            self.position = joint.end()
            parts.append(self._part())
        return "".join(parts)

    def _part(self) -> str:
        here = self.text[self.position : self.position + 1]
        if here == "{":
            self.position += 1
            return self._braced()
        if here == '"':
            self.position += 1
            return self._quoted()
        found = re.compile(r"[\w:.+/-]+").match(self.text, self.position)
        if found is None:
            raise self._fail(f"expected a value, found {self.text[self.position :][:20]!r}")
        self.position = found.end()
        return self.strings.get(found[0].lower(), found[0])

    def _braced(self) -> str:
        """What stands before the brace that closes the one just opened."""
        start, depth = self.position, 1
        for found in re.compile(r"\\.|[{}]", re.DOTALL).finditer(self.text, start):
            depth += {"{": 1, "}": -1}.get(found[0], 0)
            if depth == 0:
                self.position = found.end()
                return self.text[start : found.start()]
            if depth > MAX_DEPTH:
                break
        raise self._fail("a brace is not closed")

    def _quoted(self) -> str:
        start, depth = self.position, 0
        for found in re.compile(r'\\.|[{}"]', re.DOTALL).finditer(self.text, start):
            depth += {"{": 1, "}": -1}.get(found[0], 0)
            if found[0] == '"' and depth <= 0:
                self.position = found.end()
                return self.text[start : found.start()]
        raise self._fail("a quotation mark is not closed")


def plain(text: str) -> str:
    """TeX as text: accents composed, commands of style dropped, braces gone."""
    text = re.sub(r"\\([\"'`^~=.]|[uvHckr](?![A-Za-z]))\s*\{?\\?([A-Za-z])\}?", _accented, text)
    text = re.sub(r"\\([A-Za-z]+)\s*(\{\})?", lambda found: LETTERS.get(found[1], ""), text)
    text = re.sub(r"\\([&%$#_{}])", lambda found: chr(0xE000 + ord(found[1])), text)
    text = text.replace("{", "").replace("}", "").replace("~", " ").replace("---", "—").replace("--", "–")
    text = re.sub("[\ue000-\ue0ff]", lambda found: chr(ord(found[0]) - 0xE000), text)
    return unicodedata.normalize("NFC", text)


def _accented(found: re.Match[str]) -> str:
    return unicodedata.normalize("NFC", found[2] + ACCENTS[found[1]])


def authors(record: Record) -> tuple[str, ...]:
    """Names as `Given Family`, in order."""
    names = [" ".join(plain(name).split()) for name in re.split(r"\s+and\s+", record.fields.get("author", ""))]
    turned = (" ".join(reversed(name.split(", ", 1))) if name.count(",") == 1 else name for name in names)
    return tuple(name[:200] for name in turned if name and name != "others")


def day(record: Record) -> str | None:
    """Year and, when given, month: `2025-05`."""
    given = record.get("date")
    if given and re.match(r"\d{4}(-\d{2})?", given):
        return re.match(r"\d{4}(-\d{2})?", given)[0]  # pyright: ignore[reportOptionalSubscript]
    year = record.get("year")
    if year is None or not re.fullmatch(r"\d{4}", year):
        return None
    month = (record.get("month") or "").lower()
    number = MONTHS.index(month[:3]) + 1 if month[:3] in MONTHS else int(month) if month.isdigit() else 0
    return f"{year}-{number:02d}" if 1 <= number <= 12 else year


def external_ids(record: Record) -> dict[str, str]:
    """Ids of arXiv and DOI, from their fields or from the address."""
    found: dict[str, str] = {}
    eprint = record.get("eprint")
    if eprint and (record.get("archiveprefix") or record.get("eprinttype") or "arxiv").lower() == "arxiv":
        found["arxiv"] = re.sub(r"v\d+$", "", eprint.removeprefix("arXiv:"))
    if doi := record.get("doi"):
        carried = ids.from_address(doi)
        found["doi"] = carried[1] if carried else doi
    return found
