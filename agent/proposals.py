"""What the agent may say, what a person may say to it, and the pair of the two, which alone can change anything.

The agent has a closed list of typed operations, each with evidence; a person has four words.

`agent.apply` takes `Approved` and nothing else, and an `Approved` cannot be built from an operation that was not
approved exactly as it stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue, model_validator

from agent import ladder
from agent.messages import Evidence, Model, Moment, canonical, sha256
from agent.texts import folded, folded_address
from registry import ids
from registry.schema import Line

Kind = Literal["add", "set", "remove", "relate", "transition", "merge"]
"""What can be done: a new entry or list item, another value, an item less, an arrow, a step in life, two into one."""

Group = Literal["mechanical", "semantic", "numbers", "structural"]
"""Risk: stars and dates; venues, titles, licences; reported scores; new, withdrawn and merged entries."""

GROUPS: tuple[Group, ...] = ("structural", "numbers", "semantic", "mechanical")
"""Riskiest first: the order of review."""

ABSENT = "absent"
"""Base digest of an entry that is not there yet."""


def only_text(value: JsonValue) -> JsonValue:
    """Values are written to YAML, where every leaf is text."""
    if isinstance(value, dict):
        return {str(key): only_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [only_text(item) for item in value]
    if not isinstance(value, str):
        raise ValueError(f"values are text, lists and mappings of text; not {value!r}")
    return value


Value = Annotated[JsonValue, AfterValidator(only_text)]


class Operation(Model):
    """One change to one field of one entry, with the reason to believe it."""

    kind: Kind
    target: str = Field(pattern=r"^(papers|benchmarks|repositories|methods|reported|claims)/[a-z0-9-]+$")
    field: str = Field(default="", pattern=r"^([a-z_]+(\.(\d+|[a-z_]+))*)?$", max_length=60)
    """Path in the entry, `venue`, `datasets.0.licence`; empty for a whole new entry."""
    old: Value | None = None
    """What the field says now; the operation is void when it says something else."""
    new: Value | None = None
    group: Group
    confidence: float = Field(ge=0, le=1)
    reason: Line
    subject: str = Field(max_length=600)
    """External name that the evidence is about."""
    rung: str | None = None
    names: tuple[str, ...] = ()
    """For a new entry: everything it is known by, `arxiv:2605.01234`, `title:…`."""
    why: tuple[Line, ...] = ()
    """Explanations for the reviewer: nearest entries, what differs."""
    evidence: tuple[Evidence, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _makes_sense(self) -> Operation:
        if self.kind == "remove":
            if self.old is None or self.new is not None:
                raise ValueError("a removal has an old value and no new one")
        elif self.new is None:
            raise ValueError(f"'{self.kind}' needs a new value")
        if self.kind in {"transition", "merge"} and (self.field != "status" or self.group != "structural"):
            raise ValueError(f"'{self.kind}' changes the status and is structural")
        if self.kind == "relate" and self.field != "relations":
            raise ValueError("'relate' adds to the relations")
        if self.kind == "add" and not self.field and (self.group != "structural" or not isinstance(self.new, dict)):
            raise ValueError("a new entry is structural and a mapping of its fields")
        return self

    @property
    def digest(self) -> str:
        """SHA-256 over everything: any drift of value, reason or evidence gives another one."""
        return sha256(canonical(self.model_dump(mode="json")))

    @property
    def is_new_entry(self) -> bool:
        """Whether this would add a whole entry."""
        return self.kind == "add" and not self.field

    def same_claim(self, other: Operation) -> bool:
        """Whether both say the same on the same grounds, whenever it was read."""
        return claim(self) == claim(other)


def claim(operation: Operation) -> str:
    """Everything about an operation except when it was read."""
    content = operation.model_dump(mode="json")
    for evidence in content["evidence"]:
        del evidence["read_at"]
    return canonical(content | {"new": undated(content["new"])})


def undated(value: JsonValue) -> JsonValue:
    """A value without the days on which its facts were read."""
    if isinstance(value, dict):
        return {key: undated(item) for key, item in value.items() if key not in {"checked", "since"}}
    return [undated(item) for item in value] if isinstance(value, list) else value


def meanings(operation: Operation, redirects: Mapping[str, tuple[str, ...]] | None = None) -> frozenset[str]:
    """What the operation says, as keys that survive regrouping, renaming, rewording and another source.

    Args:
        operation: what is proposed.
        redirects: reference → the names its entry had before; a rejected fact stays rejected when the entry is renamed.
    """
    if operation.is_new_entry:
        return frozenset(f"new {name}" for name in operation.names)
    value = normalised(operation.field, operation.new if operation.new is not None else operation.old)
    verb = "without" if operation.kind == "remove" else "says"
    field = ".".join(part for part in operation.field.split(".") if not part.isdigit())
    entries = (operation.target, *(redirects or {}).get(operation.target, ()))
    return frozenset(f"{entry} {field} {verb} {value}" for entry in entries)


def normalised(field: str, value: JsonValue) -> str:
    """A value reduced to what it means: facts to their value, statuses to their state, venues to their short name."""
    if isinstance(value, dict):
        if "state" in value:
            return folded(f"{value['state']} {value.get('into', '')}")
        if "target" in value:
            return folded(f"{value.get('kind')} {value['target']}")
        if "value" in value:
            return normalised(field, value["value"])
        return folded(canonical(value))
    if isinstance(value, list):
        return " | ".join(sorted(normalised(field, item) for item in value))
    text = str(value)
    if field == "venue" and (place := ladder.venue(text, said=True)):
        return folded(place.name)
    if field == "title":
        return ids.title_key(text)
    return folded_address(text) if text.lower().startswith(("http://", "https://")) else folded(text)


class AskAgain(Model):
    """When a rejected fact may come back."""

    when: Literal["never", "after", "source-changes", "two-sources"] = "never"
    """Never; after a day; when the same source says it in other words; when two sources agree."""
    day: date | None = None

    @model_validator(mode="after")
    def _day_belongs_to_after(self) -> AskAgain:
        if (self.day is not None) != (self.when == "after"):
            raise ValueError("`day` belongs to `when: after`, and it needs one")
        return self


Word = Literal["approve", "reject", "edit", "needs-more"]
"""What a person can say to an operation."""


class Verdict(Model):
    """What a person said to one operation as it stood."""

    operation: str = Field(pattern=r"^[0-9a-f]{64}$")
    base: str = Field(pattern=r"^([0-9a-f]{64}|absent)$")
    """Digest of the entry that the person saw."""
    word: Word
    reviewer: str = Field(min_length=1, max_length=100)
    at: Moment
    reason: str = Field(default="", max_length=1000)
    value: Value | None = None
    """The person's own value, for `edit`."""
    ask_again: AskAgain = AskAgain()
    seconds: float | None = Field(default=None, ge=0)
    """How long the person looked at it."""
    via: Literal["terminal", "plain", "page", "pull-request"] = "terminal"

    @model_validator(mode="after")
    def _complete(self) -> Verdict:
        if self.word in {"reject", "needs-more"} and not self.reason.strip():
            raise ValueError(f"'{self.word}' needs a reason")
        if (self.value is not None) != (self.word == "edit"):
            raise ValueError("'edit' carries a value, and nothing else does")
        return self


class DriftError(ValueError):
    """A verdict was given to something that is no longer there as it was."""


@dataclass(frozen=True)
class Approved:
    """An operation together with a person's approval of exactly it, against exactly this entry."""

    operation: Operation
    verdict: Verdict
    base: str
    """Digest of the entry as it is now."""

    def __post_init__(self) -> None:
        """Refuse anything that was not approved as it stands."""
        name = f"{self.operation.target} {self.operation.field}".strip()
        if self.verdict.word not in {"approve", "edit"}:
            raise DriftError(f"{name}: the verdict is '{self.verdict.word}', not an approval")
        if self.verdict.operation != self.operation.digest:
            raise DriftError(f"{name}: the proposal is not what was approved; look at it again: aki agent review")
        if self.verdict.base != self.base:
            raise DriftError(f"{name}: the entry has changed since the approval; look at it again: aki agent review")

    @property
    def effective(self) -> Operation:
        """The operation to carry out: with the person's own value where they gave one."""
        if self.verdict.value is None:
            return self.operation
        return self.operation.model_copy(update={"new": self.verdict.value})
