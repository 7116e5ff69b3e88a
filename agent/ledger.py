"""The decision log: one JSON line per event, each carrying the hash of the one before.

So no line can be changed, left out or moved without every later line saying so.

Events: `verdict` (what a person said), `undo`, `void` (a verdict that no longer fits), `applied` (what was written).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import JsonValue, ValidationError

from agent.files import write_text
from agent.messages import Model, Moment, canonical, sha256

BEGIN = "0" * 64


class LedgerError(ValueError):
    """The log is not whole; says where."""


class Event(Model):
    """One line of the log."""

    number: int
    at: Moment
    event: Literal["verdict", "undo", "void", "applied"]
    data: dict[str, JsonValue]
    previous: str
    hash: str

    def expected_hash(self) -> str:
        """The hash that belongs to this content."""
        content = self.model_dump(mode="json", exclude={"hash"})
        return sha256(canonical(content))


class Ledger:
    """The log in a file; appending replaces the whole file in one step, so a crash never leaves half a line."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def events(self) -> list[Event]:
        """All events, oldest first.

        Raises:
            LedgerError: a line is damaged or the chain is broken.
        """
        return list(self._read())

    def _read(self) -> Iterator[Event]:
        if not self.path.exists():
            return
        previous = BEGIN
        for number, line in enumerate(self.path.read_text("utf-8").splitlines(), start=1):
            try:
                event = Event.model_validate_json(line)
            except ValidationError as error:
                message = error.errors()[0]["msg"]
                raise LedgerError(f"{self.path}:{number}: not an event of the log: {message}") from None
            if event.number != number or event.previous != previous or event.hash != event.expected_hash():
                raise LedgerError(
                    f"{self.path}:{number}: the chain is broken here; the log was edited or lost a line "
                    "(restore it from git: git log -p -- " + self.path.name + ")"
                )
            previous = event.hash
            yield event

    def append(
        self, event: Literal["verdict", "undo", "void", "applied"], data: Mapping[str, Any], at: Moment
    ) -> Event:
        """Add an event at the end."""
        known = self.events()
        draft = Event(
            number=len(known) + 1,
            at=at,
            event=event,
            data=dict(data),
            previous=known[-1].hash if known else BEGIN,
            hash=BEGIN,
        )
        new = draft.model_copy(update={"hash": draft.expected_hash()})
        lines = [one.model_dump(mode="json") for one in (*known, new)]
        write_text(self.path, "".join(json.dumps(line, ensure_ascii=False, sort_keys=True) + "\n" for line in lines))
        return new
