"""The typed entries of the registry: what a paper, benchmark, repository, method, reported table or claim may say.

Every entry is one YAML file below `registry/data/<kind>/<id>.yaml`. Scalars arrive as text (see `registry.textyaml`);
the types here give them meaning. Unknown keys are refused. Fractions are in [0, 1], dates ISO 8601, stars counts.
"""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Annotated, ClassVar, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from registry import ids as external
from registry import phrases
from registry.status import ACTIVE, State, illegal

T = TypeVar("T")

CLEAN = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff"
"""Characters no text may hold: controls, line separators that editors hide, and marks that reorder what is read."""

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s<>\"]+$", max_length=500)]
Line = Annotated[str, StringConstraints(max_length=400, pattern=rf"^[^\s{CLEAN}]([^\n\t{CLEAN}]*[^\s{CLEAN}])?$")]
"""One line of text without spaces at its ends."""
Prose = Annotated[str, StringConstraints(max_length=2000, pattern=rf"^[^\s{CLEAN}]([^{CLEAN}]*[^\s{CLEAN}])?$")]
"""Text of one or more lines without space at its ends."""
Month = Annotated[str, StringConstraints(pattern=r"^(19|20)\d{2}(-(0[1-9]|1[0-2]))?$")]
"""Year and month of the first public version, `2025-05`; the year alone where the source says no more."""

Unknown = Literal["none", "not-checked"]
"""`none`: looked for, does not exist. `not-checked`: nobody has looked. A blank never means either."""


class Model(BaseModel):
    """Base of all entries and their parts: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    INLINE: ClassVar[bool] = False
    """Written on one line in the canonical form when it fits."""


def text_digest(text: str) -> str:
    """First 12 hex digits of the SHA-256 of a text; says which English a Chinese text was written for."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


Translation = Literal["human", "machine", "stale", "missing"]


class Remark(Model):
    """A text that readers see.

    In a file a plain string is its English: the Chinese is then that of the fixed sentence (`registry.phrases`), or
    missing, which `aki registry check` warns of.
    """

    ONE_LINE: ClassVar[bool] = True

    en: Prose
    zh: Prose | None = None
    translation: Literal["human", "machine"] = "machine"
    """`human` once a person who reads both languages has confirmed that they say the same."""
    translated_from: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12}$")] | None = None
    """`text_digest` of the English text that the Chinese was written for; another digest means stale."""

    @model_validator(mode="before")
    @classmethod
    def _from_one_line(cls, value: object) -> object:
        return {"en": value, "zh": phrases.chinese(value)} if isinstance(value, str) and cls.ONE_LINE else value

    @classmethod
    def of(cls, line: str) -> Self:
        """A remark from its English alone, with Chinese where the sentence is a fixed one."""
        return cls.model_validate(line)

    @property
    def state(self) -> Translation:
        """Translation state as shown to readers: stale when the English has changed since."""
        if self.zh is None:
            return "missing"
        stale = self.translated_from is not None and self.translated_from != text_digest(self.en)
        return "stale" if stale else self.translation

    @property
    def as_written(self) -> str | None:
        """The one line that says the same in a file, where there is one."""
        return self.en if self.ONE_LINE and self == type(self).model_validate(self.en) else None


class Text(Remark):
    """One text in both languages."""

    ONE_LINE: ClassVar[bool] = False

    zh: Prose  # pyright: ignore[reportIncompatibleVariableOverride, reportGeneralTypeIssues] - frozen, so narrowing is safe


class Place(Remark):
    """Where something was seen: names of files, tables and addresses, the same in every language, or words in both."""


class Fact(Model, Generic[T]):
    """A volatile value with the place and the day it was read."""

    value: T | Unknown
    source: Url | None = None
    """Where it was read; required unless the value is `not-checked`."""
    checked: date | None = None
    """When it was read; required unless the value is `not-checked`."""
    evidence: Line | None = None
    """What was seen there: a short quoted span or a locator."""
    confidence: Literal["proceedings", "doi", "journal-ref", "comment", "list", "human"] | None = None
    """Rung of the venue or code-link ladder that the value stands on."""

    @model_validator(mode="after")
    def _evidence_needed(self) -> Self:
        read = (self.source is not None, self.checked is not None)
        if self.value == "not-checked" and any(read):
            raise ValueError("a value that is not-checked has neither source nor checked; leave them out")
        if self.value != "not-checked" and not all(read):
            raise ValueError("a value needs source (URL) and checked (date); or write value: not-checked")
        return self

    @property
    def known(self) -> T | None:
        """The value itself, or None when it is `none` or `not-checked`."""
        return None if self.value in ("none", "not-checked") else self.value  # pyright: ignore[reportReturnType]


class KnownIssue(Model):
    """Something that is known to be wrong with the entry's paper, code or listing."""

    what: Text
    evidence: Place
    """Repository, commit and file, table and cell, or URL."""
    checked: date | None = None
    original: Line | None = None
    """The text as the corrected source has it, when the entry deviates from it."""


class Relation(Model):
    """A typed arrow to another entry, `<kind>/<id>`. The inverse is computed, never written."""

    kind: Literal[
        "introduces",
        "evaluates-on",
        "implements",
        "extends",
        "compares-with",
        "rebuts",
        "reproduces",
        "surveys",
        "same-row-as",
        "distinct-from",
        "supersedes",
    ]
    target: Annotated[
        str, StringConstraints(pattern=r"^(papers|benchmarks|repositories|methods|reported|claims)/[a-z0-9-]+$")
    ]
    note: Remark | None = None


class StatusChange(Model):
    """Where an entry stands in its life, since when, why."""

    state: State
    since: date
    reason: Remark
    evidence: Line | None = None
    into: Slug | None = None
    """The entry that took over, for superseded and merged."""


class Entry(Model):
    """What all kinds share."""

    id: Slug
    status: tuple[StatusChange, ...] = Field(min_length=1)
    """History, oldest first; the last one holds. Legal steps: see `registry.status`."""
    formerly: tuple[Slug, ...] = ()
    """Retired ids that redirect here; never reused."""
    aliases: tuple[Line, ...] = ()
    relations: tuple[Relation, ...] = ()
    known_issues: tuple[KnownIssue, ...] = ()
    note: Remark | None = None

    @model_validator(mode="after")
    def _legal_life(self) -> Self:
        if wrong := illegal(self.status):
            raise ValueError(wrong)
        if self.id in self.formerly:
            raise ValueError(f"'{self.id}' cannot be a former id of itself")
        return self

    @property
    def stage(self) -> State:
        """The status that holds now."""
        return self.status[-1].state

    @property
    def active(self) -> bool:
        """Whether it counts in totals and is shown by default: candidate or recorded."""
        return self.stage in ACTIVE


class ExternalIds(Model):
    """Names of the same thing elsewhere; how each looks and where it leads: `registry.ids`."""

    arxiv: str | None = None
    doi: str | None = None
    openreview: str | None = None
    acl: str | None = None
    cvf: str | None = None
    ecva: str | None = None
    aaai: str | None = None
    huggingface: str | None = None
    semantic_scholar: str | None = None
    openalex: str | None = None
    dblp: str | None = None

    @model_validator(mode="after")
    def _patterns(self) -> Self:
        for scheme, value in self.items():
            if wrong := external.wrong(scheme, value):
                raise ValueError(wrong)
        return self

    def items(self) -> tuple[tuple[str, str], ...]:
        """The ids that are set, as (scheme, value)."""
        pairs = ((name, getattr(self, name)) for name in type(self).model_fields)
        return tuple((name, value) for name, value in pairs if value is not None)


Direction = Literal[
    "distill",
    "replay",
    "parameter-regularization",
    "lora-isolation",
    "knowledge-editing",
    "benchmark",
]
"""Where the list files a paper: the four main directions, knowledge editing as related branch, and benchmark papers."""

Bucket = Literal["multimodal", "online-loss", "self", "rl", "mechanism"]
"""The five subcategories of distill."""


class Paper(Entry):
    """One publication."""

    title: Line
    listed_as: Line | None = None
    """The name the public list's English table shows, where it is shorter than the title."""
    date: Month
    ids: ExternalIds = ExternalIds()
    links: tuple[Url, ...] = Field(min_length=1)
    """Landing page first."""
    venue: Fact[str]
    year: int | None = None
    direction: Direction
    bucket: Bucket | None = None
    """Only for `distill`."""
    position: Text | None = None
    """Its place in the field in a few words."""
    model_types: tuple[Line, ...] = Field(min_length=1)
    summary: Text
    tasks: Text | None = None
    datasets: tuple[Line, ...] = ()
    """Names of data sets and benchmarks; the same in every language."""
    data_note: Text | None = None
    """What the source says about the data where it gives no name."""
    code: Fact[Slug] = Fact(value="not-checked")
    """Id of the official repository entry."""
    authors: tuple[Line, ...] = ()
    list_order: int | None = None
    """Place among the rows of the same table of the public list, from 0; keeps its order."""

    @model_validator(mode="after")
    def _bucket_only_for_distill(self) -> Self:
        if (self.bucket is not None) != (self.direction == "distill"):
            raise ValueError(
                f"direction '{self.direction}' with bucket {self.bucket!r}: distill needs one, others have none"
            )
        return self

    @property
    def first_year(self) -> int:
        """Year of the first public version."""
        return int(self.date[:4])


class Dataset(Model):
    """A data set that a benchmark ships."""

    name: Line
    url: Url
    huggingface: str | None = None
    revision: Fact[str] = Fact(value="not-checked")
    licence: Fact[str] = Fact(value="not-checked")


class Benchmark(Entry):
    """A benchmark or data set for knowledge injection, retention, continual learning or editing."""

    name: Line
    type: Text
    paper: Slug | None = None
    code: Slug | None = None
    """Repository entry."""
    datasets: tuple[Dataset, ...] = ()
    dimensions: tuple[Slug, ...] = ()
    """Evaluation dimensions of the taxonomy."""
    metric: Line | None = None
    licence: Fact[str] = Fact(value="not-checked")
    summary: Text
    implementation: Slug | None = None
    """File in `reproductions/benchmarks/`, hyphens for underscores, when we can run it."""
    list_order: int | None = None


class Repository(Entry):
    """A code repository, or a model or data-set resource on the Hugging Face Hub."""

    name: Line
    host: Literal["github", "huggingface"]
    full_name: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9._-]+$", max_length=140)
    ]
    """owner/name as the host spells it."""
    url: Url
    numeric_id: Fact[int] = Fact(value="not-checked")
    """GitHub's own number: survives renames and transfers."""
    role: Literal[
        "official", "community", "infrastructure", "awesome-list", "dataset", "model", "collection", "paper-page"
    ]
    category: Text | None = None
    stars: Fact[int] = Fact(value="not-checked")
    licence: Fact[str] = Fact(value="not-checked")
    state: Fact[Literal["active", "archived", "empty", "gone"]] = Fact(value="not-checked")
    last_push: Fact[str] = Fact(value="not-checked")
    summary: Text | None = None
    list_section: Literal["aggregation", "infrastructure", "huggingface"] | None = None
    list_order: int | None = None


Family = Literal[
    "baseline",
    "distill",
    "replay",
    "parameter-regularization",
    "lora-isolation",
    "knowledge-editing",
    "retrieval",
]


class Method(Entry):
    """A way of injecting knowledge, as published; `reproductions/methods/<id>.py` is our code for it."""

    name: Line
    paper: Slug | None = None
    introduced_in: Line | None = None
    """Citation of a paper that has no entry here, with its arXiv id."""
    family: Family
    idea: Text
    variant: Text | None = None
    """Which of several algorithms of this name ours is, and where it differs from the paper or its code."""
    state_kept: Text | None = None
    """What it keeps between tasks."""
    at_inference: Text | None = None
    """What answers once it has learned."""
    implemented: bool = False
    why_not: Text | None = None
    """Required when not implemented."""

    @model_validator(mode="after")
    def _reason_when_not_implemented(self) -> Self:
        if self.implemented == (self.why_not is not None):
            raise ValueError("a method is either implemented or says why_not; write exactly one of them")
        return self


class Cell(Model):
    """A printed value, text as printed, with its repair if the reading was provably wrong."""

    INLINE: ClassVar[bool] = True

    printed: Annotated[str, StringConstraints(max_length=80, pattern=rf"^[^\n\t{CLEAN}]+$")]
    value: Annotated[float, Field(allow_inf_nan=False)] | None = None
    """The number meant; absent for a dash."""
    proof: Prose | None = None
    """Why `value` differs from `printed`."""


class Column(Model):
    """A column of a reported table."""

    id: Slug
    name: Line
    metric: Line
    unit: Literal["percent", "points", "count", "millions", "seconds", "score"]
    direction: Literal["higher", "lower", "none"]
    group: Line | None = None
    formula: Line | None = None
    """`mean(cem, f1)`, or `table:row/column` references: how the cell follows from others. See `registry.audit`."""
    decimals: int = 2


class Row(Model):
    """A row of a reported table: one cell per column that is not empty."""

    id: Slug
    label: Line
    method: Slug | None = None
    group: Line | None = None
    cells: dict[Slug, Cell]


class ReportedTable(Entry):
    """A result table of a paper, cell by cell."""

    paper: Slug
    table: Line
    """`Table 1`"""
    caption: Remark
    """In our words."""
    model: Line | None = None
    source: Remark
    """Which document was read, and how."""
    columns: tuple[Column, ...] = Field(min_length=1)
    rows: tuple[Row, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _cells_stand_in_columns(self) -> Self:
        columns, rows = [column.id for column in self.columns], [row.id for row in self.rows]
        for kind, names in (("column", columns), ("row", rows)):
            if len(set(names)) < len(names):
                raise ValueError(f"{kind} '{next(n for n in names if names.count(n) > 1)}' stands twice")
        for row in self.rows:
            if strays := sorted(set(row.cells) - set(columns)):
                raise ValueError(f"row '{row.id}' has a cell in '{strays[0]}', which is no column of this table")
        return self


class Comparison(Model):
    """A statement about numbers that a run, or a reported table, can decide: `left relation right + margin`."""

    protocol: Literal["injection", "continual", "editing"]
    metric: Slug
    """`adaptation`, `retention`, `average`, `cem`, `f1`, or a retention dimension."""
    left: Line
    """Method id with options, `kore`, `kore[data=raw]`."""
    relation: Literal["greater", "less", "equal"]
    right: Line
    margin: float = 0.0
    """In the metric's unit (fraction)."""
    reported_left: Line | None = None
    """Cell of a reported table, `kore-table-1/kore/avg`."""
    reported_right: Line | None = None


class Claim(Entry):
    """What a paper says to be true, stated so that a run can support or contradict it."""

    paper: Slug
    """Paper entry; a short name of the source where it has none, see `source`."""
    source: Line | None = None
    """Citation of a source that has no paper entry: a survey, the public list."""
    locator: Line
    """Section, observation number, table."""
    statement: Text
    comparisons: tuple[Comparison, ...] = ()
    """All must hold for the claim to be supported; none: not decidable by a run, say why in `note`."""


class Term(Model):
    """A word of the controlled vocabulary."""

    id: Slug
    label: Text
    definition: Text
    example: Line | None = None
    strengths: Text | None = None
    weaknesses: Text | None = None
    standing: Text | None = None
    """Where public work on it stands."""
    signals: Text | None = None
    """Usual training signals and losses."""
    relevance: Text | None = None
    """What it teaches about injecting knowledge and keeping abilities."""
    entries: tuple[Line, ...] = ()
    """Names of representative entries."""


class Taxonomy(Model):
    """The controlled vocabularies, `registry/data/taxonomy.yaml`."""

    directions: tuple[Term, ...]
    buckets: tuple[Term, ...]
    dimensions: tuple[Term, ...]
    model_types: tuple[Term, ...]
    families: tuple[Term, ...]
    version: str


KINDS: dict[str, type[Entry]] = {
    "papers": Paper,
    "benchmarks": Benchmark,
    "repositories": Repository,
    "methods": Method,
    "reported": ReportedTable,
    "claims": Claim,
}
"""Folder name below `registry/data` → entry type."""
