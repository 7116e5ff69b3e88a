"""What stands on the pages, before MkDocs: facts from entries, numbers from records, text that stays text."""

from __future__ import annotations

import html
import json
import re

import pytest
from toy_site import HOSTILE_ID

from docs import escape, findings, pages, people, redirects
from docs.boardtable import board_table
from docs.pages import Writer, heading
from docs.rows import groups
from docs.tables import slug
from docs.words import LANGUAGES, Words, table
from registry.reading import texts
from reproductions import spec


@pytest.fixture(scope="module")
def english(sources):
    return {page.path: page for page in pages.every(sources, Words("en"))}


@pytest.fixture(scope="module")
def chinese(sources):
    return {page.path: page for page in pages.every(sources, Words("zh"))}


def test_every_page_exists_in_both_languages(english, chinese):
    assert set(english) == set(chinese)


def test_there_is_a_page_per_paper_method_benchmark_claim_and_printed_table(sources, english):
    for kind in ("papers", "methods", "benchmarks", "claims", "reported"):
        assert {f"{kind}/{one}.md" for one in sources.catalog.kind(kind)} <= set(english)


def test_every_row_has_a_page_and_every_run_behind_it_a_record(sources, english):
    for row in sources.rows:
        body = english[f"runs/{row.id}.md"].body
        for record in row.records:
            assert f"records/{record}" in body


def test_every_number_of_the_board_is_linked_to_the_runs_behind_it(sources):
    group = groups(sources)[0]
    shown = board_table(group, Writer(Words("en"), sources, group.path))
    keys = [column.key for column in shown.columns]
    for row in shown.rows:
        if row.mark:
            continue
        for key in ("adaptation", "retention", "average"):
            assert f"runs/{row.id.replace('kore-', 'kore/', 1)}.html#" in str(row.cells[keys.index(key)].content)


def test_the_board_keeps_failed_rows_and_puts_the_base_model_first(sources):
    group = groups(sources)[0]
    rows = board_table(group, Writer(Words("en"), sources, group.path)).rows
    assert rows[0].mark == "base"
    assert [row.id for row in rows if row.mark == "failed"] == ["kore-corda-raw"]


def test_without_records_the_board_says_so_and_shows_no_number(empty):
    found = {page.path: page for page in pages.every(empty, Words("en"))}
    assert "No run has been published yet" in found["leaderboard/index.md"].body
    assert "<svg" not in found["leaderboard/index.md"].body
    assert "aki reproduce run" in found["leaderboard/index.md"].body


def test_counts_on_the_first_page_are_those_of_the_registry(sources, english):
    active = sum(paper.active for paper in sources.catalog.papers.values())
    assert f">{active}</dd>" in english["index.md"].body


def test_facts_say_where_and_when_they_were_read(english):
    body = english["papers/kore-2025.md"].body
    assert re.search(r"checked on \d{4}-\d{2}-\d{2}", body)
    assert "source</a>" in body


def test_unknown_is_told_from_known_to_be_absent(sources, english):
    paper = next(one for one in sources.papers if one.code.value == "not-checked")
    assert "not checked" in english[f"papers/{paper.id}.md"].body


def test_a_paper_page_cites_and_describes_itself_for_machines(english):
    page = english["papers/kore-2025.md"]
    assert dict(page.citation)["citation_arxiv_id"] == "2510.19316"
    assert page.jsonld is not None
    assert page.jsonld["@type"] == "ScholarlyArticle"
    assert "@misc{kore-2025" in page.body


def test_problems_are_reported_with_entry_filled_in(english):
    assert "issues/new?template=problem.yml" in english["papers/kore-2025.md"].body
    assert "entry=papers%2Fkore-2025" in english["papers/kore-2025.md"].body


def test_printed_tables_mark_what_the_audit_found(sources, english):
    finding = next(one for one in sources.findings if one.state == "inconsistent")
    body = english[f"reported/{finding.table}.md"].body
    cell = re.search(rf'<td id="{re.escape(finding.row)}--{re.escape(finding.column)}"[^>]*>', body)
    assert cell
    assert "aki-cell--inconsistent" in cell[0]


def test_claims_carry_the_verdict_of_our_runs(sources, english):
    decided = next(
        one for one in sources.verdicts.values() if one.decision in {"supported", "contradicted", "inconclusive"}
    )
    assert f"aki-verdict--{decided.decision}" in english[f"claims/{decided.claim}.md"].body


def test_what_has_not_been_run_is_listed(sources, english):
    body = english["about/not-run.md"].body
    for method in sources.catalog.methods.values():
        assert (f"methods/{method.id}.html" in body) == (
            not method.implemented or method.id not in {row.method for row in sources.rows if row.status != "failed"}
        )


# ── text from outside stays text ────────────────────────────────────────────────────────────────────────────────────


def outside_code(body: str) -> str:
    return re.sub(r"<pre\b.*?</pre>", "", body, flags=re.DOTALL)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_hostile_title_is_escaped_on_every_page_that_shows_it(sources, language):
    for page in pages.every(sources, Words(language)):
        text = page.text()
        assert "<script>alert" not in text, page.path
        assert "<img src=x" not in text, page.path
        if HOSTILE_ID in page.path:
            assert "&lt;script&gt;" in page.body


def test_prose_cannot_start_a_heading(english):
    body = english[f"papers/{HOSTILE_ID}.md"].body
    markdown = [line for line in body.split("\n\n") if line.startswith("#")]
    assert all("{#" in line for line in markdown)
    assert not any("Nor this" in line for line in markdown)


def test_the_header_survives_any_title(english):
    import yaml

    header = english[f"papers/{HOSTILE_ID}.md"].text().split("---\n")[1]
    read = yaml.safe_load(header)
    assert "<" not in read["title"]
    assert "</script" not in read["jsonld"]
    assert json.loads(read["jsonld"])["name"].startswith("</title>")


@pytest.mark.parametrize("title", ["a\x00b\x02c", "x\u2028y", "\ufeff---\ntitle: z", "😀 emoji", "a\u202eb", "'\"\\"])
def test_front_matter_reads_back_whatever_the_title(title):
    import yaml

    text = escape.front_matter({"title": escape.html(title)})
    assert text.count("\n---\n") == 1
    assert "\x00" not in yaml.safe_load(text.split("---\n")[1])["title"]


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", " data:text/html,x", "JAVASCRIPT:x", "//evil.example", "vbscript:x", "\x01javascript:x"],
)
def test_only_web_addresses_become_links(url):
    assert escape.link(url) == "#"


def test_hidden_characters_are_shown():
    assert escape.plain("a\u200bb\u202ec") == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c"


def test_headings_take_any_text_without_becoming_markup():
    line = str(heading('a {#b} [c](d) <e> `f` "g" *h* _i_', "anchor"))
    assert "{#anchor}" in line
    assert not set('[]<>`*_"') & set(line.replace("{#anchor}", ""))


# ── words ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_sentence_exists_in_both_languages_with_the_same_places():
    for key, both in table().items():
        assert set(both) == set(LANGUAGES), key
        places = [set(re.findall(r"\{(\w+)\}", sentence)) for sentence in both.values()]
        assert places[0] == places[1], key


def test_chinese_sentences_are_chinese():
    same = {key for key, both in table().items() if both["en"] == both["zh"]}
    assert {key.split(".")[0] for key in same} <= {"analyses", "column", "tier", "tuning"}  # names such as SVD


def test_a_missing_word_names_itself():
    with pytest.raises(KeyError, match=r"words.yaml: no entry 'no\.such'"):
        Words("en")("no.such")


def test_chinese_pages_are_in_chinese(chinese):
    assert "论文" in chinese["papers/index.md"].body
    assert "Filter these rows" not in chinese["papers/index.md"].body


# ── written pages ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_links_of_written_pages_lead_to_their_place_on_the_site(sources):
    text = "See [x](other.zh.md#y), [code](../../registry/schema.py) and `[not](a.md)` and [out](https://example.org/)."
    linked = people.linked(text, {"other"}, sources)
    assert "[x](other.md#y)" in linked
    assert "https://github.com/example/list/blob/main/registry/schema.py" in linked
    assert "`[not](a.md)`" in linked
    assert "[out](https://example.org/)" in linked


def test_a_page_in_one_language_only_says_so(tmp_path):
    (tmp_path / "only.md").write_text("# Only\n\nText.\n", encoding="utf-8")
    found = people.guides(Words("zh"), tmp_path)
    assert [(one.name, one.translated, one.lead) for one in found] == [("only", False, "Text.")]


@pytest.mark.parametrize(("text", "expected"), [("ICLR 2026", "iclr-2026"), ("会议 / 期刊", "会议-期刊"), ("!!", "x")])
def test_values_in_addresses_are_readable(text, expected):
    assert slug(text) == expected


# ── what has not been run, ablations, claims ────────────────────────────────────────────────────────────────────────


def test_what_people_say_has_not_been_run_stands_below_what_is_computed(english):
    body = english["about/not-run.md"].body
    written = people.guide(people.NOT_RUN, Words("en")).text.splitlines()[0].removeprefix("# ")
    assert f"guides/{people.NOT_RUN}.md" not in english
    assert (
        body.index("{#experiments}") < body.index("{#by-hand}") < body.index("| --- |" if "| --- |" in body else "|---")
    )
    assert f"# {written}\n" not in body[body.index("{#by-hand}") :]


def test_guides_point_to_that_page(english):
    assert "(../about/not-run.md#by-hand)" in english["guides/your-model.md"].body


def test_a_claim_names_its_source_its_place_and_where_to_read_it(english):
    body = english["claims/kore-parameters.md"].body
    source = body[body.index("aki-source") :].partition("</p>")[0]
    assert "papers/kore-2025.html" in source
    assert "Section 5.3, Table 1" in source
    assert "https://arxiv.org/abs/2510.19316" in source


def test_every_question_has_a_page_that_says_what_was_not_run(english, sources):
    for name in sources.questions:
        body = english[f"ablations/{name}.md"].body
        assert "not run" in body
        assert f'href="{name}.html"' in english["ablations/index.md"].body


def test_why_a_claim_is_open_is_said_in_the_readers_language():
    zh = Words("zh")
    assert findings.reason("kore[samples=32] has not been run", zh) == "kore[samples=32] 尚未运行"
    assert findings.reason("kore and lora have not been run on the same questions", zh).startswith("kore 与 lora")
    assert "news-po-cem" in findings.reason("no metric 'news-po-cem' in our records; there are: cem, f1", zh)
    assert findings.reason(None, zh) == ""


def test_retired_ids_have_a_page_that_leads_on_in_both_languages(sources):
    found = dict(redirects.files(sources))
    assert set(found) == {"papers/a-retired-id.html", "zh/papers/a-retired-id.html"}
    assert "<script>" not in "".join(found.values())
    assert f'<a href="{HOSTILE_ID}.html">' in found["papers/a-retired-id.html"]


def test_chinese_pages_say_reasons_notes_evidence_captions_and_proofs_in_chinese(sources, chinese):
    """No English sentence of an entry is left on its Chinese page, and the page says how far the Chinese is checked."""
    for kind in ("papers", "methods", "benchmarks", "claims", "reported"):
        for one, entry in sources.catalog.kind(kind).items():
            if one == HOSTILE_ID:
                continue
            body = html.unescape(chinese[f"{kind}/{one}.md"].body)
            for field, text in texts(entry):
                if len(text.en.split()) > 5 and text.zh and text.zh != text.en:
                    assert text.en not in body, f"{kind}/{one} {field}: {text.en}"
            assert "尚未经人核对" in body, f"{kind}/{one}"
    assert "识读为" in chinese["reported/kore-table-2.md"].body
    assert "观察 9，表 1" in chinese["claims/kore-obs-9-rank.md"].body


def test_every_note_of_an_experiment_has_chinese(sources):
    said = [one.note for one in spec.load_all().values() if one.note]
    assert said
    assert {note for note in said if Words("zh").said(note) == note} == set()
