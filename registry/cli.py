"""`aki registry …`: check, format, list, show, search, export, import, audit what is known."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from registry import catalog, search, store, textyaml
from registry.catalog import Catalog
from registry.problems import Problem, did_you_mean
from registry.schema import KINDS, Entry

EXAMPLES = """

For example:

  aki registry list --direction distill --bucket multimodal --has-code yes

  aki registry show kore
"""

app = typer.Typer(
    help="What is known: papers, benchmarks, repositories, methods, reported tables, claims." + EXAMPLES,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Root = Annotated[Path | None, typer.Option("--root", help="Folder of the data; default: the one of the project.")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


UsageErrors: type[Exception] = typer.BadParameter.__mro__[2]
"""Base of all that typer raises for wrong usage; typer brings its own click and does not name the class."""


class RefusalError(Exception):
    """Wrong usage or unreadable input: one line, exit code 2."""


def main(arguments: list[str]) -> int:
    """Run a command; exit code 0 fine, 1 problems found, 2 wrong usage or bad input."""
    try:
        result = app(arguments or ["--help"], standalone_mode=False, prog_name="aki registry")
    except BrokenPipeError:
        sys.stdout = None  # the reader has gone; do not complain again at exit
        return 0
    except UsageErrors as error:
        sys.stderr.write(f"aki registry: {' '.join(error.format_message().split())}\n")  # pyright: ignore[reportAttributeAccessIssue]
        return 2
    except (RefusalError, LookupError, OSError) as error:
        sys.stderr.write(f"aki registry: {_one_line(error)}\n")
        return 2
    except (typer.Abort, KeyboardInterrupt):
        sys.stderr.write("aki registry: interrupted; nothing was left half-written\n")
        return 130
    return result if isinstance(result, int) else 0


def _one_line(error: Exception) -> str:
    """What to do about it, without Python's ways of saying it."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {(error.strerror or 'cannot be opened').lower()}"
    return str(error.args[0] if isinstance(error, KeyError) else error)


def say(text: str = "") -> None:
    """Write a line of results."""
    sys.stdout.write(f"{text}\n")


def say_json(value: object) -> None:
    """Write a result for machines."""
    say(json.dumps(value, ensure_ascii=False, indent=2))


def load(root: Path | None) -> Catalog:
    """The registry; what cannot be read is told on stderr and left out."""
    loaded = catalog.load(root)
    errors = [problem for problem in loaded.problems if problem.severity == "error"]
    if errors:
        sys.stderr.write(f"aki registry: {len(errors)} problems; see `aki registry check`\n")
    return loaded


def as_json(ref: str, entry: Entry) -> dict[str, Any]:
    """An entry for machines: its fields, and the reference it goes by."""
    return {"ref": ref, **entry.model_dump(mode="json", exclude_defaults=True)}


# Check and format ---------------------------------------------------------------------------------------------------


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


# List, show, search -------------------------------------------------------------------------------------------------


def _facet(text: str) -> Any:  # noqa: ANN401 - typer's option object
    return typer.Option(help=text)


Direction = Annotated[str | None, _facet("Papers of a direction: distill, replay, …")]
Bucket = Annotated[str | None, _facet("Papers of a distill bucket: multimodal, online-loss, self, rl, mechanism.")]
Status = Annotated[str | None, _facet("candidate, recorded, superseded, withdrawn, retracted, merged.")]
Venue = Annotated[str | None, _facet("Papers of a venue: 'ICLR 2026', arXiv.")]
Year = Annotated[str | None, _facet("Papers of a year.")]
Model = Annotated[str | None, _facet("Papers on a type of model: VLM, MLLM, LLM, …")]
Dataset = Annotated[str | None, _facet("Papers that use a data set.")]
HasCode = Annotated[str | None, _facet("yes or no.")]
Role = Annotated[str | None, _facet("Repositories of a role: official, infrastructure, …")]
Host = Annotated[str | None, _facet("Repositories on github or huggingface.")]
Family = Annotated[str | None, _facet("Methods of a family.")]
Implemented = Annotated[str | None, _facet("Methods that we can run: yes or no.")]
Dimension = Annotated[str | None, _facet("Benchmarks of an evaluation dimension.")]
OfPaper = Annotated[str | None, typer.Option("--paper", help="Tables and claims of a paper.")]


def _wanted(**facets: str | None) -> dict[str, str]:
    return {facet: value for facet, value in facets.items() if value is not None}


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
    wanted = _wanted(
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


# Export, import, pages ----------------------------------------------------------------------------------------------


@app.command()
def export(
    form: Annotated[
        str, typer.Argument(help="bibtex, csl-json, csv, json, json-schema, rss, json-feed, llms, cff; or all.")
    ],
    kind: Annotated[str, typer.Option(help="Kind of entries, where the format holds several.")] = "papers",
    direction: Direction = None,
    bucket: Bucket = None,
    status: Status = None,
    venue: Venue = None,
    year: Year = None,
    model: Model = None,
    has_code: HasCode = None,
    language: Annotated[str, typer.Option(help="en or zh.")] = "en",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File (for all: folder); default: standard output.")
    ] = None,
    root: Root = None,
) -> int:
    """Write entries in a format that other programs read.

    For example:

      aki registry export bibtex --direction parameter-regularization -o kore.bib

      aki registry export all -o exports
    """
    from registry import exports

    if form == "all":
        return _export_all(load(root), out)

    wanted = _wanted(
        direction=direction, bucket=bucket, status=status, venue=venue, year=year, model=model, has_code=has_code
    )
    text = exports.export(load(root), form, kind=kind, wanted=wanted, language=language)
    if out is None:
        sys.stdout.write(text)
    else:
        exports.write_text(out, text)
        sys.stderr.write(f"wrote {out}\n")
    return 0


def _export_all(loaded: Catalog, folder: Path | None) -> int:
    """Everything in every format, and a feed per facet in both languages."""
    from registry import exports

    if folder is None:
        raise RefusalError("all formats are many files: name a folder with -o")
    files = list(exports.bundle(loaded))
    for path, text in files:
        exports.write_text(folder / path, text)
    sys.stderr.write(f"wrote {len(files)} files to {folder}\n")
    return 0


@app.command("import")
def import_(
    form: Annotated[str, typer.Argument(help="awesome-list, bibtex, arxiv.")],
    paths: Annotated[list[Path], typer.Argument(help="README (and its translation), .bib file, or list of ids.")],
    mapping: Annotated[Path | None, typer.Option(help="How to read the columns of a list.")] = None,
    into: Annotated[Path, typer.Option(help="Folder of the review workspace.")] = Path("agent/workspace/imported"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the candidates, write nothing.")] = False,
    root: Root = None,
) -> int:
    """Turn what others have collected into candidates for review; the registry itself is not touched.

    For example:

      aki registry import bibtex refs.bib --dry-run

      aki registry import awesome-list README.md README.zh-CN.md --mapping list.yaml
    """
    from registry.importers import candidates

    try:
        found = candidates.from_files(form, paths, mapping)
    except ValueError as error:
        raise RefusalError(" ".join(str(error).split())) from None
    fresh, known = candidates.without_known(found, load(root))
    if dry_run:
        for candidate in fresh:
            say(f"{candidate.slug}  {candidate.title or '(title not known yet)'}")
    else:
        for path in candidates.write(fresh, into):
            say(str(path))
    say(f"{len(fresh)} candidates, {len(known)} known already")
    return 0


@app.command()
def readme(
    check_: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 when stale.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder; default: the project.")] = None,
    root: Root = None,
) -> int:
    """Render README.md, README.zh-CN.md and CITATION.cff from the registry.

    For example:

      aki registry readme

      aki registry readme --check
    """
    from registry import readme as pages

    folder = out or catalog.DATA.parent.parent
    stale = pages.stale(load(root), folder)
    if check_:
        for path in stale:
            say(f"{path} is stale; run `aki registry readme`")
        return 1 if stale else 0
    for path in pages.write(load(root), folder):
        say(f"wrote {path}")
    if not stale:
        say("README.md, README.zh-CN.md and CITATION.cff are up to date")
    return 0


@app.command()
def audit(
    csv: Annotated[Path | None, typer.Argument(help="A CSV file instead of the reported tables.")] = None,
    formula: Annotated[
        list[str] | None, typer.Option("--formula", "-f", help="For a CSV: column=formula, once per derived column.")
    ] = None,
    table: Annotated[str | None, typer.Option(help="Only findings of this table.")] = None,
    language: Annotated[str, typer.Option(help="en or zh.")] = "en",
    check_: Annotated[bool, typer.Option("--check", help="Exit 1 when a cell is inconsistent.")] = False,
    root: Root = None,
    json_: Json = False,
) -> int:
    """Recompute every derived number and report what cannot be true beyond rounding.

    For example:

      aki registry audit

      aki registry audit results.csv --formula "avg=mean(cem, f1)" --json
    """
    from registry import audit as auditor

    try:
        findings = auditor.audit_csv(csv, _formulas(formula)) if csv else auditor.audit(load(root))
    except ValueError as error:
        raise RefusalError(" ".join(str(error).split())) from None
    if table is not None:
        findings = tuple(finding for finding in findings if finding.table == table)
    if json_:
        say_json([finding.model_dump(mode="json") for finding in findings])
    else:
        say(auditor.report(findings, "zh" if language == "zh" else "en"))
    return 1 if check_ and any(finding.state == "inconsistent" for finding in findings) else 0


def _formulas(rules: list[str] | None) -> dict[str, str]:
    """`column=formula` → column and formula."""
    pairs = [rule.partition("=") for rule in rules or ()]
    for rule, (column, equals, formula) in zip(rules or (), pairs, strict=True):
        if not (column.strip() and equals and formula.strip()):
            raise RefusalError(f"--formula {rule!r}: write column=formula, avg=mean(cem, f1)")
    if not pairs:
        raise RefusalError("a CSV needs at least one --formula column=formula")
    return {column.strip(): formula.strip() for column, _, formula in pairs}


def _hand_over(module: str, arguments: list[str]) -> int:
    return int(importlib.import_module(module).main(arguments))


PASS = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@app.command(context_settings=PASS)
def claims(context: typer.Context) -> int:
    """What papers claim, and what the reported numbers say to it; see `aki registry claims --help`."""
    return _hand_over("registry.claims", context.args)
