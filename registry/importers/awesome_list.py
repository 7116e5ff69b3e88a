"""An awesome list, read as facts: which papers, with which links, dates, venues, code, stars, models, tasks and data.

A mapping file says which of a list's columns mean what and which tables hold papers; `mappings/` has ours. A list
without a mapping is read with the column names that such lists usually have.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from registry.importers.tables import Bilingual, Cell, Link
from registry.schema import Bucket, Direction

Meaning = Literal[
    "date", "paper", "position", "model_types", "tasks", "tasks_datasets", "datasets", "code", "code_stars", "stars",
    "venue", "venue_status", "year", "name", "type", "links", "category", "text",
]  # fmt: skip
"""What a column can mean."""


class TableRule(BaseModel):
    """Which table, by its anchor or nearest heading, holds what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    anchor: str | None = None
    heading: str | None = None
    """Regular expression on the nearest heading in the first language."""
    kind: Literal["papers", "benchmarks", "repositories", "skip"]
    direction: Direction | None = None
    bucket: Bucket | None = None
    section: Literal["aggregation", "infrastructure", "huggingface"] | None = None
    has: tuple[str, ...] = ()
    """Columns that the table must have; tells tables under one heading apart."""

    def fits(self, table: Bilingual) -> bool:
        """Whether the rule speaks of a table."""
        first = table.first
        if self.anchor is not None and first.anchor is not None and self.anchor != first.anchor:
            return False
        if self.heading is not None and not re.search(self.heading, first.heading):
            return False
        return set(self.has) <= set(first.columns)


class ListMapping(BaseModel):
    """How to read one list."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    """Address where the list was read."""
    checked: str
    """Day of the snapshot."""
    stars_checked: str | None = None
    """Day on which the stars of the repositories section were read, when it is another one."""
    columns: dict[Meaning, tuple[str, ...]]
    tables: tuple[TableRule, ...] = (TableRule(kind="papers"),)
    candidate_words: tuple[str, ...] = ("candidate",)
    recorded_words: tuple[str, ...] = ("recorded",)
    ids: dict[str, str] = Field(default_factory=dict)
    """First link → id, where the derived id would not read well."""


USUAL = ListMapping(
    source="",
    checked="",
    columns={
        "date": ("Time", "Date", "Year", "时间", "日期"),
        "paper": ("Paper", "Title", "Item", "论文", "标题"),
        "model_types": ("Model type", "Model", "模型类型"),
        "tasks": ("Task", "Tasks", "Experimental task", "实验任务", "任务"),
        "datasets": ("Datasets", "Dataset", "Primary datasets / benchmarks", "数据集"),
        "code": ("Code", "GitHub", "Repo", "代码"),
        "stars": ("Stars",),
        "venue": ("Venue", "Publication", "Conference", "发表地"),
    },
)
"""Column names that lists usually have."""


def read_mapping(path: Path) -> ListMapping:
    """The mapping in a YAML file.

    Raises:
        ValueError: it is not one; one line.
    """
    try:
        return ListMapping.model_validate(yaml.load(path.read_text(encoding="utf-8"), yaml.CBaseLoader))  # noqa: S506
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        meanings = f"; columns are: {', '.join(get_args(Meaning))}" if "columns" in first["loc"] else ""
        raise ValueError(f"{path}: {place}: {first['msg']}{meanings}") from None


@dataclass(frozen=True)
class Words:
    """A text in the languages in which a list gives it."""

    en: str
    zh: str | None = None


@dataclass(frozen=True)
class Row:
    """What one row of a list says about one paper, resource or project."""

    kind: str
    rule: TableRule
    order: int
    """Row number in its table, from 0."""
    label: Words
    """The name that the list shows."""
    links: tuple[Link, ...]
    shared_with: tuple[str, ...] = ()
    """First links of the other papers of the same row."""
    date: str | None = None
    year: str | None = None
    venue: str | None = None
    state: Literal["candidate", "recorded"] = "recorded"
    model_types: tuple[str, ...] = ()
    tasks: Words | None = None
    datasets: tuple[str, ...] = ()
    data: Words | None = None
    """The data cell as written."""
    code: Link | None = None
    stars: str | None = None
    category: Words | None = None
    text: Words | None = field(default=None, repr=False)


class Reader:
    """Reads the cells of one table by meaning."""

    def __init__(self, mapping: ListMapping, table: Bilingual) -> None:
        self._first = {meaning: _column(names, table.first.columns) for meaning, names in mapping.columns.items()}
        other = table.other.columns if table.other else ()
        self._other = {meaning: _column(names, other) for meaning, names in mapping.columns.items()}

    def cell(self, row: Mapping[str, Cell], meaning: str) -> Cell | None:
        """The cell with a meaning, when the table has such a column and the cell says something."""
        column = self._first.get(meaning)  # pyright: ignore[reportArgumentType]
        cell = row.get(column) if column else None
        return cell if cell is not None and cell.known else None

    def words(self, pair: tuple[Mapping[str, Cell], Mapping[str, Cell] | None], meaning: str) -> Words | None:
        """A cell's text in both languages."""
        cell = self.cell(pair[0], meaning)
        if cell is None:
            return None
        column = self._other.get(meaning)  # pyright: ignore[reportArgumentType]
        other = pair[1].get(column) if pair[1] is not None and column else None
        return Words(cell.plain, other.plain if other is not None else None)


def _column(names: Sequence[str], columns: Sequence[str]) -> str | None:
    return next((name for name in names if name in columns), None)


def rows(tables: Sequence[Bilingual], mapping: ListMapping = USUAL) -> list[Row]:
    """All rows of a list that the mapping speaks of, one per paper, resource or project; in the list's order."""
    found: list[Row] = []
    for table in tables:
        rule = next((rule for rule in mapping.tables if rule.fits(table)), None)
        if rule is None or rule.kind == "skip":
            continue
        reader = Reader(mapping, table)
        for order, pair in enumerate(table.pairs()):
            found.extend(_row(reader, rule, order, pair, mapping))
    return found


def _row(
    reader: Reader,
    rule: TableRule,
    order: int,
    pair: tuple[Mapping[str, Cell], Mapping[str, Cell] | None],
    mapping: ListMapping,
) -> list[Row]:
    if rule.kind == "papers":
        return _papers(reader, rule, order, pair, mapping)
    label = reader.words(pair, "name")
    links = reader.cell(pair[0], "links")
    if label is None:
        return []
    stars = reader.cell(pair[0], "stars")
    return [
        Row(
            kind=rule.kind,
            rule=rule,
            order=order,
            label=label,
            links=links.links if links else (),
            stars=stars.plain if stars else None,
            category=reader.words(pair, "category") or reader.words(pair, "type"),
            text=reader.words(pair, "text"),
        )
    ]


def _papers(
    reader: Reader,
    rule: TableRule,
    order: int,
    pair: tuple[Mapping[str, Cell], Mapping[str, Cell] | None],
    mapping: ListMapping,
) -> list[Row]:
    """One per paper link of the row: GKD / MiniLLM are two."""
    titles = reader.cell(pair[0], "paper")
    if titles is None:
        return []
    column = reader._other.get("paper")
    others = pair[1][column].links if pair[1] is not None and column and column in pair[1] else titles.links
    links = titles.links or (Link(titles.plain, ""),)
    facts = _facts(reader, pair, mapping)
    return [
        Row(
            kind="papers",
            rule=rule,
            order=order,
            label=Words(link.label, others[number].label if number < len(others) else link.label),
            links=(link,),
            shared_with=tuple(other.url for other in links if other is not link),
            **facts,
        )
        for number, link in enumerate(links)
    ]


def _facts(
    reader: Reader, pair: tuple[Mapping[str, Cell], Mapping[str, Cell] | None], mapping: ListMapping
) -> dict[str, Any]:
    first = pair[0]
    date, year, models = (reader.cell(first, meaning) for meaning in ("date", "year", "model_types"))
    tasks, data = _tasks_and_data(reader, pair)
    code, stars = _code(reader, first)
    venue, state = _venue(reader, first, mapping)
    return {
        "date": date.plain if date else None,
        "year": year.plain if year else None,
        "venue": venue,
        "state": state,
        "model_types": tuple(re.split(r"\s+/\s+", models.plain)) if models else (),
        "tasks": tasks,
        "data": data,
        "datasets": names_in(data.en) if data else (),
        "code": code,
        "stars": stars,
        "text": reader.words(pair, "text"),
    }


def _tasks_and_data(
    reader: Reader, pair: tuple[Mapping[str, Cell], Mapping[str, Cell] | None]
) -> tuple[Words | None, Words | None]:
    """Tasks and data, from two columns, or from one whose halves a semicolon separates."""
    both = reader.words(pair, "tasks_datasets")
    if both is None:
        return reader.words(pair, "tasks"), reader.words(pair, "datasets")
    english, chinese = _halves(both.en), _halves(both.zh or "")
    if english[1] is None:
        return (None, both) if _is_names(both.en) else (both, None)
    return Words(english[0], chinese[0] or None), Words(english[1], chinese[1])


def _halves(text: str) -> tuple[str, str | None]:
    first, _, second = text.replace("；", ";").partition(";")
    return first.strip(), second.strip() or None


def _is_names(text: str) -> bool:
    """Whether a cell lists names of data sets rather than tasks: at least three parts, between ` / ` or ` + `."""
    return len(re.split(r"\s+[/+]\s+", text)) >= 3


def names_in(text: str) -> tuple[str, ...]:
    """The names in a data cell: parts between ` / ` or ` + ` that begin like a name, not like a description."""
    parts = re.split(r"\s+[/+]\s+", text)
    return tuple(part for part in parts if re.match(r"[A-Za-z]*[A-Z0-9]", part) and len(part) <= 30)


def _code(reader: Reader, row: Mapping[str, Cell]) -> tuple[Link | None, str | None]:
    both = reader.cell(row, "code_stars")
    if both is not None:
        stars = LINK_REST.sub("", both.plain.replace(both.links[0].label, "", 1)) if both.links else ""
        return (both.links[0] if both.links else None), _count(stars)
    code, stars = reader.cell(row, "code"), reader.cell(row, "stars")
    return (code.links[0] if code and code.links else None), _count(stars.plain if stars else "")


LINK_REST = re.compile(r"^\s*/\s*")


def _count(text: str) -> str | None:
    digits = text.replace(",", "").strip()
    return digits if digits.isdigit() else None


def _venue(
    reader: Reader, row: Mapping[str, Cell], mapping: ListMapping
) -> tuple[str | None, Literal["candidate", "recorded"]]:
    """Venue and status; the status is the last part of a combined cell."""
    both = reader.cell(row, "venue_status")
    if both is None:
        venue = reader.cell(row, "venue")
        return (venue.plain if venue else None), "recorded"
    venue, _, status = both.plain.rpartition(" / ")
    if any(word in status for word in mapping.candidate_words):
        return venue, "candidate"
    if any(word in status for word in mapping.recorded_words):
        return venue, "recorded"
    return both.plain, "recorded"
