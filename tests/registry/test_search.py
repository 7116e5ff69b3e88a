"""Finding entries by name, words and facets."""

from __future__ import annotations

import pytest
from registry_samples import paper, put

import registry
from registry import search
from registry.search import AmbiguousError, resolve


@pytest.mark.parametrize(
    ("name", "ref"),
    [
        ("kore-2025", "papers/kore-2025"),
        ("papers/kore-2025", "papers/kore-2025"),
        ("2510.19316", "papers/kore-2025"),
        ("self distilled REASONER", "papers/opsd-2026"),
        ("owner/kore-code", "repositories/kore-code"),
        ("EVOKE", "benchmarks/evoke"),
    ],
)
def test_a_name_is_understood_however_it_is_written(toy, name, ref):
    assert resolve(registry.load(toy), name).ref == ref


def test_a_retired_name_leads_on(toy):
    put(toy, "papers", paper("new-2026", formerly=("old-2026",)))
    catalog = registry.load(toy)
    assert resolve(catalog, "old-2026").ref == "papers/new-2026"
    assert resolve(catalog, "papers/old-2026").ref == "papers/new-2026"


def test_a_name_of_two_papers_is_ambiguous(toy):
    for name in ("a-2026", "b-2026"):
        put(toy, "papers", paper(name, aliases=("TWIN",)))
    with pytest.raises(AmbiguousError, match="papers/a-2026, papers/b-2026"):
        resolve(registry.load(toy), "twin")


def test_entries_of_other_kinds_are_named_beside(real):
    found = resolve(real, "easyedit")
    assert found.ref == "papers/easyedit-2024"
    assert "repositories/zjunlp-easyedit" in found.others


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("KORE", "papers/kore-2025"),
        ("null space", "papers/lora-null-2025"),
        ("MEMIT", "papers/memit-2022"),
        ("演化 知识", None),
        ("遗忘", None),
        ("ScienceQA 路由", None),
    ],
)
def test_golden_queries_find_entries_in_both_languages(real, words, first):
    hits = search.search(real, words)
    assert hits
    if first:
        assert first in [hit.ref for hit in hits[:5]]


def test_every_paper_is_found_by_its_title(real):
    for name, entry in real.papers.items():
        found = {hit.ref for hit in search.search(real, entry.title, ["papers"])}
        assert f"papers/{name}" in found, entry.title


def test_facets_select_what_they_say(real):
    chosen = search.select(real, "papers", {"direction": "distill", "bucket": "multimodal", "status": "candidate"})
    assert {(entry.direction, entry.bucket, entry.stage) for entry in chosen} == {
        ("distill", "multimodal", "candidate")
    }


def test_every_facet_of_every_kind_has_values(real):
    for kind, names in search.FACETS.items():
        for entry in real.kind(kind).values():
            assert set(names) <= set(search.facets(entry)), (kind, entry.id)
