"""Random entries of every kind, with every field that the schema knows and hostile text in them; a seed makes one."""

from __future__ import annotations

import random
import types
from datetime import date, timedelta
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from registry import ids, schema
from registry.schema import Cell, Entry, ExternalIds, Fact, Method, Paper, Remark, ReportedTable, StatusChange, Text

MARKS = " :#-?&*!|>'\"%@`{}[],\\~=<$^/.;()\u00a0\u3000\ufffd\u200b\u0301中文字é😀\U0010fffd\ue000"
WORDS = (
    ": ",
    " #",
    "- ",
    "---",
    "...",
    "null",
    "yes",
    "1e5",
    "0x1F",
    "<<",
    "!!int",
    "&a",
    "*a",
    "%YAML",
    "\u00ad",
    "'''",
)
HOSTILE = [*MARKS, *WORDS]
PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789      "


class Maker:
    """Makes entries from one source of randomness."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def entry(self, kind: type[Entry]) -> Entry:
        """A whole entry that the schema allows."""
        given: dict[str, Any] = {"status": (self.status(),), "formerly": ("an-id-that-was",)}
        if kind is Paper:
            distill = self.random.random() < 0.5
            given |= {"direction": "distill" if distill else "replay", "bucket": "self" if distill else None}
        if kind is Method:
            runs = self.random.random() < 0.5
            given |= {"implemented": runs, "why_not": None if runs else self.model(Text)}
        if kind is ReportedTable:
            given |= self.table()
        return self.model(kind, **given)

    def table(self) -> dict[str, Any]:
        """Columns, and rows whose cells stand in them."""
        columns = [self.model(schema.Column, id=f"c{n}") for n in range(self.random.randint(1, 4))]
        rows = []
        for number in range(self.random.randint(1, 4)):
            chosen = self.random.sample(columns, self.random.randint(0, len(columns)))
            cells = {column.id: self.model(Cell) for column in chosen}
            rows.append(self.model(schema.Row, id=f"r{number}", cells=cells))
        return {"columns": tuple(columns), "rows": tuple(rows)}

    def model(self, kind: type[BaseModel], **given: Any) -> Any:
        """A model with all its fields."""
        if kind is ExternalIds:
            names = self.random.sample(list(ids.SCHEMES), self.random.randint(0, 4))
            return ExternalIds.model_validate({name: ids.SCHEMES[name].example for name in names})
        if issubclass(kind, Fact):
            return self.fact(kind)
        fields = {
            name: given[name] if name in given else self.value(info.annotation, info.metadata)
            for name, info in kind.model_fields.items()
        }
        return kind.model_validate(fields)

    def fact(self, kind: type[Fact[Any]]) -> Fact[Any]:
        """A value with its source and day, or one that nobody looked up."""
        if self.random.random() < 0.3:
            return kind(value="not-checked")
        info = kind.model_fields["value"]
        value = "not-checked"
        while value == "not-checked":
            value = self.value(info.annotation, [])
        return kind(value=value, source=self.url(), checked=self.day(), evidence=self.line() if self.coin() else None)

    def value(self, annotation: Any, metadata: list[Any]) -> Any:
        """A value of a type."""
        origin, arguments = get_origin(annotation), get_args(annotation)
        if hasattr(annotation, "__metadata__"):
            return self.value(annotation.__origin__, list(annotation.__metadata__))
        if origin is Literal:
            return self.random.choice(arguments)
        if origin in (Union, types.UnionType):
            return self.value(self.random.choice(arguments), metadata)
        if origin is tuple:
            return tuple(self.value(arguments[0], []) for _ in range(self.random.randint(1, 2)))
        if annotation is StatusChange:
            return self.status()
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return self.model(annotation)
        if annotation is str:
            return self.text(metadata)
        return {
            int: lambda: self.random.randint(0, 10**9),
            float: lambda: self.random.choice([0.0, -1.5, 12.34, 1e-9, 1e22, self.random.random()]),
            bool: self.coin,
            date: self.day,
            type(None): lambda: None,
        }[annotation]()

    def text(self, metadata: list[Any]) -> str:
        """Text as its constraint wants it."""
        pattern = next((found.pattern for found in metadata if getattr(found, "pattern", None)), "") or ""
        if pattern.startswith("^[a-z0-9]+(-"):
            return self.slug()
        if pattern.startswith("^https?"):
            return self.url()
        if pattern.startswith("^(19|20)"):
            return f"{self.random.randint(1990, 2030)}-{self.random.randint(1, 12):02d}"
        if pattern.startswith("^(papers|"):
            return f"papers/{self.slug()}"
        if pattern.startswith("^[A-Za-z0-9]["):
            return f"{self.slug()}/{self.slug()}"
        if pattern == r"^[0-9a-f]{12}$":
            return f"{self.random.getrandbits(48):012x}"
        longest = next((found.max_length for found in metadata if getattr(found, "max_length", None)), 300) or 300
        return self.line(newline=longest > 400, longest=min(longest, 300))

    def line(self, *, newline: bool = False, longest: int = 120) -> str:
        """Hostile text without what the schema refuses."""
        while True:
            pool = HOSTILE + list(PLAIN) + (["\n", "\n\n", "\n  "] if newline else [])
            made = "".join(self.random.choices(pool, k=self.random.randint(1, longest)))[:longest].strip()
            try:
                Holder.model_validate({"prose" if newline else "line": made})
            except ValidationError:
                continue
            return made

    def slug(self) -> str:
        """An id."""
        return "-".join("".join(self.random.choices("abcxyz0189", k=self.random.randint(1, 6))) for _ in range(2))

    def url(self) -> str:
        """An address with marks in it."""
        return f"https://{self.slug()}.org/" + "".join(self.random.choices("abc?&=#%_.~:@!*'(),;+", k=12))

    def day(self) -> date:
        """A day in this century."""
        return date(2000, 1, 1) + timedelta(days=self.random.randint(0, 10_000))

    def coin(self) -> bool:
        """Heads or tails."""
        return self.random.random() < 0.5

    def status(self) -> StatusChange:
        """A beginning."""
        return StatusChange(
            state=self.random.choice(["candidate", "recorded"]), since=self.day(), reason=self.model(Remark)
        )


class Holder(schema.Model):
    """Checks single texts."""

    line: schema.Line | None = None
    prose: schema.Prose | None = None
