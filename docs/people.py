"""Pages that people write, `docs/pages/<name>.md` and `<name>.zh.md`, carried over and linked up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from docs.pages import Page, Writer
from docs.sources import ROOT, Sources
from docs.words import Words

FOLDER = Path(__file__).with_name("pages")
PERFORMANCE = Path(__file__).with_name("performance.md")
FIRST = ("quick-start", "run-a-method", "your-model", "your-data", "laboratory", "how-we-measure", "add-a-method")
"""Guides in reading order; the others follow by name."""

NOT_RUN = "what-has-not-been-run"
"""Stands on the page of the same name below what is computed there (`about/not-run`), not among the guides."""

LINK = re.compile(r"(?<!\!)\[([^\]\n]*)\]\(([^)\s]+)((?:\s+\"[^\"]*\")?)\)")
TITLE = re.compile(r"^#\s+(.+?)\s*$", re.MULTILINE)
CODE = re.compile(r"(```.*?```|~~~.*?~~~|`[^`\n]*`)", re.DOTALL)


@dataclass(frozen=True)
class Guide:
    """One written page in one language; `translated` is False when only the other language exists."""

    name: str
    title: str
    text: str
    lead: str
    translated: bool


def guides(words: Words, folder: Path = FOLDER) -> list[Guide]:
    """All written pages in this language, in reading order."""
    names = sorted({file.name.removesuffix(".md").removesuffix(".zh") for file in folder.glob("*.md")} - {NOT_RUN})
    names.sort(key=lambda one: (FIRST.index(one) if one in FIRST else len(FIRST), one))
    found = [guide(one, words, folder) for one in names]
    if PERFORMANCE.exists() and folder == FOLDER and "performance" not in names:
        own = PERFORMANCE if words.language == "en" else PERFORMANCE.with_name("performance.zh.md")
        found.append(_read("performance", own if own.exists() else PERFORMANCE, translated=own.exists()))
    return found


def guide(name: str, words: Words, folder: Path = FOLDER) -> Guide:
    """One written page; the other language's text when there is no own one."""
    english, chinese = folder / f"{name}.md", folder / f"{name}.zh.md"
    own, other = (english, chinese) if words.language == "en" else (chinese, english)
    return _read(name, own if own.exists() else other, translated=own.exists())


def _read(name: str, file: Path, *, translated: bool) -> Guide:
    text = file.read_text(encoding="utf-8")
    found = TITLE.search(text)
    title = re.sub(r"[`*]", "", found[1]) if found else name.replace("-", " ").capitalize()
    return Guide(name, title, text if found else f"# {title}\n\n{text}", _lead(text), translated)


def _lead(text: str) -> str:
    """First paragraph as plain text."""
    for block in re.split(r"\n\s*\n", TITLE.sub("", text, count=1)):
        plain = LINK.sub(r"\1", block).strip()
        if plain and plain[0] not in "#|`>-*!<[" and not plain.startswith("```"):
            return re.sub(r"[`*]", "", " ".join(plain.split()))[:300]
    return ""


def pages(sources: Sources, words: Words) -> Iterator[Page]:
    """The list of guides and each of them."""
    written = guides(words)
    writer = Writer(words, sources, "guides/index.md")
    yield Page(
        writer.path,
        words("guides.title"),
        writer.render("guides.html", guides=written),
        words("guides.lead"),
        "guides",
        hide=("toc",),
        boost=1.5,
    )
    known = {one.name for one in written}
    for one in written:
        body = linked(one.text, known, sources)
        if not one.translated:
            title, _, rest = body.partition("\n")
            body = f"{title}\n\n!!! note\n    {words('guides.untranslated')}\n{rest}"
        yield Page(f"guides/{one.name}.md", one.title, body, one.lead, "guides", boost=1.5)


def written_below(words: Words, sources: Sources, folder: Path = FOLDER) -> str:
    """What people wrote about what has not been run, without its title; empty without such a page."""
    if not (folder / f"{NOT_RUN}.md").exists():
        return ""
    body = linked(guide(NOT_RUN, words, folder).text, set(), sources)
    return TITLE.sub("", body, count=1).strip() + "\n"


def linked(text: str, known: set[str], sources: Sources) -> str:
    """Links of a written page, made to fit the site: guides to guides, files to the repository, code left alone."""
    parts = CODE.split(text)
    return "".join(
        part if index % 2 else LINK.sub(lambda found: _relink(found, known, sources), part)
        for index, part in enumerate(parts)
    )


def _relink(found: re.Match[str], known: set[str], sources: Sources) -> str:
    label, target, title = found.groups()
    if target.startswith(("http://", "https://", "#", "mailto:")):
        return found[0]
    place, mark, anchor = target.partition("#")
    name = Path(place).name.removesuffix(".md").removesuffix(".zh")
    if name == NOT_RUN:
        return f"[{label}](../about/not-run.md{mark or '#by-hand'}{anchor}{title})"
    if place.endswith(".md") and "/" not in place.removeprefix("./") and name in known:
        return f"[{label}]({name}.md{mark}{anchor}{title})"
    if place.endswith("performance.md"):
        return f"[{label}](performance.md{mark}{anchor}{title})"
    inside = (FOLDER / place).resolve()
    if not inside.is_relative_to(ROOT) or not inside.exists():
        inside = (ROOT / place).resolve()
    if inside.is_relative_to(ROOT) and inside.exists():
        path = inside.relative_to(ROOT).as_posix()
        if sources.repository_url:
            return f"[{label}]({sources.repository_url}/blob/main/{path}{mark}{anchor}{title})"
        return label if label.strip("`") == path else f"{label} (`{path}`)"
    return found[0]
