"""The two record formats that the field shares, read into examples.

Training, after LLaVA: a JSON list of `{"id", "image", "conversations": [{"from": "human" | "gpt", "value"}, …]}`, where
`image` is a path, a list of paths, or absent (text only), and `<image>` stands in the first question.
Evaluation, after CoIN: a JSON list or JSONL of `{"question_id", "image", "text", "answer"}` and optionally `type`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reproductions.data.images import ImageFile, ImageIndex
from reproductions.data.problems import Problem
from reproductions.examples import Example, Image, Turn

PLACEHOLDER = "<image>"


class Record(BaseModel):
    """Frozen; published records carry keys of their own, which are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)


class Utterance(Record):
    """What one side says."""

    speaker: Literal["human", "user", "gpt", "assistant"] = Field(alias="from")
    value: str

    @property
    def asks(self) -> bool:
        """Said by the person."""
        return self.speaker in {"human", "user"}


class TrainingRecord(Record):
    """One conversation to learn from."""

    id: str = ""
    image: str | list[str] | None = None
    conversations: tuple[Utterance, ...] = Field(min_length=2)

    @property
    def images(self) -> list[str]:
        """Paths, as written."""
        return [self.image] if isinstance(self.image, str) else list(self.image or [])


class EvaluationRecord(Record):
    """One question with its gold answer."""

    question_id: str = ""
    image: str | list[str] | None = None
    text: str = Field(min_length=1)
    answer: str | list[str]
    type: str = ""

    @property
    def images(self) -> list[str]:
        """Paths, as written."""
        return [self.image] if isinstance(self.image, str) else list(self.image or [])


_R = TypeVar("_R", bound=Record)


@dataclass
class Reading:
    """What a file held: examples in its order, and what was wrong with the rest."""

    examples: list[Example] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_training(path: Path, images: ImageIndex, *, name: str, limit: int | None = None) -> Reading:
    """Conversations of a LLaVA list. `name` is how problems call the file."""
    reading = Reading()
    for number, raw in _records(path, name, reading):
        if limit is not None and len(reading.examples) >= limit:
            break
        record = _typed(TrainingRecord, raw, name, number, reading)
        if record is None:
            continue
        turns = _turns(record, name, number, reading)
        found = _images(record.images, images, name, number, reading)
        if turns and found is not None:
            reading.examples.append(Example(record.id or f"{name}-{number}", found, turns))
    return reading


def read_evaluation(path: Path, images: ImageIndex, *, name: str, limit: int | None = None) -> Reading:
    """Questions of an evaluation list; of several answers the first is the gold one, `facts["answers"]` has all."""
    reading = Reading()
    for number, raw in _records(path, name, reading):
        if limit is not None and len(reading.examples) >= limit:
            break
        record = _typed(EvaluationRecord, raw, name, number, reading)
        if record is None:
            continue
        answers = [record.answer] if isinstance(record.answer, str) else record.answer
        if not answers or not answers[0].strip():
            hint = "an empty answer is contained in everything, so it would always count as right"
            reading.problems.append(Problem(name, "empty", hint, number, "answer"))
            continue
        found = _images(record.images, images, name, number, reading)
        if found is None:
            continue
        identity = record.question_id or f"{name}-{number}"
        turn = Turn(without_placeholder(record.text), answers[0].strip())
        facts = {"answers": tuple(answers)} if len(answers) > 1 else {}
        reading.examples.append(Example(identity, found, (turn,), record.type, identity, facts))
    return reading


def without_placeholder(text: str) -> str:
    """The question alone: where an image stands is said by the model family, not by the data."""
    return text.replace(PLACEHOLDER, "").strip()


def _turns(record: TrainingRecord, name: str, number: int, reading: Reading) -> tuple[Turn, ...]:
    said = record.conversations
    for index, one in enumerate(said):
        if one.asks != (index % 2 == 0):
            hint = "conversations alternate, beginning with the person"
            place = f"conversations[{index}].from"
            reading.problems.append(Problem(name, f"{one.speaker!r} is out of turn", hint, number, place))
            return ()
    if len(said) % 2:
        hint = "every question needs its answer"
        reading.problems.append(Problem(name, "ends with a question", hint, number, "conversations"))
        return ()
    places = sum(one.value.count(PLACEHOLDER) for one in said)
    if places not in {0, len(record.images)}:
        message = f"{places} places for images, {len(record.images)} images"
        reading.problems.append(Problem(name, message, "one <image> per image", number, "conversations"))
        return ()
    pairs = zip(said[::2], said[1::2], strict=True)
    turns = tuple(Turn(without_placeholder(asked.value), given.value.strip()) for asked, given in pairs)
    for index, turn in enumerate(turns):
        if not turn.answer:
            place = f"conversations[{2 * index + 1}].value"
            reading.problems.append(Problem(name, "empty answer", "there is nothing to learn", number, place))
            return ()
    return turns


def _images(
    written: Sequence[str], index: ImageIndex, name: str, number: int, reading: Reading
) -> tuple[Image, ...] | None:
    try:
        return tuple(cast("Image", ImageFile(index.find(one))) for one in written)
    except (LookupError, ValueError) as error:
        hint = "unpack the archives with `aki reproduce data unpack`" if isinstance(error, LookupError) else ""
        reading.problems.append(Problem(name, str(error), hint, number, "image"))
        return None


def _typed(kind: type[_R], raw: Any, name: str, number: int, reading: Reading) -> _R | None:  # noqa: ANN401
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        reading.problems.extend(complaints(error, name, number))
        return None


def complaints(error: ValidationError, name: str, number: int) -> list[Problem]:
    """One problem per field that pydantic refuses."""
    return [
        Problem(name, _lower(one["msg"]), line=number, field=_place(one["loc"]) or "record") for one in error.errors()
    ]


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]


def _place(location: Sequence[str | int]) -> str:
    parts = [
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in location if part not in {"str", "list[str]"}
    ]
    return "".join(parts).lstrip(".")


def _records(path: Path, name: str, reading: Reading) -> Iterator[tuple[int, Any]]:
    """Record number or line, counted from 1, and the record."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        reading.problems.append(Problem(name, "does not exist", f"expected at {path}"))
        return
    except (OSError, UnicodeDecodeError) as error:
        reading.problems.append(Problem(name, f"cannot be read: {error}", "save it as UTF-8"))
        return
    if path.suffix == ".jsonl":
        yield from _lines(text, name, reading)
        return
    try:
        whole = json.loads(text)
    except json.JSONDecodeError as error:
        reading.problems.append(Problem(name, f"is no JSON: {error.msg}", line=error.lineno))
        return
    if not isinstance(whole, list):
        reading.problems.append(Problem(name, f"is {type(whole).__name__}, not a list of records"))
        return
    yield from enumerate(whole, start=1)


def _lines(text: str, name: str, reading: Reading) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except json.JSONDecodeError as error:
            hint = f"one record per line; trouble at column {error.colno}"
            reading.problems.append(Problem(name, f"is no JSON: {error.msg}", hint, number))
