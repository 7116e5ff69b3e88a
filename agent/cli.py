"""`aki agent …`: revisit the sources, review what they say, apply what was approved."""

from __future__ import annotations

import sys

import typer

from agent.commands import RefusalError, deciding, looking, pulling, visiting

EXAMPLES = """

For example:

  aki agent refresh --replay agent/recorded/demo --workspace build/demo/workspace

  aki agent review
"""

app = typer.Typer(
    help="What might change: revisit the sources, review proposals, apply what was approved." + EXAMPLES,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

for verb in (
    visiting.plan,
    visiting.fetch,
    visiting.propose,
    visiting.refresh,
    deciding.review,
    deciding.decide,
    deciding.undo,
    deciding.apply,
    deciding.sign,
    deciding.verify,
    pulling.pr,
    pulling.post,
    pulling.switch,
    looking.status,
    looking.stats,
    looking.evaluate,
):
    app.command()(verb)

UsageErrors: type[Exception] = typer.BadParameter.__mro__[2]
"""Base of all that typer raises for wrong usage; typer brings its own click and does not name the class."""


def main(arguments: list[str]) -> int:
    """Run a command; exit code 0 fine, 1 problems found, 2 wrong usage or bad input, 3 partial."""
    try:
        result = app(arguments or ["--help"], standalone_mode=False, prog_name="aki agent")
    except BrokenPipeError:
        sys.stdout = None  # the reader has gone; do not complain again at exit
        return 0
    except UsageErrors as error:
        sys.stderr.write(f"aki agent: {' '.join(error.format_message().split())}\n")  # pyright: ignore[reportAttributeAccessIssue]
        return 2
    except (typer.Abort, KeyboardInterrupt):
        sys.stderr.write("aki agent: interrupted; nothing was left half-written\n")
        return 130
    except (RefusalError, ValueError, LookupError, OSError) as error:
        sys.stderr.write(f"aki agent: {one_line(error)}\n")
        return 2
    return result if isinstance(result, int) else 0


def one_line(error: Exception) -> str:
    """What to do about it, without Python's ways of saying it."""
    if isinstance(error, ModuleNotFoundError):
        return f"needs {error.name}; install with: pip install '.[agent]'"
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {(error.strerror or 'cannot be opened').lower()}"
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}".removeprefix(": ")
    return " ".join(str(error.args[0] if isinstance(error, KeyError) else error).split())
