"""The command `aki registry claims`: what papers claim, beside the numbers they print."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from registry import catalog, claims
from registry.claims import ReportedCheck
from registry.problems import did_you_mean
from registry.schema import Claim

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

UsageErrors: type[Exception] = typer.BadParameter.__mro__[2]
"""Base of all that typer raises for wrong usage; typer brings its own click and does not name the class."""
MARKS = {
    "en": {"agrees": "agrees", "disagrees": "disagrees", "too-close": "too close to say", "not-printed": "not printed"},
    "zh": {"agrees": "相符", "disagrees": "不符", "too-close": "相差过小，无法判定", "not-printed": "未印出"},
}
SIGNS = {"greater": ">", "less": "<", "equal": "≈"}


def main(arguments: list[str]) -> int:
    """Run the command; exit code 0, or 2 for wrong usage, an unknown claim, or a cell that does not exist."""
    name = "aki registry claims"
    try:
        result = app(arguments, standalone_mode=False, prog_name=name)
    except BrokenPipeError:
        sys.stdout = None  # the reader has gone
        return 0
    except UsageErrors as error:
        sys.stderr.write(f"{name}: {' '.join(error.format_message().split())}\n")  # pyright: ignore[reportAttributeAccessIssue]
        return 2
    except (LookupError, OSError) as error:
        sys.stderr.write(f"{name}: {error.args[0] if isinstance(error, LookupError) else error}\n")
        return 2
    return result if isinstance(result, int) else 0


@app.command()
def claims_of(
    claim: Annotated[str | None, typer.Argument(help="One claim; default: all.")] = None,
    language: Annotated[Literal["en", "zh"], typer.Option(help="Language of the statements.")] = "en",
    root: Annotated[Path | None, typer.Option("--root", help="Folder of the data; default: the project's.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> int:
    """Hold what papers claim against the numbers that they print.

    For example:

      aki registry claims

      aki registry claims kore-obs-8-margin --json
    """
    loaded = catalog.load(root)
    if claim is not None and claim not in loaded.claims:
        raise LookupError(f"no claim named '{claim}'; {did_you_mean(claim, loaded.claims)}")
    chosen = [one for one in loaded.claims.values() if claim in (None, one.id)]
    doubtful = claims.inconsistent_cells(loaded)
    checks = [check for one in chosen for check in claims.check_claim(one, loaded, doubtful)]
    if json_:
        values = [check.model_dump(mode="json") for check in checks]
        sys.stdout.write(json.dumps(values, ensure_ascii=False, indent=2) + "\n")
        return 0
    lines = [line for one in chosen for line in _lines(one, [c for c in checks if c.claim == one.id], language)]
    counts = ", ".join(f"{sum(c.state == state for c in checks)} {mark}" for state, mark in MARKS[language].items())
    total = f"{len(chosen)} claims, {len(checks)} printed comparisons: {counts}"
    if language == "zh":
        total = f"{len(chosen)} 条论断，{len(checks)} 项有印出数值的比较：{counts}"
    sys.stdout.write("\n".join([*lines, total]) + "\n")
    return 0


def _lines(claim: Claim, checks: Sequence[ReportedCheck], language: str) -> list[str]:
    lines = [f"{claim.id}: {claim.statement.en if language == 'en' else claim.statement.zh}"]
    for check in checks:
        margin = f" {'±' if check.relation == 'equal' else '+'} {check.margin:g}" if check.margin else ""
        doubt = f"  (audit: {', '.join(check.doubtful)})" if check.doubtful else ""
        lines.append(
            f"    {_number(check.left_printed)} {SIGNS[check.relation]} {_number(check.right_printed)}{margin}  "
            f"{MARKS[language][check.state]}  {check.left} {check.right}{doubt}"
        )
    return lines


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"
