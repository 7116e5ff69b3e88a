"""The one conversion of the public list into entries: `python -m registry.importers.bootstrap [JSON] [--root DATA]`.

Facts come from the list, texts from `summaries.yaml`, known slips from `known_issues.yaml`, what a row does not say
from `additions.yaml`. It can be repeated into any folder; a test holds the entries of the registry against the source.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from registry import ids, store
from registry.catalog import DATA
from registry.importers import awesome_list
from registry.importers.awesome_list import ListMapping, Row
from registry.importers.tables import Link, from_snapshot
from registry.schema import (
    Benchmark,
    Dataset,
    Entry,
    ExternalIds,
    Fact,
    KnownIssue,
    Paper,
    Relation,
    Remark,
    Repository,
    StatusChange,
    Text,
    text_digest,
)

HERE = Path(__file__).parent
SNAPSHOT = HERE / "sources" / "awesome-knowledge-injection.json"
MAPPING = HERE / "mappings" / "awesome-knowledge-injection.yaml"
LIST_REASON = {
    "recorded": "recorded in the public list",
    "candidate": "indexed by the agent of the public list, marked there as candidate",
}
OLDER_STARS = "the list says that older rows keep the count of an earlier day"


@dataclass(frozen=True)
class Sources:
    """All that the conversion joins."""

    rows: list[Row]
    mapping: ListMapping
    texts: Mapping[str, Any]
    issues: Mapping[str, Any]
    additions: Mapping[str, Any]


def read_sources(snapshot: Path = SNAPSHOT) -> Sources:
    """Read the list and what is joined to it."""
    mapping = awesome_list.read_mapping(MAPPING)
    return Sources(
        rows=awesome_list.rows(from_snapshot(snapshot.read_text(encoding="utf-8")), mapping),
        mapping=mapping,
        texts=_yaml("summaries.yaml"),
        issues=_yaml("known_issues.yaml"),
        additions=_yaml("additions.yaml"),
    )


def _yaml(name: str) -> Mapping[str, Any]:
    return yaml.load((HERE / name).read_text(encoding="utf-8"), yaml.CBaseLoader)  # noqa: S506 - text only


def entries(sources: Sources) -> list[tuple[str, Entry]]:
    """All entries with their kind, in the order of the list."""
    papers = list(_papers(sources))
    repositories = {repository.id: repository for repository in _repositories(sources)}
    return [
        *(("papers", paper) for paper in papers),
        *(("benchmarks", benchmark) for benchmark in _benchmarks(sources)),
        *(("repositories", repository) for repository in repositories.values()),
    ]


# Papers -------------------------------------------------------------------------------------------------------------


def paper_id(row: Row, mapping: ListMapping) -> str:
    """The id of a paper: its short name and the year of its first version."""
    url = row.links[0].url
    if url in mapping.ids:
        return mapping.ids[url]
    title = title_of(row)
    name = short_name(title) or short_name(row.label.en) or " ".join(title.partition(":")[0].split()[:4])
    return f"{ids.slug(name)}-{(row.date or row.year or '0000')[:4]}"


def title_of(row: Row) -> str:
    """The longer of the two names by which the two languages of the list call a paper."""
    return max(row.label.en, row.label.zh or "", key=len)


def short_name(title: str) -> str | None:
    """The name that a title gives its thing: before the colon, or in brackets at the end."""
    brackets = re.search(r"\(([A-Z][\w-]+)\)$", title)
    if brackets:
        return brackets[1]
    head, colon, _ = title.partition(":")
    return head if (colon or head == title) and len(head.split()) <= 2 and len(head) <= 24 else None


def _papers(sources: Sources) -> Iterator[Paper]:
    rows = [row for row in sources.rows if row.kind == "papers"]
    names = {row.links[0].url: paper_id(row, sources.mapping) for row in rows}
    seen: set[str] = set()
    for row in rows:
        same = [names[url] for url in row.shared_with if url in seen]
        seen.add(row.links[0].url)
        yield _paper(row, names[row.links[0].url], same, sources)


def _paper(row: Row, name: str, same_row: list[str], sources: Sources) -> Paper:
    url = row.links[0].url
    texts = sources.texts["papers"].get(url, {})
    issues = sources.issues["papers"].get(url, {})
    more = sources.additions["papers"].get(url, {})
    title = issues.get("set", {}).get("title", title_of(row))
    if row.rule.direction is None or row.date is None:
        raise ValueError(f"{title}: the list gives no direction or no date")
    if not texts:
        raise ValueError(f"{url}: no summary in summaries.yaml; write one first")
    return Paper(
        id=name,
        status=_status(row, sources),
        aliases=_aliases(title, row, more),
        relations=tuple(Relation(kind="same-row-as", target=f"papers/{other}") for other in same_row),
        known_issues=_issues(issues),
        title=title,
        listed_as=row.label.en if row.label.en not in {title, title_of(row)} else None,
        date=row.date,
        ids=ExternalIds.model_validate({**_ids_in(url), **more.get("ids", {})}),
        links=(url,),
        venue=_from_list(row.venue, sources),
        year=int(row.year) if row.year else int(row.date[:4]),
        direction=row.rule.direction,
        bucket=row.rule.bucket,
        position=_text(texts.get("position")),
        model_types=row.model_types,
        summary=_needed(texts["summary"]),
        tasks=_text(texts.get("tasks")),
        datasets=tuple(texts.get("datasets", row.datasets)),
        data_note=_text(texts.get("data_note")),
        code=_code(row, more, sources),
        list_order=row.order,
    )


def _status(row: Row, sources: Sources) -> tuple[StatusChange, ...]:
    since = date.fromisoformat(sources.mapping.checked)
    return (StatusChange(state=row.state, since=since, reason=Remark.of(LIST_REASON[row.state])),)


def _aliases(title: str, row: Row, more: Mapping[str, Any]) -> tuple[str, ...]:
    derived = (short_name(title), short_name(row.label.en))
    wanted = [*(name for name in derived if name), *more.get("aliases", ())]
    return tuple(dict.fromkeys(name for name in wanted if name != title))


def _ids_in(url: str) -> dict[str, str]:
    found = ids.from_address(url)
    return {found[0]: found[1]} if found else {}


def _from_list(value: str | None, sources: Sources) -> Fact[str]:
    if value is None:
        return Fact[str](value="not-checked")
    mapping = sources.mapping
    checked = date.fromisoformat(mapping.checked)
    return Fact[str](value=value, source=mapping.source, checked=checked, confidence="list")


def _code(row: Row, more: Mapping[str, Any], sources: Sources) -> Fact[str]:
    if found := more.get("code"):
        return Fact[str](
            value=repository_id("github", found["name"]),
            source=found["source"],
            checked=date.fromisoformat(found["checked"]),
            evidence=found["evidence"],
        )
    named = ids.repository(row.code.url) if row.code else None
    return _from_list(repository_id(*named) if named else None, sources)


def _text(texts: Mapping[str, str] | None) -> Text | None:
    if not texts:
        return None
    return Text(en=texts["en"], zh=texts["zh"], translated_from=text_digest(texts["en"]))


def _needed(texts: Mapping[str, str]) -> Text:
    text = _text(texts)
    if text is None:
        raise ValueError("a summary is needed in both languages")
    return text


def _issues(found: Mapping[str, Any]) -> tuple[KnownIssue, ...]:
    return tuple(
        KnownIssue(
            what=_needed(issue["what"]),
            evidence=issue["evidence"],
            checked=date.fromisoformat(issue["checked"]) if "checked" in issue else None,
            original=issue.get("original"),
        )
        for issue in found.get("known_issues", ())
    )


# Repositories -------------------------------------------------------------------------------------------------------


def repository_id(host: str, full_name: str) -> str:
    """The id of a repository: owner and name, marked `hf-` on the Hugging Face Hub."""
    return ids.slug(f"{'hf ' if host == 'huggingface' else ''}{full_name.replace('.', ' ')}")


def _repositories(sources: Sources) -> Iterator[Repository]:
    """Projects and resources of the list, then the official repositories that paper rows name."""
    for row in sources.rows:
        if row.kind == "repositories":
            yield _listed_repository(row, sources)
    for row in sources.rows:
        if row.kind != "papers":
            continue
        more = sources.additions["papers"].get(row.links[0].url, {}).get("code")
        if row.code is not None:
            yield _official(row.code, row.stars, row, sources)
        elif more:
            yield _official(Link(more["name"], more["source"]), None, row, sources)


def _listed_repository(row: Row, sources: Sources) -> Repository:
    link = row.links[0]
    host, full_name = _named(link)
    texts = sources.texts["huggingface" if host == "huggingface" else "repositories"][link.url]
    stars = sources.mapping.stars_checked or sources.mapping.checked
    roles = {"aggregation": "infrastructure", "infrastructure": "infrastructure", "huggingface": "dataset"}
    return Repository.model_validate(
        {
            **_repository_fields(host, full_name, link, sources),
            "name": row.label.en,
            "role": "awesome-list" if "Awesome" in row.label.en else roles[row.rule.section or "infrastructure"],
            "category": _text(texts["category"]),
            "stars": _stars(row.stars, sources.mapping.source, stars, None),
            "summary": _text(texts["summary"]),
            "list_section": row.rule.section,
            "list_order": row.order,
        }
    )


def _official(link: Link, stars: str | None, row: Row, sources: Sources) -> Repository:
    host, full_name = _named(link)
    mapping = sources.mapping
    fields = _repository_fields(host, full_name, link, sources)
    return Repository.model_validate(
        {
            **fields,
            "relations": (
                *fields["relations"],
                Relation(kind="implements", target=f"papers/{paper_id(row, mapping)}"),
            ),
            "name": full_name.partition("/")[2],
            "role": "official",
            "stars": _stars(stars, mapping.source, mapping.checked, OLDER_STARS),
        }
    )


def _named(link: Link) -> tuple[str, str]:
    named = ids.repository(link.url)
    if named is None:
        raise ValueError(f"{link.url} is no repository on GitHub or the Hugging Face Hub")
    return named


def _repository_fields(host: str, full_name: str, link: Link, sources: Sources) -> dict[str, Any]:
    since = date.fromisoformat(sources.mapping.checked)
    renamed = link.label if "/" in link.label and link.label != full_name else None
    return {
        "id": repository_id(host, full_name),
        "status": (StatusChange(state="recorded", since=since, reason=Remark.of(LIST_REASON["recorded"])),),
        "aliases": (renamed,) if renamed else (),
        "relations": (),
        "known_issues": _issues(sources.issues["repositories"].get(full_name, {})),
        "host": host,
        "full_name": full_name,
        "url": link.url,
    }


def _stars(count: str | None, source: str, checked: str, evidence: str | None) -> Fact[int]:
    if count is None:
        return Fact[int](value="not-checked")
    day = date.fromisoformat(checked)
    return Fact[int](value=int(count), source=source, checked=day, evidence=evidence, confidence="list")


# Benchmarks ---------------------------------------------------------------------------------------------------------


def _benchmarks(sources: Sources) -> Iterator[Benchmark]:
    for row in sources.rows:
        if row.kind == "benchmarks":
            yield _benchmark(row, sources)
    for found in sources.additions["named"]:
        since = date.fromisoformat(sources.mapping.checked)
        reason = "named in the public list's table of evaluation dimensions"
        yield Benchmark(
            id=found["id"],
            status=(StatusChange(state="recorded", since=since, reason=Remark.of(reason)),),
            name=found["name"],
            type=_needed(found["type"]),
            paper=found.get("paper"),
            dimensions=tuple(found["dimensions"]),
            summary=_needed(found["summary"]),
        )


def _benchmark(row: Row, sources: Sources) -> Benchmark:
    name = row.label.en
    texts, more = sources.texts["benchmarks"][name], sources.additions["benchmarks"][name]
    code = [ids.repository(link.url) for link in row.links if "github.com" in link.url]
    data = [link.url for link in row.links if "huggingface.co" in link.url]
    return Benchmark(
        id=more["id"],
        status=_status(row, sources),
        aliases=tuple(more.get("aliases", ())),
        known_issues=_issues(sources.issues["benchmarks"].get(name, {})),
        name=name,
        type=_needed(texts["type"]),
        paper=more.get("paper"),
        code=repository_id(*code[0]) if code and code[0] else None,
        datasets=tuple(Dataset(name=_last(url), url=url, huggingface=_hub_name(url)) for url in data),
        dimensions=tuple(more.get("dimensions", ())),
        summary=_needed(texts["summary"]),
        list_order=row.order,
    )


def _last(url: str) -> str:
    return url.rstrip("/").rpartition("/")[2]


def _hub_name(url: str) -> str | None:
    named = ids.repository(url)
    return named[1] if named else None


def main(arguments: list[str] | None = None) -> int:
    """Write the entries of the public list into a registry; exit code 0, or 2 with one line."""
    parser = argparse.ArgumentParser(description="Convert the public list into entries.")
    parser.add_argument("snapshot", nargs="?", type=Path, default=SNAPSHOT, help="structured snapshot of the list")
    parser.add_argument("--root", type=Path, default=DATA, help="folder of the data")
    options = parser.parse_args(arguments)
    try:
        made = entries(read_sources(options.snapshot))
        written = store.write([store.Change(kind, entry) for kind, entry in made], options.root)
    except (OSError, ValueError, KeyError) as error:
        sys.stderr.write(f"bootstrap: {error}\n")
        return 2
    sys.stdout.write(f"{len(written)} entries written to {options.root}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
