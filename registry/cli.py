"""`aki registry …`: check, format, list, show, search; `registry.exchange` has the commands that import and export."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from registry import catalog, search, store, textyaml
from registry.catalog import Catalog
from registry.command import (
    Bucket,
    Dataset,
    Dimension,
    Direction,
    Family,
    HasCode,
    Host,
    Implemented,
    Json,
    Model,
    OfPaper,
    RefusalError,
    Role,
    Root,
    Status,
    Venue,
    Year,
    app,
    as_json,
    load,
    main,
    say,
    say_json,
    wanted_facets,
)
from registry.problems import Problem, did_you_mean
from registry.schema import KINDS, Entry


@app.command()
def check(
    root: Root = None,
    since: Annotated[str | None, typer.Option(help="Git revision: ids it has must still exist, or redirect.")] = None,
    cache: Annotated[bool, typer.Option(help="Use the cache of large registries.")] = True,
    json_: Json = False,
) -> int:
    """Report every problem at once: `path:line: field: message (hint)`.

    For example:

      aki registry check

      aki registry check --since origin/main --json
    """
    loaded = catalog.load(root, cache=cache)
    problems = [*loaded.problems, *_content_problems(loaded), *(_vanished(loaded, since) if since else [])]
    if json_:
        rows = [vars(problem) | {"path": _shown(loaded, problem.path)} for problem in problems]
        say_json({"entries": _counts(loaded), "problems": rows})
    else:
        for problem in problems:
            say(str(replace(problem, path=_shown(loaded, problem.path))))
        counts = ", ".join(f"{number} {kind}" for kind, number in _counts(loaded).items())
        say(f"{counts}: {_verdict(problems)}")
    return 1 if problems else 0


def _content_problems(loaded: Catalog) -> list[Problem]:
    """Formulas that cannot be read or name what is not there, and claims about cells that no table has."""
    found: list[Problem] = []
    if loaded.reported:
        from registry.audit import formula_problems

        for table, column, message in formula_problems(loaded.reported.values()):
            found.append(Problem(f"reported/{table}.yaml", f"columns {column}", message))
    if loaded.claims:
        from registry.claims import problems

        for claim, field, message in problems(loaded):
            found.append(Problem(f"claims/{claim}.yaml", field, message))
    return found


def _counts(loaded: Catalog) -> dict[str, int]:
    return {kind: len(loaded.kind(kind)) for kind in KINDS}


def _verdict(problems: list[Problem]) -> str:
    if not problems:
        return "no problems"
    errors = sum(problem.severity == "error" for problem in problems)
    parts = [(errors, "problem"), (len(problems) - errors, "warning")]
    return ", ".join(f"{number} {word}{'s' * (number != 1)}" for number, word in parts if number)


def _shown(loaded: Catalog, path: str) -> str:
    """A path as one would type it."""
    full = (loaded.root / path).resolve()
    here = Path.cwd().resolve()
    return str(full.relative_to(here)) if full.is_relative_to(here) else str(full)


def _vanished(loaded: Catalog, revision: str) -> list[Problem]:
    """Ids that a revision had and that neither exist nor redirect now."""
    command = ["git", "-C", str(loaded.root), "ls-tree", "-r", "--name-only", revision, "."]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        reason = run.stderr.strip().removeprefix("fatal: ").splitlines()
        raise RefusalError(f"--since {revision}: {reason[0] if reason else 'git failed'}")
    known = {ref for ref, _ in loaded} | set(loaded.redirects)
    unread = {problem.path.removesuffix(".yaml") for problem in loaded.problems}
    then = [line.removesuffix(".yaml") for line in run.stdout.splitlines() if line.endswith(".yaml") and "/" in line]
    hint = "ids are never dropped: bring it back, or name it in `formerly` of what took over"
    gone = [ref for ref in then if ref.partition("/")[0] in KINDS and ref not in known | unread]
    return [Problem(f"{ref}.yaml", "id", f"existed at {revision} and is gone", hint) for ref in gone]


@app.command()
def fmt(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files; default: all.")] = None,
    check_: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 if a file would change.")] = False,
    root: Root = None,
) -> int:
    """Bring entries into the canonical form. Form changes, content does not.

    For example:

      aki registry fmt

      aki registry fmt registry/data/papers/kore-2025.yaml --check
    """
    folder = catalog.DATA if root is None else root
    known, _ = catalog.find(folder) if folder.is_dir() else ({}, [])
    refs = [_ref_of(path, folder, set(known)) for path in paths] if paths else [*known, *_taxonomy(folder)]
    try:
        changed = store.format_files(refs, folder, dry=check_)
    except store.InvalidError as error:
        for problem in error.problems:
            sys.stderr.write(f"{replace(problem, path=str(folder / problem.path))}\n")
        return 1
    except store.StaleError as error:
        raise RefusalError(str(error)) from None
    for path in changed:
        say(f"{'would format' if check_ else 'formatted'} {path}")
    say(f"{len(refs)} files, {len(changed)} {'to format' if check_ else 'formatted'}")
    return 1 if check_ and changed else 0


def _taxonomy(folder: Path) -> list[str]:
    return ["taxonomy"] if (folder / "taxonomy.yaml").exists() else []


def _ref_of(path: Path, folder: Path, known: set[str]) -> str:
    real = path.resolve()
    ref = str(real.relative_to(folder.resolve())).removesuffix(".yaml") if real.is_relative_to(folder.resolve()) else ""
    if ref not in known | {"taxonomy"}:
        raise RefusalError(f"{path} is not an entry below {folder}")
    return ref


@app.command()
def recover(root: Root = None) -> int:
    """Finish a write that was interrupted.

    For example:

      aki registry recover
    """
    found = store.recover(root)
    say("finished an interrupted write" if found else "nothing to recover")
    return 0


@app.command("list")
def list_(
    kind: Annotated[
        str, typer.Argument(help="papers, benchmarks, repositories, methods, reported, claims.")
    ] = "papers",
    direction: Direction = None,
    bucket: Bucket = None,
    status: Status = None,
    venue: Venue = None,
    year: Year = None,
    model: Model = None,
    dataset: Dataset = None,
    has_code: HasCode = None,
    role: Role = None,
    host: Host = None,
    family: Family = None,
    implemented: Implemented = None,
    dimension: Dimension = None,
    paper: OfPaper = None,
    root: Root = None,
    json_: Json = False,
) -> int:
    """List entries of a kind, filtered by facets.

    For example:

      aki registry list --direction distill --bucket multimodal

      aki registry list repositories --role official --json
    """
    wanted = wanted_facets(
        direction=direction, bucket=bucket, status=status, venue=venue, year=year, model=model, dataset=dataset,
        has_code=has_code, role=role, host=host, family=family, implemented=implemented, dimension=dimension,
        paper=paper,
    )  # fmt: skip
    entries = search.select(load(root), kind, wanted)
    if json_:
        say_json([as_json(f"{kind}/{entry.id}", entry) for entry in entries])
        return 0
    rows = [(entry.id, *_columns(entry)) for entry in entries]
    _table(rows)
    sys.stderr.write(f"{len(rows)} {kind}\n")
    return 0


def _columns(entry: Entry) -> tuple[str, ...]:
    values = search.facets(entry)
    middle = [values[name] for name in ("year", "direction", "role", "family", "dimension") if name in values]
    words = [", ".join(found) for found in middle]
    stage = f"{search.title(entry)}" + (f"  [{entry.stage}]" if entry.stage != "recorded" else "")
    return (*words, stage)


def _table(rows: list[tuple[str, ...]]) -> None:
    """Columns under each other; the last one runs free."""
    if not rows:
        return
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        say("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip())


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Id, title, alias, owner/name, arXiv id or kind/id.")],
    root: Root = None,
    json_: Json = False,
) -> int:
    """Show one entry as it is written, and who points at it.

    For example:

      aki registry show kore-2025

      aki registry show repositories/kore-lmm-kore --json
    """
    loaded = load(root)
    ref, entry, others = search.resolve(loaded, name)
    if others:
        sys.stderr.write(f"also: {', '.join(others)}\n")
    inverse = loaded.inverse(ref)
    if json_:
        say_json(as_json(ref, entry) | {"inverse": [found._asdict() for found in inverse]})
        return 0
    say(f"# {ref}")
    say(textyaml.dump(entry).rstrip("\n"))
    for found in inverse:
        say(f"# <- {found.kind}: {found.source}")
    return 0


@app.command("search")
def search_(
    words: Annotated[list[str], typer.Argument(help="Words in English or Chinese; all must occur.")],
    kind: Annotated[str | None, typer.Option(help="Only this kind.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    root: Root = None,
    json_: Json = False,
) -> int:
    """Find entries by words in their names and texts; best first.

    For example:

      aki registry search null space

      aki registry search 遗忘 --kind papers
    """
    loaded = load(root)
    if kind is not None:
        loaded.kind(kind)
    hits = search.search(loaded, " ".join(words), [kind] if kind else KINDS)
    if json_:
        say_json([{"score": hit.score, **as_json(hit.ref, hit.entry)} for hit in hits[:limit]])
        return 0
    if not hits:
        known = {word for _, entry in loaded for name in search.names(entry) for word in name.split()}
        say(f"nothing holds '{' '.join(words)}'; {did_you_mean(words[0], known)}")
        return 0
    _table([(hit.ref, search.title(hit.entry)) for hit in hits[:limit]])
    if len(hits) > limit:
        sys.stderr.write(f"{len(hits) - limit} more; see --limit\n")
    return 0


from registry import exchange  # noqa: E402 - its commands come after these in the help

__all__ = ["app", "exchange", "main"]
