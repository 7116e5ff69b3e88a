"""The built site: whole in both languages, one set of assets, searchable in Chinese, nothing fetched from elsewhere."""

from __future__ import annotations

import json
import re

import pytest
from toy_site import HOSTILE_ID

from docs import build, checks
from docs.words import Words

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("site")]


def test_no_link_is_dead_and_nothing_is_fetched_from_elsewhere(site):
    assert checks.every(site) == []


def test_every_page_names_itself_in_both_languages(site):
    for path in ("papers/kore-2025.html", "zh/papers/kore-2025.html", "leaderboard/index.html", "zh/index.html"):
        text = (site / path).read_text(encoding="utf-8")
        assert set(re.findall(r'hreflang="([\w-]+)"', text)) >= {"en", "zh-Hans", "x-default"}, path


def test_chinese_pages_use_the_english_assets(site):
    assert not (site / "zh" / "assets" / "javascripts").exists()
    text = (site / "zh" / "papers" / "kore-2025.html").read_text(encoding="utf-8")
    assert "../../assets/javascripts/bundle" in text
    assert '<html lang="zh-Hans"' in text


def test_entries_never_enter_the_navigation(site):
    text = (site / "methods" / "kore.html").read_text(encoding="utf-8")
    navigation = text.partition('data-md-type="navigation"')[2].partition("</nav>")[0]
    assert "papers/" in navigation
    assert "kore-2025" not in navigation


def test_chinese_is_split_into_words_where_the_separator_splits(site):
    index = json.loads((site / "zh" / "search" / "search_index.json").read_text(encoding="utf-8"))
    assert "\\u200b" in index["config"]["separator"]
    separator = re.compile(index["config"]["separator"])
    texts = [document["title"] + " " + document["text"] for document in index["docs"]]
    words = {word for text in texts for word in separator.split(text)}
    assert {"蒸馏", "排行榜", "论文"} <= words


def test_the_search_index_keeps_words_of_neighbouring_cells_apart(site):
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    text = " ".join(d["text"] for d in index["docs"] if d["location"].startswith(f"papers/{HOSTILE_ID}"))
    assert re.search(r"\bzzhostile\b", text)


def test_titles_cannot_leave_their_place_in_the_built_page(site):
    for prefix in ("", "zh/"):
        text = (site / f"{prefix}papers/{HOSTILE_ID}.html").read_text(encoding="utf-8")
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert text.count("</title>") == text.count("<title")


def test_records_lie_beside_the_pages(site, sources):
    for record in sources.records:
        assert (site / "records" / f"{record.name}.json").is_file()


def test_an_address_makes_absolute_links(sources, tmp_path):
    from dataclasses import replace

    (tmp_path / "src").mkdir()
    file = build.write_config(
        replace(sources, site_url="https://x.example/a/"), "zh", tmp_path / "src", tmp_path / "site"
    )
    config = json.loads(file.read_text(encoding="utf-8"))
    assert config["site_url"] == "https://x.example/a/zh/"
    assert config["extra"]["site_root"] == "https://x.example/a/"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_navigation_names_only_lists_and_written_pages(language):
    flat = json.dumps(build.navigation(Words(language)))
    assert not re.search(r'"(papers|methods|benchmarks|claims|runs)/(?!index\.md)', flat)


def test_the_address_of_a_retired_id_leads_to_the_entry_that_took_over(site):
    for root, tag, says in (("", "en", "is retired"), ("zh/", "zh-Hans", "已停用")):
        text = (site / f"{root}papers/a-retired-id.html").read_text(encoding="utf-8")
        assert f'<html lang="{tag}"' in text
        assert f'http-equiv="refresh" content="0; url={HOSTILE_ID}.html"' in text
        assert says in text
        assert (site / f"{root}papers/{HOSTILE_ID}.html").is_file()
