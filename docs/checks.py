"""What must hold for a built site: links lead somewhere, nothing is fetched elsewhere, both languages are whole."""

from __future__ import annotations

import gzip
import html
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml

from docs.sources import ROOT

HOME_BUDGET = 120_000
BROWSE_BUDGET = 200_000
"""Gzipped bytes of a page with everything that it loads."""
INDEX_BUDGET = 500_000
"""Gzipped bytes of one language's search index; beyond it, Pagefind is the better choice."""

ZENSICAL_READS = frozenset(
    {"search", "meta", "tags", "blog", "offline", "redirects", "rss", "llmstxt", "minify", "glightbox"}
)
"""Plug-ins that Zensical understands (its documentation, November 2026); it skips others without a word."""

LINK = re.compile(r"""<(a|link|script|img|iframe|source|object|embed)\b([^>]*)>""", re.IGNORECASE)
ATTRIBUTE = re.compile(r"""\b(href|src|srcset|data|rel)=["']([^"']*)["']""", re.IGNORECASE)
ANCHOR = re.compile(r"""\sid=["']([^"']+)["']""")
STYLE_URL = re.compile(r"""(?:url\(\s*["']?|@import\s+["'])((?:https?:)?//[^"')\s]+)""", re.IGNORECASE)
LEAK = re.compile(r"\{\{\s*[a-z_]+\s*[.|(}]|\{%\s*[a-z]|\bUndefined\b|<jinja2|\x01|\x02")


@dataclass(frozen=True)
class Flaw:
    """One thing to mend on a page."""

    page: str
    message: str

    def __str__(self) -> str:
        """`papers/index.html: …`."""
        return f"{self.page}: {self.message}"


@dataclass(frozen=True)
class Html:
    """A built page and what it points at."""

    path: str
    text: str

    @cached_property
    def anchors(self) -> frozenset[str]:
        """Every id on the page."""
        return frozenset(html.unescape(found) for found in ANCHOR.findall(self.text))

    @cached_property
    def references(self) -> tuple[tuple[str, str, str], ...]:
        """(element, rel, address) of everything that is linked or loaded."""
        found: list[tuple[str, str, str]] = []
        for element, attributes in LINK.findall(re.sub(r"<!--.*?-->", "", self.text, flags=re.DOTALL)):
            values = {name.lower(): html.unescape(value) for name, value in ATTRIBUTE.findall(attributes)}
            address = values.get("href") or values.get("src") or values.get("data") or ""
            if address:
                found.append((element.lower(), values.get("rel", "").strip(), address))
        return tuple(found)

    def loads(self) -> Iterator[str]:
        """Addresses that a browser fetches with the page."""
        for element, rel, address in self.references:
            if element in {"script", "img", "iframe", "source", "object", "embed"} or (
                element == "link" and rel in {"stylesheet", "icon", "preload", "preconnect", "modulepreload"}
            ):
                yield address


def pages(site: Path) -> dict[str, Html]:
    """All pages of a built site, by path."""
    found = sorted(site.rglob("*.html"))
    return {
        file.relative_to(site).as_posix(): Html(file.relative_to(site).as_posix(), file.read_text(encoding="utf-8"))
        for file in found
    }


def every(site: Path) -> list[Flaw]:
    """All flaws of a built site."""
    known = pages(site)
    flaws = [flaw for page in known.values() for flaw in (*dead_links(page, known, site), *foreign(page), *form(page))]
    flaws += [
        Flaw(file.relative_to(site).as_posix(), f"fetches {url}")
        for file in site.rglob("*.css")
        for url in STYLE_URL.findall(file.read_text(encoding="utf-8"))
    ]
    flaws += unmatched(known)
    for path, budget in (("index.html", HOME_BUDGET), ("papers/index.html", BROWSE_BUDGET)):
        for place in (path, f"zh/{path}"):
            if place in known and (size := weight(known[place], site)) > budget:
                flaws.append(
                    Flaw(
                        place, f"weighs {size // 1000} kB gzipped with what it loads; the budget is {budget // 1000} kB"
                    )
                )
    return flaws


def dead_links(page: Html, known: dict[str, Html], site: Path) -> Iterator[Flaw]:
    """Links inside the site that lead nowhere."""
    folder = posixpath.dirname(page.path)
    for _, rel, address in page.references:
        parts = urlsplit(address)
        if parts.scheme or parts.netloc or page.path.endswith("404.html") or rel == "canonical":
            continue
        target = posixpath.normpath(posixpath.join(folder, unquote(parts.path))) if parts.path else page.path
        if target in known:
            anchor = unquote(parts.fragment)
            if anchor and anchor not in known[target].anchors and not anchor.startswith("__"):
                yield Flaw(page.path, f"links to {address}, where nothing is called #{anchor}")
        elif not (site / target).is_file():
            yield Flaw(page.path, f"links to {address}, which does not exist")


def foreign(page: Html) -> Iterator[Flaw]:
    """Whatever a browser would fetch from another site."""
    for address in page.loads():
        if urlsplit(address).netloc:
            yield Flaw(page.path, f"fetches {address}")
    for url in STYLE_URL.findall(page.text):
        yield Flaw(page.path, f"fetches {url}")


def form(page: Html) -> Iterator[Flaw]:
    """What every page has: a language, one first heading, a description, and no traces of its making."""
    language = "zh-Hans" if page.path.startswith("zh/") else "en"
    if f'<html lang="{language}"' not in page.text:
        yield Flaw(page.path, f'does not say lang="{language}"')
    headings = len(re.findall(r"<h1[\s>]", page.text))
    if headings != 1:
        yield Flaw(page.path, f"has {headings} first headings")
    if '<meta name="description" content="' not in page.text:
        yield Flaw(page.path, "has no description")
    body = page.text.partition("<article")[2].partition("</article>")[0]
    if found := LEAK.search(re.sub(r"<(pre|code)\b.*?</\1>", "", body, flags=re.DOTALL)):
        yield Flaw(page.path, f"shows traces of its making: {found[0]!r}")


def unmatched(known: dict[str, Html]) -> Iterator[Flaw]:
    """Pages that exist in one language only."""
    english = {path for path in known if not path.startswith("zh/")}
    chinese = {path.removeprefix("zh/") for path in known if path.startswith("zh/")}
    for path in sorted(english ^ chinese):
        yield Flaw(path if path in english else f"zh/{path}", "exists in one language only")


def weight(page: Html, site: Path) -> int:
    """Gzipped bytes of a page, its style sheets, scripts and pictures."""
    total = len(gzip.compress(page.text.encode(), 9))
    for address in set(page.loads()):
        file = site / posixpath.normpath(posixpath.join(posixpath.dirname(page.path), urlsplit(address).path))
        if file.is_file():
            total += len(gzip.compress(file.read_bytes(), 9))
    return total


def notes(site: Path) -> Iterator[str]:
    """What is worth knowing and no reason to fail: the way to Zensical, the size of the search index."""
    foreign_plugins = plugins() - ZENSICAL_READS
    if foreign_plugins:
        yield f"note: Zensical does not read: {', '.join(sorted(foreign_plugins))}"
    for place in ("search", "zh/search"):
        file = site / place / "search_index.json"
        if file.is_file() and (size := len(gzip.compress(file.read_bytes(), 6))) > INDEX_BUDGET:
            yield f"note: {place} index has grown to {size // 1000} kB gzipped; Pagefind would load it in pieces"


def plugins(config: Path = ROOT / "mkdocs.yml") -> set[str]:
    """Names of the MkDocs plug-ins in use."""
    read = yaml.safe_load(config.read_text(encoding="utf-8"))
    return {name if isinstance(name, str) else next(iter(name)) for name in read.get("plugins", [])}
