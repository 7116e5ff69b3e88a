"""Unpack the image archives of a data set beside themselves: plain zip files, and zips cut into numbered parts.

KORE-74K ships `split_zip_part_00 … 02`, to be joined before they can be unpacked; everybody else ships plain zips.
"""

from __future__ import annotations

import errno
import re
import shutil
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PART = re.compile(r"(?P<stem>.+?)(?:_part_?|\.zip\.|\.part|\.z)(?P<number>\d{2,3})$")
DONE = ".unpacked"


@dataclass(frozen=True)
class Unpacked:
    """What became of one archive."""

    archive: str
    folder: Path
    files: int
    skipped: bool
    """It had been unpacked before."""


def archives(folder: Path) -> list[tuple[Path, ...]]:
    """All archives below a folder, each as the parts it consists of, in order."""
    split: defaultdict[Path, list[tuple[int, Path]]] = defaultdict(list)
    whole: list[tuple[Path, ...]] = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        part = PART.match(path.name)
        if path.suffix == ".zip":
            whole.append((path,))
        elif part:
            split[path.parent / part["stem"]].append((int(part["number"]), path))
    joined = [tuple(path for _, path in sorted(parts)) for parts in split.values()]
    return sorted(whole + joined, key=lambda parts: str(parts[0]))


def unpack(folder: Path, *, report: Callable[[Unpacked], None] = lambda _: None) -> list[Unpacked]:
    """Unpack every archive below `folder` into its own place; what was unpacked before is left alone.

    Raises:
        ValueError: an archive is broken, a part is missing, or a member would land outside the folder.
    """
    done: list[Unpacked] = []
    for parts in archives(folder):
        one = _unpack_one(parts)
        report(one)
        done.append(one)
    return done


def _unpack_one(parts: tuple[Path, ...]) -> Unpacked:
    first = parts[0]
    target = first.parent
    name = first.name if len(parts) == 1 else f"{first.name} … {parts[-1].name}"
    marker = target / f".{first.name}{DONE}"
    size = sum(part.stat().st_size for part in parts)
    if marker.is_file() and marker.read_text(encoding="utf-8").split()[:1] == [str(size)]:
        return Unpacked(name, target, int(marker.read_text(encoding="utf-8").split()[1]), skipped=True)
    with joined(parts) as path:
        try:
            archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError) as error:
            raise _broken(parts, error) from None
        with archive:
            try:
                files = _extract(archive, target, name)
            except (zipfile.BadZipFile, OSError) as error:
                # A place before the beginning of the file shows that a part is missing; a full disk does not.
                if isinstance(error, OSError) and error.errno != errno.EINVAL:
                    raise
                raise _broken(parts, error) from None
    marker.write_text(f"{size} {files}\n", encoding="utf-8")
    return Unpacked(name, target, files, skipped=False)


def _broken(parts: tuple[Path, ...], error: Exception) -> ValueError:
    first, *others = parts
    found = f"; parts found: {', '.join(part.name for part in parts)}" if others else ""
    return ValueError(f"{first}: not a whole zip file ({error}){found}; download it again")


@contextmanager
def joined(parts: tuple[Path, ...]) -> Iterator[Path]:
    """One file from several, for as long as it is needed."""
    first, *others = parts
    if not others:
        yield first
        return
    with tempfile.NamedTemporaryFile(dir=first.parent, suffix=".zip", delete=False) as whole:
        for part in parts:
            with part.open("rb") as source:
                shutil.copyfileobj(source, whole)
    try:
        yield Path(whole.name)
    finally:
        Path(whole.name).unlink()


def _extract(archive: zipfile.ZipFile, target: Path, name: str) -> int:
    root = target.resolve()
    members = [member for member in archive.infolist() if not member.is_dir()]
    for member in members:
        place = (root / member.filename).resolve()
        if not place.is_relative_to(root) or member.filename.startswith(("/", "\\")):
            raise ValueError(f"{name}: member {member.filename!r} would land outside {target}; not unpacked")
    for member in members:
        place = root / member.filename
        place.parent.mkdir(parents=True, exist_ok=True)
        half = place.with_name(f".{place.name}.half")
        with archive.open(member) as source, half.open("wb") as sink:
            shutil.copyfileobj(source, sink)
        half.replace(place)
    return len(members)
