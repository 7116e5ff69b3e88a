"""Large registries: read on all cores, cached, and the cache never believed when it should not be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from registry_samples import paper, put

import registry
from registry import cache, catalog, parallel


@pytest.fixture
def large(toy, monkeypatch, tmp_path) -> Path:
    """The toy registry, called large from two entries on, with a cache folder of its own and old time stamps."""
    monkeypatch.setattr(catalog, "LARGE", 2)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "RACY_NANOSECONDS", 0)
    return toy


def same(one: registry.Catalog, other: registry.Catalog) -> bool:
    return (
        dict(one) == dict(other)
        and one.problems == other.problems
        and one.taxonomy == other.taxonomy
        and list(one.outlines) == list(other.outlines)
        and one.inverse("papers/kore-2025") == other.inverse("papers/kore-2025")
    )


def reads(monkeypatch) -> list[int]:
    """Counts the files that are read."""
    counts: list[int] = []
    original = parallel.read_packed
    monkeypatch.setattr(cache, "read_packed", lambda files: counts.append(len(files)) or original(files))
    return counts


def test_cached_uncached_and_plain_loading_give_the_same(large, monkeypatch):
    cold = registry.load(large)
    warm = registry.load(large)
    uncached = registry.load(large, cache=False)
    monkeypatch.setattr(catalog, "LARGE", 10**9)
    plain = registry.load(large)
    assert cache.location(large).exists()
    assert same(cold, plain)
    assert same(warm, plain)
    assert same(uncached, plain)


def test_a_warm_load_reads_no_file(large, monkeypatch):
    registry.load(large)
    counts = reads(monkeypatch)
    registry.load(large)
    assert counts == []


def test_only_the_changed_file_is_read_again(large, monkeypatch):
    registry.load(large)
    put(large, "papers", paper(note="changed"))
    counts = reads(monkeypatch)
    assert registry.load(large).papers["kore-2025"].note.en == "changed"
    assert counts == [1]


def test_a_change_that_keeps_size_and_time_is_seen(large):
    path = put(large, "papers", paper(note="old"))
    registry.load(large)
    before = path.stat()
    path.write_text(path.read_text().replace("note: old", "note: new"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert registry.load(large).papers["kore-2025"].note.en == "new"


def test_a_cache_written_in_the_same_moment_as_a_file_is_not_trusted(large, monkeypatch):
    monkeypatch.setattr(cache, "RACY_NANOSECONDS", 10**12)
    registry.load(large)
    counts = reads(monkeypatch)
    registry.load(large)
    assert counts == [5]


def test_new_and_removed_files_are_seen(large):
    registry.load(large)
    put(large, "papers", paper("new-2026"))
    assert "new-2026" in registry.load(large).papers
    (large / "papers" / "new-2026.yaml").unlink()
    assert "new-2026" not in registry.load(large).papers


def test_problems_of_others_are_found_anew_when_one_file_changes(large):
    assert registry.load(large).problems == ()
    (large / "repositories" / "kore-code.yaml").unlink()
    assert any("no entry repositories/kore-code" in str(problem) for problem in registry.load(large).problems)


def test_a_broken_file_is_told_on_every_load(large):
    (large / "papers" / "bad.yaml").write_text("a: [")
    first = registry.load(large).problems
    assert len(first) == 1
    assert registry.load(large).problems == first


def test_a_changed_taxonomy_is_seen(large):
    registry.load(large)
    path = large / "taxonomy.yaml"
    path.write_text(path.read_text().replace("id: vlm", "id: clip"))
    assert registry.load(large).problems


@pytest.mark.parametrize("damage", [b"", b"x", b"\x00" * 100, None])
def test_a_damaged_cache_loses_time_and_not_truth(large, damage):
    expected = registry.load(large)
    place = cache.location(large)
    content = bytearray(place.read_bytes())
    if damage is None:
        content[-100] ^= 0xFF
        place.write_bytes(bytes(content))
    else:
        place.write_bytes(damage)
    assert same(registry.load(large), expected)


def test_other_code_does_not_believe_the_cache(large, monkeypatch):
    registry.load(large)
    counts = reads(monkeypatch)
    monkeypatch.setattr(cache, "code_digest", lambda: "other")
    registry.load(large)
    assert counts == [5]


def test_the_cache_may_be_deleted_or_unwritable(large, monkeypatch):
    registry.load(large)
    cache.location(large).unlink()
    assert registry.load(large).problems == ()
    monkeypatch.setattr(cache, "location", lambda folder: Path("/proc/nothing/here"))
    assert registry.load(large).problems == ()


def test_processes_read_what_one_would_read(large, monkeypatch):
    monkeypatch.setattr(parallel, "CHUNK", 1)
    files, _ = catalog.scan(large)
    assert parallel.read_packed(files) == [parallel.pack((ref, path)) for ref, path in files.items()]


def test_the_cache_of_a_project_lies_in_its_ignored_folder():
    place = cache.location(catalog.DATA)
    assert place.parent.name == ".aki"
    assert (place.parent.parent / "pyproject.toml").exists()


def test_small_registries_have_no_cache(toy, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    registry.load(toy)
    assert not (tmp_path / "cache").exists()
