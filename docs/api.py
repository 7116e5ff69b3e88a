"""The site as files: versioned JSON, CSV, BibTeX, feeds, llms.txt, and the records that the numbers stand on."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time
from email.utils import format_datetime
from xml.sax.saxutils import escape

from docs import board, findings, plane
from docs.pages import Writer, percent
from docs.rows import LEARNED, groups, labels
from docs.sources import Sources
from docs.words import LANGUAGES, Words
from registry import exports
from reproductions.rows import Estimate, LeaderboardRow

VERSION = "v1"


def files(sources: Sources) -> Iterator[tuple[str, str]]:
    """Every data file as (path below the English root, text)."""
    for path, text in exports.bundle(sources.catalog):
        yield _place(path), text
    rows = [row.model_dump(mode="json") for row in sources.rows]
    yield f"api/{VERSION}/leaderboard.json", document("leaderboard", rows, sources)
    yield f"api/{VERSION}/leaderboard.compact.json", compact(sources.rows)
    yield f"api/{VERSION}/leaderboard.csv", leaderboard_csv(sources.rows)
    verdicts = [verdict.model_dump(mode="json") for verdict in sources.verdicts.values()]
    yield f"api/{VERSION}/verdicts.json", document("verdicts", verdicts, sources)
    found = [finding.model_dump(mode="json") for finding in sources.findings]
    yield f"api/{VERSION}/audit.json", document("audit", found, sources)
    gaps = [gap.model_dump(mode="json") for gap in sources.gaps]
    yield f"api/{VERSION}/gap.json", document("gap", gaps, sources)
    for taken in sources.snapshots:
        text = json.dumps(taken.model_dump(mode="json"), ensure_ascii=False, separators=(",", ":"))
        yield f"api/{VERSION}/releases/{taken.name}.json", text + "\n"
    for language in LANGUAGES:
        yield from change_feeds(sources, Words(language))


def _place(path: str) -> str:
    """Where an export of the registry goes: feeds to their language, texts for machines to the root."""
    if path.startswith("feeds/en/"):
        return path.replace("feeds/en/", "feeds/", 1)
    if path.startswith("feeds/zh/"):
        return path.replace("feeds/zh/", "zh/feeds/", 1)
    return path if path.startswith("llms") else f"api/{VERSION}/{path}"


def document(name: str, items: Sequence[object], sources: Sources) -> str:
    """A list with its name, licence and the state of the data that it was made from."""
    head = {
        "name": name,
        "version": 1,
        "licence": exports.DATA_LICENCE,
        "made": sources.today.isoformat(),
        "commit": sources.commit,
    }
    return json.dumps({**head, "items": items}, ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n"


def compact(rows: Sequence[LeaderboardRow]) -> str:
    """The board column by column, scores as whole per mille: what a dashboard needs, a twentieth of the whole."""

    def mille(value: float | None) -> int | None:
        return None if value is None else round(1000 * value)

    def interval(metric: str) -> list[list[int | None]]:
        found: list[Estimate | None] = [getattr(row, metric) for row in rows]
        return [[mille(one.value), mille(one.low), mille(one.high)] if one else [] for one in found]

    dimensions = list(dict.fromkeys(name for row in rows for name in row.by_dimension))
    columns: dict[str, object] = {
        name: [getattr(row, name) for row in rows] for name in ("id", "method", "form", "n_runs")
    }
    columns |= {metric: interval(metric) for metric in ("adaptation", "retention", "average")}
    for name in dimensions:
        columns[name] = [mille(row.by_dimension[name].value) if name in row.by_dimension else None for row in rows]
    columns["rank"] = [list(row.ranks.get("average", ())) for row in rows]
    columns["pareto"] = [None if row.pareto is None else round(100 * row.pareto) for row in rows]
    columns["train_seconds"] = [None if row.cost is None else round(row.cost.train_seconds, 1) for row in rows]
    head = {"name": "leaderboard", "version": 1, "licence": exports.DATA_LICENCE, "unit": "per mille"}
    return json.dumps({**head, "columns": columns}, ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n"


def leaderboard_csv(rows: tuple[LeaderboardRow, ...]) -> str:
    """One line per row: fractions, with the ends of each interval."""
    dimensions = list(dict.fromkeys(name for row in rows for name in row.by_dimension))
    metrics = ["adaptation", "cem", "f1", "first_words_cem", "retention", "average"]
    header = [
        "id",
        "group",
        "method",
        "form",
        "tuning",
        "model",
        "tier",
        "status",
        "n_runs",
        "n_failed",
        "rank_low",
        "rank_high",
        "pareto",
    ]
    for name in [*metrics, *dimensions]:
        header += [name, f"{name}_low", f"{name}_high"]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*header, "base_adaptation", "base_retention", "command"])
    for row in rows:
        low, high = row.ranks.get("average", ("", ""))
        line: list[object] = [
            row.id,
            row.group,
            row.method,
            row.form,
            row.tuning.kind,
            row.model,
            row.tier,
            row.status,
            row.n_runs,
            row.n_failed,
            low,
            high,
            row.pareto,
        ]
        estimates: list[Estimate | None] = [getattr(row, name) for name in metrics]
        estimates += [row.by_dimension.get(name) for name in dimensions]
        for one in estimates:
            line += [one.value, one.low, one.high] if one else ["", "", ""]
        writer.writerow([*line, row.base_adaptation, row.base_retention, row.command])
    return out.getvalue()


# ── what is new, as feeds ───────────────────────────────────────────────────────────────────────────────────────────


def change_feeds(sources: Sources, words: Words) -> Iterator[tuple[str, str]]:
    """RSS and JSON Feed of all changes in one language."""
    writer = Writer(words, sources, "new/index.md")
    root = sources.site_url + ("" if words.language == "en" else "zh/")
    events = findings.events(writer)[:50]
    items = [
        {
            "id": f"{event.day}/{event.kind}/{index}",
            "url": f"{root}new/index.html#changes",
            "title": f"{event.day}: {event.text.striptags()}",
            "content_text": event.note or event.text.striptags(),
            "date_published": datetime.combine(event.day, time(), tzinfo=UTC).isoformat().replace("+00:00", "Z"),
        }
        for index, event in enumerate(events)
    ]
    title = f"{exports.NAME} · {words('new.title')}"
    home = root or exports.HOME
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": title,
        "home_page_url": home,
        "language": words.tag,
        "items": items,
    }
    folder = "feeds" if words.language == "en" else "zh/feeds"
    yield f"{folder}/new.json", json.dumps(feed, ensure_ascii=False, indent=1) + "\n"
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<rss version="2.0"><channel>',
        f"<title>{escape(title)}</title>",
        f"<link>{escape(home)}</link>",
        f"<description>{escape(words('new.lead'))}</description>",
        f"<language>{words.tag}</language>",
    ]
    for item, event in zip(items, events, strict=True):
        lines += [
            "<item>",
            f"<title>{escape(str(item['title']))}</title>",
            f"<link>{escape(str(item['url']))}</link>",
            f'<guid isPermaLink="false">{escape(str(item["id"]))}</guid>',
            f"<pubDate>{format_datetime(datetime.combine(event.day, time(), tzinfo=UTC))}</pubDate>",
            f"<description>{escape(str(item['content_text']))}</description>",
            "</item>",
        ]
    yield f"{folder}/new.xml", "\n".join([*lines, "</channel></rss>"]) + "\n"


def picture(sources: Sources) -> str | None:
    """The main group's plane as a stand-alone SVG for the README; None without at least two measured rows."""
    every = groups(sources)
    if not every or len(every[0].measured) < 2:
        return None
    words = Words("en")
    writer = Writer(words, sources, "index.md")
    dots = tuple(
        plane.without_link(point) for point in board.points(every[0], labels(every[0].rows, words, sources), writer)
    )
    note = f"{words('board.hollow')} · {words('board.filled')}"
    if any(dot.doubtful for dot in dots):
        note += f" · {words('board.unlearned.key', bound=percent(LEARNED, 0))}"
    legend = replace(board.plane_legend(every[0], words), note=note)
    return str(plane.plane(dots, legend, base=every[0].base, standalone=True, identity="leaderboard")) + "\n"
