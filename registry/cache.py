"""A cache for large registries: what did not change since the last load is not read again.

One file below `.aki/` beside the project (or in the user's cache folder). Safe to delete, never trusted when stale: a
file counts as unchanged only if size, inode, modification and change time are those noted, and the change is not so
recent that a later one could share its time; the whole cache counts only for the same code, Python and pydantic.
Entries are kept as JSON and typed again when somebody asks for them, so a damaged cache can lose time, not truth.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple
from functools import cache
from pathlib import Path
from typing import Any

import pydantic

from registry import checks
from registry.catalog import EMPTY, Catalog, assemble, read_taxonomy, with_lines
from registry.parallel import Packed, read_packed
from registry.problems import Problem
from registry.reading import Outline, Pointer
from registry.schema import KINDS, Entry

RACY_NANOSECONDS = 2_000_000_000
"""A file changed this shortly before the cache was written may have changed again without a new time."""

Stamp = tuple[int, int, int, int]


def load_cached(folder: Path, files: Mapping[str, str], strays: Sequence[Problem], *, use: bool = True) -> Catalog:
    """The catalog of a folder, reading only the files that changed since the cache was written.

    With `use=False` all files are read and no cache is read or written.
    """
    place = location(folder)
    stamps = {ref: stamp(path) for ref, path in files.items()}
    kept = _open(place) if use else None
    if kept and kept.fresh(stamps, folder, strays):
        return kept.catalog(folder)
    packed = _read_changed(files, stamps, kept)
    taxonomy, wrong = read_taxonomy(folder)
    outlines = [one.outline for one in packed if one.outline]
    unread = [one.ref for one in packed if one.outline is None]
    across = with_lines(folder, checks.across(outlines, taxonomy, unread))
    found = [*strays, *wrong, *(problem for one in packed for problem in one.problems), *across]
    problems = sorted(found, key=lambda problem: problem.place)
    if use:
        _save(place, folder, stamps, strays, packed, problems)
    entries = LazyEntries({one.ref: one.entry for one in packed if one.entry})
    return assemble(folder, entries, taxonomy or EMPTY, problems, outlines)


class LazyEntries(Mapping[str, Entry]):
    """Entries that are typed when asked for; each was typed once before it was packed."""

    def __init__(self, packed: Mapping[str, bytes]) -> None:
        self._packed = packed
        self._typed: dict[str, Entry] = {}

    def __getitem__(self, ref: str) -> Entry:
        if ref not in self._typed:
            self._typed[ref] = KINDS[ref.partition("/")[0]].model_validate_json(self._packed[ref])
        return self._typed[ref]

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)


def stamp(path: str | Path) -> Stamp:
    """What tells that a file was changed: size, inode, time of modification and time of change."""
    try:
        found = os.stat(path)  # noqa: PTH116 - called ten thousand times, with plain text
    except OSError:
        return (-1, -1, -1, -1)
    return (found.st_size, found.st_ino, found.st_mtime_ns, found.st_ctime_ns)


def location(folder: Path) -> Path:
    """Where the cache of a data folder lies: `.aki/` of its project, else the user's cache folder."""
    real = folder.resolve()
    name = f"registry-{hashlib.sha256(str(real).encode()).hexdigest()[:16]}.cache"
    for parent in real.parents:
        if (parent / "pyproject.toml").is_file() and os.access(parent, os.W_OK):
            return parent / ".aki" / name
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "aki" / name


@cache
def code_digest() -> str:
    """Digest of the code that reads entries; any change to it makes every cache stale."""
    seen = hashlib.sha256(f"{sys.version} {pydantic.VERSION} {platform.machine()}".encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        seen.update(path.read_bytes())
    return seen.hexdigest()


class Kept:
    """An opened cache: a header with stamps, problems and positions, then entries and outlines as bytes."""

    def __init__(self, header: dict[str, Any], body: memoryview) -> None:
        self.header = header
        self.body = body

    def fresh(self, stamps: Mapping[str, Stamp], folder: Path, strays: Sequence[Problem]) -> bool:
        """Whether nothing at all has changed."""
        return (
            not self.header["racy"]
            and self.header["taxonomy"] == list(stamp(folder / "taxonomy.yaml"))
            and self.header["strays"] == [list(astuple(stray)) for stray in strays]
            and self.header["stamps"] == {ref: list(found) for ref, found in stamps.items()}
        )

    def unchanged(self, ref: str, found: Stamp) -> bool:
        """Whether one file is as it was."""
        return ref in self.header["spans"] and self.header["stamps"].get(ref) == list(found) and not self._racy(found)

    def _racy(self, found: Stamp) -> bool:
        return max(found[2], found[3]) > self.header["written"] - RACY_NANOSECONDS

    def packed(self, ref: str) -> Packed:
        """The reading of an unchanged file without problems of its own."""
        start, end = self.header["spans"][ref]
        return Packed(ref, bytes(self.body[start:end]), self.outlines[ref], ())

    @property
    def outlines(self) -> dict[str, Outline]:
        """Reference → outline."""
        if not hasattr(self, "_outlines"):
            start, end = self.header["outlines"]
            rows = json.loads(bytes(self.body[start:end]))
            self._outlines = {row[0]: _outline(row) for row in rows}
        return self._outlines

    def catalog(self, folder: Path) -> Catalog:
        """The catalog as it was saved."""
        entries = LazyEntries(Spans(self.body, self.header["spans"]))
        problems = [Problem(*row) for row in self.header["problems"]]
        taxonomy = read_taxonomy(folder)[0] or EMPTY
        return assemble(folder, entries, taxonomy, problems, LazyOutlines(self))


class Spans(Mapping[str, bytes]):
    """Stretches of a file by name."""

    def __init__(self, body: memoryview, spans: Mapping[str, list[int]]) -> None:
        self._body, self._spans = body, spans

    def __getitem__(self, ref: str) -> bytes:
        start, end = self._spans[ref]
        return bytes(self._body[start:end])

    def __iter__(self) -> Iterator[str]:
        return iter(self._spans)

    def __len__(self) -> int:
        return len(self._spans)


class LazyOutlines(Sequence[Outline]):
    """Outlines that are opened when the relations are asked for."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401 - an index or a slice
        return list(self._kept.outlines.values())[index]

    def __iter__(self) -> Iterator[Outline]:
        return iter(self._kept.outlines.values())

    def __len__(self) -> int:
        return len(self._kept.header["spans"])


def _outline(row: list[Any]) -> Outline:
    ref, stage, title, pointers, relations, external, formerly, into, terms, place, stale, untranslated = row
    return Outline(
        ref,
        stage,
        title,
        tuple(Pointer(*pointer) for pointer in pointers),
        tuple((kind, target) for kind, target in relations),
        tuple((field, scheme, key) for field, scheme, key in external),
        tuple(formerly),
        into,
        tuple((field, name, word) for field, name, word in terms),
        place,
        tuple(stale),
        tuple(untranslated),
    )


def _open(place: Path) -> Kept | None:
    """The cache, if it is whole and written by this very code; None otherwise."""
    try:
        content = place.read_bytes()
        length = int.from_bytes(content[:8], "big")
        header = json.loads(content[8 : 8 + length])
        body = memoryview(content)[8 + length :]
        whole = header["code"] == code_digest() and header["size"] == len(body)
        return Kept(header, body) if whole and header["digest"] == _sum(body) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _sum(body: bytes | memoryview) -> str:
    return hashlib.blake2b(body, digest_size=16).hexdigest()


def _read_changed(files: Mapping[str, str], stamps: Mapping[str, Stamp], kept: Kept | None) -> list[Packed]:
    if kept is None:
        return read_packed(files)
    same = {ref for ref in files if kept.unchanged(ref, stamps[ref])}
    anew = {one.ref: one for one in read_packed({ref: path for ref, path in files.items() if ref not in same})}
    return [kept.packed(ref) if ref in same else anew[ref] for ref in files]


def _save(
    place: Path,
    folder: Path,
    stamps: Mapping[str, Stamp],
    strays: Sequence[Problem],
    packed: Sequence[Packed],
    problems: Sequence[Problem],
) -> None:
    """Write the cache, all or nothing; a folder that cannot be written simply has none."""
    now = time.time_ns()
    spans: dict[str, tuple[int, int]] = {}
    position, pieces = 0, []
    for one in packed:
        if one.entry is not None:
            spans[one.ref] = (position, position + len(one.entry))
            position += len(one.entry)
            pieces.append(one.entry)
    outlines = json.dumps([one.outline for one in packed if one.outline], ensure_ascii=False).encode()
    body = b"".join([*pieces, outlines])
    newest = max((max(found[2:]) for found in [*stamps.values(), stamp(folder / "taxonomy.yaml")]), default=0)
    header = {
        "code": code_digest(),
        "written": now,
        "racy": newest > now - RACY_NANOSECONDS,
        "size": len(body),
        "digest": _sum(body),
        "taxonomy": stamp(folder / "taxonomy.yaml"),
        "strays": [astuple(stray) for stray in strays],
        "stamps": stamps,
        "spans": spans,
        "outlines": (position, position + len(outlines)),
        "problems": [astuple(problem) for problem in problems],
    }
    head = json.dumps(header, ensure_ascii=False).encode()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=place.parent, delete=False) as file:
            file.write(len(head).to_bytes(8, "big") + head + body)
        Path(file.name).replace(place)
    except OSError:
        return
