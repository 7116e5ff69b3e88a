"""The whole registry in memory: entries typed and frozen, all problems collected, relations in both directions.

    from registry import load

    catalog = load()
    catalog.papers["kore-2025"].summary.en
    catalog.entry("papers/kore-2025")
    catalog.inverse("papers/kore-2025")     # who points here: (Inverse(kind='implements', source='repositories/…'), …)
    catalog.problems                        # () when all is well

Loading never raises for what a file says; it says so in `problems` and leaves the entry out.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from pydantic import ValidationError

from registry import checks, textyaml
from registry.problems import Problem, did_you_mean, from_validation
from registry.reading import Outline, Reading, read
from registry.schema import (
    KINDS,
    Benchmark,
    Claim,
    Entry,
    Method,
    Paper,
    ReportedTable,
    Repository,
    Taxonomy,
)

DATA = Path(__file__).parent / "data"
LARGE = 1500
"""Files from which reading is spread over the cores and its result cached."""

E = TypeVar("E", bound=Entry)


class Inverse(NamedTuple):
    """A relation seen from its target: `source` says `kind` of this entry. Fields that name an entry count, too."""

    kind: str
    source: str


@dataclass(frozen=True, eq=False)
class Catalog:
    """What is known. Frozen; the mappings go from id to entry, in the order of the ids."""

    root: Path
    papers: Mapping[str, Paper]
    benchmarks: Mapping[str, Benchmark]
    repositories: Mapping[str, Repository]
    methods: Mapping[str, Method]
    reported: Mapping[str, ReportedTable]
    claims: Mapping[str, Claim]
    taxonomy: Taxonomy
    problems: tuple[Problem, ...]
    outlines: Sequence[Outline]
    """One per readable entry: what the checks across entries look at."""

    def kind(self, name: str) -> Mapping[str, Entry]:
        """The entries of a kind.

        Raises:
            LookupError: there is no such kind; says which are near.
        """
        if name not in KINDS:
            raise LookupError(f"no kind named '{name}'; {did_you_mean(name, KINDS)}")
        return getattr(self, name)

    def entry(self, ref: str) -> Entry:
        """The entry `<kind>/<id>`; retired and merged ids lead to what took them over.

        Raises:
            LookupError: there is no such entry; says which are near.
        """
        kind, _, name = checks.follow(ref, self.redirects).partition("/")
        entries = self.kind(kind)
        if name not in entries:
            raise LookupError(f"no entry named '{name}' in {kind}; {did_you_mean(name, entries)}")
        return entries[name]

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(self.kind(kind))} {kind}" for kind in KINDS)
        return f"<Catalog {self.root}: {counts}, {len(self.problems)} problems>"

    def __iter__(self) -> Iterator[tuple[str, Entry]]:
        """All entries with their reference, kind by kind."""
        for kind in KINDS:
            for name, entry in self.kind(kind).items():
                yield f"{kind}/{name}", entry

    def inverse(self, ref: str) -> tuple[Inverse, ...]:
        """Who points at an entry, by relation or by a field that names it; sorted."""
        return self._inverses.get(checks.follow(ref, self.redirects), ())

    @cached_property
    def redirects(self) -> Mapping[str, str]:
        """Retired `kind/id` → the reference that holds now."""
        return MappingProxyType(checks.redirects(self.outlines))

    @cached_property
    def _inverses(self) -> Mapping[str, tuple[Inverse, ...]]:
        found: dict[str, set[Inverse]] = defaultdict(set)
        for outline in self.outlines:
            kinds = {f"relations.{n}.target": kind for n, (kind, _) in enumerate(outline.relations)}
            for field, target in outline.pointers:
                kind = kinds.get(field) or field.split(".")[0]
                found[checks.follow(target, self.redirects)].add(Inverse(kind, outline.ref))
        return {target: tuple(sorted(inverses)) for target, inverses in found.items()}


def digest(entry: Entry) -> str:
    """SHA-256 of an entry's canonical text, in hex; equal for equal entries on every machine."""
    return hashlib.sha256(textyaml.dump(entry).encode()).hexdigest()


def load(root: Path | str | None = None, *, cache: bool = True) -> Catalog:
    """Read, type and check the registry below `root` (default: the one that ships with the project).

    Large registries (from 1,500 entries) are cached beside the project; the cache is never trusted when a file or the
    code has changed, and may be deleted at any time. `cache=False` neither reads nor writes it.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    folder = DATA if root is None else Path(root)
    if not folder.is_dir():
        raise FileNotFoundError(f"no registry at {folder}: expected a folder with papers/, benchmarks/, …")
    files, strays = scan(folder)
    if len(files) < LARGE:
        return build(folder, [read_file(ref, path) for ref, path in files.items()], strays)
    from registry.cache import load_cached

    return load_cached(folder, files, strays, use=cache)


def find(folder: Path) -> tuple[dict[str, Path], list[Problem]]:
    """The files of a registry, `kind/id` → path, and what does not belong there."""
    files, strays = scan(folder)
    return {ref: Path(path) for ref, path in files.items()}, strays


def scan(folder: Path) -> tuple[dict[str, str], list[Problem]]:
    """As `find`, with paths as plain text: making ten thousand `Path`s takes longer than looking for the files."""
    files: dict[str, str] = {}
    strays: list[Problem] = []
    for item in sorted(os.scandir(folder), key=lambda item: item.name):
        if item.name.startswith(".") or item.name == "taxonomy.yaml":
            continue
        is_folder = item.is_dir(follow_symlinks=False)
        if not is_folder or item.name not in KINDS:
            hint = did_you_mean(item.name, KINDS) if is_folder else "entries lie in papers/, benchmarks/, …"
            strays.append(Problem(item.name, "", "does not belong into the registry", hint))
            continue
        for file in sorted(os.scandir(item.path), key=lambda file: file.name):
            name = file.name
            if name.startswith("."):
                continue
            if not file.is_file(follow_symlinks=False) or not name.endswith(".yaml"):
                hint = "entries are files <id>.yaml, neither links nor folders"
                strays.append(Problem(f"{item.name}/{name}", "", "is not an entry", hint))
            else:
                files[f"{item.name}/{name.removesuffix('.yaml')}"] = file.path
    if (folder / ".transaction.json").exists():
        hint = "run `aki registry recover`"
        strays.append(Problem(".transaction.json", "", "a write was interrupted here", hint))
    return files, strays


def read_file(ref: str, path: str | Path) -> Reading:
    """Read one file; of one that is too large, only the beginning."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - called ten thousand times, often with plain text
            return read(ref, file.read(textyaml.MAX_BYTES + 1))
    except OSError as error:
        return Reading(ref, None, None, (Problem(f"{ref}.yaml", "", f"cannot be read: {error.strerror}"),))


def read_taxonomy(folder: Path) -> tuple[Taxonomy | None, list[Problem]]:
    """The controlled words, or what is wrong with them."""
    path = folder / "taxonomy.yaml"
    if not path.exists():
        return None, [Problem("taxonomy.yaml", "", "is missing", "the vocabularies stand there")]
    try:
        tree = textyaml.load(path.read_bytes())
    except textyaml.UnreadableError as error:
        return None, [Problem("taxonomy.yaml", "", error.message, error.hint, error.line)]
    try:
        return Taxonomy.model_validate(tree), []
    except ValidationError as error:
        found = from_validation(error, Taxonomy, tree)
        return None, [Problem("taxonomy.yaml", p.field, p.message, p.hint) for p in found]


def _place(problem: Problem) -> tuple[str, int, str, str]:
    return problem.place


EMPTY = Taxonomy(directions=(), buckets=(), dimensions=(), model_types=(), families=(), version="0")


def build(folder: Path, readings: Sequence[Reading], strays: Sequence[Problem] = ()) -> Catalog:
    """Put readings together and check them against each other."""
    taxonomy, problems = read_taxonomy(folder)
    outlines = [reading.outline for reading in readings if reading.outline]
    unread = [reading.ref for reading in readings if reading.outline is None]
    found = [
        *strays,
        *problems,
        *(problem for reading in readings for problem in reading.problems),
        *with_lines(folder, checks.across(outlines, taxonomy, unread)),
    ]
    return assemble(
        folder, {r.ref: r.entry for r in readings if r.entry}, taxonomy or EMPTY, sorted(found, key=_place), outlines
    )


def assemble(
    folder: Path,
    entries: Mapping[str, Entry],
    taxonomy: Taxonomy,
    problems: Sequence[Problem],
    outlines: Sequence[Outline],
) -> Catalog:
    """A catalog from its parts; `entries` goes from `kind/id` to entry and may be lazy."""
    kinds = {kind: OfKind(kind, entries) for kind in KINDS}
    return Catalog(root=folder, taxonomy=taxonomy, problems=tuple(problems), outlines=tuple(outlines), **kinds)  # pyright: ignore[reportArgumentType]


class OfKind(Mapping[str, E]):
    """The entries of one kind, by id, as a read-only view."""

    def __init__(self, kind: str, entries: Mapping[str, Entry]) -> None:
        self._refs = {ref.partition("/")[2]: ref for ref in sorted(entries) if ref.startswith(f"{kind}/")}
        self._entries = entries

    def __getitem__(self, name: str) -> E:
        return self._entries[self._refs[name]]  # pyright: ignore[reportReturnType]

    def __iter__(self) -> Iterator[str]:
        return iter(self._refs)

    def __len__(self) -> int:
        return len(self._refs)

    def __contains__(self, name: object) -> bool:
        return name in self._refs

    def __repr__(self) -> str:
        return f"<{len(self)} entries>"


def with_lines(folder: Path, problems: Sequence[Problem]) -> list[Problem]:
    """Problems found across entries, with the line of their field looked up in the file."""
    return [_with_line(folder, problem) for problem in problems[:200]] + list(problems[200:])


def _with_line(folder: Path, problem: Problem) -> Problem:
    try:
        source = (folder / problem.path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return problem
    steps = tuple(int(step) if step.isdigit() else step for step in problem.field.split("."))
    line = textyaml.line_of(source, steps)
    return Problem(problem.path, problem.field, problem.message, problem.hint, line, problem.severity)
