"""Reading many files on all cores. Workers send back what the checks need, and the entry as JSON to open later."""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections.abc import Mapping
from typing import NamedTuple

from registry.problems import Problem
from registry.reading import Outline

CHUNK = 250


class Packed(NamedTuple):
    """A reading whose entry is JSON: cheap to send between processes and to keep in a cache."""

    ref: str
    entry: bytes | None
    outline: Outline | None
    problems: tuple[Problem, ...]


def pack(item: tuple[str, str]) -> Packed:
    """Read one file, given as reference and path."""
    from registry.catalog import read_file

    reading = read_file(*item)
    entry = reading.entry.model_dump_json(exclude_defaults=True).encode() if reading.entry else None
    return Packed(reading.ref, entry, reading.outline, reading.problems)


def read_packed(files: Mapping[str, str]) -> list[Packed]:
    """Read files, in their order; on all cores where processes can be forked and there is enough to do."""
    items = list(files.items())
    workers = min(os.cpu_count() or 1, 8)
    if workers < 2 or len(items) < 2 * CHUNK or "fork" not in multiprocessing.get_all_start_methods():
        return [pack(item) for item in items]
    # Workers make no cycles and end soon: collecting garbage would only cost time.
    with multiprocessing.get_context("fork").Pool(workers, initializer=gc.disable) as pool:
        return pool.map(pack, items, chunksize=CHUNK)
