"""How hosts are treated, and what the next run must know about them: cool-downs, last requests, cached answers."""

from __future__ import annotations

import contextlib
import fcntl
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO

from pydantic import Field

from agent.files import write_text
from agent.messages import Answer, Model, Moment, Request


class HostPolicy(Model):
    """How one host is treated."""

    spacing_seconds: float = Field(default=0.5, ge=0, le=60)
    """Least time between two requests, across runs."""
    budget: int = Field(default=100, ge=0, le=5000)
    """Most requests in one run, retries and redirects included."""
    timeout_seconds: float = Field(default=30, gt=0, le=300)
    """Most time for one answer, from the first byte asked to the last received."""
    max_bytes: int = Field(default=8_000_000, gt=0, le=50_000_000)
    longest_wait_seconds: float = Field(default=120, ge=0, le=3600)
    """A host that asks for more is left alone until then (cool-down) instead of being waited for."""


DEFAULT_POLICIES: dict[str, HostPolicy] = {
    "export.arxiv.org": HostPolicy(spacing_seconds=3.0, budget=40),
    "api.github.com": HostPolicy(spacing_seconds=1.0, budget=120),
    "huggingface.co": HostPolicy(spacing_seconds=0.7, budget=150),
    "api.semanticscholar.org": HostPolicy(spacing_seconds=1.1, budget=10),
}


class HostState(Model):
    """What the next run must know about a host."""

    last_request: Moment | None = None
    cool_down_until: Moment | None = None
    strikes: int = 0
    """Cool-downs in a row; each doubles the next."""


class Usage(Model):
    """What one run cost one host."""

    requests: int = 0
    bytes: int = 0
    revalidated: int = 0
    reused: int = 0
    """Questions not asked, as the answer kept was young enough."""
    waited_seconds: float = 0.0


class HostMemory:
    """Cool-downs, last requests and cached answers on disk, safe against two runs at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.exact: dict[str, datetime] = {}
        """Last request of this run, to the microsecond; the file keeps whole seconds."""

    def host(self, name: str) -> HostState:
        """What is known about a host."""
        return self._hosts().get(name, HostState())

    def mark(self, name: str, now: datetime) -> None:
        """A request is about to go out."""
        self.exact[name] = now
        self._change(name, self.host(name).model_copy(update={"last_request": now}))

    def cool_down(self, name: str, until: datetime, strikes: int) -> None:
        """Leave the host alone until then, in this run and the next ones."""
        self._change(name, self.host(name).model_copy(update={"cool_down_until": until, "strikes": strikes}))

    def forgive(self, name: str) -> None:
        """The host answered properly: forget earlier strikes."""
        if self.host(name).strikes:
            self._change(name, self.host(name).model_copy(update={"cool_down_until": None, "strikes": 0}))

    def cached(self, request: Request) -> Answer | None:
        """The last good answer to the same question."""
        with contextlib.suppress(OSError, ValueError):
            return Answer.model_validate_json(self._cache_file(request).read_text("utf-8"))
        return None

    def keep(self, request: Request, answer: Answer, *, windowed: bool = False) -> None:
        """Remember an answer that can be asked about conditionally or, if its source has a window, be used again."""
        conditional = request.method == "GET" and bool(validators(answer))
        if answer.status == 200 and (conditional or (windowed and whole(answer))):
            write_text(self._cache_file(request), answer.model_dump_json())

    def tidy(self, before: datetime) -> None:
        """Forget answers that were last heard before then: questions change, and nobody would ask for these again."""
        for path in (self.folder / "answers").glob("*.json"):
            if path.stat().st_mtime < before.timestamp():
                path.unlink(missing_ok=True)

    def _cache_file(self, request: Request) -> Path:
        return self.folder / "answers" / f"{request.key[:32]}.json"

    def _hosts(self) -> dict[str, HostState]:
        try:
            content = json.loads((self.folder / "hosts.json").read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return {name: HostState.model_validate(state) for name, state in content.items()}

    def _change(self, name: str, state: HostState) -> None:
        with self._lock():
            hosts = self._hosts() | {name: state}
            content = {host: known.model_dump(mode="json") for host, known in sorted(hosts.items())}
            write_text(self.folder / "hosts.json", json.dumps(content, indent=1) + "\n")

    @contextlib.contextmanager
    def _lock(self) -> Iterator[IO[str]]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield handle


def whole(answer: Answer) -> bool:
    """Whether nothing is missing in it: GraphQL says with status 200 that it was too busy for a part."""
    return not (answer.body.lstrip().startswith("{") and '"errors"' in answer.body)


def validators(answer: Answer) -> dict[str, str]:
    """Headers that make the next request conditional."""
    pairs = {"If-None-Match": answer.headers.get("etag"), "If-Modified-Since": answer.headers.get("last-modified")}
    return {name: value for name, value in pairs.items() if value}
