"""YAML as text: every scalar is read as the words that stand there, and there is exactly one way to write an entry.

The usual loaders turn the arXiv id 2505.24440 into the number 2505.2444, `no` into False, and keep the last of two
equal keys. Here the schema gives scalars their meaning, equal keys are refused, and so is what an entry has no use for:
tags, anchors, aliases, directives, several documents, comments, more than a megabyte.

The canonical form (`dump`): the id first, then the fields in the order of the schema, defaults left out, long prose
folded at 100 columns. Strings that another YAML reader would take for a number, a date or a truth value are quoted,
so that other tools read the same.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel
from yaml.cyaml import CParser  # pyright: ignore[reportAttributeAccessIssue] - made in C
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

Tree = dict[str, "Tree"] | list["Tree"] | str
"""What a file says, before the schema gives it meaning."""
E = TypeVar("E", bound=BaseModel)
T = TypeVar("T")
Event = Any
"""An event of the parser; its class says what it is and which fields it has."""
Following = Callable[[], Event]
"""Gives the next event."""

MAX_BYTES = 1_000_000
MAX_DEPTH = 12
WIDTH = 100


@dataclass
class UnreadableError(ValueError):
    """A text that is not one plain YAML mapping; says what, where and how to mend it."""

    message: str
    line: int | None = None
    hint: str = ""

    def __str__(self) -> str:
        """One line."""
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{self.message}" + (f" ({self.hint})" if self.hint else "")


# Reading ------------------------------------------------------------------------------------------------------------

COMMENT = re.compile(r"(?:^|[ \t])#", re.MULTILINE)


def load(text: str | bytes) -> dict[str, Tree]:
    """The mapping a text holds, every scalar as text.

    Raises:
        UnreadableError: it is not exactly one plain mapping in UTF-8 with unique keys.
    """
    source = decode(text)
    tree = _parsed(source, _document)
    if "#" in source and COMMENT.search(source):
        _refuse_comments(source, compose(source))
    return tree


def decode(text: str | bytes) -> str:
    """UTF-8 without a byte order mark, of bearable size."""
    if len(text) > MAX_BYTES:
        raise UnreadableError(f"larger than {MAX_BYTES // 1000} kB", hint="an entry is a few kB; split it")
    if isinstance(text, str):
        return text
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise UnreadableError(f"byte 0x{text[error.start]:02x} is not UTF-8", line, "save the file as UTF-8") from None
    if decoded.startswith("\ufeff"):
        raise UnreadableError("begins with a byte order mark", 1, "save the file as UTF-8 without BOM")
    return decoded


def _parsed(source: str, read: Callable[[CParser], T]) -> T:
    """What `read` makes of a parser on the text; the parser's complaints become one line each."""
    try:
        return read(CParser(source))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        raise UnreadableError(f"not YAML: {error.problem or error.context}", line) from None
    except yaml.reader.ReaderError as error:
        line = source.count("\n", 0, error.position) + 1
        raise UnreadableError(f"character U+{_code(error.character):04X} is not allowed", line) from None
    except (UnicodeEncodeError, yaml.YAMLError, RecursionError) as error:
        raise UnreadableError(f"not YAML: {' '.join(str(error).split())[:120]}") from None


def _code(character: object) -> int:
    return ord(character) if isinstance(character, str) else int(str(character))


def _document(parser: CParser) -> dict[str, Tree]:
    """The one mapping of the one document, read event by event: faster than nodes, and nothing is resolved."""
    following = parser.get_event
    following()
    start = following()
    if start.__class__ is StreamEndEvent:
        raise UnreadableError("the file is empty")
    if start.version or start.tags:
        raise _refused("a directive (%...)", start)
    first = following()
    if first.__class__ is not MappingStartEvent:
        raise UnreadableError("the file is not a mapping of fields", _line(first), "write `field: value` lines")
    tree = _mapping_of(following, first, 1)
    following()
    more = following()
    if more.__class__ is not StreamEndEvent:
        raise UnreadableError("not YAML: but found another document", _line(more), "one file, one entry")
    return tree


def _mapping_of(following: Following, start: Event, depth: int) -> dict[str, Tree]:
    _allow(start, depth)
    tree: dict[str, Tree] = {}
    while (key := following()).__class__ is not MappingEndEvent:
        if key.__class__ is not ScalarEvent:
            _allow(key, depth)
            raise UnreadableError("a field name must be a word", _line(key))
        if key.anchor is not None or key.tag is not None:
            _allow(key, depth)
        name = key.value
        if name in tree:
            raise UnreadableError(f"field '{name[:60]}' stands twice", _line(key), "keep one of them")
        value = following()
        if value.__class__ is ScalarEvent and value.anchor is None and value.tag is None:
            tree[name] = value.value
        else:
            tree[name] = _value_of(following, value, depth + 1)
    return tree


def _value_of(following: Following, event: Event, depth: int) -> Tree:
    if event.__class__ is MappingStartEvent:
        return _mapping_of(following, event, depth)
    _allow(event, depth)
    if event.__class__ is ScalarEvent:
        return event.value
    items: list[Tree] = []
    while (item := following()).__class__ is not SequenceEndEvent:
        items.append(_value_of(following, item, depth + 1))
    return items


def _allow(event: Event, depth: int) -> None:
    """Refuse what entries have no use for."""
    if event.__class__ is AliasEvent:
        raise _refused("an alias (*name)", event)
    if event.anchor is not None:
        raise _refused("an anchor (&name)", event)
    if event.tag is not None:
        raise _refused("a tag (!name)", event)
    if depth > MAX_DEPTH and event.__class__ is not ScalarEvent:
        raise UnreadableError(f"nested more than {MAX_DEPTH} levels deep", _line(event))


def _refused(what: str, event: Event) -> UnreadableError:
    return UnreadableError(f"{what} is not allowed", _line(event), "write the value out, or quote it")


def _line(thing: Event) -> int:
    return thing.start_mark.line + 1


def compose(source: str) -> yaml.Node:
    """The node tree of a text that parses, with marks of where everything stands."""
    node = yaml.CBaseLoader(source).get_single_node()
    if node is None:
        raise yaml.YAMLError("empty")
    return node


def _refuse_comments(source: str, node: yaml.Node) -> None:
    """A comment would vanish on the next format; remarks belong into `note`."""
    inside = [(leaf.start_mark.index, leaf.end_mark.index) for leaf in _leaves(node)]
    for found in COMMENT.finditer(source):
        position = found.end() - 1
        if not any(start <= position < end for start, end in inside):
            line = source.count("\n", 0, position) + 1
            raise UnreadableError("a comment is not kept", line, "put it into the field `note`, or quote the #")


def _leaves(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [leaf for pair in node.value for part in pair for leaf in _leaves(part)]
    if isinstance(node, yaml.SequenceNode):
        return [leaf for part in node.value for leaf in _leaves(part)]
    return [node]


def parse(kind: type[E], text: str | bytes) -> E:
    """The entry of a kind that a text describes.

    Raises:
        UnreadableError: not a plain mapping.
        pydantic.ValidationError: the mapping does not fit the schema.
    """
    return kind.model_validate(load(text))


def line_of(source: str, path: tuple[str | int, ...]) -> int | None:
    """Line on which the value at a path begins, or the nearest enclosing one; None when the text does not parse."""
    try:
        node: yaml.Node = compose(source)
    except yaml.YAMLError:
        return None
    line = 1
    for step in path:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == step]
            if not found:
                return line
            line, node = _line(found[0][0]), found[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = _line(node)
        else:
            return line
    return line


# Writing ------------------------------------------------------------------------------------------------------------

UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""What no YAML text may hold bare. (Line feed and tab are allowed in some places and checked there.)"""
WORDS = re.compile(r"(?:y|n|yes|no|on|off|true|false|null|none|nan|inf)", re.IGNORECASE)
NUMBERLIKE = re.compile(r"[-+.]?[0-9][-+0-9._:,eExXoObBa-fA-FTtZz ]*")
FLOW_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")


class Inline(dict[str, Any]):
    """A mapping that goes on one line when it fits."""


def dump(entry: BaseModel | Mapping[str, Any]) -> str:
    """The canonical text of an entry. Parsing and dumping it again gives the same bytes, for every entry.

    Raises:
        ValueError: a text holds half of a surrogate pair, which no file can.
    """
    tree = plain(entry) if isinstance(entry, BaseModel) else dict(entry)
    lines = _mapping(tree, indent=0)
    text = "\n".join(lines) + "\n"
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"half a surrogate pair (U+{ord(text[error.start]):04X}) cannot be written") from None
    return text


def plain(model: BaseModel) -> dict[str, Any]:
    """A model as nested mappings in schema order, defaults left out."""
    inline = getattr(type(model), "INLINE", False)
    tree: dict[str, Any] = Inline() if inline else {}
    for name in order(type(model)):
        field = type(model).model_fields[name]
        value = getattr(model, name)
        if not field.is_required() and value == field.default:
            continue
        tree[name] = _plain(value)
    return tree


@cache
def order(kind: type[BaseModel]) -> tuple[str, ...]:
    """Field names as they are written: the id, what is peculiar to the kind, then what all kinds share."""
    shared = [name for base in kind.__bases__ for name in getattr(base, "model_fields", {})]
    own = [name for name in kind.model_fields if name not in shared]
    return tuple(
        ["id"] * ("id" in kind.model_fields) + [n for n in own if n != "id"] + [n for n in shared if n != "id"]
    )


def _plain(value: object) -> Any:  # noqa: ANN401 - a tree of scalars, lists and mappings
    if isinstance(value, BaseModel):
        short = getattr(value, "as_written", None)
        return plain(value) if short is None else short
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _mapping(tree: Mapping[str, Any], indent: int) -> list[str]:
    lines: list[str] = []
    for key, value in tree.items():
        lines.extend(_item(f"{' ' * indent}{_word(key)}:", value, indent + 2))
    return lines


def _sequence(items: list[Any], indent: int) -> list[str]:
    lines: list[str] = []
    for item in items:
        head = f"{' ' * indent}-"
        if isinstance(item, Mapping) and item and not _one_line(item, indent + 2):
            first, *rest = _mapping(item, indent + 2)
            lines.extend([f"{head} {first.lstrip(' ')}", *rest])
        else:
            lines.extend(_item(head, item, indent + 2))
    return lines


def _item(head: str, value: object, indent: int) -> list[str]:
    """`head` and the value: on the same line, or as a block below it."""
    if isinstance(value, Mapping):
        flow = "{}" if not value else _one_line(value, len(head))
        return [f"{head} {flow}"] if flow else [head, *_mapping(value, indent)]
    if isinstance(value, list):
        return [head, *_sequence(value, indent)] if value else [f"{head} []"]
    if isinstance(value, str):
        return _text(head, value, indent)
    return [f"{head} {_number(value)}"]


def _one_line(value: Mapping[str, Any], used: int) -> str | None:
    """The flow form of an inline mapping, when all its values are scalars and it fits."""
    if not isinstance(value, Inline) or any(isinstance(item, Mapping | list) for item in value.values()):
        return None
    parts = [f"{_word(key)}: {_flow(item)}" for key, item in value.items()]
    flow = "{" + ", ".join(parts) + "}"
    return flow if used + 1 + len(flow) <= WIDTH else None


def _flow(value: object) -> str:
    if isinstance(value, str):
        return value if FLOW_PLAIN.fullmatch(value) and not WORDS.fullmatch(value) else _quoted(value)
    return _number(value)


def _number(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"cannot write {value!r} of type {type(value).__name__}")


def _text(head: str, value: str, indent: int) -> list[str]:
    if UNPRINTABLE.search(value) or "\t" in value or value != value.strip(" \n"):
        return [f"{head} {_quoted(value)}"]
    if "\n" in value:
        rows = value.split("\n")
        if any(row != row.rstrip(" ") for row in rows):
            return [f"{head} {_quoted(value)}"]
        return [f"{head} |-", *(f"{' ' * indent}{row}" if row else "" for row in rows)]
    if len(head) + 1 + len(value) > WIDTH and " " in value and "  " not in value:
        rows = textwrap.wrap(value, max(WIDTH - indent, 40), break_long_words=False, break_on_hyphens=False)
        if len(rows) > 1 and " ".join(rows) == value:
            return [f"{head} >-", *(f"{' ' * indent}{row}" for row in rows)]
    return [f"{head} {_word(value)}"]


def _word(value: str) -> str:
    """A scalar on one line: bare when every YAML reader takes it for the same text, else quoted."""
    return value if _is_bare(value) else _quoted(value)


def _is_bare(value: str) -> bool:
    return bool(
        value
        and value[0].isalnum()
        and not value[-1].isspace()
        and value[-1] != ":"
        and ": " not in value
        and " #" not in value
        and "\n" not in value
        and "\t" not in value
        and not UNPRINTABLE.search(value)
        and not WORDS.fullmatch(value)
        and not NUMBERLIKE.fullmatch(value)
    )


def _quoted(value: str) -> str:
    """Double-quoted; JSON's escapes are YAML's, and the rest of the unprintable is added."""
    text = json.dumps(value, ensure_ascii=False)
    return UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
