"""A page for every retired id, so that an address that was ever given out leads to what took over."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from pathlib import Path

from docs import escape
from docs.entries import FOLDERS, title
from docs.sources import Sources
from docs.words import LANGUAGES, Words
from registry import checks

PAGE = """<!doctype html>
<html lang="{tag}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<meta name="description" content="{says}">
<meta name="robots" content="noindex">
<link rel="canonical" href="{canonical}">
<meta http-equiv="refresh" content="0; url={place}">
</head>
<body><main><h1>{title}</h1><p>{says} <a href="{place}">{title}</a></p></main></body>
</html>
"""


def write(sources: Sources, site: Path) -> None:
    """Write what is missing below a built site; a merged entry that has a page of its own keeps it."""
    for path, text in files(sources):
        file = site / path
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")


def files(sources: Sources) -> Iterator[tuple[str, str]]:
    """(path below the site, HTML) of every retired id that had a page, in both languages."""
    redirects = sources.catalog.redirects
    for old in sorted(redirects):
        new = checks.follow(old, redirects)
        if old.partition("/")[0] not in FOLDERS or new == old:
            continue
        for language in LANGUAGES:
            root = "" if language == "en" else "zh/"
            yield f"{root}{old}.html", _page(old, new, sources, Words(language))


def _page(old: str, new: str, sources: Sources, words: Words) -> str:
    place = posixpath.relpath(f"{new}.html", posixpath.dirname(old))
    root = "" if words.language == "en" else "zh/"
    return PAGE.format(
        tag=words.tag,
        title=escape.html(title(sources.catalog.entry(new), words)),
        says=escape.html(words("redirect.says", old=old.partition("/")[2], new=new.partition("/")[2])),
        canonical=escape.html(f"{sources.site_url}{root}{new}.html" if sources.site_url else place),
        place=escape.html(place),
    )
