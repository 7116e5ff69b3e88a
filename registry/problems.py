"""What is wrong with a file, told so that it can be mended: path, field, line, message, hint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, get_args

from pydantic import BaseModel, ValidationError


@dataclass(frozen=True)
class Problem:
    """One thing to mend. `path` is relative to the folder of the data; errors fail a check, warnings too."""

    path: str
    field: str
    message: str
    hint: str = ""
    line: int | None = None
    severity: Literal["error", "warning"] = "error"

    @property
    def place(self) -> tuple[str, int, str, str]:
        """Sorts problems by file, line and field."""
        return (self.path, self.line or 0, self.field, self.message)

    def __str__(self) -> str:
        """`path:line: field: message (hint)`."""
        where = f"{self.path}:{self.line}" if self.line else self.path
        parts = [where, self.field, self.message] if self.field else [where, self.message]
        mark = "warning: " if self.severity == "warning" else ""
        return mark + ": ".join(parts) + (f" ({self.hint})" if self.hint else "")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint naming the nearest known word, or some of the known words."""
    options = sorted(known)
    near = get_close_matches(word, options, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{near[0]}'?"
    if not options:
        return "there are none yet"
    return f"one of: {', '.join(options[:12])}" + (", …" if len(options) > 12 else "")


def from_validation(error: ValidationError, kind: type[BaseModel], tree: Mapping[str, Any]) -> list[Problem]:
    """The problems that pydantic found in a tree read for a kind, in plain words; path and line are not yet set."""
    problems: dict[tuple[str, str], Problem] = {}
    for detail in error.errors(include_url=False, include_context=True):
        steps = steps_of(detail["loc"], tree, missing=detail["type"] == "missing")
        message, hint = _words(detail, kind, steps)
        field = ".".join(str(step) for step in steps)
        problems.setdefault((field, message), Problem("", field, message, hint))
    return _without_branches(list(problems.values()))


def steps_of(location: tuple[int | str, ...], tree: object, *, missing: bool) -> tuple[int | str, ...]:
    """The steps of an error's location that exist in the data; pydantic adds names of union branches."""
    steps: list[int | str] = []
    for step in location:
        inside = _inside(tree, step)
        if inside is not None:
            tree = inside
        elif not (missing and step == location[-1]):
            continue
        steps.append(step)
    return tuple(steps)


def _inside(tree: object, step: int | str) -> object | None:
    if isinstance(tree, dict):
        return tree.get(step)
    if isinstance(tree, list) and isinstance(step, int) and step < len(tree):
        return tree[step]
    return None


def _words(detail: Any, kind: type[BaseModel], steps: tuple[int | str, ...]) -> tuple[str, str]:  # noqa: ANN401
    given, context = detail["input"], detail.get("ctx", {})
    shown = repr(given) if not isinstance(given, str) or len(given) <= 60 else repr(given[:57] + "…")
    if given == "" and detail["type"] != "missing":
        return "is empty", "leave the field out, or write a value"
    match detail["type"]:
        case "missing":
            return "is required", ""
        case "extra_forbidden":
            return "unknown field", did_you_mean(str(steps[-1]), _fields(kind, steps[:-1]))
        case "literal_error":
            return f"{shown} is not allowed here", f"expected {context.get('expected', '')}"
        case "value_error":
            return str(context.get("error", detail["msg"])).removeprefix("Value error, "), ""
        case "string_pattern_mismatch":
            return _pattern_words(shown, str(context.get("pattern", "")))
        case "string_too_long":
            return f"has {len(given)} characters, more than {context.get('max_length')}", "shorten it"
        case "too_short":
            return "needs at least one item", ""
        case "model_type" | "dict_type" | "tuple_type" | "string_type":
            expected = {
                "model_type": "fields",
                "dict_type": "fields",
                "tuple_type": "a list",
                "string_type": "one text",
            }
            return f"expected {expected[detail['type']]} here, found {_sort(given)}", ""
        case _:
            return f"{shown}: {detail['msg'][:1].lower()}{detail['msg'][1:]}", ""


def _pattern_words(shown: str, pattern: str) -> tuple[str, str]:
    if pattern.startswith("^[a-z0-9]+(-"):
        return f"{shown} is not an id", "small letters, digits and single hyphens"
    if pattern.startswith("^https?"):
        return f"{shown} is not an address", "it begins with https:// and has no spaces"
    if pattern.startswith("^(19|20)"):
        return f"{shown} is not a month", "write 2025-05, or the year alone"
    if pattern.startswith("^(papers|"):
        return f"{shown} is not a reference", "write kind/id, papers/kore-2025"
    if pattern.startswith("^[^\\s"):
        return f"{shown} holds a line break, a control character or space at its ends", "one clean line"
    return f"{shown} does not have the form {pattern}", ""


def _sort(given: object) -> str:
    return {dict: "fields", list: "a list", str: "a text"}.get(type(given), type(given).__name__)


def _fields(kind: type[BaseModel], steps: tuple[int | str, ...]) -> list[str]:
    """The field names that are known at a place of an entry."""
    model: type[BaseModel] = kind
    for step in steps:
        if isinstance(step, int) or step not in model.model_fields:
            continue
        inner = _models(model.model_fields[step].annotation)
        if not inner:
            return []
        model = inner[0]
    return list(model.model_fields)


def _models(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def _without_branches(problems: list[Problem]) -> list[Problem]:
    """One problem per field: a union that fails reports every branch."""
    first: dict[str, Problem] = {}
    for problem in problems:
        first.setdefault(problem.field, problem)
    return list(first.values())
