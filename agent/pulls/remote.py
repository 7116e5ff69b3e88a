"""GitHub as a place to write to: PyGithub with the transport's manners, and one clear line for every way to be refused.

PyGithub brings waiting of its own, which would sleep for minutes without saying so and forget it in the next run; it is
switched off. As for the sources, a busy host is waited for as it asks, up to a limit, then left alone until it has
cooled down, and the next run still knows. Writes are a second apart, as GitHub asks of those who create content.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from github import Auth, Github, GithubException
from github.Repository import Repository

from agent.fetch import BLOT, TOKEN_SHAPES, Clock, WallClock, asked_wait, lower, throttled
from agent.hosts import HostMemory
from agent.messages import Answer

API = "https://api.github.com"
PATIENCE = 4
"""Tries before a busy host is left alone."""
LONGEST_WAIT = 120.0
"""Seconds; a host that asks for more is left alone until then."""
SPACING = 1.0
"""Seconds between two requests that write."""

Result = TypeVar("Result")


class RemoteError(ValueError):
    """GitHub, or what is needed to speak to it, says no; one line with the way to mend it."""


class Remote:
    """One repository on GitHub, and a token that may or may not write to it.

    Args:
        name: owner/name.
        token: never shown, logged or written.
        api: base address; another one for rehearsals and GitHub Enterprise.
        memory: cool-downs shared with the sources and with later runs.
        contact: put into the User-Agent.
    """

    def __init__(
        self,
        name: str,
        token: str,
        *,
        memory: HostMemory,
        api: str = API,
        contact: str = "",
        clock: Clock | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self.name, self.memory, self._token = name, memory, token
        self.host = urlsplit(api).netloc
        self.clock = clock or WallClock()
        self.chance = chance or random.Random()  # noqa: S311 - jitter, not secrecy
        self.requests = 0
        self.github = Github(
            auth=Auth.Token(token),
            base_url=api.rstrip("/"),
            user_agent=f"awesome-knowledge-injection-agent/1 (+{contact})",
            timeout=30,
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
        )

    def __repr__(self) -> str:
        """Without the token."""
        return f"Remote({self.name!r})"

    def repository(self) -> Repository:
        """The repository as GitHub describes it.

        Raises:
            RemoteError: it does not exist, or the token cannot see it.
        """
        return self.ask("look at the repository", lambda: self.github.get_repo(self.name))

    def ask(self, what: str, call: Callable[[], Result], *, write: bool = False) -> Result:
        """What the call gives, after waiting as long as manners ask.

        Args:
            what: completes "the token may not …".
            call: everything that needs an answer must happen in it; PyGithub's objects ask when they are looked at.
            write: keeps the distance between writes.

        Raises:
            RemoteError: refused, busy for too long, unreachable.
            GithubException: a 404, 410 or 422, which the caller may understand better.
        """
        self._not_while_cooling_down()
        for attempt in range(1, PATIENCE + 1):
            if write:
                self.clock.sleep(SPACING)
            self.requests += 1
            try:
                result = call()
            except GithubException as error:
                answer = self._answer(error)
                if not throttled(answer):
                    raise self._explained(what, error) from None
                self._wait(answer, attempt)
            except requests.exceptions.RequestException as error:
                if attempt == PATIENCE:
                    raise RemoteError(f"cannot reach {self.host} ({type(error).__name__}); try again later") from None
                self.clock.sleep(self._backoff(attempt))
            else:
                self.memory.forgive(self.host)
                return result
        raise AssertionError("the last try returns or raises")

    def graphql(self, what: str, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The `data` of a GraphQL answer.

        Raises:
            RemoteError: refused, or the answer has errors.
        """
        _, content = self.ask(what, lambda: self.github.requester.graphql_query(query, variables))
        if not isinstance(content.get("data"), dict) or content.get("errors"):
            errors = content.get("errors") or [{}]
            raise RemoteError(f"GitHub could not {what}: {self.redact(str(errors[0].get('message', 'no data')))[:200]}")
        return content["data"]

    def redact(self, text: str) -> str:
        """The text without the token and without anything that looks like one."""
        return TOKEN_SHAPES.sub(BLOT, text.replace(self._token, BLOT))

    def refuse_token_in(self, text: str, place: str) -> None:
        """Refuse to send a text that holds the token.

        Raises:
            RemoteError: it does.
        """
        if self._token in text:
            raise RemoteError(f"{place} holds the token itself; nothing was sent (take it out, then make a new token)")

    def _not_while_cooling_down(self) -> None:
        until = self.memory.host(self.host).cool_down_until
        if until is not None and self.clock.now() < until:
            raise RemoteError(f"{self.host} asked for a pause until {until:%Y-%m-%d %H:%M} UTC; try again after that")

    def _wait(self, answer: Answer, attempt: int) -> None:
        """Wait as the host asks, or leave it alone."""
        wait = asked_wait(answer, self.clock.now())
        if attempt < PATIENCE and (wait or 0) <= LONGEST_WAIT:
            self.clock.sleep(wait if wait is not None else self._backoff(attempt))
            return
        strikes = self.memory.host(self.host).strikes + 1
        pause = max(wait or 0.0, 300.0 * 2 ** (strikes - 1))
        self.memory.cool_down(self.host, self.clock.now() + timedelta(seconds=pause), strikes)
        raise RemoteError(
            f"{self.host} is busy (HTTP {answer.status}); left alone for {pause / 60:.0f} min, then try again: "
            "what was begun is completed by the next run"
        )

    def _backoff(self, attempt: int) -> float:
        return min(60.0, 2.0**attempt) * (0.5 + self.chance.random())

    def _answer(self, error: GithubException) -> Answer:
        body = error.data if isinstance(error.data, str) else json.dumps(error.data)
        headers = lower({str(k): str(v) for k, v in (error.headers or {}).items()})
        return Answer(status=error.status, url=self.host, headers=headers, body=body, fetched_at=self.clock.now())

    def _explained(self, what: str, error: GithubException) -> Exception:
        """The one line; 404s about parts of the repository, 410s and 422s go on as they are."""
        message = said(error)
        if error.status == 401:
            return RemoteError("GitHub does not accept the token in GITHUB_TOKEN; make a new one and try again")
        if error.status == 403 and "create or approve pull requests" in message:
            return RemoteError(
                "GitHub Actions may not open pull requests here; allow it: Settings → Actions → General → "
                "Workflow permissions"
            )
        if error.status == 403:
            return RemoteError(
                f"the token may not {what} of {self.name}; it needs {needed(what)} there "
                f"(GitHub says: {self.redact(message)[:120]})"
            )
        if error.status == 404 and what == "look at the repository":
            return RemoteError(f"no repository {self.name} on {self.host}, or the token in GITHUB_TOKEN cannot see it")
        if error.status in {404, 410, 422}:
            return error
        return RemoteError(f"GitHub could not {what}: HTTP {error.status}, {self.redact(message)[:160]}")


def needed(what: str) -> str:
    """The rights that a token needs for something."""
    if "issue" in what or "label" in what:
        return "'issues: read'" if what.startswith("read") else "'issues: write'"
    return "'contents: write' and 'pull requests: write'"


def said(error: GithubException) -> str:
    """GitHub's own words: the message and those of its parts."""
    if not isinstance(error.data, dict):
        return str(error.data or "")
    parts = [str(part.get("message", "")) for part in error.data.get("errors") or [] if isinstance(part, dict)]
    return " ".join(part for part in [str(error.data.get("message", "")), *parts] if part)


def repository_name(configured: str, folder: Path, environment: Mapping[str, str] = os.environ) -> str:
    """Owner/name: from the configuration, the workflow's environment, or the checkout's `origin`.

    Raises:
        RemoteError: none of them says.
    """
    if name := configured or environment.get("GITHUB_REPOSITORY", ""):
        return name
    try:
        found = subprocess.run(
            ["git", "-C", str(folder), "remote", "get-url", "origin"],
            capture_output=True, text=True, check=False, timeout=10,
        )  # fmt: skip
        address = found.stdout.strip() if found.returncode == 0 else ""
    except OSError:
        address = ""
    match = re.search(r"github\.com[:/]([\w.-]+/[\w.-]+?)(?:\.git)?/?$", address)
    if match is None:
        raise RemoteError(
            "no repository to open pull requests in: this checkout has no GitHub remote 'origin'; "
            "set repository: owner/name in agent/config.yaml"
        )
    return match[1]


def token_of(environment: Mapping[str, str] = os.environ) -> str:
    """The token.

    Raises:
        RemoteError: there is none.
    """
    token = (environment.get("GITHUB_TOKEN") or environment.get("GH_TOKEN") or "").strip()
    if not token:
        raise RemoteError(
            "no token: set GITHUB_TOKEN to one with 'contents: write' and 'pull requests: write' for the repository "
            "(see what would be sent without one: --dry-run)"
        )
    return token
