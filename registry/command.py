"""What all commands of `aki registry` share: the application, exit codes, output, options."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from registry import catalog
from registry.catalog import Catalog
from registry.schema import Entry

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


def wanted_facets(**facets: str | None) -> dict[str, str]:
    """Facets that were given, by name."""
    return {facet: value for facet, value in facets.items() if value is not None}
