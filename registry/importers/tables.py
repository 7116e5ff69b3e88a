"""Tables and bullet lists of a README, or of a structured snapshot of one, as rows of cells with links. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

LINK = re.compile(r"\[(?P<label>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<url>[^()\s]+(?:\([^()\s]*\)[^()\s]*)*)\)")
HEADING = re.compile(r"^(?P<level>#{1,6})\s+(?P<text>.+?)\s*#*$")
RULE = re.compile(r"^\s*\|?\s*:?-{1,}:?\s*(\|\s*:?-{1,}:?\s*)*\|?\s*$")
BULLET = re.compile(r"^\s*[-*+]\s+(?P<text>\[.+)$")
FENCE = re.compile(r"^\s*(```|~~~)")


@dataclass(frozen=True)
class Link:
    """A link with what it shows."""

    label: str
    url: str


@dataclass(frozen=True)
class Cell:
    """The text of a cell, Markdown as written, and its links."""

    text: str

    @property
    def links(self) -> tuple[Link, ...]:
        """All links, in order."""
        return tuple(Link(found["label"].strip(), found["url"]) for found in LINK.finditer(self.text))

    @property
    def plain(self) -> str:
        """The text without link addresses and code marks."""
        return LINK.sub(lambda found: found["label"], self.text).replace("`", "").strip()

    @property
    def known(self) -> bool:
        """Whether it says anything: lists write a dash for nothing."""
        return self.plain not in {"", "-", "–", "—"}


@dataclass(frozen=True)
class Table:
    """A table under its headings; `rows` in the order of the source, column name → cell."""

    section: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Cell], ...]
    anchor: str | None = None

    @property
    def heading(self) -> str:
        """The nearest heading above, without marks."""
        return self.section[-1] if self.section else ""


@dataclass(frozen=True)
class Bilingual:
    """The same table in two languages; `other` is None for a list that has one."""

    first: Table
    other: Table | None = None

    def pairs(self) -> Iterator[tuple[Mapping[str, Cell], Mapping[str, Cell] | None]]:
        """Row by row in both languages."""
        others = self.other.rows if self.other else (None,) * len(self.first.rows)
        yield from zip(self.first.rows, others, strict=True)


def from_markdown(text: str) -> list[Table]:
    """All tables of a Markdown text, and bullet lists of links as tables with the columns Item and Text."""
    tables: list[Table] = []
    section: list[tuple[int, str]] = []
    lines = _visible(text)
    position = 0
    while position < len(lines):
        line = lines[position]
        heading = HEADING.match(line)
        if heading:
            level = len(heading["level"])
            section = [*(item for item in section if item[0] < level), (level, Cell(heading["text"]).plain)]
        path = tuple(name for _, name in section)
        if "|" in line and position + 1 < len(lines) and RULE.match(lines[position + 1]) and not heading:
            table, position = _table(lines, position, path)
            tables.append(table)
        elif BULLET.match(line):
            table, position = _bullets(lines, position, path)
            tables.append(table)
        else:
            position += 1
    return tables


def _visible(text: str) -> list[str]:
    """Lines outside of code fences and comments."""
    kept: list[str] = []
    fenced = False
    for line in re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL).splitlines():
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            kept.append(line)
    return kept


def _cells(line: str) -> list[Cell]:
    """The cells of a row; a pipe that belongs to a cell has a backslash before it."""
    inner = line.strip()
    inner = inner.removeprefix("|")
    if inner.endswith("|") and not inner.endswith("\\|"):
        inner = inner[:-1]
    return [Cell(part.strip().replace("\\|", "|")) for part in re.split(r"(?<!\\)\|", inner)]


def _table(lines: Sequence[str], start: int, section: tuple[str, ...]) -> tuple[Table, int]:
    columns = tuple(cell.plain for cell in _cells(lines[start]))
    rows: list[Mapping[str, Cell]] = []
    position = start + 2
    while position < len(lines) and "|" in lines[position]:
        cells = _cells(lines[position])
        cells += [Cell("")] * (len(columns) - len(cells))
        rows.append(dict(zip(columns, cells, strict=False)))
        position += 1
    return Table(section, columns, tuple(rows)), position


def _bullets(lines: Sequence[str], start: int, section: tuple[str, ...]) -> tuple[Table, int]:
    rows: list[Mapping[str, Cell]] = []
    position = start
    while position < len(lines) and (found := BULLET.match(lines[position])):
        text = found["text"].strip()
        link = LINK.match(text)
        item = link[0] if link else text
        rows.append({"Item": Cell(item), "Text": Cell(text[len(item) :].lstrip(" -–—:"))})
        position += 1
    return Table(section, ("Item", "Text"), tuple(rows)), position


def bilingual(first: str, other: str | None = None) -> list[Bilingual]:
    """The tables of a README, paired with those of its translation by their order.

    Raises:
        ValueError: the two do not have the same tables.
    """
    tables = from_markdown(first)
    if other is None:
        return [Bilingual(table) for table in tables]
    others = from_markdown(other)
    if len(tables) != len(others):
        raise ValueError(f"{len(tables)} tables in one language, {len(others)} in the other; mend the shorter one")
    for one, two in zip(tables, others, strict=True):
        if len(one.rows) != len(two.rows) or len(one.columns) != len(two.columns):
            raise ValueError(f"table '{one.heading}' and its translation '{two.heading}' differ in size")
    return [Bilingual(one, two) for one, two in zip(tables, others, strict=True)]


def from_snapshot(text: str) -> list[Bilingual]:
    """The tables of a structured snapshot: JSON with `tables`, each with columns and rows in `en` and `zh`.

    Raises:
        ValueError: it has another form.
    """
    try:
        data = json.loads(text)
        return [_snapshot_table(table) for table in data["tables"]]
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"not a snapshot of tables: {error!r}") from None


def _snapshot_table(table: dict[str, list[dict[str, list[str]]]]) -> Bilingual:
    sides = []
    for language in ("en", "zh"):
        columns = tuple(str(column) for column in table[f"columns_{language}"])
        rows = tuple(
            dict(zip(columns, map(Cell, row[language]), strict=True)) for row in table["rows"] if language in row
        )
        section = tuple(str(name) for name in table[f"section_{language}"])
        sides.append(Table(section, columns, rows, str(table["anchor"])))
    return Bilingual(sides[0], sides[1])
