"""The registry in the formats of others. A format is a module of this folder with `render(selection) -> str`.

from registry import load
from registry.exports import export

export(load(), "bibtex", wanted={"direction": "distill"})
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from registry import search
from registry.catalog import Catalog
from registry.problems import did_you_mean
from registry.schema import KINDS, Entry, Paper, Remark, Text

NAME = "Awesome Knowledge Injection"
HOME = os.environ.get("AKI_HOME_URL") or "https://github.com/ant-research/Awesome-Knowledge-Injection"
"""Where the project lives, for feeds, citations and the agent's user agent; a fork sets AKI_HOME_URL, or this line."""
PURPOSE = Text(
    en="Injecting knowledge into vision-language models without losing what they can do: papers, benchmarks, methods.",
    zh="向视觉语言模型注入知识而不丢失原有能力：论文、基准与方法。",
)
DATA_LICENCE = "CC-BY-4.0"


@dataclass(frozen=True)
class Selection:
    """What to write: entries of one kind out of a catalog, for readers of one language."""

    catalog: Catalog
    kind: str
    entries: tuple[Entry, ...]
    language: str = "en"
    wanted: Mapping[str, str] = field(default_factory=dict)

    def text(self, text: Remark | None) -> str:
        """A text in the language of the readers; empty for none."""
        if text is None:
            return ""
        return (text.zh if self.language == "zh" else None) or text.en

    @property
    def papers(self) -> tuple[Paper, ...]:
        """The papers among the entries."""
        return tuple(entry for entry in self.entries if isinstance(entry, Paper))

    @property
    def title(self) -> str:
        """A title that says what was selected."""
        facets = ", ".join(f"{facet}: {value}" for facet, value in self.wanted.items())
        return f"{NAME} ({facets})" if facets else NAME


def forms() -> tuple[str, ...]:
    """The formats there are."""
    return tuple(sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__)))


def export(
    catalog: Catalog,
    form: str,
    *,
    kind: str = "papers",
    wanted: Mapping[str, str] | None = None,
    language: str = "en",
) -> str:
    """The entries of a kind that fit the facets, in a format.

    Raises:
        LookupError: no such format, kind, facet, value or language; says which are near.
    """
    if form not in forms():
        raise LookupError(f"no format named '{form}'; {did_you_mean(form, forms())}")
    if language not in {"en", "zh"}:
        raise LookupError(f"no language '{language}'; one of: en, zh")
    entries = search.select(catalog, kind, wanted or {})
    selection = Selection(catalog, kind, tuple(entries), language, wanted or {})
    module = importlib.import_module(f"{__name__}.{form.replace('-', '_')}")
    return str(module.render(selection))


WHOLE = {
    "papers.bib": ("bibtex", "papers"),
    "papers.csl.json": ("csl-json", "papers"),
    "registry.json": ("json", "papers"),
    "registry.schema.json": ("json-schema", "papers"),
    "llms.txt": ("llms", "papers"),
    "llms-full.txt": ("llms-full", "papers"),
    "CITATION.cff": ("cff", "papers"),
    **{f"{kind}.csv": ("csv", kind) for kind in KINDS},
}
"""File name → format and kind, for the exports of everything."""
FEED_FACETS = ("direction", "bucket", "year", "model", "status")
"""Facets of papers that have a feed for each of their values."""


def bundle(catalog: Catalog) -> Iterator[tuple[str, str]]:
    """Every export as (path, text): everything in each format, and feeds per facet in both languages."""
    for path, (form, kind) in WHOLE.items():
        yield path, export(catalog, form, kind=kind)
    for language in ("en", "zh"):
        for place, wanted in feeds(catalog):
            for form, ending in (("rss", "xml"), ("json-feed", "json")):
                text = export(catalog, form, wanted=wanted, language=language)
                yield f"feeds/{language}/{place}.{ending}", text


def feeds(catalog: Catalog) -> Iterator[tuple[str, dict[str, str]]]:
    """(place, facet and value) of every feed: one of all papers, then one per value of each facet."""
    from registry.ids import slug

    yield "papers", {}
    for facet in FEED_FACETS:
        found = {value for paper in catalog.papers.values() for value in search.facets(paper)[facet]}
        for value in sorted(found):
            yield f"{facet}-{slug(value)}", {facet: value}


def write_text(path: Path, text: str) -> None:
    """Write a file all or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8", newline="\n") as file:
        file.write(text)
    Path(file.name).chmod(0o666 & ~_umask())
    Path(file.name).replace(path)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
