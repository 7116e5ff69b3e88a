"""Answers on disk: `--record DIR` writes them, `--replay DIR` reads them back, and any run can be reproduced from them.

A recording is `recording.json` (when, with which sources, whether made up) and one file per exchange,
`<source>/<number>.json`, in the order they happened. A replay does not plan: it reads what was asked and answered, so a
recording stays usable when the registry has grown since.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from agent.files import write_text
from agent.messages import Exchange, Model, Moment


class Label(Model):
    """What a recording says about itself."""

    format: int = 1
    recorded_at: Moment
    """The moment the run began; a replay takes it for the present."""
    sources: tuple[str, ...]
    synthetic: bool = False
    """Made up in the true format, not heard from the world."""
    note: str = ""


class RecordingError(ValueError):
    """The folder is not a recording, or a file in it is damaged."""


def begin(folder: Path, label: Label) -> None:
    """Start a recording in an empty or new folder.

    Raises:
        RecordingError: there is something in the folder.
    """
    if folder.exists() and any(folder.iterdir()):
        raise RecordingError(f"{folder}: not empty; a recording needs a folder of its own")
    write_text(folder / "recording.json", label.model_dump_json(indent=1) + "\n")


def add(folder: Path, exchange: Exchange, number: int) -> None:
    """Append one exchange of a source, numbered from 1."""
    path = folder / exchange.request.source / f"{number:03d}.json"
    write_text(path, exchange.model_dump_json(indent=1, exclude_defaults=True) + "\n")


def label(folder: Path) -> Label:
    """What the recording says about itself.

    Raises:
        RecordingError: no or damaged `recording.json`.
    """
    path = folder / "recording.json"
    try:
        return Label.model_validate_json(path.read_text("utf-8"))
    except OSError:
        raise RecordingError(
            f"{folder}: no recording there (recording.json is missing); make one with --record"
        ) from None
    except ValidationError as error:
        raise RecordingError(f"{path}: {error.errors()[0]['msg']}; record again") from None


def exchanges(folder: Path, source: str) -> list[Exchange]:
    """A source's exchanges in the order they happened; empty when it was not asked.

    Raises:
        RecordingError: a file is damaged.
    """
    found = []
    for path in sorted((folder / source).glob("*.json")):
        try:
            found.append(Exchange.model_validate_json(path.read_text("utf-8")))
        except (ValidationError, UnicodeDecodeError) as error:
            raise RecordingError(f"{path}: {str(error).splitlines()[0]}; record again") from None
    return found
