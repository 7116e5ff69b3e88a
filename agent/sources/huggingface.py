"""Hugging Face Hub: whether data sets and models exist, are gated, at which revision, with which licence; paper pages.

There is no batch by id, so assets of one author are asked for with one author list when it pays; the rest one by one
with `expand`, which returns just the fields we read. Answers are read with huggingface_hub's types. Anonymous requests
for a missing or private asset get 401, not 404: then the answer is "not checked".
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from huggingface_hub.hf_api import DatasetInfo, ModelInfo

from agent.messages import Answer, Exchange, Observation, Reading, Request, canonical, observe
from agent.source import Settings, Source, Watched, distinct, in_turn, refusals

API = "https://huggingface.co/api"
EXPAND = ("sha", "likes", "downloads", "gated", "disabled", "lastModified", "cardData")
LIST_FROM = 2
"""From so many assets of one author on, the author's list is asked for instead."""
LIST_LENGTH = 100
PAPER_PAGES = 4
"""Paper pages asked for in one visit; every visit takes the next ones."""
ALLOWANCE = 60
"""Requests of a visit from which on paper pages, which are hints only, are asked for one by one."""


class HuggingFace(Source):
    """Data sets and models by name or by author."""

    name = "huggingface"
    title = "Hugging Face"
    interval_days = 7

    def plan(self, watched: Sequence[Watched], settings: Settings) -> tuple[Request, ...]:
        """One request per author with several assets of a kind, one per remaining asset, one per paper page."""
        by_author: dict[tuple[str, str], list[str]] = defaultdict(list)
        papers = []
        for one in distinct(watched, "huggingface"):
            kind, owner, _ = split(one.subject)
            if kind == "papers":
                papers.append(one.subject)
            elif kind in {"datasets", "models"}:
                by_author[kind, owner].append(one.subject)
        requests = []
        for (kind, owner), subjects in sorted(by_author.items()):
            if len(subjects) >= LIST_FROM:
                requests.append(by_owner(kind, owner, subjects))
            else:
                requests += [by_name(subject) for subject in subjects]
        room = max(1, ALLOWANCE - len(requests))
        chosen = in_turn(papers, min(settings.options.get("paper_pages", PAPER_PAGES), room), settings.turn)
        return (*requests, *(paper_page(subject) for subject in chosen))

    def follow(self, exchange: Exchange) -> tuple[Request, ...]:
        """One by one what an author's list did not contain: it may be renamed, gated or past the list's end."""
        if not exchange.request.hints.get("author") or exchange.answer is None:
            return ()
        listed = {str(item.get("id", "")).lower() for item in items(exchange)}
        return tuple(by_name(s) for s in exchange.request.subjects if split(s)[1:] and asset(s).lower() not in listed)

    def read(self, exchanges: Sequence[Exchange]) -> Reading:
        """Observations of every asset, and which the Hub does not know."""
        observations: list[Observation] = []
        answered: set[str] = set()
        missing: set[str] = set()
        problems = refusals(exchanges)
        for exchange in exchanges:
            answer = exchange.answer
            if answer is None:
                continue
            wanted = {asset(subject).lower(): subject for subject in exchange.request.subjects}
            if answer.ok:
                for item in items(exchange):
                    subject = (
                        exchange.request.subjects[0]
                        if not exchange.request.hints.get("author")
                        else wanted.get(str(item.get("id", "")).lower())
                    )
                    if subject is not None:
                        answered.add(subject)
                        observations += facts(answer, subject, item)
            elif answer.status == 404 and not exchange.request.hints.get("author"):
                subject = exchange.request.subjects[0]
                answered.add(subject)
                if split(subject)[0] != "papers":  # most papers have no page on the Hub; that is no loss
                    missing.add(subject)
                    observations.append(absent(answer, subject))
            elif answer.status == 401:
                missing.update(exchange.request.subjects)
            else:
                problems.append(f"Hugging Face: {', '.join(exchange.request.subjects)}: HTTP {answer.status}")
        return Reading(
            observations=tuple(observations),
            answered=tuple(sorted(answered)),
            missing=tuple(sorted(missing - {s for s in answered if s not in missing})),
            problems=tuple(problems),
        )


def split(subject: str) -> tuple[str, str, str]:
    """(datasets | models | papers | …, owner, name) of `huggingface:datasets/kailinjiang/MMEVOKE`."""
    words = subject.removeprefix("huggingface:").split("/")
    if words[0] in {"datasets", "spaces", "collections", "papers"}:
        return words[0], words[1] if len(words) > 1 else "", "/".join(words[2:])
    return "models", words[0], "/".join(words[1:])


def asset(subject: str) -> str:
    """`owner/name` as the Hub's `id` has it."""
    _, owner, name = split(subject)
    return f"{owner}/{name}" if name else owner


def by_owner(kind: str, owner: str, subjects: Sequence[str]) -> Request:
    """The assets of one author."""
    query = urlencode([("author", owner), ("limit", LIST_LENGTH), *(("expand", field) for field in EXPAND)])
    return Request(
        source="huggingface",
        purpose="update",
        url=f"{API}/{kind}?{query}",
        subjects=tuple(subjects),
        credential="huggingface",
        hints={"author": owner},
    )


def by_name(subject: str) -> Request:
    """One asset."""
    kind, _, _ = split(subject)
    query = urlencode([("expand", field) for field in EXPAND])
    return Request(
        source="huggingface",
        purpose="update",
        url=f"{API}/{kind}/{asset(subject)}?{query}",
        subjects=(subject,),
        credential="huggingface",
    )


def paper_page(subject: str) -> Request:
    """The Hub's page of an arXiv paper: a hint where its code is."""
    return Request(
        source="huggingface",
        purpose="update",
        url=f"{API}/papers/{asset(subject)}",
        subjects=(subject,),
        credential="huggingface",
    )


def items(exchange: Exchange) -> list[dict[str, Any]]:
    """The assets in an answer."""
    try:
        content = json.loads(exchange.answer.body) if exchange.answer and exchange.answer.ok else []
    except ValueError:
        return []
    return [
        item
        for item in (content if isinstance(content, list) else [content])
        if isinstance(item, dict) and "id" in item
    ]


def facts(answer: Answer, subject: str, item: dict[str, Any]) -> list[Observation]:
    """What one asset's part of the answer says."""
    kind = split(subject)[0]
    if kind == "papers":
        return paper_facts(answer, subject, item)
    info = (DatasetInfo if kind == "datasets" else ModelInfo)(**dict(item))
    card = item.get("cardData") if isinstance(item.get("cardData"), dict) else {}
    licence = card.get("license") if card else None
    values: dict[str, tuple[str, Any]] = {
        "likes": ("likes", info.likes),
        "downloads": ("downloads", info.downloads),
        "revision": ("sha", info.sha),
        "gated": ("gated", item.get("gated")),
        "full_name": ("id", info.id),
        "last_push": ("lastModified", info.last_modified.strftime("%Y-%m-%d") if info.last_modified else None),
        "state": ("disabled", "gone" if info.disabled else "active"),
        "licence": ("cardData", licence if isinstance(licence, str) else None if "cardData" not in item else "none"),
    }
    found = []
    for field, (key, value) in values.items():
        if value is None or (key not in item and field != "state"):
            continue
        shown = {"license": licence} if key == "cardData" else item.get(key)
        excerpt = canonical({"id": info.id, key: shown})
        text = str(value).lower() if isinstance(value, bool) else str(value)
        found.append(
            observe(
                answer,
                "huggingface",
                subject,
                field,
                text,
                excerpt=excerpt,
                locator=f"{kind}/{key}",
                quote=f"{json.dumps(key)}:{canonical(shown)}",
                url=f"https://huggingface.co/{subject.removeprefix('huggingface:')}",
            )
        )
    return found


def paper_facts(answer: Answer, subject: str, item: dict[str, Any]) -> list[Observation]:
    """The repository that the Hub's paper page names; a rung below the paper's own words."""
    from agent.ladder import code

    address = item.get("githubRepo")
    repository = code(str(address)) if address else None
    if repository is None:
        return []
    number = subject.removeprefix("huggingface:papers/")
    excerpt = canonical({"id": item.get("id"), "githubRepo": address})
    return [
        observe(
            answer,
            "huggingface",
            f"arxiv:{number}",
            "code",
            repository[0],
            excerpt=excerpt,
            locator="papers/githubRepo",
            quote=repository[1],
            url=f"https://huggingface.co/papers/{number}",
            rung="hub",
        )
    ]


def absent(answer: Answer, subject: str) -> Observation:
    """The Hub does not know the asset."""
    code = answer.headers.get("x-error-code", "")
    excerpt = f"HTTP {answer.status}\nX-Error-Code: {code}\n{answer.body[:400]}"
    return observe(
        answer,
        "huggingface",
        subject,
        "absent",
        "not-found",
        excerpt=excerpt,
        locator="status",
        quote=f"HTTP {answer.status}",
        url=f"https://huggingface.co/{subject.removeprefix('huggingface:')}",
    )


SOURCE = HuggingFace()
