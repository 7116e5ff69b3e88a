"""What readers see: both languages everywhere, no text left over from another entry, issues with evidence."""

import re
from pathlib import Path

import pytest

from registry import load
from registry.schema import Text

HAN = re.compile(r"[\u4e00-\u9fff]")
METHODS = Path(__file__).parents[2] / "reproductions" / "methods"


@pytest.fixture(scope="module")
def catalog():
    return load()


def texts(value):
    """All bilingual texts within an entry."""
    if isinstance(value, Text):
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
            assert HAN.search(text.zh) or text.zh == text.en or len(text.zh) < 20, f"{ref}: {text.zh}"


def test_chinese_has_no_western_punctuation_between_its_signs(catalog):
    wrong = re.compile(r"[\u4e00-\u9fff][,;:?!]|[,;?!][\u4e00-\u9fff]|[\u4e00-\u9fff]\.(?!\w)")
    for ref, entry in catalog:
        for text in texts(entry):
            assert not wrong.search(text.zh), f"{ref}: {text.zh}"


def test_every_implementation_has_an_entry_and_every_entry_that_claims_one_has_it(catalog):
    files = {path.stem.replace("_", "-") for path in METHODS.glob("*.py") if path.stem != "__init__"}
    assert {method.id for method in catalog.methods.values() if method.implemented} == files


def test_known_issues_name_where_they_were_seen(catalog):
    issues = [(ref, issue) for ref, entry in catalog for issue in entry.known_issues]
    assert len(issues) > 60
    assert [ref for ref, issue in issues if len(issue.evidence) < 10] == []
    located = re.compile(
        r"[\w.-]+/[\w.-]+|arXiv:\d{4}\.\d{4,5}|https://|KORE|Measured|OpenReview|Audit|Summary|Paper|TRL"
    )
    assert [issue.evidence for _, issue in issues if not located.search(issue.evidence)] == []


def test_corrections_of_the_list_keep_its_words(catalog):
    originals = {issue.original for issue in catalog.papers["lilora-2026"].known_issues if issue.original}
    assert any("Lifelong Model Editing" in original for original in originals)
    assert "Lifelong" not in catalog.papers["lilora-2026"].title
