"""What the agent says to the outside world and what it hears: requests, answers, and what a source reads from them.

Everything here is a frozen value that can be written to a file and read back, so a run can be replayed from its
recorded exchanges. Credentials are named, never carried: a `Request` says "with the GitHub token", the transport
has it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, PlainSerializer


class Model(BaseModel):
    """Base of the agent's values: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def to_utc(moment: datetime) -> datetime:
    """The same instant in UTC to the second; a time without a zone is refused."""
    if moment.tzinfo is None:
        raise ValueError("a time needs a zone, 2026-11-25T03:00:00Z")
    return moment.astimezone(UTC).replace(microsecond=0)


def stamp(moment: datetime) -> str:
    """`2026-11-25T03:00:00Z`."""
    return to_utc(moment).strftime("%Y-%m-%dT%H:%M:%SZ")


Moment = Annotated[datetime, AfterValidator(to_utc), PlainSerializer(stamp, return_type=str, when_used="json")]
"""An instant, UTC, whole seconds."""


def canonical(value: JsonValue) -> str:
    """The one JSON text of a value: keys sorted, no spaces, no escapes for letters."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def sha256(text: str) -> str:
    """SHA-256 of the UTF-8 bytes, 64 hex digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Request(Model):
    """One question to one host."""

    source: str
    """Name of the source that asks."""
    purpose: str
    """`update`, `discover`, `link` … : what the answer is for."""
    url: str
    method: Literal["GET", "HEAD", "POST"] = "GET"
    body: str | None = None
    """JSON text of a POST."""
    accept: str = "application/json"
    subjects: tuple[str, ...] = ()
    """External names asked about, `arxiv:2505.24440`, in the order of the question."""
    credential: str | None = None
    """Name of the token to send, `github`; the token itself is known to the transport only."""
    patience: int = 4
    """Tries before giving up on a busy host; 1 returns whatever came first."""
    hints: dict[str, str] = Field(default_factory=dict)
    """What `follow` and `read` need besides: GitHub's numbers by subject, the page of a query."""
    attempt: int = 1
    """2 and more: the same question again because the first answer was not believed."""

    @property
    def host(self) -> str:
        """Host name the question goes to, as the source spells it."""
        return urlsplit(self.url).hostname or ""

    @property
    def key(self) -> str:
        """Equal for questions that may share a cached answer."""
        return sha256(canonical([self.method, self.url, self.body, self.accept]))


class Answer(Model):
    """What came back, after redirects; the body is text, and tokens in it have been blotted out."""

    status: int
    url: str
    """Where the answer came from in the end."""
    headers: dict[str, str] = Field(default_factory=dict)
    """The few that matter, names in lower case."""
    body: str = ""
    fetched_at: Moment
    redirects: tuple[str, ...] = ()
    """Addresses passed on the way, first to last, without the final one."""
    revalidated: bool = False
    """The host said 304: the body is the one kept from an earlier run."""
    reused: bool = False
    """Kept from an earlier run and young enough not to be asked for again; `fetched_at` is when it was really heard."""

    @property
    def ok(self) -> bool:
        """Status 200 to 299."""
        return 200 <= self.status < 300


FailureKind = Literal["refused", "cooling-down", "budget", "too-large", "timeout", "no-such-host", "unreachable"]


class Failure(Model):
    """Why there is no answer."""

    kind: FailureKind
    message: str
    at: Moment


class Exchange(Model):
    """A question with its answer or the reason that there is none."""

    request: Request
    answer: Answer | None = None
    failure: Failure | None = None

    @property
    def good(self) -> Answer | None:
        """The answer if it is one of the 200s."""
        return self.answer if self.answer and self.answer.ok else None


class Evidence(Model):
    """Where and when a value was read, with the words."""

    source: str
    url: str = Field(max_length=500)
    read_at: Moment
    content: str = Field(pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of the kept excerpt, `workspace/evidence/<content>.txt`."""
    locator: str = Field(min_length=1, max_length=200)
    """Place within the answer, `data.r0.stargazerCount`, `entry/arxiv:comment`."""
    quote: str = Field(max_length=300)
    """Found verbatim in the excerpt."""


class Observation(Model):
    """One value of one thing in the world, as one source gave it."""

    source: str
    subject: str
    """External name, `github:zjunlp/EasyEdit`."""
    field: str
    """What was seen, in the source's vocabulary: `stars`, `venue`, `withdrawn`, `listing` …"""
    value: JsonValue
    rung: str | None = None
    """Rung of the venue or code-link ladder."""
    evidence: Evidence
    excerpt: str
    """The part of the answer that the evidence's `content` is the digest of."""


class Reading(Model):
    """Everything a source made of its exchanges."""

    observations: tuple[Observation, ...] = ()
    answered: tuple[str, ...] = ()
    """Subjects about which there was an answer: silence about a field then means it has no value."""
    missing: tuple[str, ...] = ()
    """Subjects asked for and not returned."""
    problems: tuple[str, ...] = ()
    """One line each; any problem makes the run partial."""


def observe(
    answer: Answer,
    source: str,
    subject: str,
    field: str,
    value: JsonValue,
    *,
    excerpt: str,
    locator: str,
    quote: str,
    rung: str | None = None,
    url: str | None = None,
) -> Observation:
    """An observation whose evidence is `quote` within `excerpt` of `answer`.

    Raises:
        ValueError: the quote is not in the excerpt: evidence must be found verbatim.
    """
    kept, excerpt, value = whole(shorten(quote)), whole(excerpt), whole_value(value)
    if kept not in excerpt:
        raise ValueError(f"{source}: {subject}: the quoted words are not in the answer: {kept[:60]!r}")
    evidence = Evidence(
        source=source,
        url=url or answer.url,
        read_at=answer.fetched_at,
        content=sha256(excerpt),
        locator=locator,
        quote=kept,
    )
    return Observation(
        source=source, subject=subject, field=field, value=value, rung=rung, evidence=evidence, excerpt=excerpt
    )


def whole(text: str) -> str:
    """The text with halves of surrogate pairs, which JSON can smuggle in and no file can hold, marked as unreadable."""
    return text.encode("utf-8", "replace").decode("utf-8")


def whole_value(value: JsonValue) -> JsonValue:
    """The same for every text in a value."""
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, list):
        return [whole_value(item) for item in value]
    return {key: whole_value(item) for key, item in value.items()} if isinstance(value, dict) else value


def shorten(text: str, limit: int = 300) -> str:
    """The first `limit` characters."""
    return text[:limit]


def in_chunks(items: Iterable[str], size: int) -> list[tuple[str, ...]]:
    """Pieces of at most `size`, order kept."""
    everything = tuple(items)
    return [everything[start : start + size] for start in range(0, len(everything), size)]
