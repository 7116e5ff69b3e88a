"""What readers see: both languages everywhere, no text left over from another entry, issues with evidence."""

import re
from pathlib import Path

import pytest

from registry import load, phrases
from registry.reading import texts as visible
from registry.schema import Place, Remark

HAN = re.compile(r"[\u4e00-\u9fff]")
METHODS = Path(__file__).parents[2] / "reproductions" / "methods"


@pytest.fixture(scope="module")
def catalog():
    return load()


def texts(value):
    """All bilingual texts within an entry."""
    if isinstance(value, Remark):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from texts(item)
    elif hasattr(value, "__pydantic_fields__"):
        for name in type(value).model_fields:
            yield from texts(getattr(value, name))


def test_no_translation_is_stale(catalog):
    assert [text.en for _, entry in catalog for text in texts(entry) if text.state == "stale"] == []


def test_english_is_english_and_chinese_is_chinese_or_a_name(catalog):
    for ref, entry in catalog:
        for text in texts(entry):
            assert not HAN.search(text.en), f"{ref}: {text.en}"
            assert text.zh is None or HAN.search(text.zh) or text.zh == text.en or len(text.zh) < 20, (
                f"{ref}: {text.zh}"
            )


def test_chinese_has_no_western_punctuation_between_its_signs(catalog):
    wrong = re.compile(r"[\u4e00-\u9fff][,;:?!]|[,;?!][\u4e00-\u9fff]|[\u4e00-\u9fff]\.(?!\w)")
    for ref, entry in catalog:
        for text in texts(entry):
            assert not wrong.search(text.zh or ""), f"{ref}: {text.zh}"


def test_every_text_that_readers_see_has_chinese_except_names_of_places(catalog):
    words = re.compile(
        r"\b(against|and|of|the|on|over|with|line|lines|section|folder|measured|abstract|issues)\b", re.I
    )
    for ref, entry in catalog:
        for field, text in visible(entry):
            if isinstance(text, Place):
                assert text.zh or not words.search(re.sub(r"\([^)]*import[^)]*\)", "", text.en)), (
                    f"{ref} {field}: {text.en}"
                )
            else:
                assert text.state in {"human", "machine"}, f"{ref} {field}: {text.en}"


def test_locators_metrics_and_proofs_are_said_in_chinese(catalog):
    printed = {one.locator for one in catalog.claims.values()}
    for table in catalog.reported.values():
        printed |= {table.table} | {column.metric for column in table.columns if " " in column.metric}
        printed |= {cell.proof for row in table.rows for cell in row.cells.values() if cell.proof}
    assert len(printed) > 60
    assert [text for text in printed if phrases.printed(text) is None] == []
    assert phrases.printed("Observation 9, Table 1") == "观察 9，表 1"
    assert phrases.printed("mean(1, 2) = 1.5, printed 1.50 in a:b/c; read 2.00 in a:b/d") == (
        "mean(1, 2) = 1.5, a:b/c 印作 1.50；a:b/d 识读为 2.00"
    )


def test_every_implementation_has_an_entry_and_every_entry_that_claims_one_has_it(catalog):
    files = {path.stem.replace("_", "-") for path in METHODS.glob("*.py") if path.stem != "__init__"}
    assert {method.id for method in catalog.methods.values() if method.implemented} == files


def test_known_issues_name_where_they_were_seen(catalog):
    issues = [(ref, issue) for ref, entry in catalog for issue in entry.known_issues]
    assert len(issues) > 60
    assert [ref for ref, issue in issues if len(issue.evidence.en) < 10] == []
    located = re.compile(
        r"[\w.-]+/[\w.-]+|arXiv:\d{4}\.\d{4,5}|https://|KORE|Measured|OpenReview|Audit|Summary|Paper|TRL"
    )
    assert [issue.evidence for _, issue in issues if not located.search(issue.evidence.en)] == []


def test_corrections_of_the_list_keep_its_words(catalog):
    originals = {issue.original for issue in catalog.papers["lilora-2026"].known_issues if issue.original}
    assert any("Lifelong Model Editing" in original for original in originals)
    assert "Lifelong" not in catalog.papers["lilora-2026"].title
