"""The decisions file of the review page: what a person decided offline, checked against what is there now."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from agent.apply import base_digest
from agent.messages import Model
from agent.proposals import AskAgain, Value, Word
from agent.review.session import Session

MAX_BYTES = 5_000_000


class Decision(Model):
    """One verdict of the page."""

    operation: str = Field(pattern=r"^[0-9a-f]{64}$")
    base: str = Field(pattern=r"^([0-9a-f]{64}|absent)$")
    word: Word
    reason: str = Field(default="", max_length=1000)
    value: Value | None = None
    ask_again: AskAgain = AskAgain()
    seconds: float | None = Field(default=None, ge=0)


class Decisions(Model):
    """The whole file."""

    format: Literal["aki-decisions-1"]
    reviewer: str = Field(default="", max_length=100)
    decisions: tuple[Decision, ...]


def read(path: Path) -> Decisions:
    """A decisions file.

    Raises:
        ValueError: it is not one; says where.
    """
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path}: larger than {MAX_BYTES // 1_000_000} MB; this is no decisions file")
    try:
        return Decisions.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(
            f"{path}: {place}: {first['msg']} (download the decisions from the review page again)"
        ) from None


def take_over(decisions: Decisions, session: Session) -> tuple[int, list[str]]:
    """Give the verdicts that still fit; returns how many, and one line for every one that was refused."""
    open_now = {operation.digest: operation for operation in session.operations()}
    known = session.workspace.verdicts()
    taken, refused = 0, []
    for one in decisions.decisions:
        operation = open_now.get(one.operation)
        name = f"{operation.target} {operation.field}".strip() if operation else one.operation[:12]
        if operation is None:
            refused.append(
                f"{name}: no such proposal is open; it was decided, applied or replaced since the page was made"
            )
        elif base_digest(session.catalog, operation.target) != one.base:
            refused.append(f"{name}: the entry has changed since the page was made; look at it again")
        elif one.operation in known and known[one.operation].word == one.word and one.word != "edit":
            continue  # the same file taken over twice
        else:
            try:
                session.decide(
                    operation,
                    one.word,
                    reason=one.reason,
                    value=one.value,
                    ask_again=one.ask_again,
                    seconds=one.seconds,
                )
            except ValueError as error:
                refused.append(f"{name}: {error}")
            else:
                taken += 1
    return taken, refused
