"""Starts the made-up GitHub as a process of its own and plays the people who use it: they tick, edit and merge."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from agent.pulls import body
from agent.pulls.body import Mark


class Company:
    """The people around a repository, by their tokens."""

    def __init__(self, origin: str, name: str, tokens: dict[str, str]) -> None:
        self.origin, self.name, self.tokens = origin, name, tokens

    def rehearse(self, what: str, **words: Any) -> Any:  # noqa: ANN401 - any JSON
        """Something that the API does not offer."""
        answer = requests.post(f"{self.origin}/_rehearsal/{what}", json=words, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def state(self) -> dict[str, Any]:
        """Branches, files, pull requests, events and the log of requests."""
        return self.rehearse("state")

    def pull(self, number: int) -> dict[str, Any]:
        """A pull request."""
        return next(pull for pull in self.state()["pulls"] if pull["number"] == number)

    def tick(self, login: str, number: int, targets: Iterable[str], mark: Mark = "approve") -> int:
        """Tick the boxes whose line holds one of these words, as a person does in the browser; returns how many."""
        old = body.unix(self.pull(number)["body"])
        wanted = set(body.ticked(old))
        lines = old.split("\n")
        for index, line in enumerate(lines):
            if "<!-- aki:" in line and any(target in line for target in targets):
                nearest = lines[index + 1] if mark == "reject" else line
                wanted |= {tick for tick, _ in body.boxes(nearest) if tick.mark == mark}
        self.write(login, number, body.with_ticks(old, wanted).replace("\n", "\r\n"))
        return len(wanted) - len(body.ticked(old))

    def untick(self, login: str, number: int) -> None:
        """Take all ticks away."""
        self.write(login, number, body.with_ticks(self.pull(number)["body"], set()))

    def write(self, login: str, number: int, text: str) -> None:
        """Change the text of a pull request through the API, with one's own token."""
        self._call("PATCH", f"/pulls/{number}", login, {"body": text})

    def merge(self, login: str, number: int) -> None:
        """Merge a pull request."""
        self._call("PUT", f"/pulls/{number}/merge", login, {})

    def _call(self, method: str, path: str, login: str, words: dict[str, Any]) -> None:
        headers = {"Authorization": f"Bearer {self.tokens[login]}"}
        place = f"{self.origin}/repos/{self.name}{path}"
        requests.request(method, place, json=words, headers=headers, timeout=30).raise_for_status()


@contextmanager
def company(
    files: Path | None, people: dict[str, tuple[str, str]], *, name: str = "lab/registry", branch: str = "main"
) -> Iterator[Company]:
    """The made-up GitHub for the time of the block.

    Args:
        files: folder that becomes the first commit of the default branch; None for an empty repository.
        people: login → permission and token.
        name: owner/name.
        branch: the default branch.
    """
    command = [sys.executable, "-m", "agent.rehearsal.forge", "--name", name, "--branch", branch]
    command += ["--files", str(files)] if files else []
    for login, (permission, token) in people.items():
        command += ["--user", f"{login}:{permission}:{token}"]
    place = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=place) as process:
        try:
            assert process.stdout is not None  # noqa: S101 - a pipe was asked for
            port = int(process.stdout.readline())
            tokens = {login: token for login, (_, token) in people.items()}
            yield Company(f"http://127.0.0.1:{port}", name, tokens)
        finally:
            process.terminate()
