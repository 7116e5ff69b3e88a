"""Small real entries for the tests of the registry."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

from registry import textyaml
from registry.schema import (
    Benchmark,
    ExternalIds,
    Fact,
    Method,
    Paper,
    Relation,
    Remark,
    Repository,
    StatusChange,
    Taxonomy,
    Term,
    Text,
)

DAY = date(2026, 5, 19)
RECORDED = (StatusChange(state="recorded", since=DAY, reason=Remark.of("recorded in the public list")),)


def text(word: str = "word") -> Text:
    return Text(en=f"{word} in English", zh=f"{word} 中文")


def paper(name: str = "kore-2025", **fields) -> Paper:
    given = {
        "id": name,
        "status": RECORDED,
        "title": f"{hashlib.sha256(name.encode()).hexdigest()[:24]} of {name}",
        "date": "2025-10",
        "links": (f"https://example.org/{name}",),
        "venue": Fact[str](value="arXiv", source="https://example.org", checked=DAY),
        "direction": "replay",
        "model_types": ("VLM",),
        "summary": text(name),
    }
    return Paper.model_validate(given | fields)


def repository(name: str = "kore-code", **fields) -> Repository:
    given = {
        "id": name,
        "status": RECORDED,
        "name": name,
        "host": "github",
        "full_name": f"owner/{name}",
        "url": f"https://github.com/owner/{name}",
        "role": "official",
    }
    return Repository.model_validate(given | fields)


def terms(*names: str) -> tuple[Term, ...]:
    return tuple(Term(id=name, label=text(name), definition=text(name)) for name in names)


def taxonomy() -> Taxonomy:
    return Taxonomy(
        directions=terms("replay", "distill"),
        buckets=terms("self"),
        dimensions=terms("retention"),
        model_types=terms("vlm"),
        families=terms("replay"),
        version="1",
    )


def entries() -> list[tuple[str, object]]:
    code = Fact[str](value="kore-code", source="https://example.org", checked=DAY)
    return [
        ("papers", paper(ids=ExternalIds(arxiv="2510.19316"), code=code)),
        (
            "papers",
            paper("opsd-2026", direction="distill", bucket="self", title="Self-distilled reasoner", date="2026-01"),
        ),
        ("repositories", repository(relations=(Relation(kind="implements", target="papers/kore-2025"),))),
        (
            "benchmarks",
            Benchmark(
                id="evoke",
                status=RECORDED,
                name="EVOKE",
                type=text("benchmark"),
                paper="kore-2025",
                dimensions=("retention",),
                summary=text("evoke"),
            ),
        ),
        (
            "methods",
            Method(id="replay", status=RECORDED, name="Replay", family="replay", idea=text("replay"), implemented=True),
        ),
    ]


def put(root: Path, kind: str, entry) -> Path:
    path = root / kind / f"{entry.id}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textyaml.dump(entry), encoding="utf-8")
    return path
