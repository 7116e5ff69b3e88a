"""The only writer of the registry: several entries in one transaction, all or nothing, also when the power goes.

Steps: check every change against what lies there now, write each file beside its place, note the moves in a journal,
move, remove the journal. A write that was interrupted after the journal is finished by the next one (or by `recover`);
one that was interrupted before it leaves the registry as it was.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from registry import catalog, textyaml
from registry.problems import Problem
from registry.reading import read
from registry.schema import KINDS, Entry

JOURNAL = ".transaction.json"
ABSENT = "absent"
"""Stands for the digest of an entry that is not there yet."""


class StaleError(ValueError):
    """The registry is not what a change was written against."""


class InvalidError(ValueError):
    """A change would leave the registry with problems; `problems` says which."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{problems[0]}{more}")


@dataclass(frozen=True)
class Change:
    """An entry to write.

    `expected` is the `registry.digest` of the entry it replaces, `ABSENT` for a new one, None to write regardless.
    `retires` is the id the entry had before; the old file goes, and `entry.formerly` must name it.
    """

    kind: str
    entry: Entry
    expected: str | None = None
    retires: str | None = None

    @property
    def ref(self) -> str:
        """`kind/id`."""
        return f"{self.kind}/{self.entry.id}"

    def __post_init__(self) -> None:
        if not isinstance(self.entry, KINDS.get(self.kind, ())):
            raise TypeError(f"{type(self.entry).__name__} is no entry of '{self.kind}'")
        if self.retires is not None and self.retires not in self.entry.formerly:
            raise ValueError(f"{self.ref} retires '{self.retires}' but does not name it in `formerly`")


def write(changes: Iterable[Change], root: Path | str | None = None) -> tuple[Path, ...]:
    """Write entries, all or none; returns the files written.

    Raises:
        StaleError: an entry is not the expected one.
        InvalidError: the registry would have errors that it does not have now.
    """
    folder = _folder(root)
    wanted = list(changes)
    with locked(folder):
        _finish(folder)
        before = catalog.load(folder, cache=False)
        _refuse_stale(before, wanted)
        texts = {change.ref: textyaml.dump(change.entry) for change in wanted}
        gone = {f"{change.kind}/{change.retires}" for change in wanted if change.retires}
        _refuse_invalid(folder, before, texts, gone)
        return _replace(folder, texts, gone)


def format_files(refs: Iterable[str], root: Path | str | None = None, *, dry: bool = False) -> tuple[Path, ...]:
    """Bring files into the canonical form; returns those that were not in it. Form changes, content does not.

    Raises:
        InvalidError: a file cannot be read, or its content would not survive.
    """
    folder = _folder(root)
    with locked(folder):
        _finish(folder)
        texts: dict[str, str] = {}
        problems: list[Problem] = []
        for ref in refs:
            content = (folder / f"{ref}.yaml").read_bytes()
            entry = _read_one(folder, ref, content, problems)
            if entry is not None and (text := textyaml.dump(entry)).encode() != content:
                texts[ref] = text
        if problems:
            raise InvalidError(problems)
        if dry:
            return tuple(folder / f"{ref}.yaml" for ref in texts)
        return _replace(folder, texts, set())


def _read_one(folder: Path, ref: str, content: bytes, problems: list[Problem]) -> BaseModel | None:
    if ref == "taxonomy":
        taxonomy, wrong = catalog.read_taxonomy(folder)
        problems.extend(wrong)
        return taxonomy
    reading = read(ref, content)
    problems.extend(reading.problems)
    return reading.entry


def recover(root: Path | str | None = None) -> bool:
    """Finish a write that was interrupted; whether there was one."""
    folder = _folder(root)
    with locked(folder):
        return _finish(folder)


def _folder(root: Path | str | None) -> Path:
    folder = catalog.DATA if root is None else Path(root)
    if not folder.is_dir():
        raise FileNotFoundError(f"no registry at {folder}: expected a folder with papers/, benchmarks/, …")
    return folder


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One writer at a time; a second one is told so instead of waiting."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise StaleError(f"another program is writing to {folder}; try again when it has finished") from None
    finally:
        os.close(lock)


def _refuse_stale(before: catalog.Catalog, changes: Sequence[Change]) -> None:
    seen: set[str] = set()
    for change in changes:
        if change.ref in seen:
            raise StaleError(f"{change.ref}: two changes of one entry in one transaction; put them together")
        seen.add(change.ref)
        if change.expected is None:
            continue
        now = before.kind(change.kind).get(change.entry.id)
        found = ABSENT if now is None else catalog.digest(now)
        if found != change.expected:
            what = "exists already" if change.expected == ABSENT else "is not what this change was written against"
            raise StaleError(f"{change.ref} {what}; look at it again and propose anew")


def _refuse_invalid(folder: Path, before: catalog.Catalog, texts: Mapping[str, str], gone: set[str]) -> None:
    """Refuse what would add an error; errors that were there before are not held against a change."""
    files, strays = catalog.find(folder)
    readings = [catalog.read_file(ref, path) for ref, path in files.items() if ref not in texts and ref not in gone]
    readings += [read(ref, text.encode()) for ref, text in texts.items()]
    after = catalog.build(folder, readings, strays)
    known = {(problem.path, problem.field, problem.message) for problem in before.problems}
    new = [
        problem
        for problem in after.problems
        if problem.severity == "error" and (problem.path, problem.field, problem.message) not in known
    ]
    if new:
        raise InvalidError(new)


def _replace(folder: Path, texts: Mapping[str, str], gone: set[str]) -> tuple[Path, ...]:
    moves: dict[str, str] = {}
    try:
        for ref, text in sorted(texts.items()):
            target = folder / f"{ref}.yaml"
            target.parent.mkdir(exist_ok=True)
            place = target.with_name(f".{target.name}.new")
            _write_down(place, text)
            moves[str(place.relative_to(folder))] = f"{ref}.yaml"
    except BaseException:
        for place in moves:
            (folder / place).unlink(missing_ok=True)
        raise
    if not moves and not gone:
        return ()
    journal = json.dumps({"moves": moves, "remove": sorted(f"{ref}.yaml" for ref in gone)}, indent=1)
    _write_down(folder / f"{JOURNAL}.new", journal)
    (folder / f"{JOURNAL}.new").replace(folder / JOURNAL)
    _finish(folder)
    return tuple(folder / path for path in moves.values())


def _write_down(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _finish(folder: Path) -> bool:
    """Do what a journal says, and clear away what no journal speaks of."""
    journal = folder / JOURNAL
    found = journal.exists()
    if found:
        steps = _read_journal(journal)
        for source, target in steps["moves"].items():
            if (folder / source).exists():
                (folder / source).replace(folder / target)
        for path in steps["remove"]:
            (folder / path).unlink(missing_ok=True)
        journal.unlink()
    for leftover in [*folder.glob(".*.new"), *folder.glob("*/.*.yaml.new")]:
        leftover.unlink(missing_ok=True)
    return found


def _read_journal(journal: Path) -> Mapping[str, Mapping[str, str]]:
    """The moves and removals; it was renamed into place whole, so a damaged one was changed by hand."""
    try:
        steps = json.loads(journal.read_text(encoding="utf-8"))
        paths = [*steps["moves"], *steps["moves"].values(), *steps["remove"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise StaleError(f"{journal} is no journal of ours; look at it, then remove it") from None
    if any(Path(path).is_absolute() or ".." in Path(path).parts for path in paths):
        raise StaleError(f"{journal} names paths outside of the registry; look at it, then remove it")
    return steps
