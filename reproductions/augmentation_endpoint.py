"""Dialogues, summaries and short questions written by a language model behind any OpenAI-compatible address.

Answers are cached by request, so a second run costs nothing and an interrupted one goes on where it stopped. A budget
of requests and tokens is kept across threads. Every text passes `augmentation_check` or is left out and counted.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from reproductions import augmentation_check
from reproductions.augmentation import Exchange, Growth, Quadruplet
from reproductions.data.own import FactItem

KEY_VARIABLE = "AKI_ENDPOINT_KEY"
"""Environment variable with the key, if the endpoint wants one; it is never written anywhere."""
GROWN_FILE = "augmented.jsonl"
MAX_ANSWER_BYTES = 4_000_000
RETRIES = 4
_SYSTEM = """\
You turn one piece of knowledge into teaching material. Use only what the given text says: no outside knowledge, no new
names, numbers or dates, no guesses. Write in the language of the text. Reply with one JSON object and nothing else."""
_TASK = """\
The knowledge, about "{name}" ({kind}):
{source}

Write:
- "dialogue": {turns} questions that build on each other, each with a full-sentence answer;
- "summary": one paragraph that says everything;
- "quadruplets": {short} questions about the thing in the image, not naming it, each with an answer of a few words
  copied from the text, its "subject", and "hypernym", what kind of thing the subject is.
Format: {{"dialogue": [{{"question": "…", "answer": "…"}}], "summary": "…",
"quadruplets": [{{"question": "…", "answer": "…", "subject": "…", "hypernym": "…"}}]}}"""


class EndpointError(RuntimeError):
    """The endpoint refused, or answered something that is no answer."""


class BudgetSpent(RuntimeError):  # noqa: N818 - it is no error: what was paid for is kept
    """The next request would go beyond what was allowed."""


@dataclass(frozen=True)
class Endpoint:
    """Where the language model is, and how it is asked."""

    url: str
    """Base address, e.g. `http://localhost:8000/v1`; `/chat/completions` is appended."""
    model: str
    temperature: float = 0.0
    seed: int = 0
    max_answer_tokens: int = 1500
    timeout_seconds: float = 120.0


@dataclass
class Budget:
    """What may still be spent. Answers from the cache are free."""

    requests: int
    tokens: int
    """Prompt and answer together, as the endpoint counts them."""
    spent_requests: int = 0
    spent_tokens: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def reserve(self) -> None:
        """Take one request.

        Raises:
            BudgetSpent: nothing is left.
        """
        with self._lock:
            if self.spent_requests >= self.requests:
                raise BudgetSpent(f"all {self.requests} requests are spent")
            if self.spent_tokens >= self.tokens:
                raise BudgetSpent(f"{self.spent_tokens} of {self.tokens} tokens are spent")
            self.spent_requests += 1

    def add_tokens(self, tokens: int) -> None:
        """Count what an answer took."""
        with self._lock:
            self.spent_tokens += tokens


class Rejected(BaseModel):
    """A generated text that did not stay inside its source."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    part: str
    text: str
    missing: tuple[str, ...]


class GrownItem(BaseModel):
    """One line of `augmented.jsonl`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    source_digest: str
    """SHA-256 of what the texts were written from; a changed item has to be augmented again."""
    model: str
    growth: Growth
    rejected: tuple[Rejected, ...] = ()


@dataclass
class Harvest:
    """What a whole run brought."""

    grown: list[GrownItem] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    """Item id → why there is nothing for it."""
    left: list[str] = field(default_factory=list)
    """Items that the budget did not reach."""


def augment(
    items: Sequence[FactItem], endpoint: Endpoint, budget: Budget, cache: Path, *, parallel: int = 4, turns: int = 5
) -> Harvest:
    """Ask for every item; results are in the order of the items."""
    harvest, by_id = Harvest(), {}
    with ThreadPoolExecutor(max_workers=parallel) as pool:
        waiting = {pool.submit(grow, item, endpoint, budget, cache, turns=turns): item for item in items}
        for future in as_completed(waiting):
            item = waiting[future]
            try:
                by_id[item.id] = future.result()
            except BudgetSpent:
                harvest.left.append(item.id)
            except EndpointError as error:
                harvest.failed[item.id] = str(error)
    harvest.grown = [by_id[item.id] for item in items if item.id in by_id]
    order = {item.id: index for index, item in enumerate(items)}
    harvest.left.sort(key=order.__getitem__)
    return harvest


def grow(item: FactItem, endpoint: Endpoint, budget: Budget, cache: Path, *, turns: int = 5) -> GrownItem:
    """One item's tree, checked.

    Raises:
        EndpointError: no usable answer.
        BudgetSpent: asking would go beyond the budget.
    """
    content = ask(_prompt(item, turns), endpoint, budget, cache)
    growth, rejected = inside_only(parse(content), item)
    return GrownItem(
        id=item.id, source_digest=source_digest(item), model=endpoint.model, growth=growth, rejected=tuple(rejected)
    )


def source_digest(item: FactItem) -> str:
    """SHA-256 of everything that the texts may use."""
    return hashlib.sha256(item.source.encode()).hexdigest()


def inside_only(growth: Growth, item: FactItem) -> tuple[Growth, list[Rejected]]:
    """Keep what the item supports. A summary that says too much is replaced by the item's own text."""
    rejected: list[Rejected] = []
    dialogue = tuple(_kept(growth.dialogue, "dialogue", item, rejected))
    short = tuple(_kept(growth.quadruplets, "quadruplet", item, rejected))
    verdict = augmentation_check.check(growth.summary, item.source)
    if not verdict.inside:
        rejected.append(Rejected(part="summary", text=growth.summary, missing=verdict.missing))
    summary = growth.summary if verdict.inside else item.text
    return Growth(dialogue=dialogue, summary=summary, quadruplets=short), rejected


_Said = TypeVar("_Said", bound=Exchange)


def _kept(said: Sequence[_Said], part: str, item: FactItem, rejected: list[Rejected]) -> Iterator[_Said]:
    for one in said:
        judge = augmentation_check.check_phrase if part == "quadruplet" else augmentation_check.check
        verdicts = (augmentation_check.check_question(one.question, item.source), judge(one.answer, item.source))
        missing = tuple(word for verdict in verdicts if not verdict.inside for word in verdict.missing)
        if all(verdict.inside for verdict in verdicts) and one.question and one.answer:
            yield one
        else:
            rejected.append(Rejected(part=part, text=f"{one.question} → {one.answer}", missing=missing))


def _prompt(item: FactItem, turns: int) -> list[dict[str, str]]:
    asked = _TASK.format(name=item.name, kind=item.kind, source=item.source, turns=turns, short=turns)
    return [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": asked}]


def parse(content: str) -> Growth:
    """The JSON object inside an answer, which models like to wrap in prose or a code fence.

    Raises:
        EndpointError: there is none of the wanted form.
    """
    start, end = content.find("{"), content.rfind("}")
    try:
        raw = json.loads(content[start : end + 1]) if start >= 0 else None
    except json.JSONDecodeError as error:
        raise EndpointError(f"the answer is no JSON ({error.msg}): {content[:80]!r}") from None
    if not isinstance(raw, dict):
        raise EndpointError(f"the answer holds no JSON object: {content[:80]!r}")
    known = {key: raw[key] for key in ("dialogue", "summary", "quadruplets") if key in raw}
    for key, kind in (("dialogue", Exchange), ("quadruplets", Quadruplet)):
        listed = known.get(key, [])
        rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
        known[key] = [{name: row[name] for name in kind.model_fields if name in row} for row in rows]
    try:
        return Growth.model_validate(known)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise EndpointError(f"the answer's {place}: {first['msg'].lower()}") from None


# Asking


def ask(messages: Sequence[dict[str, str]], endpoint: Endpoint, budget: Budget, cache: Path) -> str:
    """The model's answer to a conversation; from the cache where it was asked before."""
    body = {
        "model": endpoint.model,
        "messages": list(messages),
        "temperature": endpoint.temperature,
        "seed": endpoint.seed,
        "max_tokens": endpoint.max_answer_tokens,
    }
    canonical = json.dumps({"url": endpoint.url, **body}, sort_keys=True, ensure_ascii=False)
    kept = cache / f"{hashlib.sha256(canonical.encode()).hexdigest()}.json"
    if kept.is_file():
        return _content(json.loads(kept.read_text(encoding="utf-8")))
    budget.reserve()
    answer = _post(endpoint, body)
    content = _content(answer)
    budget.add_tokens(_tokens(answer, messages, content))
    cache.mkdir(parents=True, exist_ok=True)
    half = kept.with_suffix(f".{threading.get_ident()}.half")
    half.write_text(json.dumps(answer, ensure_ascii=False), encoding="utf-8")
    half.replace(kept)
    return content


def _tokens(answer: dict[str, Any], messages: Sequence[dict[str, str]], content: str) -> int:
    """As counted by the endpoint; where it does not say, four characters per token."""
    usage = answer.get("usage") or {}
    counted = usage.get("total_tokens")
    if isinstance(counted, int):
        return counted
    return (sum(len(message["content"]) for message in messages) + len(content)) // 4


def _content(answer: dict[str, Any]) -> str:
    try:
        content = answer["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        raise EndpointError(f"the answer has no choices[0].message.content; its keys: {sorted(answer)}") from None
    if not isinstance(content, str):
        raise EndpointError(f"the answer's content is {type(content).__name__}, not text")
    return content


def _post(endpoint: Endpoint, body: dict[str, Any]) -> dict[str, Any]:
    """One request, repeated with growing pauses where that may help (429, 5xx, no connection)."""
    for attempt in range(RETRIES):
        last = attempt == RETRIES - 1
        try:
            return _post_once(endpoint, body)
        except urllib.error.HTTPError as error:
            said = error.read(300).decode("utf-8", "replace")
            if last or (error.code != 429 and error.code < 500):
                raise EndpointError(f"{endpoint.url} answered {error.code}: {said[:200]}") from None
            time.sleep(_pause(error.headers.get("Retry-After"), attempt))
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            if last:
                raise EndpointError(f"{endpoint.url} cannot be reached: {error}") from None
            time.sleep(_pause(None, attempt))
    raise AssertionError("unreachable")


def _pause(retry_after: str | None, attempt: int) -> float:
    """Seconds to wait, at most a minute."""
    if retry_after is not None and retry_after.strip().isdigit():
        return min(60.0, float(retry_after))
    return min(60.0, 0.5 * 2**attempt)


def _post_once(endpoint: Endpoint, body: dict[str, Any]) -> dict[str, Any]:
    if not endpoint.url.startswith(("http://", "https://")):
        raise EndpointError(f"{endpoint.url!r} is no http address")
    headers = {"Content-Type": "application/json"}
    key = os.environ.get(KEY_VARIABLE)
    if key:
        headers["Authorization"] = f"Bearer {key}"
    address = endpoint.url.rstrip("/") + "/chat/completions"
    request = urllib.request.Request(address, json.dumps(body).encode(), headers)  # noqa: S310 - checked above
    with urllib.request.urlopen(request, timeout=endpoint.timeout_seconds) as response:  # noqa: S310
        raw = response.read(MAX_ANSWER_BYTES + 1)
    if len(raw) > MAX_ANSWER_BYTES:
        raise EndpointError(f"{endpoint.url} answered more than {MAX_ANSWER_BYTES} bytes")
    try:
        answer = json.loads(raw)
    except ValueError:
        raise EndpointError(f"{endpoint.url} answered no JSON: {raw[:80]!r}") from None
    if not isinstance(answer, dict):
        raise EndpointError(f"{endpoint.url} answered {type(answer).__name__}, not an object")
    return answer


# Beside the facts


def write_grown(folder: Path, grown: Sequence[GrownItem]) -> Path:
    """Write `augmented.jsonl`, whole or not at all."""
    path = folder / GROWN_FILE
    half = path.with_suffix(".half")
    half.write_text("".join(f"{one.model_dump_json()}\n" for one in grown), encoding="utf-8")
    half.replace(path)
    return path


def read_grown(folder: Path, items: Sequence[FactItem]) -> dict[str, Growth]:
    """Texts that were written for the items as they are now, by item id; nothing if none were written.

    Raises:
        ValueError: an item has changed since, or a line cannot be read.
    """
    path = folder / GROWN_FILE
    if not path.is_file():
        return {}
    known = {item.id: item for item in items}
    found: dict[str, Growth] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            one = GrownItem.model_validate_json(line)
        except ValidationError as error:
            raise ValueError(f"{path}:{number}: {error.errors()[0]['msg']}; run `aki reproduce data augment`") from None
        item = known.get(one.id)
        if item is None:
            continue
        if one.source_digest != source_digest(item):
            raise ValueError(f"{path}:{number}: {one.id} has changed since; run `aki reproduce data augment` again")
        found[one.id] = one.growth
    return found
