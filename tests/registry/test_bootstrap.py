"""The registry holds the facts of the public list: every row of a committed copy of its tables against the entries."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from itertools import groupby

import pytest

import registry
from registry import ids
from registry.importers import bootstrap
from registry.importers.awesome_list import Row

SOURCES = bootstrap.read_sources()
PAPERS = [row for row in SOURCES.rows if row.kind == "papers"]
ROWS = json.loads(bootstrap.SNAPSHOT.read_text(encoding="utf-8"))


def by_link(real: registry.Catalog, row: Row):
    (found,) = [paper for paper in real.papers.values() if row.links[0].url in paper.links]
    return found


def test_89_papers_stand_in_88_rows():
    tables = [table for table in ROWS["tables"] if "Paper" in table["columns_en"]]
    assert sum(len(table["rows"]) for table in tables) == 88
    assert len(PAPERS) == 89
    assert Counter(row.kind for row in SOURCES.rows) == {"papers": 89, "benchmarks": 9, "repositories": 13}


@pytest.mark.parametrize("row", PAPERS, ids=lambda row: row.links[0].url)
def test_an_entry_says_what_its_row_says(real, row):
    paper = by_link(real, row)
    originals = {issue.original for issue in paper.known_issues}
    names = {paper.title, paper.listed_as} | originals
    assert {row.label.en, row.label.zh} <= names
    assert paper.date == row.date
    assert paper.model_types == row.model_types
    assert paper.venue.value == row.venue
    assert (paper.venue.checked, paper.venue.confidence) == (date(2026, 5, 19), "list")
    assert paper.status[0].state == row.state
    assert paper.status[0].since == date(2026, 5, 19)
    assert (paper.direction, paper.bucket, paper.list_order) == (row.rule.direction, row.rule.bucket, row.order)
    assert str(paper.year) == (row.year or row.date[:4])
    carried = ids.from_address(row.links[0].url)
    if carried:
        assert dict(paper.ids.items())[carried[0]] == carried[1]


@pytest.mark.parametrize("row", [row for row in PAPERS if row.datasets], ids=lambda row: row.links[0].url)
def test_named_data_sets_carry_over(real, row):
    paper = by_link(real, row)
    said = " ".join([*paper.datasets, paper.data_note.en if paper.data_note else ""])
    for name in row.datasets:
        words = name.removeprefix("CVIT Benchmark: ").split()
        assert words[0].rstrip(",") in said or words[0].isdigit() or "VL 4B" in name or name.startswith("8B"), name


@pytest.mark.parametrize("row", PAPERS, ids=lambda row: row.links[0].url)
def test_a_row_with_tasks_has_an_entry_with_tasks_in_both_languages(real, row):
    paper = by_link(real, row)
    if row.tasks is not None:
        assert paper.tasks is not None
        assert paper.tasks.en
        assert paper.tasks.zh


@pytest.mark.parametrize("row", [row for row in PAPERS if row.code], ids=lambda row: row.code.label)
def test_official_code_and_stars_carry_over_with_their_date(real, row):
    paper = by_link(real, row)
    repository = real.repositories[paper.code.value]
    assert (repository.url, repository.role) == (row.code.url, "official")
    assert f"{repository.host}/{repository.full_name}" == "/".join(ids.repository(row.code.url))
    if row.stars is None:
        assert repository.stars.value == "not-checked"
    else:
        assert (repository.stars.value, repository.stars.checked) == (int(row.stars), date(2026, 5, 19))


@pytest.mark.parametrize("row", [r for r in SOURCES.rows if r.kind == "repositories"], ids=lambda row: row.label.en)
def test_projects_and_resources_carry_over(real, row):
    (repository,) = [found for found in real.repositories.values() if found.url == row.links[0].url]
    assert repository.name == row.label.en
    assert (repository.list_section, repository.list_order) == (row.rule.section, row.order)
    if row.stars:
        assert (repository.stars.value, repository.stars.checked) == (int(row.stars), date(2026, 4, 17))


@pytest.mark.parametrize("row", [row for row in SOURCES.rows if row.kind == "benchmarks"], ids=lambda row: row.label.en)
def test_benchmarks_carry_over_with_code_and_data(real, row):
    (benchmark,) = [found for found in real.benchmarks.values() if found.name == row.label.en and found.datasets]
    links = {data.url for data in benchmark.datasets}
    if benchmark.code:
        links.add(real.repositories[benchmark.code].url)
    assert links == {link.url for link in row.links}


def test_gkd_and_minillm_are_two_entries_of_one_row(real):
    one, two = real.papers["gkd-2023"], real.papers["minillm-2023"]
    assert one.list_order == two.list_order
    assert ("same-row-as", "papers/minillm-2023") in real.inverse("papers/gkd-2023")


def test_a_corrected_title_keeps_the_lists_own_and_says_why(real):
    paper = real.papers["lilora-2026"]
    assert paper.title.endswith("Continual Visual Instruction Tuning")
    originals = [issue.original for issue in paper.known_issues if issue.original]
    assert any(original.startswith("LoRA in LoRA: Towards Lifelong Model Editing") for original in originals)


def test_every_text_stands_in_both_languages_and_is_not_the_lists(real):
    for paper in real.papers.values():
        assert paper.summary.en != paper.summary.zh
        assert any("\u4e00" <= character <= "\u9fff" for character in paper.summary.zh), paper.id


def test_the_conversion_can_be_repeated(tmp_path, real):
    (tmp_path / "taxonomy.yaml").write_bytes((real.root / "taxonomy.yaml").read_bytes())
    assert bootstrap.main(["--root", str(tmp_path)]) == 0
    again = registry.load(tmp_path)
    assert [p for p in again.problems if p.severity == "error"] == []
    assert set(again.papers) <= set(real.papers)


def test_ids_are_unique_and_end_in_the_year():
    made = [bootstrap.paper_id(row, SOURCES.mapping) for row in PAPERS]
    assert len(set(made)) == 89
    for name, rows in groupby(zip(made, PAPERS, strict=True), key=lambda pair: pair[0]):
        assert name.endswith(f"-{next(rows)[1].date[:4]}")


def test_an_unreadable_snapshot_gets_one_line(tmp_path, capsys):
    path = tmp_path / "x.json"
    path.write_text("{}")
    assert bootstrap.main([str(path), "--root", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
