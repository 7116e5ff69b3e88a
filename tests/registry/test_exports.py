"""Exports, each read back by a library that is not ours."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
import yaml
from registry_samples import DAY, RECORDED, paper, put

import registry
from registry import exports
from registry.exports.bibtex import escape
from registry.schema import KINDS, Remark, StatusChange

SCHEMAS = Path(__file__).parent / "schemas"
HOSTILE = 'Größe & "100%" of {x_1} #1 ~ a^b \\ $y$ 知识注入 <b>, and'


def entries(real, form, **wanted):
    return exports.export(real, form, wanted=wanted)


# BibTeX


def bibtex(text):
    bibtexparser = pytest.importorskip("bibtexparser")
    library = bibtexparser.parse_string(text)
    assert library.failed_blocks == []
    return {entry.key: entry for entry in library.entries}


def test_bibtex_of_everything_is_read_by_bibtexparser(real):
    found = bibtex(entries(real, "bibtex"))
    assert set(found) == set(real.papers)
    kore = found["kore-2025"].fields_dict
    assert kore["eprint"].value == "2510.19316"
    assert kore["year"].value == "2025"
    assert found["rome-2022"].entry_type == "inproceedings"
    assert found["rome-2022"].fields_dict["booktitle"].value == "NeurIPS 2022"


def test_bibtex_titles_survive_tex_and_chinese(toy):
    put(toy, "papers", paper("hostile-2026", title=HOSTILE, authors=("Hans Müller", "王 小明", "A and B")))
    source = exports.export(registry.load(toy), "bibtex")
    found = bibtex(source)["hostile-2026"].fields_dict
    assert found["title"].value.count("{") == found["title"].value.count("}")
    assert escape("100% & _x") == r"100\% \& \_x"
    assert "王 小明" in found["author"].value


def test_bibtex_written_by_us_is_read_by_us(real):
    from registry.importers import bibtex as ours

    records = ours.read(entries(real, "bibtex"))
    assert {record.key: record.get("title") for record in records} == {n: p.title for n, p in real.papers.items()}


# CSL-JSON


def test_csl_json_is_rendered_by_a_citation_processor(real):
    citeproc = pytest.importorskip("citeproc")
    from citeproc.source.json import CiteProcJSON

    items = json.loads(entries(real, "csl-json", direction="parameter-regularization"))
    source = CiteProcJSON(items)
    style = citeproc.CitationStylesStyle("harvard-cite-them-right", validate=False)
    bibliography = citeproc.CitationStylesBibliography(style, source, citeproc.formatter.plain)
    for item in items:
        bibliography.register(citeproc.Citation([citeproc.CitationItem(item["id"])]))
    shown = [str(line) for line in bibliography.bibliography()]
    assert len(shown) == len(items)
    assert any("KeepLoRA" in line and "2026" in line for line in shown)


def test_csl_json_keeps_dates_as_precise_as_they_are_known(real):
    found = {item["id"]: item for item in json.loads(entries(real, "csl-json"))}
    assert found["kore-2025"]["issued"] == {"date-parts": [[2025, 10]]}
    assert found["easyedit-2024"]["issued"] == {"date-parts": [[2024]]}


# CSV


@pytest.mark.parametrize("kind", list(KINDS))
def test_csv_is_read_by_pandas_and_by_the_standard_library(real, kind):
    text = exports.export(real, "csv", kind=kind)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {row["id"] for row in rows} == set(real.kind(kind))
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_csv(io.StringIO(text), dtype=str)
    assert list(frame["id"]) == [row["id"] for row in rows]


def test_csv_keeps_ids_unknowns_and_both_languages(real):
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(exports.export(real, "csv")))}
    row = rows["visd-2026"]
    assert row["ids.arxiv"] == "2605.06094"
    assert row["code"] == "not-checked"
    assert row["summary.zh"] == real.papers["visd-2026"].summary.zh


# JSON and its schema


def test_json_validates_against_its_exported_schema(real):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(exports.export(real, "json-schema"))
    jsonschema.Draft202012Validator.check_schema(schema)
    document = json.loads(exports.export(real, "json"))
    errors = list(jsonschema.Draft202012Validator(schema).iter_errors(document))
    assert errors == []
    assert {kind: len(document[kind]) for kind in KINDS} == {kind: len(real.kind(kind)) for kind in KINDS}
    document["papers"][0]["stars"] = 3
    assert list(jsonschema.Draft202012Validator(schema).iter_errors(document))


def test_json_gives_the_entries_back(real):
    document = json.loads(exports.export(real, "json"))
    for kind, model in KINDS.items():
        assert {entry["id"]: model.model_validate(entry) for entry in document[kind]} == dict(real.kind(kind))


# Feeds


def test_rss_is_read_by_feedparser(real):
    feedparser = pytest.importorskip("feedparser")
    feed = feedparser.parse(exports.export(real, "rss", wanted={"direction": "distill", "bucket": "rl"}))
    assert not feed.bozo
    assert len(feed.entries) == 12
    assert feed.feed.title == "Awesome Knowledge Injection (direction: distill, bucket: rl)"
    assert {entry.id for entry in feed.entries} >= {"papers/srpo-2026"}
    assert all(entry.published_parsed for entry in feed.entries)


def test_feeds_escape_what_markup_would_swallow(toy):
    feedparser = pytest.importorskip("feedparser")
    put(toy, "papers", paper("hostile-2026", title=HOSTILE, links=("https://x.org/?a=1&b=2",)))
    catalog = registry.load(toy)
    found = {e.id: e for e in feedparser.parse(exports.export(catalog, "rss"), sanitize_html=False).entries}
    assert found["papers/hostile-2026"].link == "https://x.org/?a=1&b=2"
    items = json.loads(exports.export(catalog, "json-feed"))["items"]
    assert HOSTILE in {item["title"] for item in items}


def test_json_feed_has_what_version_1_1_asks_for(real):
    feed = json.loads(exports.export(real, "json-feed", language="zh"))
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["language"] == "zh-CN"
    assert len({item["id"] for item in feed["items"]}) == len(feed["items"]) == len(real.papers)
    assert all(item["content_text"] and item["date_published"].endswith("Z") for item in feed["items"])


def test_a_change_of_status_is_news(toy):
    later = StatusChange(state="withdrawn", since=DAY.replace(month=9), reason=Remark.of("withdrawn on arXiv"))
    put(toy, "papers", paper("gone-2020", date="2020-01", status=(*RECORDED, later)))
    items = json.loads(exports.export(registry.load(toy), "json-feed"))["items"]
    assert items[0]["id"] == "papers/gone-2020"
    assert "withdrawn" in items[0]["tags"]


def test_there_is_a_feed_per_facet_in_both_languages(real):
    paths = [path for path, _ in exports.bundle(real)]
    assert len(set(paths)) == len(paths)
    for place in ("papers", "direction-replay", "bucket-self", "year-2026", "model-vlm", "status-candidate"):
        for language in ("en", "zh"):
            assert f"feeds/{language}/{place}.xml" in paths
            assert f"feeds/{language}/{place}.json" in paths


# llms.txt and CITATION.cff


def test_llms_txt_is_markdown_with_a_link_per_entry(real):
    markdown = pytest.importorskip("markdown")
    html = markdown.markdown(exports.export(real, "llms"))
    assert html.startswith("<h1>Awesome Knowledge Injection</h1>\n<blockquote>")
    for entry in real.papers.values():
        assert f'href="{entry.links[0].replace("&", "&amp;")}"' in html
    assert len(exports.export(real, "llms-full")) > len(exports.export(real, "llms"))


def test_citation_cff_validates_against_the_format_s_own_schema(real):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((SCHEMAS / "cff-1.2.0.json").read_text(encoding="utf-8"))
    document = yaml.safe_load(exports.export(real, "cff"))
    assert [error.message for error in jsonschema.Draft7Validator(schema).iter_errors(document)] == []
    assert len(document["references"]) == len(real.papers)


# All


@pytest.mark.parametrize("form", exports.forms())
def test_every_form_is_the_same_on_every_call_and_empty_selections_are_fine(real, form):
    assert exports.export(real, form) == exports.export(real, form)
    assert isinstance(exports.export(real, form, wanted={"status": "retracted"}), str)


def test_files_are_written_whole_or_not_at_all(tmp_path):
    exports.write_text(tmp_path / "a" / "b.txt", "text")
    assert (tmp_path / "a" / "b.txt").read_text() == "text"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.txt"]
