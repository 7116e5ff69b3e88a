"""The typed entries of the registry: what a paper, benchmark, repository, method, reported table or claim may say.

Every entry is one YAML file below `registry/data/<kind>/<id>.yaml`. Scalars arrive as text (see `registry.textyaml`);
the types here give them meaning. Unknown keys are refused. Fractions are in [0, 1], dates are ISO 8601, stars are counts.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

T = TypeVar("T")

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s<>\"]+$", max_length=500)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=400, pattern=r"^[^\n]+$")]
Prose = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Month = Annotated[str, StringConstraints(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]
"""Year and month of the first public version, `2025-05`."""

Unknown = Literal["none", "not-checked"]
"""`none`: looked for, does not exist. `not-checked`: nobody has looked. A blank never means either."""


class Model(BaseModel):
    """Base of all entries and their parts: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Text(Model):
    """One text in both languages."""

    en: Prose
    zh: Prose
    translation: Literal["human", "machine"] = "human"
    """Who wrote the language that is not the original."""
    translated_from: str | None = None
    """First 12 hex digits of the SHA-256 of the English text that the Chinese was written for; another digest means stale."""


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


class KnownIssue(Model):
    """Something that is known to be wrong with the entry's paper, code or listing."""

    what: Text
    evidence: Prose
    """Repository, commit and file, table and cell, or URL."""
    checked: date | None = None
    original: Line | None = None
    """The text as the corrected source has it, when the entry deviates from it."""


class Relation(Model):
    """A typed arrow to another entry, `<kind>/<id>`. The inverse is computed, never written."""

    kind: Literal[
        "introduces", "evaluates-on", "implements", "extends", "compares-with", "rebuts", "reproduces", "surveys",
        "same-row-as", "distinct-from", "supersedes",
    ]
    target: Annotated[str, StringConstraints(pattern=r"^(papers|benchmarks|repositories|methods|reported|claims)/[a-z0-9-]+$")]
    note: Line | None = None


class StatusChange(Model):
    """Where an entry stands in its life, since when, why."""

    state: Literal["candidate", "recorded", "superseded", "withdrawn", "retracted", "merged"]
    since: date
    reason: Line
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
    note: Prose | None = None


class ExternalIds(Model):
    """Names of the same thing elsewhere; patterns and uniqueness: `registry.ids`."""

    arxiv: str | None = None
    doi: str | None = None
    openreview: str | None = None
    acl: str | None = None
    cvf: str | None = None
    ecva: str | None = None
    huggingface: str | None = None


Direction = Literal[
    "distill", "replay", "parameter-regularization", "lora-isolation", "knowledge-editing", "benchmark",
]
"""Where the list files a paper: the four main directions, knowledge editing as related branch, and benchmark papers."""

Bucket = Literal["multimodal", "online-loss", "self", "rl", "mechanism"]
"""The five subcategories of distill."""


class Paper(Entry):
    """One publication."""

    title: Line
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
    code: Fact[Slug] = Fact(value="not-checked")
    """Id of the official repository entry."""
    authors: tuple[Line, ...] = ()
    list_order: int | None = None
    """Place among the rows of the same table of the public list, from 0; keeps its order."""


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
    full_name: Line
    """owner/name as the host spells it."""
    url: Url
    numeric_id: Fact[int] = Fact(value="not-checked")
    """GitHub's own number: survives renames and transfers."""
    role: Literal["official", "community", "infrastructure", "awesome-list", "dataset", "model", "collection", "paper-page"]
    category: Text | None = None
    stars: Fact[int] = Fact(value="not-checked")
    licence: Fact[str] = Fact(value="not-checked")
    state: Fact[Literal["active", "archived", "empty", "gone"]] = Fact(value="not-checked")
    last_push: Fact[str] = Fact(value="not-checked")
    summary: Text | None = None
    list_section: Literal["aggregation", "infrastructure", "huggingface"] | None = None
    list_order: int | None = None


Family = Literal[
    "baseline", "distill", "replay", "parameter-regularization", "lora-isolation", "knowledge-editing", "retrieval",
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
    state_kept: Line | None = None
    at_inference: Line | None = None
    implemented: bool = False
    why_not: Text | None = None
    """Required when not implemented."""


class Cell(Model):
    """A printed value, text as printed, with its repair if the reading was provably wrong."""

    printed: str
    value: float | None
    """The number meant; None for a dash."""
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
    caption: Line
    """In our words."""
    model: Line | None = None
    source: Line
    """Which document was read, and how."""
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


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
