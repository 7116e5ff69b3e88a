"""What a real base model learned before, for replay, Fisher and covariance: conversations that you point to.

`data.options.prior` names a LLaVA list (JSON or JSONL), images relative to its folder or to
`data.options.prior_images`. KORE (arXiv:2510.19316) takes 64 conversations each of Geometry3K, IIIT5K, VizWiz and
FigureQA as LLaVA-OneVision has them. `data.options.dimension_priors` maps a retention dimension to a list of its own.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from reproductions.data.conversations import read_training
from reproductions.data.images import ImageIndex
from reproductions.data.problems import DataError, errors
from reproductions.examples import Example


def sample(options: Mapping[str, Any], n: int, seed: int) -> list[Example]:
    """`n` conversations of the general past.

    Raises:
        ValueError: none is named, it has fewer, or it cannot be read.
    """
    written = options.get("prior")
    if not written:
        raise ValueError(
            "this method needs conversations that the base model learned before: set data.options.prior to a LLaVA list"
        )
    return _sample(str(written), options, n, seed, "data.options.prior")


def sample_dimension(options: Mapping[str, Any], dimension: str, n: int, seed: int) -> list[Example]:
    """`n` conversations of one ability. Raises ValueError as `sample` does."""
    named: Mapping[str, Any] = options.get("dimension_priors") or {}
    if dimension not in named:
        known = ", ".join(sorted(named)) or "none"
        raise ValueError(f"data.options.dimension_priors: no list for '{dimension}'; there are: {known}")
    return _sample(str(named[dimension]), options, n, seed, f"data.options.dimension_priors.{dimension}")


def _sample(written: str, options: Mapping[str, Any], n: int, seed: int, setting: str) -> list[Example]:
    known = _conversations(written, str(options.get("prior_images") or ""))
    if len(known) < n:
        raise ValueError(
            f"{setting}: {written} has {len(known)} conversations, {n} are wanted; add some or ask for fewer"
        )
    return random.Random(f"past {seed} {written}").sample(list(known), n)


@lru_cache(maxsize=8)
def _conversations(written: str, images: str) -> Sequence[Example]:
    path = Path(written).expanduser()
    roots = (Path(images).expanduser(), path.parent) if images else (path.parent,)
    reading = read_training(path, ImageIndex(roots), name=path.name)
    if errors(reading.problems):
        raise DataError(str(path), errors(reading.problems))
    return reading.examples
