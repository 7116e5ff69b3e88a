"""The agent's only sockets: one polite transport for every source.

Manners, each with its reason in `docs/pages/review-proposals.md`: per-host budget and spacing, a window per
source in which nothing is asked twice, conditional requests after it, `Retry-After`, exponential back-off with jitter,
a cool-down that the next run still knows, limits on size and time, no private or link-local addresses, redirects
followed by hand and checked again, a contact in the User-Agent, tokens blotted out before anyone sees a body. Time is
injected, so the manners are tested without waiting.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import random
import re
import socket
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from agent.guard import RefusedAddressError, guarded_session
from agent.hosts import DEFAULT_POLICIES, HostMemory, HostPolicy, Usage, validators
from agent.messages import Answer, Exchange, Failure, FailureKind, Request

THROTTLED = {406, 429, 500, 502, 503, 504}
"""Statuses that mean "later": arXiv says 406 too when it is busy."""

KEPT_HEADERS = (
    "content-type",
    "etag",
    "last-modified",
    "retry-after",
    "link",
    "x-error-code",
    "x-repo-commit",
    "ratelimit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-ratelimit-resource",
)

TOKEN_SHAPES = re.compile(
    r"(gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|hf_[A-Za-z0-9]{20,}|sk-[A-Za-z0-9_-]{20,}"
    r"|(?i:bearer|token)\s+[A-Za-z0-9._-]{20,})"
)
"""What tokens of the hosts we talk to look like; known tokens are blotted out whatever they look like."""

CREDENTIAL_HEADERS = {"semantic_scholar": ("x-api-key", "{}")}
"""Credential → header and form, where it is not the usual bearer token."""

BLOT = "[redacted]"
MAX_REDIRECTS = 5


class Clock(Protocol):
    """Time as the transport sees it."""

    def now(self) -> datetime:
        """The present, UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class WallClock:
    """The real time."""

    def now(self) -> datetime:
        """The present, UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class FetchError(Exception):
    """No answer; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Transport:
    """Sends requests one after the other and returns their answers.

    Args:
        contact: put into the User-Agent, so a host can reach the people who run this.
        state_folder: cool-downs and cached answers, shared between runs; not part of the repository.
        tokens: credential name → token. Sent only to the host of the credential, blotted out everywhere else.
        endpoints: origin → other origin, for tests and mirrors. Only addresses named here may be loopback.
        fresh: source → for how many hours an answer is not asked for again; nothing is used unasked by default.
    """

    def __init__(
        self,
        *,
        contact: str,
        state_folder: Path,
        policies: Mapping[str, HostPolicy] | None = None,
        tokens: Mapping[str, str] | None = None,
        endpoints: Mapping[str, str] | None = None,
        fresh: Mapping[str, float] | None = None,
        clock: Clock | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self.policies = {**DEFAULT_POLICIES, **(policies or {})}
        self.endpoints = dict(endpoints or {})
        self.fresh = {source: timedelta(hours=hours) for source, hours in (fresh or {}).items() if hours > 0}
        self.clock = clock or WallClock()
        self.chance = chance or random.Random()  # noqa: S311  # jitter, not secrecy
        self.tokens = {name: token for name, token in (tokens or {}).items() if token}
        self.usage: dict[str, Usage] = {}
        self.memory = HostMemory(state_folder)
        self.session = guarded_session({urlsplit(origin).netloc for origin in self.endpoints.values()})
        self.session.headers["User-Agent"] = f"awesome-knowledge-injection-agent/1 (+{contact})"

    def exchange(self, request: Request) -> Exchange:
        """The request with its answer, or with the reason that there is none; never raises for the world's faults."""
        try:
            return Exchange(request=request, answer=self.fetch(request))
        except FetchError as error:
            return Exchange(request=request, failure=error.failure)

    def fetch(self, request: Request) -> Answer:
        """The answer, after waiting as long as manners ask.

        Raises:
            FetchError: refused address, host cooling down, budget spent, too large, too slow, unreachable.
        """
        for attempt in range(1, request.patience + 1):
            last = attempt == request.patience
            try:
                answer = self._send(request)
            except FetchError as error:
                if last or error.failure.kind not in {"timeout", "unreachable"}:
                    raise
                self._pause(request.host, self._backoff(attempt))
                continue
            if not throttled(answer):
                self.memory.forgive(request.host)
                return answer
            wait = asked_wait(answer, self.clock.now())
            policy = self._policy(request.host)
            if last or (wait or 0) > policy.longest_wait_seconds:
                self._cool_down(request.host, wait)
                if request.patience == 1:
                    return answer
                raise self._error(
                    "cooling-down",
                    f"{request.host} is busy (HTTP {answer.status}); left alone until "
                    f"{self.memory.host(request.host).cool_down_until:%Y-%m-%d %H:%M} UTC",
                )
            self._pause(request.host, wait if wait is not None else self._backoff(attempt))
        raise AssertionError("patience is at least 1")

    def _send(self, request: Request) -> Answer:
        """One try, redirects included."""
        url, passed, kept = request.url, [], self.memory.cached(request)
        if kept is not None and self._young(request, kept):
            self._count(request.host, reused=1)
            return kept.model_copy(update={"reused": True})
        if request.method != "GET":
            kept = None
        while True:
            if not plain_address(url):
                raise self._error("refused", f"not a plain web address: {url[:120]}")
            answer = self._one_hop(request, url, kept if not passed else None)
            target = answer.headers.pop("location", None)
            if not target or answer.status not in {301, 302, 303, 307, 308}:
                break
            passed.append(url)
            url = urljoin(url, target)
            if len(passed) > MAX_REDIRECTS:
                raise self._error("refused", f"{request.url} redirects more than {MAX_REDIRECTS} times")
        answer = answer.model_copy(update={"redirects": tuple(passed), "url": url})
        if answer.status == 304 and kept is not None:
            self._count(request.host, revalidated=1)
            again = kept.model_copy(update={"fetched_at": answer.fetched_at})
            self.memory.keep(request, again)
            return again.model_copy(update={"revalidated": True})
        self.memory.keep(request, answer, windowed=request.source in self.fresh)
        return answer

    def _young(self, request: Request, kept: Answer) -> bool:
        """Whether the answer of an earlier run still counts; a second try means that it was not believed."""
        age = self.clock.now() - kept.fetched_at
        return request.attempt == 1 and timedelta(0) <= age < self.fresh.get(request.source, timedelta(0))

    def _one_hop(self, request: Request, url: str, kept: Answer | None) -> Answer:
        host = urlsplit(url).hostname or ""
        self._take_turn(host)
        headers = {"Accept": request.accept}
        if request.body is not None:
            headers["Content-Type"] = "application/json"
        if request.credential in self.tokens and host == request.host:
            name, form = CREDENTIAL_HEADERS.get(request.credential, ("Authorization", "Bearer {}"))
            headers[name] = form.format(self.tokens[request.credential])
        if kept is not None:
            headers |= validators(kept)
        policy, begun = self._policy(host), time.monotonic()
        try:
            with self.session.request(
                request.method,
                self._address(url),
                data=request.body.encode() if request.body is not None else None,
                headers=headers,
                timeout=(min(10.0, policy.timeout_seconds), policy.timeout_seconds),
                allow_redirects=False,
                stream=True,
            ) as response:
                body = self._read(response, url, policy, begun)
                kept_headers = {k: self.redact(v) for k, v in lower(response.headers).items() if k in KEPT_HEADERS}
                if "location" in response.headers:
                    kept_headers["location"] = response.headers["location"]
                self._count(host, received=len(body))
                text = body.decode(charset(response), "replace")
                return Answer(
                    status=response.status_code,
                    url=url,
                    headers=kept_headers,
                    body=self.redact(text),
                    fetched_at=self.clock.now(),
                )
        except RefusedAddressError as error:
            raise self._error("refused", str(error)) from None
        except requests.exceptions.Timeout:
            raise self._error("timeout", f"{host} did not answer within {policy.timeout_seconds:g} s") from None
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise self._connection_error(host, error) from None

    def _read(self, response: requests.Response, url: str, policy: HostPolicy, begun: float) -> bytes:
        pieces, size = [], 0
        for piece in response.iter_content(65536):
            pieces.append(piece)
            size += len(piece)
            if size > policy.max_bytes:
                raise self._error("too-large", f"{url} is larger than {policy.max_bytes} bytes")
            if time.monotonic() - begun > policy.timeout_seconds:
                raise self._error("timeout", f"{url} took longer than {policy.timeout_seconds:g} s")
        return b"".join(pieces)

    def _connection_error(self, host: str, error: Exception) -> FetchError:
        cause: BaseException | None = error
        text = str(error)
        while cause is not None:
            if isinstance(cause, RefusedAddressError):
                return self._error("refused", str(cause))
            if isinstance(cause, socket.gaierror):
                if cause.errno == socket.EAI_AGAIN:  # the name service did not answer; that says nothing about the name
                    return self._error("unreachable", f"the name {host} could not be looked up")
                return self._error("no-such-host", f"no host named {host}")
            cause = next(
                (a for a in getattr(cause, "args", ()) if isinstance(a, BaseException)),
                getattr(cause, "reason", None) or cause.__cause__ or cause.__context__,
            )
        if "timed out" in text:
            return self._error("timeout", f"{host} timed out")
        return self._error("unreachable", f"{host}: {type(error).__name__}")

    def _address(self, url: str) -> str:
        """Where the bytes really go: the endpoint standing in for the URL's origin, if one is configured."""
        parts = urlsplit(url)
        stand_in = self.endpoints.get(f"{parts.scheme}://{parts.netloc}")
        return url if stand_in is None else stand_in + url[len(f"{parts.scheme}://{parts.netloc}") :]

    def _take_turn(self, host: str) -> None:
        """Wait for the host's spacing; refuse if it is cooling down or the budget is spent."""
        now, state, policy = self.clock.now(), self.memory.host(host), self._policy(host)
        if state.cool_down_until and now < state.cool_down_until:
            raise self._error("cooling-down", f"{host} is left alone until {state.cool_down_until:%Y-%m-%d %H:%M} UTC")
        if self.usage.get(host, Usage()).requests >= policy.budget:
            raise self._error("budget", f"the budget of {policy.budget} requests for {host} is spent")
        previous = self.memory.exact.get(host) or state.last_request
        if previous:
            wait = policy.spacing_seconds - (now - previous).total_seconds()
            if 0 < wait <= policy.spacing_seconds:
                self._pause(host, wait)
        self.memory.mark(host, self.clock.now())
        self._count(host, requests=1)

    def _pause(self, host: str, seconds: float) -> None:
        self._count(host, waited=seconds)
        self.clock.sleep(seconds)

    def _backoff(self, attempt: int) -> float:
        """Seconds: 2, 4, 8 … up to 60, times a chance between 0.5 and 1.5 so that clients do not march in step."""
        return min(60.0, 2.0**attempt) * (0.5 + self.chance.random())

    def _cool_down(self, host: str, wait: float | None) -> None:
        strikes = self.memory.host(host).strikes + 1
        seconds = max(wait or 0.0, min(900.0 * 2 ** (strikes - 1), 86_400.0))
        self.memory.cool_down(host, self.clock.now() + timedelta(seconds=seconds), strikes)

    def _policy(self, host: str) -> HostPolicy:
        return self.policies.get(host) or self.policies.get("*") or HostPolicy(budget=20, max_bytes=2_000_000)

    def _count(
        self, host: str, *, requests: int = 0, received: int = 0, revalidated: int = 0, reused: int = 0,
        waited: float = 0.0,
    ) -> None:  # fmt: skip
        old = self.usage.get(host, Usage())
        self.usage[host] = Usage(
            requests=old.requests + requests,
            bytes=old.bytes + received,
            revalidated=old.revalidated + revalidated,
            reused=old.reused + reused,
            waited_seconds=round(old.waited_seconds + waited, 3),
        )

    def redact(self, text: str) -> str:
        """The text without any token of ours and without anything that looks like one."""
        for token in sorted(self.tokens.values(), key=len, reverse=True):
            text = text.replace(token, BLOT)
        return TOKEN_SHAPES.sub(BLOT, text)

    def _error(self, kind: FailureKind, message: str) -> FetchError:
        return FetchError(Failure(kind=kind, message=self.redact(message), at=self.clock.now()))


def throttled(answer: Answer) -> bool:
    """Whether the host asks to come back later: a busy status, or GitHub's 403 for a spent quota."""
    if answer.status in THROTTLED:
        return True
    if answer.status != 403:
        return False
    spent = answer.headers.get("x-ratelimit-remaining") == "0"
    return spent or "retry-after" in answer.headers or "secondary rate limit" in answer.body.lower()


def asked_wait(answer: Answer, now: datetime) -> float | None:
    """Seconds that the host asks to wait, None if it does not say.

    `Retry-After` (seconds or a date), GitHub's reset time, Hugging Face's `RateLimit: "api";r=0;t=55`; GitHub's
    secondary limit without a header means a minute.
    """
    value = answer.headers.get("retry-after")
    if value:
        if value.strip().isdigit():
            return float(value)
        with contextlib.suppress(ValueError, TypeError):
            return max(0.0, (parsedate_to_datetime(value) - now).total_seconds())
    if answer.headers.get("x-ratelimit-remaining") == "0":
        reset = answer.headers.get("x-ratelimit-reset", "")
        if reset.isdigit():
            return max(0.0, float(reset) - now.timestamp()) + 1.0
    window = re.search(r"\bt=(\d+)", answer.headers.get("ratelimit", "")) if answer.status == 429 else None
    if window:
        return float(window[1])
    return 60.0 if answer.status == 403 else None


def plain_address(url: str) -> bool:
    """Whether this is http or https with a host and without a user name in it."""
    parts = urlsplit(url)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.username and not parts.password


def charset(response: requests.Response) -> str:
    """The encoding that the answer names and Python knows, else UTF-8 (requests would guess Latin-1 for text)."""
    named = response.encoding if "charset=" in response.headers.get("content-type", "").lower() else None
    try:
        return codecs.lookup(named or "utf-8").name
    except LookupError:
        return "utf-8"


def lower(headers: Mapping[str, str]) -> dict[str, str]:
    """Header names in lower case."""
    return {name.lower(): value for name, value in headers.items()}


def tokens_from(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Read tokens for the sources: GITHUB_TOKEN, HF_TOKEN, S2_API_KEY, AKI_MODEL_KEY; all optional."""
    names = {
        "github": "GITHUB_TOKEN",
        "huggingface": "HF_TOKEN",
        "semantic_scholar": "S2_API_KEY",
        "model": "AKI_MODEL_KEY",
    }
    return {name: environment[variable] for name, variable in names.items() if environment.get(variable)}
