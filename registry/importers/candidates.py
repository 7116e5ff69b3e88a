"""Candidates: what an import found, as plain YAML for people to review. Nothing here can write the registry.

A candidate lies in the review workspace, one file each, and says where it was found. It becomes an entry only when a
person makes it one; papers that the registry knows already are left out.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from pydantic import Field

from registry import ids, textyaml
from registry.catalog import Catalog
from registry.importers import arxiv_ids, awesome_list, bibtex
from registry.importers.awesome_list import Row
from registry.importers.tables import bilingual, from_snapshot
from registry.problems import did_you_mean
from registry.schema import ExternalIds, Line, Model, Month, Paper, Slug, Url

MAX_BYTES = 20_000_000
"""Larger inputs are refused before they are read."""


class Candidate(Model):
    """A paper that somebody's collection names."""

    slug: Slug
    """Proposed id."""
    title: Line | None = None
    """Absent when the collection gives only an id."""
    date: Month | None = None
    ids: ExternalIds = ExternalIds()
    links: tuple[Url, ...] = Field(default=())
    authors: tuple[Line, ...] = ()
    venue: Line | None = None
    model_types: tuple[Line, ...] = ()
    tasks: Line | None = None
    datasets: tuple[Line, ...] = ()
    code: Url | None = None
    direction: str | None = None
    """The direction that the mapping gives to the table, when it gives one."""
    bucket: str | None = None
    found_in: Line
    """The file, and the place in it."""
    imported: dt.date


def from_files(form: str, paths: Sequence[Path], mapping: Path | None = None) -> list[Candidate]:
    """The candidates in somebody's files.

    Raises:
        ValueError: unknown form, or a file that is not of that form; one line.
        OSError: a file cannot be read.
    """
    forms: dict[str, Callable[[Sequence[Path], Path | None], list[Candidate]]] = {
        "awesome-list": _from_list,
        "bibtex": _from_bibtex,
        "arxiv": _from_arxiv,
    }
    if form not in forms:
        raise ValueError(f"no import form named '{form}'; {did_you_mean(form, forms)}")
    return _unique(forms[form](paths, mapping))


def _read(path: Path) -> str:
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path}: larger than {MAX_BYTES // 1_000_000} MB")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not UTF-8; save it as UTF-8") from None


def _from_list(paths: Sequence[Path], mapping: Path | None) -> list[Candidate]:
    """One README, or a README and its translation, or a structured snapshot."""
    if len(paths) > 2:
        raise ValueError("an awesome list is one README, or a README and its translation")
    rules = awesome_list.read_mapping(mapping) if mapping else awesome_list.USUAL
    texts = [_read(path) for path in paths]
    try:
        tables = from_snapshot(texts[0]) if paths[0].suffix == ".json" else bilingual(*texts)
    except ValueError as error:
        raise ValueError(f"{paths[0]}: {error}") from None
    rows = [row for row in awesome_list.rows(tables, rules) if row.kind == "papers"]
    if not rows:
        raise ValueError(f"{paths[0]}: no table of papers found; say how to read it with --mapping")
    return [candidate for row in rows if (candidate := _of_row(row, paths[0]))]


def _of_row(row: Row, path: Path) -> Candidate | None:
    """A row with a link; headings and bullets that lead to other places of the same page are no papers."""
    link = row.links[0]
    title = max(row.label.en, row.label.zh or "", key=len)
    if not link.url.startswith(("http://", "https://")) or not ids.slug(title):
        return None
    day = row.date or row.year
    return _made(
        slug=title.partition(":")[0],
        title=_clip(title),
        day=day,
        links=(link.url,),
        venue=_clip(row.venue),
        model_types=row.model_types,
        tasks=_clip(row.tasks.en if row.tasks else None),
        datasets=row.datasets,
        code=row.code.url if row.code else None,
        direction=row.rule.direction,
        bucket=row.rule.bucket,
        found_in=f"{path.name}, row {row.order + 1} of its table",
    )


def _from_bibtex(paths: Sequence[Path], mapping: Path | None) -> list[Candidate]:
    found: list[Candidate] = []
    for path in paths:
        try:
            records = bibtex.read(_read(path))
        except bibtex.BibtexError as error:
            raise ValueError(f"{path}:{error}") from None
        found.extend(candidate for record in records if (candidate := _of_record(record, path)))
    return found


def _of_record(record: bibtex.Record, path: Path) -> Candidate | None:
    title = record.get("title")
    if not title or not ids.slug(title):
        return None
    external = {scheme: value for scheme, value in bibtex.external_ids(record).items() if not ids.wrong(scheme, value)}
    links = [record.get("url") or "", *(ids.address(scheme, value) for scheme, value in external.items())]
    return _made(
        slug=title.partition(":")[0],
        title=_clip(title),
        day=bibtex.day(record),
        external=external,
        links=tuple(dict.fromkeys(link for link in links if link.startswith(("http://", "https://"))))[:3],
        authors=bibtex.authors(record),
        venue=_clip(record.get("booktitle") or record.get("journal")),
        found_in=f"{path.name}, {record.key}",
    )


def _from_arxiv(paths: Sequence[Path], mapping: Path | None) -> list[Candidate]:
    found: list[Candidate] = []
    for path in paths:
        for line, number in arxiv_ids.read(_read(path), str(path)):
            found.append(
                _made(
                    slug=f"arxiv {number}",
                    title=None,
                    day=arxiv_ids.month(number),
                    links=(ids.address("arxiv", number),),
                    found_in=f"{path.name}, line {line}",
                )
            )
    return found


def _made(
    *,
    slug: str,
    title: str | None,
    day: str | None,
    links: tuple[str, ...],
    found_in: str,
    external: dict[str, str] | None = None,
    **fields: object,
) -> Candidate:
    """A candidate; ids that the links carry are added, and dates that are none are left out."""
    carried = dict(found for link in links if (found := ids.from_address(link)))
    year = f"-{day[:4]}" if title and day and day[:4].isdigit() else ""
    words = " ".join(slug.split()[:6])
    return Candidate.model_validate(
        {
            "slug": f"{ids.slug(words)[:70].strip('-') or 'paper'}{year}",
            "title": title,
            "date": day if day and _is_month(day) else None,
            "ids": {**carried, **(external or {})},
            "links": links,
            "found_in": found_in,
            "imported": dt.datetime.now(dt.UTC).date(),
            **{name: value for name, value in fields.items() if value},
        }
    )


def _is_month(text: str) -> bool:
    with contextlib.suppress(ValueError):
        if len(text) == 4:
            return 1900 <= int(text) < 2100
        return bool(dt.date.fromisoformat(f"{text}-01")) and len(text) == 7
    return False


def _clip(text: str | None) -> str | None:
    """One clean line of bearable length."""
    if text is None:
        return None
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return words[:400].strip() or None


def _unique(found: Iterable[Candidate]) -> list[Candidate]:
    """Without doubles; equal proposed ids get a number."""
    kept: dict[str, Candidate] = {}
    seen: set[tuple[str, str]] = set()
    for candidate in found:
        keys = _keys(candidate)
        if keys & seen:
            continue
        seen |= keys
        slug, number = candidate.slug, 1
        while slug in kept:
            number += 1
            slug = f"{candidate.slug}-{number}"
        kept[slug] = candidate.model_copy(update={"slug": slug})
    return list(kept.values())


def _keys(thing: Candidate | Paper) -> set[tuple[str, str]]:
    """What a paper can be recognised by: external ids, links, title."""
    keys = {(scheme, ids.same(scheme, value)) for scheme, value in thing.ids.items()}
    keys |= {("link", link.rstrip("/").lower()) for link in thing.links}
    return keys | ({("title", ids.title_key(thing.title))} if thing.title else set())


def without_known(found: Iterable[Candidate], catalog: Catalog) -> tuple[list[Candidate], list[Candidate]]:
    """(new, known): candidates that the registry does not and does hold, whatever their status there."""
    known_keys = {key for paper in catalog.papers.values() for key in _keys(paper)}
    fresh: list[Candidate] = []
    known: list[Candidate] = []
    for candidate in found:
        (known if _keys(candidate) & known_keys else fresh).append(candidate)
    return fresh, known


def write(found: Iterable[Candidate], folder: Path) -> list[Path]:
    """Write candidates into a folder, one file each; files that are there already stay as they are.

    Raises:
        ValueError: the folder lies in the registry.
    """
    from registry.catalog import DATA

    if folder.resolve().is_relative_to(DATA.resolve()):
        raise ValueError(f"{folder} lies in the registry; candidates go into the review workspace")
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for candidate in found:
        path = folder / f"{candidate.slug}.yaml"
        if not path.exists():
            _write_text(path, textyaml.dump(candidate))
            written.append(path)
    return written


def _write_text(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
    Path(name).chmod(0o644)
    Path(name).replace(path)
