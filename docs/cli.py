"""`aki site …`: build the static site from the registry and the records, look at it, check it, draw its picture."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = """

For example:

  aki site build

  aki site serve --port 8000
"""

ROOT = Path(__file__).resolve().parent.parent

app = typer.Typer(
    help="The static site in English and Chinese." + EXAMPLES,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

UsageErrors: type[Exception] = typer.BadParameter.__mro__[2]
"""Base of all that typer raises for wrong usage; typer brings its own click and does not name the class."""

Folder = Annotated[Path, typer.Option("--site", help="Folder of the built site.")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
SITE = ROOT / "build" / "site"


class RefusalError(Exception):
    """Wrong usage or unreadable input: one line, exit code 2."""


def main(arguments: list[str]) -> int:
    """Run a command; exit code 0 fine, 1 problems found, 2 wrong usage or bad input."""
    from docs.build import BuildError

    try:
        result = app(arguments or ["--help"], standalone_mode=False, prog_name="aki site")
    except BrokenPipeError:
        sys.stdout = None  # the reader has gone; do not complain again at exit
        return 0
    except UsageErrors as error:
        sys.stderr.write(f"aki site: {' '.join(error.format_message().split())}\n")  # pyright: ignore[reportAttributeAccessIssue]
        return 2
    except BuildError as error:
        sys.stderr.write(f"aki site: {error}\n")
        return 1
    except (RefusalError, OSError, ImportError) as error:
        sys.stderr.write(f"aki site: {error}\n")
        return 2
    return int(result or 0)


@app.command()
def build(
    site: Folder = SITE,
    site_url: Annotated[
        str, typer.Option(help="Where it will be published, for absolute links.", envvar="AKI_SITE_URL")
    ] = "",
    repository_url: Annotated[
        str,
        typer.Option(
            help="Public repository, for reports of problems; default: the remote origin.", envvar="AKI_REPOSITORY_URL"
        ),
    ] = "",
    results: Annotated[Path | None, typer.Option(help="Folder of the records; default: the published ones.")] = None,
    registry: Annotated[
        Path | None, typer.Option(help="Folder of the registry's data; default: the project's.")
    ] = None,
) -> int:
    """Write the whole site, both languages.

    Example: aki site build
    """
    from docs import build as building

    for name, url in (("--site-url", site_url), ("--repository-url", repository_url)):
        if url and not url.startswith(("https://", "http://")):
            raise RefusalError(f"{name} {url}: an address begins with https://")
    for name, folder in (("--results", results), ("--registry", registry)):
        if folder is not None and not folder.is_dir():
            raise RefusalError(f"{name} {folder}: there is no such folder")
    say("reading the registry and the records")
    sources = building.gather(site_url=site_url, repository_url=repository_url, results=results, registry=registry)
    built = building.build(sources, site.resolve(), work=ROOT / "build" / "site-src", say=say)
    seconds = sum(built.seconds.values())
    parts = ", ".join(f"{name} {value:.1f} s" for name, value in built.seconds.items())
    print(f"{built.n_pages} pages in two languages in {seconds:.1f} s ({parts})")
    print(f"open {_short(site)}/index.html, or: aki site serve")
    return 0


@app.command()
def serve(
    site: Folder = SITE,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 8000,
) -> int:
    """Show the built site on this machine until Ctrl-C.

    Example: aki site serve --port 8000
    """
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    if not (site / "index.html").is_file():
        raise RefusalError(f"{_short(site)}: no site there yet; run `aki site build` first")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Says nothing about each request."""

    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), partial(Quiet, directory=os.fspath(site)))
    except OSError as error:
        raise RefusalError(f"port {port}: {error.strerror}; choose another with --port, or 0 for any") from None
    with server:
        print(f"http://127.0.0.1:{server.server_port}/ (Ctrl-C ends it)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0


@app.command()
def check(site: Folder = SITE, as_json: Json = False) -> int:
    """Look for dead links, requests to other sites, leaked markup and pages that are too heavy.

    Example: aki site check
    """
    import json

    from docs import checks

    if not (site / "index.html").is_file():
        raise RefusalError(f"{_short(site)}: no site there yet; run `aki site build` first")
    problems = checks.every(site)
    if as_json:
        print(json.dumps([problem.__dict__ for problem in problems], ensure_ascii=False, indent=1))
    else:
        for problem in problems:
            print(problem)
        for note in checks.notes(site):
            say(note)
        print(f"{len(problems)} problems" if problems else "no problems")
    return 1 if problems else 0


@app.command()
def picture(
    to: Annotated[Path, typer.Option(help="File to write.")] = ROOT / "docs" / "assets" / "leaderboard.svg",
    stale: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 if the file is not up to date.")
    ] = False,
) -> int:
    """Draw adaptation against retention from the published records, for the README.

    Example: aki site picture
    """
    from docs import api
    from docs import build as building
    from registry.exports import write_text

    drawn = api.picture(building.gather())
    if drawn is None:
        raise RefusalError(
            "a picture needs at least two measured rows; publish records below reproductions/results first"
        )
    if stale:
        same = to.exists() and to.read_text(encoding="utf-8") == drawn
        print(f"{_short(to)} is up to date" if same else f"{_short(to)} is out of date; run `aki site picture`")
        return 0 if same else 1
    write_text(to, drawn)
    print(f"wrote {_short(to)}")
    return 0


@app.command()
def release(name: Annotated[str, typer.Argument(help="Version, v0.1.0.")]) -> int:
    """Keep the leaderboard as it is now under a version, for the history of releases.

    Example: aki site release v0.1.0
    """
    from docs import build as building
    from docs import releases

    sources = building.gather()
    if not sources.rows:
        raise RefusalError("there are no rows to keep yet; publish records below reproductions/results first")
    try:
        taken = releases.snapshot(name, sources.rows, day=sources.today, commit=sources.commit)
        file = releases.save(taken)
    except (ValueError, FileExistsError) as error:
        raise RefusalError(str(error)) from None
    print(f"wrote {_short(file)}: {len(taken.rows)} rows")
    return 0


def say(line: str) -> None:
    """Progress, to stderr."""
    sys.stderr.write(f"{line}\n")


def _short(path: Path) -> Path:
    resolved = path.resolve()
    return resolved.relative_to(Path.cwd()) if resolved.is_relative_to(Path.cwd()) else resolved
