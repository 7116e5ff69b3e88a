"""Finding entries: by name however it is written, by words in both languages, by facet. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from registry import ids
from registry.catalog import Catalog
from registry.problems import did_you_mean
from registry.schema import KINDS, Benchmark, Claim, Entry, Method, Paper, Remark, ReportedTable, Repository


class AmbiguousError(LookupError):
    """A name that several entries carry."""


def names(entry: Entry) -> tuple[str, ...]:
    """What an entry is called: title or name, aliases, full name of a repository."""
    main = entry.title if isinstance(entry, Paper) else getattr(entry, "name", None)
    extra = [entry.listed_as] if isinstance(entry, Paper) else []
    extra += [entry.full_name] if isinstance(entry, Repository) else []
    return tuple(dict.fromkeys(name for name in (main, *extra, *entry.aliases) if name))


def title(entry: Entry) -> str:
    """One line that names an entry."""
    if isinstance(entry, ReportedTable):
        return f"{entry.table}: {entry.caption.en}"
    if isinstance(entry, Claim):
        return entry.statement.en
    return names(entry)[0]


class Found(NamedTuple):
    """An entry that a name means; `others` are entries of other kinds that are called so, too."""

    ref: str
    entry: Entry
    others: tuple[str, ...] = ()


def resolve(catalog: Catalog, name: str) -> Found:
    """The entry that a name means: `kind/id`, an id, a title, an alias, owner/name or an external id.

    Raises:
        AmbiguousError: several entries of one kind are called so.
        LookupError: none is; says which names are near.
    """
    if name.partition("/")[0] in KINDS and "/" in name:
        entry = catalog.entry(name)
        return Found(f"{name.partition('/')[0]}/{entry.id}", entry)
    matches = _by_id(catalog, name) or _by_name(catalog, name)
    if not matches:
        known = {word for _, entry in catalog for word in (entry.id, *names(entry))}
        raise LookupError(f"no entry named '{name}'; {did_you_mean(name, known)}")
    kinds = [ref.partition("/")[0] for ref in matches]
    if len(set(kinds)) < len(kinds):
        raise AmbiguousError(f"'{name}' names several entries: {', '.join(matches)}")
    first, *others = matches
    return Found(first, catalog.entry(first), tuple(others))


def _by_id(catalog: Catalog, name: str) -> list[str]:
    retired = [now for old, now in catalog.redirects.items() if old.partition("/")[2] == name]
    return list(dict.fromkeys([*(ref for ref, _ in catalog if ref.partition("/")[2] == name), *retired]))


def _by_name(catalog: Catalog, name: str) -> list[str]:
    key = ids.title_key(name)
    return [ref for ref, entry in catalog if key and key in _keys(entry)]


def _keys(entry: Entry) -> set[str]:
    keys = {ids.title_key(name) for name in names(entry)}
    if isinstance(entry, Paper):
        keys |= {ids.title_key(value) for _, value in entry.ids.items()}
    return keys


# Search -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Hit:
    """An entry that a search found; a higher score fits better."""

    ref: str
    entry: Entry
    score: float


def search(catalog: Catalog, words: str, kinds: Iterable[str] = KINDS) -> list[Hit]:
    """Entries that hold every word of a query, in English or Chinese; best first."""
    wanted = [word.casefold() for word in re.findall(r"[\w.-]+", words)]
    if not wanted:
        return []
    chosen = set(kinds)
    hits = [
        Hit(ref, entry, score)
        for ref, entry in catalog
        if ref.partition("/")[0] in chosen and (score := _score(entry, wanted)) > 0
    ]
    return sorted(hits, key=lambda hit: (-hit.score, hit.ref))


def _score(entry: Entry, wanted: list[str]) -> float:
    """Names weigh ten, the id eight, texts one; a whole word twice a part of one. Zero when a word is missing."""
    fields = [(10.0, name.casefold()) for name in names(entry)] + [(8.0, entry.id)]
    fields += [(1.0, text.casefold()) for text in texts(entry)]
    total = 0.0
    for word in wanted:
        best = max((weight * _part(word, text) for weight, text in fields), default=0.0)
        if best == 0:
            return 0.0
        total += best
    return total / len(wanted)


def _part(word: str, text: str) -> float:
    if word not in text:
        return 0.0
    whole = re.search(rf"(?<![a-z0-9]){re.escape(word)}(?![a-z0-9])", text)
    return 1.0 if whole else 0.5


def texts(entry: Entry) -> Iterator[str]:
    """Every text of an entry that a reader could search for."""
    for name in type(entry).model_fields:
        value = getattr(entry, name)
        if isinstance(value, Remark):
            yield value.en
            yield value.zh or ""
        elif name in {"datasets", "model_types", "authors"}:
            yield from (item if isinstance(item, str) else item.name for item in value)
        elif name in {"direction", "bucket", "family", "metric"} and value:
            yield str(value)
    if isinstance(entry, Paper):
        yield from (value for _, value in entry.ids.items())
        yield str(entry.venue.known or "")


# Facets -------------------------------------------------------------------------------------------------------------

FACETS: Mapping[str, tuple[str, ...]] = {
    "papers": ("direction", "bucket", "status", "venue", "year", "model", "has_code", "dataset"),
    "benchmarks": ("status", "dimension", "has_code"),
    "repositories": ("status", "host", "role"),
    "methods": ("status", "family", "implemented"),
    "reported": ("status", "paper"),
    "claims": ("status", "paper"),
}
"""Kind → facets by which it can be filtered."""


def facets(entry: Entry) -> dict[str, tuple[str, ...]]:
    """The values of an entry under each facet of its kind, as words."""
    found: dict[str, tuple[str, ...]] = {"status": (entry.stage,)}
    match entry:
        case Paper():
            venue = entry.venue.known or entry.venue.value
            found |= {
                "direction": (entry.direction,),
                "bucket": (entry.bucket,) if entry.bucket else (),
                "venue": tuple(dict.fromkeys([venue, *venue.split(" / ")])),
                "year": (entry.date[:4],),
                "model": entry.model_types,
                "has_code": ("yes" if entry.code.known else "no",),
                "dataset": entry.datasets,
            }
        case Benchmark():
            found |= {"dimension": entry.dimensions, "has_code": ("yes" if entry.code else "no",)}
        case Repository():
            found |= {"host": (entry.host,), "role": (entry.role,)}
        case Method():
            found |= {"family": (entry.family,), "implemented": ("yes" if entry.implemented else "no",)}
        case ReportedTable() | Claim():
            found |= {"paper": (entry.paper,)}
        case _:
            pass
    return found


def select(catalog: Catalog, kind: str, wanted: Mapping[str, str]) -> list[Entry]:
    """The entries of a kind that fit every facet; values ignore case.

    Raises:
        LookupError: no such kind, no such facet of it, or no entry has such a value; says which are near.
    """
    entries = list(catalog.kind(kind).values())
    for facet, value in wanted.items():
        if facet not in FACETS[kind]:
            raise LookupError(f"{kind} have no facet '{facet}'; {did_you_mean(facet, FACETS[kind])}")
        values = {word.casefold(): word for entry in catalog.kind(kind).values() for word in facets(entry)[facet]}
        if value.casefold() not in values and value not in {"yes", "no"} and facet != "status":
            raise LookupError(f"no {kind} with {facet} '{value}'; {did_you_mean(value, values.values())}")
        entries = [e for e in entries if value.casefold() in {word.casefold() for word in facets(e)[facet]}]
    return sorted(entries, key=order)


def order(entry: Entry) -> tuple[str, ...]:
    """Newest papers first within their place in the list; everything else by id."""
    if isinstance(entry, Paper):
        return (
            entry.direction,
            entry.bucket or "",
            f"{entry.list_order if entry.list_order is not None else 9999:06d}",
        )
    return (entry.id,)
