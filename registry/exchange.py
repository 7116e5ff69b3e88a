"""`aki registry export | import | readme | audit | claims`: what goes out, what comes in, what is recomputed."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from registry import catalog
from registry.catalog import Catalog
from registry.command import (
    Bucket,
    Direction,
    HasCode,
    Json,
    Model,
    RefusalError,
    Root,
    Status,
    Venue,
    Year,
    app,
    load,
    say,
    say_json,
    wanted_facets,
)


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

    wanted = wanted_facets(
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
