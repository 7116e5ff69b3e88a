"""What entries may say: the rules that types alone do not tell."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError
from registry_samples import DAY, RECORDED, paper, text

from registry.schema import (
    Cell,
    Column,
    Fact,
    Method,
    Paper,
    Remark,
    ReportedTable,
    Row,
    StatusChange,
    Text,
    text_digest,
)
from registry.status import LEGAL, illegal


def change(state, day=DAY, into=None):
    return StatusChange(state=state, since=day, reason=Remark.of("because"), into=into)


@pytest.mark.parametrize(
    "states",
    [
        ("candidate", "recorded"),
        ("recorded", "withdrawn", "recorded"),
        ("recorded", "retracted"),
        ("candidate", "withdrawn"),
    ],
)
def test_legal_lives_are_accepted(states):
    assert illegal(tuple(change(state) for state in states)) is None


@pytest.mark.parametrize(
    ("history", "says"),
    [
        ((), "at least one status"),
        ((change("withdrawn"),), "cannot begin as 'withdrawn'"),
        ((change("recorded"), change("candidate")), "'recorded' cannot become 'candidate'"),
        ((change("recorded"), change("retracted"), change("recorded")), "'retracted' cannot become 'recorded'"),
        ((change("recorded"), change("withdrawn", date(2020, 1, 1))), "before 'recorded'"),
        ((change("recorded"), change("merged")), "'into' belongs to"),
        ((change("recorded", into="x"),), "'into' belongs to"),
    ],
)
def test_illegal_jumps_are_refused(history, says):
    assert says in str(illegal(history))
    with pytest.raises(ValidationError):
        paper(status=history)


def test_nothing_follows_the_end_states():
    assert LEGAL["merged"] == LEGAL["retracted"] == frozenset()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"bucket": "self"}, "distill needs one"),
        ({"direction": "distill"}, "distill needs one"),
        ({"ids": {"arxiv": "2505.2444"}}, "5 (quote it?)"),
        ({"ids": {"arxiv": "2505.24449v2"}}, "leave the version out"),
        ({"ids": {"doi": "https://doi.org/10.1/x"}}, "does not look like"),
        ({"date": "2025-13"}, "pattern"),
        ({"title": "two\nlines"}, "pattern"),
        ({"title": " space"}, "pattern"),
        ({"title": "left\u202eright"}, "pattern"),
        ({"title": "zero\x00"}, "pattern"),
        ({"links": ()}, "at least 1"),
        ({"links": ("javascript:alert(1)",)}, "pattern"),
        ({"formerly": ("kore-2025",)}, "former id of itself"),
        ({"stars": "3"}, "Extra inputs"),
    ],
)
def test_a_paper_that_cannot_be_is_refused(fields, says):
    with pytest.raises(ValidationError, match=says.replace("(", r"\(").replace("?", r"\?").replace(")", r"\)")):
        paper(**fields)


def test_a_value_needs_its_source_and_day():
    with pytest.raises(ValidationError, match="needs source"):
        Fact[int](value=3)
    with pytest.raises(ValidationError, match="neither source nor checked"):
        Fact[int](value="not-checked", source="https://example.org")


def test_unknown_is_told_from_absent():
    absent = Fact[str](value="none", source="https://example.org", checked=DAY)
    assert absent.known is None
    assert absent.value == "none" != Fact[str](value="not-checked").value


def test_a_count_written_as_text_becomes_a_number():
    fact = Fact[int].model_validate({"value": "113", "source": "https://example.org", "checked": "2026-05-19"})
    assert fact.known == 113


def test_a_translation_is_stale_when_the_english_changed():
    fresh = Text(en="one", zh="一", translated_from=text_digest("one"))
    assert fresh.state == "machine"
    assert fresh.model_copy(update={"en": "two"}).state == "stale"
    assert Text(en="one", zh="一", translation="human").state == "human"


@pytest.mark.parametrize(("implemented", "why_not"), [(True, text()), (False, None)])
def test_a_method_runs_or_says_why_not(implemented, why_not):
    with pytest.raises(ValidationError, match="exactly one"):
        Method(
            id="m", status=RECORDED, name="M", family="replay", idea=text(), implemented=implemented, why_not=why_not
        )


def table(**fields):
    columns = (Column(id="a", name="A", metric="acc", unit="percent", direction="higher"),)
    rows = (Row(id="r", label="R", cells={"a": Cell(printed="1", value=1)}),)
    given = {"id": "t", "status": RECORDED, "paper": "p", "table": "Table 1", "caption": "c", "source": "s"}
    return ReportedTable.model_validate(given | {"columns": columns, "rows": rows} | fields)


def test_a_table_refuses_stray_cells_and_doubles():
    stray = Row(id="r", label="R", cells={"b": Cell(printed="1", value=1)})
    with pytest.raises(ValidationError, match="no column of this table"):
        table(rows=(stray,))
    with pytest.raises(ValidationError, match="column 'a' stands twice"):
        table(columns=table().columns * 2)
    with pytest.raises(ValidationError, match="row 'r' stands twice"):
        table(rows=table().rows * 2)


def test_entries_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        paper().title = "another"


def test_only_recorded_and_candidate_count():
    assert paper().active
    assert not paper(status=(*RECORDED, change("retracted"))).active
    assert Paper.model_validate(paper().model_dump()).stage == "recorded"


def test_a_plain_string_is_english_and_its_chinese_is_missing_or_that_of_the_fixed_sentence():
    own, fixed = Remark.of("only here"), Remark.of("withdrawn on arXiv")
    assert (own.en, own.zh, own.state, own.as_written) == ("only here", None, "missing", "only here")
    assert (fixed.zh, fixed.state, fixed.as_written) == ("已在 arXiv 上撤回", "machine", "withdrawn on arXiv")
    both = Remark(en="only here", zh="仅此处", translated_from=text_digest("something else"))
    assert (both.state, both.as_written) == ("stale", None)
