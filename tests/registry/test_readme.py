"""The README: the list's sections, order and facts, from the registry; stale pages are found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from registry_samples import paper, put

import registry
from registry import readme
from registry.importers import bootstrap
from registry.importers.tables import from_markdown, from_snapshot

ROOT = Path(__file__).parents[2]
SNAPSHOT = from_snapshot(bootstrap.SNAPSHOT.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def pages(real):
    return {language: readme.render(real, language) for language in ("en", "zh")}


def test_the_committed_pages_are_what_the_registry_says(real):
    assert readme.stale(real, ROOT) == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_sections_stand_in_the_order_of_the_list(pages, language):
    headings = [found[1] for found in re.finditer(r"^#{2,5} (.+)$", pages[language], re.MULTILINE)]
    wanted: list[str] = []
    for table in SNAPSHOT:
        section = (table.first if language == "en" else table.other).section[1:]
        wanted.extend(name for name in section if name not in wanted)
    assert [heading for heading in headings if heading in wanted] == wanted


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_row_of_the_list_stands_in_its_table_in_its_place(pages, language):
    """Columns of facts are compared cell by cell; links and order too."""
    shown = {table.heading: table for table in from_markdown(pages[language]) if "Stars" in " ".join(table.columns)}
    for table in SNAPSHOT:
        source = table.first if language == "en" else table.other
        if not any(word in source.columns for word in ("Paper", "论文")):
            continue
        page = shown[source.heading]
        assert len(page.rows) == len(source.rows)
        for row, ours in zip(source.rows, page.rows, strict=True):
            for column in (
                set(source.columns)
                & set(page.columns)
                & {"Time", "时间", "Model type", "模型类型", "Stars", "Year", "年份"}
            ):
                assert ours[column].plain == row[column].plain
            column = "Paper" if language == "en" else "论文"
            links = [(link.label, link.url) for link in ours[column].links if link.url.startswith("http")]
            given = [(link.label, link.url) for link in row[column].links]
            assert [url for _, url in links] == [url for _, url in given]
            if "LoRA in LoRA" not in given[0][0]:
                assert links == given


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_opens_with_picture_and_both_commands_before_the_list(pages, language):
    page = pages[language]
    places = [page.index(part) for part in ("docs/assets/leaderboard.svg", "make demo", "make test", "## 🧩")]
    assert places == sorted(places)
    assert not re.search(r"!\[\]\(", page)


def test_no_slot_of_a_template_is_left(pages):
    for page in pages.values():
        assert "[[" not in page
        assert "{{" not in page


def test_a_paper_that_is_new_to_the_list_stands_on_top_of_its_month(toy):
    put(toy, "papers", paper("a-2025", date="2025-10", list_order=0))
    put(toy, "papers", paper("b-2025", date="2025-11", list_order=1))
    papers = [entry for entry in registry.load(toy).papers.values() if entry.direction == "replay"]
    assert [entry.id for entry in readme.newest_first(papers)] == ["b-2025", "kore-2025", "a-2025"]


def test_hostile_text_stays_in_its_cell():
    assert readme.cell("a | b\n<script>[x](y)`*") == r"a \| b &lt;script>\[x\](y)\`\*"


def test_a_stale_page_is_found_and_written(real, tmp_path):
    assert len(readme.stale(real, tmp_path)) == 3
    readme.write(real, tmp_path)
    assert readme.stale(real, tmp_path) == []
    (tmp_path / "README.md").write_text("old")
    assert [path.name for path in readme.stale(real, tmp_path)] == ["README.md"]
