"""One file becomes one reading: the entry, what other entries need to know of it, and what is wrong with it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple, get_args

from pydantic import ValidationError

from registry import ids, textyaml
from registry.problems import Problem, from_validation
from registry.schema import (
    KINDS,
    Benchmark,
    Claim,
    Entry,
    Method,
    Paper,
    Place,
    Relation,
    Remark,
    ReportedTable,
    Repository,
    Text,
)
from registry.status import ACTIVE


class Pointer(NamedTuple):
    """A field of an entry that names another entry, `papers/kore-2025`."""

    field: str
    target: str


class Outline(NamedTuple):
    """What the checks across entries need to know of one entry; plain data, so that it can be cached."""

    ref: str
    stage: str
    title: str
    pointers: tuple[Pointer, ...]
    relations: tuple[tuple[str, str], ...]
    external: tuple[tuple[str, str, str], ...]
    """(field, scheme, key under which equal ids are equal)."""
    formerly: tuple[str, ...]
    into: str | None
    terms: tuple[tuple[str, str, str], ...]
    """(field, vocabulary, word)."""
    place: str | None
    """Table and row of the public list; no two entries share one, except rows that name several papers."""
    stale: tuple[str, ...]
    """Fields whose Chinese was written for an earlier English text."""
    untranslated: tuple[str, ...] = ()
    """Fields whose Chinese is missing."""

    @property
    def path(self) -> str:
        """The file, relative to the folder of the data."""
        return f"{self.ref}.yaml"

    @property
    def active(self) -> bool:
        """Whether the entry counts."""
        return self.stage in ACTIVE


@dataclass(frozen=True)
class Reading:
    """What one file gave."""

    ref: str
    entry: Entry | None
    outline: Outline | None
    problems: tuple[Problem, ...]


def read(ref: str, content: bytes) -> Reading:
    """Read the content of `<kind>/<id>.yaml`; every problem is collected, none raised."""
    kind_name, _, name = ref.partition("/")
    kind = KINDS[kind_name]
    path = f"{ref}.yaml"
    try:
        tree = textyaml.load(content)
    except textyaml.UnreadableError as error:
        return Reading(ref, None, None, (Problem(path, "", error.message, error.hint, error.line),))
    try:
        entry = kind.model_validate(tree)
    except ValidationError as error:
        source = content.decode()
        found = (_placed(problem, path, source) for problem in from_validation(error, kind, tree))
        return Reading(ref, None, None, tuple(found))
    if entry.id != name:
        hint = f"rename the file to {entry.id}.yaml, or write id: {name}"
        wrong = Problem(path, "id", f"'{entry.id}' is not the name of the file", hint, 1)
        return Reading(ref, None, None, (wrong,))
    return Reading(ref, entry, outline(kind_name, entry), ())


def _placed(problem: Problem, path: str, source: str) -> Problem:
    steps = tuple(int(step) if step.isdigit() else step for step in problem.field.split(".") if step)
    return replace(problem, path=path, line=textyaml.line_of(source, steps))


def outline(kind: str, entry: Entry) -> Outline:
    """What other entries need to know of this one."""
    return Outline(
        ref=f"{kind}/{entry.id}",
        stage=entry.stage,
        title=ids.title_key(_title(entry)),
        pointers=tuple(_pointers(kind, entry)),
        relations=tuple((relation.kind, relation.target) for relation in entry.relations),
        external=tuple(_external(entry)),
        formerly=entry.formerly,
        into=f"{kind}/{entry.status[-1].into}" if entry.status[-1].into else None,
        terms=tuple(_terms(entry)),
        place=_place(entry),
        stale=tuple(name for name, text in texts(entry) if text.state == "stale"),
        untranslated=tuple(
            name for name, text in texts(entry) if text.state == "missing" and not isinstance(text, Place)
        ),
    )


def _title(entry: Entry) -> str:
    if isinstance(entry, Paper):
        return entry.title
    return entry.full_name if isinstance(entry, Repository) else getattr(entry, "name", entry.id)


def _pointers(kind: str, entry: Entry) -> Iterator[Pointer]:
    for number, relation in enumerate(entry.relations):
        yield Pointer(f"relations.{number}.target", relation.target)
    for number, change in enumerate(entry.status):
        if change.into:
            yield Pointer(f"status.{number}.into", f"{kind}/{change.into}")
    match entry:
        case Paper():
            if entry.code.known:
                yield Pointer("code.value", f"repositories/{entry.code.known}")
        case Benchmark():
            yield from _optional("paper", "papers", entry.paper)
            yield from _optional("code", "repositories", entry.code)
        case Method():
            yield from _optional("paper", "papers", entry.paper)
        case ReportedTable():
            yield Pointer("paper", f"papers/{entry.paper}")
            for number, row in enumerate(entry.rows):
                yield from _optional(f"rows.{number}.method", "methods", row.method)
        case Claim():
            if entry.source is None:
                yield Pointer("paper", f"papers/{entry.paper}")
            yield from _reported(entry)
        case _:
            pass


def _optional(field: str, kind: str, name: str | None) -> Iterator[Pointer]:
    if name is not None:
        yield Pointer(field, f"{kind}/{name}")


def _reported(claim: Claim) -> Iterator[Pointer]:
    for number, comparison in enumerate(claim.comparisons):
        for side in ("reported_left", "reported_right"):
            if cell := getattr(comparison, side):
                yield Pointer(f"comparisons.{number}.{side}", f"reported/{cell.partition('/')[0]}")


def _external(entry: Entry) -> Iterator[tuple[str, str, str]]:
    if isinstance(entry, Paper):
        for scheme, value in entry.ids.items():
            yield f"ids.{scheme}", scheme, ids.same(scheme, value)
    if isinstance(entry, Repository):
        yield "full_name", entry.host, f"{entry.role if entry.host == 'huggingface' else ''}{entry.full_name.lower()}"
        if entry.numeric_id.known:
            yield "numeric_id.value", f"{entry.host} number", str(entry.numeric_id.known)


def _terms(entry: Entry) -> Iterator[tuple[str, str, str]]:
    if isinstance(entry, Paper):
        yield "direction", "directions", entry.direction
        if entry.bucket:
            yield "bucket", "buckets", entry.bucket
        for number, word in enumerate(entry.model_types):
            yield f"model_types.{number}", "model_types", ids.slug(word)
    if isinstance(entry, Benchmark):
        for number, word in enumerate(entry.dimensions):
            yield f"dimensions.{number}", "dimensions", word
    if isinstance(entry, Method):
        yield "family", "families", entry.family


def _place(entry: Entry) -> str | None:
    order = getattr(entry, "list_order", None)
    if order is None:
        return None
    match entry:
        case Paper():
            return f"{entry.direction} {entry.bucket or ''} row {order}"
        case Repository():
            return f"{entry.list_section} row {order}"
        case _:
            return f"benchmarks row {order}"


def texts(entry: Entry) -> Iterator[tuple[str, Remark]]:
    """Every text of an entry that readers see, with the path of its field."""
    for name in text_fields(type(entry)):
        value = getattr(entry, name)
        if value is not None:
            yield name, value
    for number, change in enumerate(entry.status):
        yield f"status.{number}.reason", change.reason
    for number, arrow in enumerate(entry.relations):
        if arrow.note is not None:
            yield f"relations.{number}.note", arrow.note
    for number, issue in enumerate(entry.known_issues):
        yield f"known_issues.{number}.what", issue.what
        yield f"known_issues.{number}.evidence", issue.evidence


@cache
def text_fields(kind: type[Entry]) -> tuple[str, ...]:
    """The fields of a kind that hold one text in both languages."""
    kinds = {name: info.annotation for name, info in kind.model_fields.items()}
    return tuple(name for name, found in kinds.items() if {found, *get_args(found)} & {Remark, Text, Place})


__all__ = ["Outline", "Pointer", "Reading", "Relation", "outline", "read", "texts"]
