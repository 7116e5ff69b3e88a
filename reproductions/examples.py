"""Conversations about images: the one shape in which knowledge is injected and abilities are asked for. Light."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""Height × width × 3, RGB, 0 to 255."""


@dataclass(frozen=True)
class Turn:
    """One question and its answer. `learned` holds for each answer word whether it carries loss; empty: all do."""

    question: str
    answer: str
    learned: tuple[bool, ...] = ()


@dataclass(frozen=True)
class Example:
    """A conversation: trained on as a whole; when asked, all turns but the last are given with their answers."""

    id: str
    images: tuple[Image, ...]
    turns: tuple[Turn, ...]
    kind: str = ""
    """What it tests or teaches: a retention dimension (`COM`, `OCR`, …) or a fact type."""
    entity: str = ""
    """Id of the injected entity it is about, if any; the bootstrap resamples entities."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Structured source of the answers, for augmentation: `{"name": …, "home": …}`."""

    @property
    def answer(self) -> str:
        """The gold answer of the last turn."""
        return self.turns[-1].answer


@dataclass(frozen=True)
class Task:
    """One batch of knowledge to inject, with the questions that tell whether it is there."""

    id: str
    train: tuple[Example, ...]
    questions: tuple[Example, ...]
    """Held out: phrasings and views that never occur in `train`."""
    reliability: tuple[Example, ...] = ()
    """Questions in training phrasing on training views: does it at least repeat what it read?"""
    probes: dict[str, tuple[Example, ...]] = field(default_factory=dict)
    """The same facts with less held out: only the `phrasing`, or only the `view`."""
    rule: str = ""
    """How the release scores this task, by a name of `reproductions.rules`; empty: by CEM and F1 alone."""
