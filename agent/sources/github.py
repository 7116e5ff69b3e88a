"""GitHub: stars, archived, renamed or moved, licence, last push, latest release and head commit of repositories.

GraphQL with up to 60 aliased repositories per query (cost: one point) when there is a token; one REST request per
repository when there is none or GraphQL refuses. Both follow renames; GitHub's own number of the repository survives
them and is the second try when a name is not found. REST answers are read with PyGithub's types.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from github import Github
from github.Repository import Repository

from agent.messages import Answer, Exchange, Observation, Reading, Request, canonical, in_chunks, observe
from agent.source import Settings, Source, Watched, distinct, refusals

API = "https://api.github.com"
BATCH = 60
WITHOUT_TOKEN = 50
"""Requests that an anonymous run makes: the quota is 60 an hour."""

FIELDS = (
    "databaseId nameWithOwner url stargazerCount isArchived isDisabled isEmpty isFork pushedAt licenseInfo { spdxId } "
    "latestRelease { tagName publishedAt } defaultBranchRef { name target { oid } }"
)
FRAGMENT = f"fragment Facts on Repository {{ {FIELDS} }}"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+")


class GitHub(Source):
    """Repositories by owner/name, by number when they have moved away."""

    name = "github"
    title = "GitHub"
    interval_days = 7

    def plan(self, watched: Sequence[Watched], settings: Settings) -> tuple[Request, ...]:
        """Two GraphQL queries for 120 repositories; without a token the 50 longest not looked at, one by one."""
        known = [one for one in distinct(watched, "github") if NAME.fullmatch(one.name)]
        numbers = {one.subject: one.hint for one in known if one.hint}
        if "github" in settings.credentials:
            subjects = [one.subject for one in known]
            return tuple(graphql(chunk, numbers) for chunk in in_chunks(subjects, settings.options.get("batch", BATCH)))
        oldest = sorted(known, key=lambda one: (one.checked, one.subject))[
            : settings.options.get("anonymous", WITHOUT_TOKEN)
        ]
        return tuple(by_name(one.subject, numbers) for one in oldest)

    def follow(self, exchange: Exchange) -> tuple[Request, ...]:
        """By number what was not found by name; one by one what GraphQL refused as a whole."""
        request, answer = exchange.request, exchange.answer
        if answer is None or request.hints.get("by") == "number":
            return ()
        if request.method == "POST":
            if not answer.ok:
                return tuple(by_name(subject, request.hints) for subject in request.subjects)
            lost = [subject for subject, node in nodes(exchange).items() if node is None]
        else:
            lost = list(request.subjects) if answer.status == 404 else []
        return tuple(by_number(subject, request.hints[subject]) for subject in lost if subject in request.hints)

    def read(self, exchanges: Sequence[Exchange]) -> Reading:
        """Observations of every repository, and which names GitHub does not know."""
        observations: list[Observation] = []
        found: set[str] = set()
        lost: set[str] = set()
        problems = refusals(exchanges)
        for exchange in exchanges:
            answer = exchange.answer
            if answer is None:
                continue
            if exchange.request.method == "POST":
                problems += complaints(exchange)
                repositories = nodes(exchange) if answer.ok else {}
            else:
                repositories = single(exchange, problems)
            for subject, node in repositories.items():
                if node is None:
                    lost.add(subject)
                else:
                    found.add(subject)
                    observations += facts(answer, subject, node)
        gone = [
            absent(e, subject)
            for e in exchanges
            for subject in e.request.subjects
            if subject in lost - found and e.answer is not None and last_word(e, subject, exchanges)
        ]
        return Reading(
            observations=(*observations, *gone),
            answered=tuple(sorted(found | lost)),
            missing=tuple(sorted(lost - found)),
            problems=tuple(problems),
        )


def graphql(subjects: Sequence[str], numbers: Mapping[str, str]) -> Request:
    """One query with an alias per repository."""
    parts = []
    for index, subject in enumerate(subjects):
        owner, name = subject.removeprefix("github:").split("/")
        which = f"owner: {json.dumps(owner)}, name: {json.dumps(name)}, followRenames: true"
        parts.append(f"r{index}: repository({which}) {{ ...Facts }}")
    query = f"query {{ {' '.join(parts)} rateLimit {{ cost remaining resetAt }} }} {FRAGMENT}"
    return Request(
        source="github",
        purpose="update",
        method="POST",
        url=f"{API}/graphql",
        body=json.dumps({"query": query}),
        subjects=tuple(subjects),
        credential="github",
        hints={s: numbers[s] for s in subjects if s in numbers},
    )


def by_name(subject: str, numbers: Mapping[str, str]) -> Request:
    """One repository over REST; a renamed one redirects to its number."""
    return Request(
        source="github",
        purpose="update",
        url=f"{API}/repos/{subject.removeprefix('github:')}",
        accept="application/vnd.github+json",
        subjects=(subject,),
        credential="github",
        hints={subject: numbers[subject]} if subject in numbers else {},
    )


def by_number(subject: str, number: str) -> Request:
    """The second try: some transfers leave no redirect behind, but the number stays."""
    return Request(
        source="github",
        purpose="update",
        url=f"{API}/repositories/{number}",
        accept="application/vnd.github+json",
        subjects=(subject,),
        credential="github",
        hints={"by": "number"},
    )


def nodes(exchange: Exchange) -> dict[str, dict[str, Any] | None]:
    """Subject → its part of a GraphQL answer, None where GitHub says NOT_FOUND; others that failed are left out."""
    answer = exchange.answer
    content = decoded(answer) if answer else None
    if not isinstance(content, dict) or not isinstance(content.get("data"), dict):
        return {}
    data = content["data"]
    unknown = {error["path"][0] for error in errors(content) if error.get("type") == "NOT_FOUND" and error.get("path")}
    found: dict[str, dict[str, Any] | None] = {}
    for index, subject in enumerate(exchange.request.subjects):
        node = data.get(f"r{index}")
        if isinstance(node, dict):
            found[subject] = node
        elif f"r{index}" in unknown:
            found[subject] = None
    return found


def single(exchange: Exchange, problems: list[str]) -> dict[str, dict[str, Any] | None]:
    """Subject → a REST answer in GraphQL's words; None for a 404."""
    answer, subject = exchange.answer, exchange.request.subjects[0]
    if answer is None:
        return {}
    if answer.status == 404:
        return {subject: None}
    content = decoded(answer)
    if not answer.ok or not isinstance(content, dict) or "full_name" not in content:
        message = content.get("message") if isinstance(content, dict) else None
        problems.append(f"GitHub: {subject}: HTTP {answer.status}" + (f", {str(message)[:120]}" if message else ""))
        return {}
    return {subject: in_graphql_words(content)}


def in_graphql_words(content: dict[str, Any]) -> dict[str, Any]:
    """A REST repository as the GraphQL query would have given it, typed by PyGithub."""
    # The requester is never used: a completed object asks for nothing more.
    repository = Repository(Github(lazy=True).requester, {}, content, completed=True)
    pushed = repository.pushed_at
    return {
        "databaseId": repository.id,
        "nameWithOwner": repository.full_name,
        "url": repository.html_url,
        "stargazerCount": repository.stargazers_count,
        "isArchived": bool(repository.archived),
        "isDisabled": bool(content.get("disabled")),
        "isEmpty": content.get("size") == 0 and pushed is None,
        "isFork": repository.fork,
        "pushedAt": pushed.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(pushed, datetime) else None,
        "licenseInfo": {"spdxId": content["license"]["spdx_id"]} if content.get("license") else None,
    }


def decoded(answer: Answer) -> Any:  # noqa: ANN401 - whatever JSON says
    """The JSON of an answer, None when it is not JSON."""
    try:
        return json.loads(answer.body)
    except ValueError:
        return None


def errors(content: dict[str, Any]) -> list[dict[str, Any]]:
    """The error entries of a GraphQL answer."""
    return [error for error in content.get("errors") or [] if isinstance(error, dict)]


def complaints(exchange: Exchange) -> list[str]:
    """What GraphQL could not do, except repositories it does not know."""
    answer = exchange.answer
    content = decoded(answer) if answer else None
    if answer is None:
        return []
    if not isinstance(content, dict):
        return [f"GitHub: the GraphQL answer (HTTP {answer.status}) is not JSON"]
    lines = [f"GitHub: {str(e.get('message'))[:160]}" for e in errors(content) if e.get("type") != "NOT_FOUND"]
    if not answer.ok:
        lines.append(f"GitHub: GraphQL refused with HTTP {answer.status}; asked one by one instead")
    return lines


FACTS: dict[str, tuple[str, ...]] = {
    "stars": ("stargazerCount",),
    "full_name": ("nameWithOwner",),
    "numeric_id": ("databaseId",),
    "licence": ("licenseInfo",),
    "state": ("isArchived", "isDisabled", "isEmpty"),
    "last_push": ("pushedAt",),
    "release": ("latestRelease",),
    "commit": ("defaultBranchRef",),
}
"""Observation → the keys it is read from; they are the excerpt."""


def facts(answer: Answer, subject: str, node: dict[str, Any]) -> list[Observation]:
    """What one repository's part of the answer says."""
    found = []
    for field, keys in FACTS.items():
        if any(key not in node for key in keys):
            continue
        value = reading(field, node)
        if value is None:
            continue
        excerpt = canonical({"nameWithOwner": node["nameWithOwner"], **{key: node[key] for key in keys}})
        deciding = next((key for key in keys if node[key]), keys[0])
        quote = f"{json.dumps(deciding)}:{canonical(node[deciding])}"
        page = str(node.get("url") or f"https://github.com/{subject.removeprefix('github:')}")
        found.append(
            observe(
                answer,
                "github",
                subject,
                field,
                value,
                excerpt=excerpt,
                locator=f"repository/{deciding}",
                quote=quote,
                url=page,
            )
        )
    return found


def reading(field: str, node: dict[str, Any]) -> str | None:
    """The value as text, None when GitHub gives none."""
    match field:
        case "stars":
            return str(node["stargazerCount"])
        case "full_name":
            return str(node["nameWithOwner"])
        case "numeric_id":
            return str(node["databaseId"])
        case "licence":
            spdx = (node["licenseInfo"] or {}).get("spdxId")
            return {None: "none", "NOASSERTION": None}.get(spdx, spdx)
        case "state":
            return (
                "archived"
                if node["isArchived"]
                else "empty"
                if node["isEmpty"]
                else "gone"
                if node["isDisabled"]
                else "active"
            )
        case "last_push":
            return str(node["pushedAt"])[:10] if node["pushedAt"] else None
        case "release":
            return (node["latestRelease"] or {}).get("tagName")
        case "commit":
            return ((node["defaultBranchRef"] or {}).get("target") or {}).get("oid")
        case _:
            raise AssertionError(field)


def last_word(exchange: Exchange, subject: str, exchanges: Sequence[Exchange]) -> bool:
    """Whether this is the last exchange about the subject: the one whose "not found" counts."""
    return exchange is [e for e in exchanges if subject in e.request.subjects and e.answer is not None][-1]


def absent(exchange: Exchange, subject: str) -> Observation:
    """GitHub does not know the name (nor the number)."""
    answer = cast("Answer", exchange.answer)
    if exchange.request.method == "POST":
        index = exchange.request.subjects.index(subject)
        error = next((e for e in errors(decoded(answer)) if e.get("path") == [f"r{index}"]), {})
        excerpt, locator = canonical(error), f"errors/r{index}"
        quote = f'"type":{canonical(error.get("type"))}'
    else:
        excerpt, locator, quote = f"HTTP {answer.status}\n{answer.body[:400]}", "status", f"HTTP {answer.status}"
    page = f"https://github.com/{subject.removeprefix('github:')}"
    return observe(
        answer, "github", subject, "absent", "not-found", excerpt=excerpt, locator=locator, quote=quote, url=page
    )


SOURCE = GitHub()
