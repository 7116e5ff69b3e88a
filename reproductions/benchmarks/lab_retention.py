"""Seven abilities of the laboratory's base models, after the dimensions of KORE (arXiv:2510.19316, section 5.1.2).

Comprehension, reading, disciplines (here: entities known from pretraining), instruction following, multi-image
dialogue, mathematics, hallucination. Answers are a few words and count if they match. Options as in `lab_injection`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reproductions.benchmark import ExactMatch
from reproductions.examples import Example
from reproductions.lab import world
from reproductions.spec import Data

_SCORED = 0
"""Seed of the items that are scored."""


class LabRetention(ExactMatch):
    """The same items for every method and every injection seed."""

    chance = world.CHANCE

    def questions(self, data: Data) -> Mapping[str, Sequence[Example]]:
        """`data.n_retention_per_dimension` questions per dimension."""
        difficulty = world.DIFFICULTIES[data.options.get("difficulty", "normal")]
        return world.retention_questions(
            data.n_retention_per_dimension, world=data.world, seed=_SCORED, difficulty=difficulty
        )


BENCHMARK = LabRetention()
