"""A table that a reader can filter, sort and take away: rows are whole without a script; `site.js` adds the rest."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup


@dataclass(frozen=True)
class Column:
    """What stands below one heading. `shown` is the reader's first view; `about` explains the heading."""

    key: str
    label: str
    numeric: bool = False
    shown: bool = True
    about: str = ""
    tight: bool = False
    """Never broken over lines."""
    lead: bool = False
    """The cell that names the row: heads the card on a phone."""


@dataclass(frozen=True)
class Cell:
    """One cell: what is seen, and the value behind it that sorting and export use (None: nothing known)."""

    content: Markup | str
    value: str | float | None = None


@dataclass(frozen=True)
class Row:
    """One line. `facets` holds the values it is found under, `search` other names it answers to."""

    id: str
    cells: tuple[Cell, ...]
    facets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    search: str = ""
    mark: str = ""
    """A class for rows that stand out (`base`, `failed`)."""


@dataclass(frozen=True)
class Facet:
    """A way to narrow the rows: values with a label and how many rows have them."""

    key: str
    label: str
    options: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True)
class Table:
    """All of it. `sort` is a column key, with a minus for descending."""

    id: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    facets: tuple[Facet, ...] = ()
    sort: str = ""
    caption: str = ""
    export: bool = False
    scores: bool = False
    """Mostly numbers: on a phone they stand side by side on the card."""

    @property
    def short(self) -> bool:
        """Too few rows to need a filter panel."""
        return len(self.rows) < 4


def slug(text: str) -> str:
    """A value as it stands in a URL: lower case, words joined by hyphens; other scripts stay readable."""
    folded = unicodedata.normalize("NFKC", text).lower()
    return re.sub(r"[^\w]+", "-", folded).strip("-_") or "x"


def facet(
    key: str, label: str, rows: Iterable[Row], name: Callable[[str], str], order: Sequence[str] | None = None
) -> Facet:
    """The facet over what occurs in `rows`: in the given order, or most frequent first."""
    counts = Counter(value for row in rows for value in row.facets.get(key, ()))
    values = [value for value, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    if order is not None:
        values = [value for value in order if counts[value]] + sorted(set(counts) - set(order))
    return Facet(key, label, tuple((value, name(value), counts[value]) for value in values))


def worth(facets: Iterable[Facet]) -> tuple[Facet, ...]:
    """Facets that can narrow anything: at least two values."""
    return tuple(one for one in facets if len(one.options) > 1)
