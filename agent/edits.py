"""An operation on an entry gives the entry as it would become. Pure; the same for review, diff and apply."""

from __future__ import annotations

import copy
import difflib
from typing import Any

from pydantic import JsonValue, ValidationError

from agent.proposals import Operation
from registry import textyaml
from registry.catalog import Catalog
from registry.schema import KINDS, Entry


class ConflictError(ValueError):
    """The entry does not say what the operation expects it to say."""


class UnfitError(ValueError):
    """The entry would not fit the schema afterwards."""


def tree_of(entry: Entry) -> dict[str, Any]:
    """An entry as its file says it, every leaf text."""
    return textyaml.load(textyaml.dump(entry))


def entry_of(kind: str, tree: dict[str, Any]) -> Entry:
    """The typed entry of a tree.

    Raises:
        UnfitError: it does not fit the schema; says where.
    """
    try:
        return KINDS[kind].model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UnfitError(f"{place}: {first['msg']}") from None


def current(tree: Any, field: str) -> JsonValue | None:  # noqa: ANN401 - a tree of text
    """What stands at a path, None when nothing does."""
    node = tree
    for part in field.split("."):
        if isinstance(node, dict):
            node = node.get(part)
        elif isinstance(node, list) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        else:
            return None
    return node


def applied(entry: Entry | None, operation: Operation) -> Entry:
    """The entry after the operation; `entry` is None for a new one.

    Raises:
        ConflictError: the field does not say what the operation expects.
        UnfitError: the result does not fit the schema.
    """
    kind, _, name = operation.target.partition("/")
    if operation.is_new_entry:
        if entry is not None:
            raise ConflictError(f"{operation.target} exists already")
        assert isinstance(operation.new, dict)  # noqa: S101 - the operation's own validator says so
        return entry_of(kind, {"id": name, **operation.new})
    if entry is None:
        raise ConflictError(f"{operation.target} does not exist")
    tree = copy.deepcopy(tree_of(entry))
    change(tree, operation)
    return entry_of(kind, tree)


def change(tree: dict[str, Any], operation: Operation) -> None:
    """Carry an operation out on a tree, in place."""
    here = current(tree, operation.field)
    if operation.kind == "set":
        if here != operation.old:
            raise ConflictError(
                f"{operation.field} now says {shown(here)}, the proposal expects {shown(operation.old)}"
            )
        put(tree, operation.field, operation.new)
        return
    items = list(here) if isinstance(here, list) else []
    if operation.kind == "remove":
        if operation.old not in items:
            raise ConflictError(f"{operation.field} has no {shown(operation.old)} any more")
        items.remove(operation.old)
    elif operation.kind in {"transition", "merge"}:
        if items[-1:] != [operation.old]:
            raise ConflictError(f"the status is now {shown(items[-1] if items else None)}, not {shown(operation.old)}")
        items.append(operation.new)
    else:
        if operation.new in items:
            raise ConflictError(f"{operation.field} has {shown(operation.new)} already")
        items.append(operation.new)
    put(tree, operation.field, items)


def put(tree: dict[str, Any], field: str, value: JsonValue) -> None:
    """Set what stands at a path; an empty list takes its key away."""
    *way, last = field.split(".")
    node: Any = tree
    for part in way:
        node = node[int(part)] if isinstance(node, list) else node.setdefault(part, {})
    if isinstance(node, list):
        node[int(last)] = value
    elif value == []:
        node.pop(last, None)
    else:
        node[last] = value


def shown(value: JsonValue | None) -> str:
    """A value in a few words for a message."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        value = value.get("value") or value.get("state") or value.get("target") or "…"
    return repr(str(value)[:60])


def diff(entry: Entry | None, operation: Operation) -> list[str]:
    """Unified diff of the entry's canonical text, without file headers.

    Raises:
        ConflictError, UnfitError: as `applied`.
    """
    before = textyaml.dump(entry).splitlines() if entry is not None else []
    after = textyaml.dump(applied(entry, operation)).splitlines()
    lines = list(difflib.unified_diff(before, after, lineterm="", n=2))
    return (
        [line for line in lines[2:] if not line.startswith("@@")]
        if entry is not None
        else [f"+{line}" for line in after]
    )


def find(catalog: Catalog, target: str) -> Entry | None:
    """The entry of a reference, None when there is none."""
    kind, _, name = target.partition("/")
    return catalog.kind(kind).get(name)
