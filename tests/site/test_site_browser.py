"""What a reader does, in a real Chromium: filter, sort, search, export; on a phone, in the dark, without script."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from urllib.parse import parse_qs

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("site")]

KINDS = (
    "index.html",
    "papers/index.html",
    "papers/kore-2025.html",
    "methods/index.html",
    "methods/kore.html",
    "benchmarks/index.html",
    "benchmarks/evoke.html",
    "repositories/index.html",
    "leaderboard/index.html",
    "leaderboard/continual.html",
    "leaderboard/gap.html",
    "ablations/index.html",
    "ablations/parts.html",
    "analyses/index.html",
    "runs/kore/lora-raw.html",
    "claims/index.html",
    "audit/index.html",
    "reported/kore-table-1.html",
    "guides/index.html",
    "about/not-run.html",
    "reference/index.html",
    "reference/data.html",
    "new/index.html",
)
AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"


def rows(page):
    return page.locator("table[data-aki-table] tbody tr:visible").count()


@pytest.mark.parametrize("prefix", ["", "zh/"])
@pytest.mark.parametrize("width", [360, 1440])
def test_no_page_scrolls_sideways_complains_or_asks_elsewhere(reader, prefix, width):
    for kind in KINDS:
        page = reader.open(prefix + kind, width=width)
        page.wait_for_timeout(150)
        inner, outer = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert inner <= outer, f"{prefix}{kind} is {inner} px wide at {width} px"
        assert page.said == [], f"{prefix}{kind}: {page.said}"
        assert all(url.startswith((reader.address, "data:")) for url in page.asked), page.asked
        page.context.close()


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("prefix", ["", "zh/"])
def test_axe_finds_nothing_serious(reader, prefix, dark):
    for kind in KINDS:
        page = reader.open(prefix + kind, dark=dark)
        page.wait_for_timeout(300)
        page.add_script_tag(path=str(AXE))
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']}).then(r => r.violations)")
        serious = [
            f"{one['id']}: {one['nodes'][0]['html'][:160]} ({one['nodes'][0]['failureSummary'][:200]})"
            for one in found
            if one["impact"] in {"serious", "critical"}
        ]
        assert serious == [], f"{prefix}{kind}: {serious}"
        page.context.close()


def test_axe_finds_nothing_serious_on_a_phone_with_open_filters(reader):
    page = reader.open("papers/index.html", width=360)
    page.locator('[data-aki-facet="direction"] summary').click()
    page.add_script_tag(path=str(AXE))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']}).then(r => r.violations)")
    assert [one["id"] for one in found if one["impact"] in {"serious", "critical"}] == []


def test_axe_finds_nothing_serious_in_written_tables_on_a_phone(reader):
    page = reader.open("about/not-run.html", width=360)
    page.wait_for_timeout(300)
    page.add_script_tag(path=str(AXE))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']}).then(r => r.violations)")
    assert [one["id"] for one in found if one["impact"] in {"serious", "critical"}] == []


def test_a_crowded_picture_names_a_point_that_has_the_focus(reader):
    page = reader.open("leaderboard/index.html")
    revealed = page.locator(".aki-wide a .on")
    if revealed.count():
        assert not revealed.first.is_visible()
        page.locator(".aki-wide a", has=page.locator(".on")).first.focus()
        page.keyboard.press("Tab")
        assert page.locator(".aki-wide a:focus-visible .on").is_visible()


def test_filtering_shows_fewer_rows_and_writes_the_address(reader):
    page = reader.open("papers/index.html")
    everything = rows(page)
    page.locator('[data-aki-facet="direction"] summary').click()
    label = page.locator('[data-aki-facet="direction"] label', has_text="Knowledge editing")
    promised = int(label.locator(".aki-count").inner_text())
    label.click()
    assert rows(page) == promised < everything
    assert parse_qs(page.evaluate("location.search.slice(1)")) == {"direction": ["knowledge-editing"]}
    assert page.locator("[data-aki-count]").inner_text().startswith(str(promised))


def test_counts_of_other_facets_follow_a_filter(reader):
    page = reader.open("papers/index.html?direction=knowledge-editing")
    page.locator('[data-aki-facet="year"] summary').click()
    counts = [int(text) for text in page.locator('[data-aki-facet="year"] .aki-count').all_inner_texts()]
    assert sum(counts) == rows(page)


def test_an_address_with_a_view_opens_that_view_again(reader):
    page = reader.open("papers/index.html?direction=distill,replay&sort=title&columns=date,venue")
    assert page.locator('input[value="distill"]').is_checked()
    assert page.locator('input[value="replay"]').is_checked()
    assert page.locator('th[data-key="title"]').get_attribute("aria-sort") == "ascending"
    assert not page.locator('th[data-key="direction"]').is_visible()
    titles = page.locator("tbody tr:visible th").all_inner_texts()
    assert titles[:2] == sorted(titles[:2], key=str.lower)


def test_sorting_by_a_heading_turns_around_on_the_second_click(reader):
    page = reader.open("leaderboard/index.html")
    button = page.locator('th[data-key="retention"] button')
    button.click()
    first = [
        float(text.split("\n")[0])
        for text in page.locator(
            "#board tbody tr:visible:not(.aki-row--base):not(.aki-row--failed) td:nth-child(4)"
        ).all_inner_texts()
    ]
    assert first == sorted(first, reverse=True)
    button.click()
    assert page.locator('th[data-key="retention"]').get_attribute("aria-sort") == "ascending"
    assert page.locator("#board tbody tr").first.get_attribute("id") == "base-model"


def test_text_filter_knows_aliases_and_arxiv_ids(reader):
    page = reader.open("papers/index.html")
    page.locator('.aki-panel input[type="search"]').fill("2510.19316")
    assert page.locator("tbody tr:visible").get_attribute("id") == "kore-2025"


def test_clearing_brings_everything_back(reader):
    page = reader.open("papers/index.html?direction=replay&find=xyzzy")
    assert rows(page) == 0
    assert page.locator("[data-aki-empty]").is_visible()
    page.locator("[data-aki-clear]").click()
    assert rows(page) > 80
    assert page.evaluate("location.search") == ""


def test_language_switch_stays_on_the_page_and_keeps_the_view(reader):
    page = reader.open("papers/index.html")
    page.locator('[data-aki-facet="status"] summary').click()
    page.locator('[data-aki-facet="status"] label').first.click()
    shown = rows(page)
    page.locator("[data-aki-language]").click()
    page.wait_for_url("**/zh/papers/index.html*")
    assert page.locator("html").get_attribute("lang") == "zh-Hans"
    assert rows(page) == shown
    page.locator("[data-aki-language]").click()
    page.wait_for_url("**/papers/index.html*")
    assert rows(page) == shown


def test_dark_mode_has_three_states_and_is_remembered(reader):
    page = reader.open("index.html", dark=True)
    assert page.locator("body").get_attribute("data-md-color-scheme") == "slate"
    page.locator("form[data-md-component=palette] label:visible").click()
    assert page.locator("body").get_attribute("data-md-color-scheme") == "default"
    page.goto(reader.address + "papers/index.html")
    assert page.locator("body").get_attribute("data-md-color-scheme") == "default"
    page.locator("form[data-md-component=palette] label:visible").click()
    assert page.locator("body").get_attribute("data-md-color-scheme") == "slate"


def test_pictures_follow_dark_mode(reader):
    colours = []
    for dark in (False, True):
        page = reader.open("leaderboard/index.html", dark=dark)
        colours.append(page.evaluate("getComputedStyle(document.querySelector('.aki-wide .aki-chart text')).fill"))
    assert colours[0] != colours[1]


def test_a_number_leads_to_its_runs_and_from_there_to_a_record(reader):
    page = reader.open("leaderboard/index.html")
    page.locator("tr:not(.aki-row--base) td:nth-child(4) a").first.click()
    page.wait_for_url("**/runs/**")
    assert "aki reproduce run" in page.locator("#command").inner_text()
    link = page.locator("#runs ~ .aki-tablewrap tbody th a").first.get_attribute("href")
    answer = page.request.get(page.url.rsplit("/", 1)[0] + "/" + link)
    assert answer.ok
    assert answer.json()["schema_version"] == 1


@pytest.mark.parametrize("kind", ["csv", "json", "latex", "markdown"])
def test_export_holds_the_rows_and_columns_in_view(reader, kind):
    page = reader.open("leaderboard/index.html?form=raw&columns=adaptation,retention")
    shown = rows(page)
    page.locator(".aki-panel__export summary").click()
    with page.expect_download() as waiting:
        page.locator(f'[data-aki-export="{kind}"]').click()
    text = Path(waiting.value.path()).read_text(encoding="utf-8")
    if kind == "csv":
        found = list(csv.DictReader(io.StringIO(text)))
        assert [set(row) for row in found[:1]] == [{"method", "adaptation", "retention"}]
        assert all(row["adaptation"] == "" or 0 <= float(row["adaptation"]) <= 100 for row in found)
    elif kind == "json":
        found = json.loads(text)
    elif kind == "latex":
        found = [line for line in text.splitlines() if line.endswith("\\\\")][1:]
        assert text.startswith("\\begin{tabular}{lrr}")
    else:
        found = text.strip().splitlines()[2:]
    assert len(found) == shown


def test_everything_works_with_the_keyboard_alone(reader):
    page = reader.open("papers/index.html")
    page.locator('.aki-panel input[type="search"]').focus()
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('[data-aki-facet=direction]') !== null"):
            break
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.wait_for_function("location.search.includes('direction=')", timeout=5000)
    page.keyboard.press("Escape")
    assert not page.locator('[data-aki-facet="direction"]').evaluate("e => e.open")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_focus_is_visible(reader):
    page = reader.open("papers/index.html")
    page.keyboard.press("Tab")
    page.locator('.aki-panel input[type="search"]').focus()
    page.keyboard.press("Tab")
    assert page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)") >= 1


def test_without_script_every_row_is_there_and_links_work(reader):
    page = reader.open("papers/index.html", script=False)
    assert page.locator("tbody tr:visible").count() > 80
    assert page.locator(".aki-panel").is_hidden()
    page.locator("[data-aki-language]").click()
    assert "/zh/papers/index.html" in page.url
    page.locator("tbody tr th a").first.click()
    assert page.locator("h1").count() == 1


def test_without_script_the_picture_is_drawn(reader):
    page = reader.open("leaderboard/index.html", script=False)
    assert page.locator(".aki-wide svg.aki-chart").is_visible()
    assert page.locator(".aki-wide svg.aki-chart title").first.text_content()


def test_on_a_phone_rows_are_cards_with_their_labels(reader):
    page = reader.open("papers/index.html", width=360)
    card = page.locator("tbody tr").first
    assert card.evaluate("e => getComputedStyle(e).display") == "block"
    assert "Date" in card.evaluate("e => getComputedStyle(e.querySelector('td'), '::before').content")
    assert card.bounding_box()["width"] <= 360


def test_the_index_is_fetched_only_when_somebody_searches(reader):
    page = reader.open("index.html")
    page.wait_for_timeout(300)
    assert not any("search_index" in url for url in page.asked)
    page.locator(".md-search__input").click()
    page.wait_for_timeout(500)
    assert any("search_index" in url for url in page.asked)


GOLDEN = (
    ("", "KORE", "papers/kore-2025.html"),
    ("", "EVOKE", "benchmarks/evoke.html"),
    ("", "MMEVOKE", "benchmarks/evoke.html"),
    ("", "elastic weight consolidation", "methods/ewc.html"),
    ("", "2510.19316", "papers/kore-2025.html"),
    ("", "leaderboard", "leaderboard/index.html"),
    ("", "EasyEdit", "papers/easyedit-2024.html"),
    ("zh/", "KORE", "papers/kore-2025.html"),
    ("zh/", "演化知识", "benchmarks/evoke.html"),
    ("zh/", "级联式蒸馏", "papers/"),
    ("zh/", "跨模态一致性", "papers/"),
    ("zh/", "排行榜", "leaderboard/index.html"),
    ("zh/", "尚未运行", "about/not-run.html"),
    ("zh/", "EWC", "methods/ewc.html"),
)


@pytest.mark.parametrize(("prefix", "query", "expected"), GOLDEN)
def test_search_finds(reader, prefix, query, expected):
    page = reader.open(prefix + "index.html")
    page.locator(".md-search__input").click()
    page.locator(".md-search__input").press_sequentially(query)
    page.wait_for_selector(".md-search-result__item", timeout=10_000)
    found = page.locator(".md-search-result__link").evaluate_all("links => links.slice(0, 12).map(link => link.href)")
    assert any(expected in address for address in found), found


def test_a_hostile_title_stays_text_everywhere(reader):
    for prefix in ("", "zh/"):
        for place in ("papers/hostile-title-2026.html", "papers/index.html", "index.html", "new/index.html"):
            page = reader.open(prefix + place)
            page.wait_for_timeout(200)
            assert page.said == []
            assert page.locator("article img").count() == 0
            assert page.locator("article a[href^='javascript']").count() == 0
    page = reader.open("index.html")
    page.locator(".md-search__input").click()
    page.locator(".md-search__input").press_sequentially("zzhostile")
    page.wait_for_selector(".md-search-result__item", timeout=10_000)
    page.wait_for_timeout(300)
    assert page.locator(".md-search-result img").count() == 0
    assert page.said == []


def test_the_site_works_from_disk(reader, site):
    page = reader.browser.new_context().new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((site / "papers" / "index.html").as_uri())
    page.wait_for_timeout(800)
    page.locator('.aki-panel input[type="search"]').fill("kore")
    assert page.locator("tbody tr:visible").count() >= 1
    page.locator(".md-search__input").click()
    page.locator(".md-search__input").press_sequentially("KORE")
    page.wait_for_selector(".md-search-result__item", timeout=15_000)
    assert errors == []
