"""What the small model must keep: names of emoji that nothing was injected about, and capitals, asked in text alone.

Reads the folder that `aki reproduce small draw` made: `data.options.pictures`, else `data/small`. An answer counts if
it contains the right one as words. Names are asked on the style of drawing that alignment never saw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import cast

from reproductions import metrics
from reproductions.data.images import ImageFile
from reproductions.examples import Example, Image, Turn
from reproductions.small import knowledge, pictures
from reproductions.spec import Data


class SmallRetention:
    """The same questions for every method and seed."""

    from_folder = True
    """It has to be drawn first."""
    chance: Mapping[str, float] = MappingProxyType({"NAMES": 0.0, "CAPITALS": 0.0})

    def questions(self, data: Data) -> Mapping[str, Sequence[Example]]:
        """At most `data.n_retention_per_dimension` of each kind, evenly spread.

        Raises:
            PicturesError: the pictures have not been drawn.
        """
        shown = pictures.read(Path(str(data.options.get("pictures", "data/small"))).expanduser())
        names = [_named(shown, one) for one in knowledge.kept(shown)]
        n = data.n_retention_per_dimension
        return {"NAMES": _spread(names, n), "CAPITALS": _spread(knowledge.capitals(shown), n)}

    def score(self, question: Example, output: str) -> float:
        """1 if the answer occurs in the output, as words."""
        return metrics.cem(output, question.answer)


def _named(shown: pictures.Pictures, one: pictures.Emoji) -> Example:
    image = cast("Image", ImageFile(shown.path(pictures.SETS[-1], one.id)))
    return Example(f"name-{one.id}", (image,), (Turn(knowledge.QUESTION, one.name),), "NAMES")


def _spread(questions: Sequence[Example], n: int) -> list[Example]:
    step = max(1, -(-len(questions) // n))
    return list(questions[::step])


BENCHMARK = SmallRetention()
