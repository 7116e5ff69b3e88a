"""From what is known and what was measured to Markdown pages: pure, one language at a time, no MkDocs in sight.

A page is a YAML header and raw HTML blocks between Markdown headings. Everything that came from outside goes through
Jinja's autoescape inside HTML, never through Markdown, so a title cannot become markup.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from docs import escape
from docs.words import Words

if TYPE_CHECKING:
    from docs.sources import Sources

TEMPLATES = Path(__file__).with_name("templates") / "pages"


@dataclass(frozen=True)
class Page:
    """One page of one language: where it goes, what its header says, its Markdown."""

    path: str
    """Relative to the language's root, `papers/lu2025-evoke.md`."""
    title: str
    body: str
    description: str = ""
    section: str = ""
    """First path segment of the tab that lights up."""
    hide: tuple[str, ...] = ()
    """Sidebars that only take room here: `navigation`, `toc`."""
    citation: tuple[tuple[str, str], ...] = ()
    """`citation_*` tags, which reference managers read."""
    jsonld: Mapping[str, Any] | None = None
    searchable: bool = True
    boost: float = 1.0

    def text(self) -> str:
        """The file as MkDocs reads it. Values of the header are escaped here, since the theme's templates do not."""
        header: dict[str, Any] = {"title": escape.html(self.title)}
        if self.description:
            header["description"] = escape.html(self.description)
        if self.section:
            header["section"] = self.section
        if self.hide:
            header["hide"] = list(self.hide)
        if self.citation:
            header["citation"] = [[escape.html(name), escape.html(content)] for name, content in self.citation]
        if self.jsonld:
            header["jsonld"] = escape.script_json(self.jsonld)
        if not self.searchable:
            header["search"] = {"exclude": True}
        elif self.boost != 1.0:
            header["search"] = {"boost": self.boost}
        return escape.front_matter(header) + self.body.strip("\n") + "\n"


@cache
def environment() -> Environment:
    """Jinja with autoescape; control characters fall away, undefined names fail the build."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: (
            escape.plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value
        ),
    )
    environment.filters["safe_url"] = escape.link
    environment.filters["percent"] = percent
    environment.filters["two"] = lambda value: f"{value:.2f}".replace("-", "−")
    return environment


def percent(value: float | None, digits: int = 1) -> str:
    """A fraction as per cent for people; an en dash for nothing."""
    return "–" if value is None or value != value else f"{100 * value:.{digits}f}".replace("-", "−")


@dataclass(frozen=True)
class Writer:
    """Renders templates for one language and one place in the tree."""

    words: Words
    sources: Sources
    path: str
    """The page being written, `papers/index.md`: links are relative to it."""
    extra: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def folder(self) -> str:
        """Folder of the page, empty at the root."""
        return posixpath.dirname(self.path)

    def link(self, target: str) -> str:
        """`papers/x.html#cite` as seen from this page."""
        place, mark, anchor = target.partition("#")
        return posixpath.relpath(place, self.folder or ".") + mark + anchor if place else target

    def shared(self, target: str) -> str:
        """A file that both languages share and that lies at the English root (`api/v1/papers.json`)."""
        return self.link(target if self.words.language == "en" else f"../{target}")

    def render(self, template: str, **context: Any) -> str:  # noqa: ANN401 (whatever the template takes)
        """A template as Markdown: raw blocks without blank lines, headings between them."""
        text = (
            environment()
            .get_template(template)
            .render(
                w=self.words,
                s=self.sources,
                link=self.link,
                shared=self.shared,
                heading=heading,
                **self.extra,
                **context,
            )
        )
        return blocks(text)


HEADING = "\x01"
"""Starts a heading line. Text from outside holds no control characters, so only our templates can start one."""


def heading(text: str, anchor: str, level: int = 2) -> Markup:
    """A Markdown heading with an anchor that stays when the words change; no text becomes markup in it."""
    line = f"{HEADING}{'#' * level} {escape.markdown(str(text))} {{#{anchor}}}"
    return Markup(f"\n{line}\n")  # noqa: S704 (escaped for Markdown, which takes entities)


def blocks(text: str) -> str:
    """HTML blocks and headings, each alone between blank lines."""
    parts: list[str] = []
    for index, piece in enumerate(text.split(HEADING)):
        head, _, rest = piece.partition("\n") if index else ("", "", piece)
        parts += [head.strip(), escape.without_blank_lines(rest)]
    return "\n\n".join(part for part in parts if part)


def every(sources: Sources, words: Words) -> Iterator[Page]:
    """All pages of one language."""
    from docs import ablations, analyses, board, browse, entries, findings, home, people, reference, tuning

    makers = (home, browse, entries, board, tuning, ablations, analyses, findings, people, reference)
    for maker in makers:
        yield from maker.pages(sources, words)
