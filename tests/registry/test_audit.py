"""The audit on small tables: what it finds, locates, repairs, and what it must not say."""

from contextlib import suppress

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from registry.audit import audit_csv, audit_tables, formula_problems, report
from registry.formulas import FormulaError, parse
from registry.misreading import misreadings
from registry.schema import ReportedTable

STATUS = [{"state": "recorded", "since": "2026-01-01", "reason": "test"}]


def table(columns, rows, identity="t", repairs=()):
    """A table of percentages; `columns` is name → formula or None, `rows` id → texts."""
    repairs = dict(repairs)

    def cell(row, column, text):
        number = None if text == "—" else text.replace(",", "")
        value = repairs.get((row, column), number)
        proof = {"proof": "test"} if (row, column) in repairs else {}
        return {"printed": text, **({} if value is None else {"value": value}), **proof}

    return ReportedTable.model_validate(
        {
            "id": identity,
            "status": STATUS,
            "paper": "p",
            "table": "Table 1",
            "caption": "c",
            "source": "s",
            "columns": [
                {
                    "id": name,
                    "name": name,
                    "metric": "m",
                    "unit": "percent",
                    "direction": "higher",
                    **({"formula": formula} if formula else {}),
                }
                for name, formula in columns.items()
            ],
            "rows": [
                {
                    "id": row,
                    "label": row,
                    "cells": {
                        c: cell(row, c, text) for c, text in zip(columns, texts, strict=True) if text is not None
                    },
                }
                for row, texts in rows.items()
            ],
        }
    )


AVG = {"a": None, "b": None, "avg": "mean(a, b)"}


def test_a_table_that_adds_up_gives_no_finding():
    assert audit_tables([table(AVG, {"x": ["10.00", "20.01", "15.01"]})]) == ()


@pytest.mark.parametrize("printed", ["15.00", "15.01"])
def test_either_way_of_rounding_a_half_is_accepted(printed):
    assert audit_tables([table(AVG, {"x": ["10.00", "20.01", printed]})]) == ()


def test_a_number_beyond_rounding_is_inconsistent():
    (finding,) = audit_tables([table(AVG, {"x": ["10.00", "20.00", "17.77"]})])
    assert (finding.row, finding.column, finding.printed, finding.state) == ("x", "avg", "17.77", "inconsistent")
    assert finding.recomputed == 15.0
    assert finding.formula == "mean(a, b)"


def test_a_dash_claims_nothing():
    assert audit_tables([table(AVG, {"x": ["—", "20.00", "17.77"]})]) == ()


def test_one_slip_among_several_possible_is_not_called_proven():
    (finding,) = audit_tables([table(AVG, {"x": ["10.00", "20.00", "16.00"]})])
    assert "t:x/avg 16.00 → 15.00" in finding.slips
    assert "t:x/b 20.00 → 22.00" in finding.slips
    assert finding.state == "inconsistent"


TWO = {"a": None, "b": None, "c": None, "ab": "mean(a, b)", "ac": "mean(a, c)"}


def test_a_slip_in_a_cell_of_two_equations_is_located():
    findings = audit_tables([table(TWO, {"x": ["110.00", "20.00", "30.00", "15.00", "20.00"]})])
    assert [(f.column, f.recomputed, f.slips) for f in findings] == [("a", 10.0, ("t:x/a 110.00 → 10.00",))]
    assert findings[0].state == "inconsistent"  # nobody has recorded the repair


def test_a_recorded_repair_is_accepted_when_arithmetic_proves_it():
    rows = {"x": ["110.00", "20.00", "30.00", "15.00", "20.00"]}
    (finding,) = audit_tables([table(TWO, rows, repairs={("x", "a"): "10.00"})])
    assert (finding.state, finding.printed, finding.recomputed) == ("repaired", "110.00", 10.0)
    assert "mean(10.00, 20.00) = 15, printed 15.00 in t:x/ab" in str(finding.proof)


def test_a_recorded_repair_without_proof_is_refused():
    (finding,) = audit_tables([table({"a": None}, {"x": ["12.00"]}, repairs={("x", "a"): "21.00"})])
    assert finding.state == "inconsistent"
    assert "arithmetic does not prove it" in finding.explanation


def test_a_repair_to_another_number_than_the_proven_one_is_refused():
    rows = {"x": ["110.00", "20.00", "30.00", "15.00", "20.00"]}
    findings = audit_tables([table(TWO, rows, repairs={("x", "a"): "11.00"})])
    assert {f.state for f in findings} == {"inconsistent"}


def test_a_wrong_cell_that_no_slip_explains_is_still_located():
    findings = audit_tables([table(TWO, {"x": ["77.77", "20.00", "30.00", "15.00", "20.00"]})])
    assert {f.column for f in findings} == {"ab", "ac"}
    assert {f.suspects for f in findings} == {("t:x/a",)}


def test_two_slips_at_once_are_both_found():
    columns = {"a": None, "b": None, "c": None, "d": None, "ab": "sum(a, b)", "cd": "sum(c, d)", "all": "sum(ab, cd)"}
    whole = {**columns, "aa": "a", "cc": "c"}
    right = ["11.00", "12.00", "13.00", "14.00", "23.00", "27.00", "50.00", "11.00", "13.00"]
    wrong = [*right]
    wrong[0], wrong[2] = "81.00", "113.00"
    findings = audit_tables([table(whole, {"x": wrong})])
    assert {f.slips for f in findings} == {("t:x/a 81.00 → 11.00",), ("t:x/c 113.00 → 13.00",)}


@pytest.mark.parametrize(
    ("printed", "kind"),
    [("-13.57", "the sign"), ("13757", "misread"), ("3.57", "missing"), ("133.57", "too many"), ("13.97", "misread")],
)
def test_signs_points_and_lost_digits_are_slips_too(printed, kind):
    findings = audit_tables([table(TWO, {"x": [printed, "20.00", "30.00", "16.79", "21.79"]})])
    assert [f.slips for f in findings] == [(f"t:x/a {printed} → 13.57",)]
    assert kind in findings[0].explanation


def test_more_slips_than_equations_explain_nothing():
    findings = audit_tables([table(TWO, {"x": ["10500", "20.00", "30.00", "15.25", "20.25"]})])
    assert all(not f.slips for f in findings)
    assert {f.state for f in findings} == {"inconsistent"}


def test_a_percentage_beyond_a_hundred_is_found_without_any_formula():
    (finding,) = audit_tables([table({"a": None}, {"x": ["448.57"]})])
    assert finding.state == "inconsistent"
    assert "not a percentage" in finding.explanation


def test_a_cell_that_is_no_number_is_found_where_a_formula_needs_it():
    one = table(AVG, {"x": ["10.00", "20.00", "15.00"]}).model_dump(mode="json")
    one["rows"][0]["cells"]["a"] = {"printed": "1o.00"}
    findings = audit_tables([ReportedTable.model_validate(one)])
    assert [(f.column, f.slips) for f in findings] == [("a", ("t:x/a 1o.00 → 10.00",))]


def test_formulas_reach_into_other_tables():
    one = table({"a": None}, {"x": ["10.00"], "y": ["11.00"]}, "one")
    two = table({"a": "one:*/a"}, {"x": ["10.00"], "y": ["12.00"], "z": ["13.00"]}, "two")
    findings = audit_tables([one, two])
    assert [(f.table, f.row) for f in findings] == [("two", "y")]


def test_a_clause_may_hold_in_one_row_only():
    one = table({"a": None, "b": "x = a"}, {"x": ["1.00", "2.00"], "y": ["1.00", "2.00"]})
    assert [f.row for f in audit_tables([one])] == ["x"]


def test_a_mixture_is_checked_within_its_bounds():
    columns = {"a": None, "b": None, "m": "blend(0.4, 0.6, a, b)"}
    one = table(columns, {"in": ["0.00", "10.00", "5.50"], "out": ["0.00", "10.00", "7.00"]})
    assert [f.row for f in audit_tables([one])] == ["out"]


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("mean(a, nope)", "no column 'nope'"),
        ("other:*/a", "no table 'other'"),
        ("nobody/a", "no row 'nobody'"),
        ("nobody = a", "no row 'nobody'"),
        ("mean(a", "ends too early"),
        ("open('x')", "cannot read"),
        ("evil(a)", "no function named 'evil'"),
        ("a b", "one too many"),
    ],
)
def test_a_formula_that_cannot_be_meant_is_told_in_one_line(formula, words):
    one = table({"a": None, "b": formula}, {"x": ["1.00", "2.00"]})
    with pytest.raises(FormulaError, match=words):
        audit_tables([one])
    ((where, column, message),) = formula_problems([one])
    assert (where, column) == ("t", "b")
    assert "\n" not in message


def audit_csv_of(text, rules, folder):
    path = folder / "audit-test.csv"
    path.write_text(text, encoding="utf-8")
    return audit_csv(path, rules)


def test_a_csv_is_audited_by_rules_from_the_command_line(tmp_path):
    text = 'Method,CEM,F1,"Avg. score"\nLoRA,15.23,18.31,16.77\nKORE,30.65,41.26,53.96\n'
    findings = audit_csv_of(text, {"Avg. score": "mean(cem, f1)"}, tmp_path)
    assert [(f.row, f.column, f.printed) for f in findings] == [("kore", "avg-score", "53.96")]
    assert "audit-test:kore/avg-score 53.96 → 35.96" not in findings[0].slips  # two digits changed places: not one slip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\nx\n", "row 2 has 1 cells"),
        ("a\n1\n", "no table"),
        ("", "no table"),
    ],
)
def test_a_csv_that_is_no_table_is_refused_in_one_line(tmp_path, text, words):
    with pytest.raises(ValueError, match=words):
        audit_csv_of(text, {"b": "a"}, tmp_path)


def test_a_csv_in_another_encoding_is_refused(tmp_path):
    path = tmp_path / "latin.csv"
    path.write_bytes("ä,b\nx,1\n".encode("latin-1"))
    with pytest.raises(ValueError, match="UTF-8"):
        audit_csv(path, {"b": "b"})


def test_counts_are_exact_and_other_whole_numbers_may_be_rounded():
    rounded = table({"a": None, "b": None, "s": "sum(a, b)"}, {"x": ["1", "2", "4"]})
    counts = rounded.model_dump(mode="json")
    for column in counts["columns"]:
        column |= {"unit": "count", "decimals": 0}
    assert audit_tables([rounded]) == ()
    (finding,) = audit_tables([ReportedTable.model_validate(counts)])
    assert (finding.column, finding.recomputed, finding.low, finding.high) == ("s", 3, 3, 3)


def test_equal_names_in_a_csv_stay_apart(tmp_path):
    findings = audit_csv_of("m,a,a,s\nx,1,2,3\nx,1,2,9\n", {"s": "sum(a, a-2)"}, tmp_path)
    assert [f.row for f in findings] == ["x-2"]


def test_misreadings_are_one_character_away_and_keep_the_decimals():
    found = set(misreadings("5579", 2))
    assert "5.79" in found
    assert "55.79" in found
    assert "557.9" not in found
    assert "5579" not in found
    assert "05.79" not in found


@given(st.text(alphabet="ab-1.0:*/;=(), +mean%\n", max_size=40) | st.text(max_size=40))
def test_any_text_is_a_formula_or_is_refused(text):
    with suppress(FormulaError):
        assert parse(text)


def test_the_report_speaks_both_languages():
    findings = audit_tables([table(AVG, {"x": ["10.00", "20.00", "17.77"]})])
    assert report(findings).endswith("1 inconsistent, 0 repaired")
    assert report(findings, "zh").endswith("1 处不一致，0 处已修复")


# Laws ---------------------------------------------------------------------------------------------------------------

hundredths = st.integers(0, 10_000)


def printed(n: float) -> str:
    return f"{n / 100:.2f}"


@st.composite
def consistent(draw):
    """A table of groups, their means, and the mean of the means; all rounded to two decimals."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=2, max_size=4))
    columns: dict[str, str | None] = {}
    names = []
    for number, size in enumerate(sizes):
        members = [f"g{number}-{n}" for n in range(size)]
        columns |= dict.fromkeys(members)
        names.append((f"g{number}", members))
    for name, members in names:
        columns[name] = f"mean({', '.join(members)})"
    columns["all"] = f"mean({', '.join(name for name, _ in names)})"
    rows = {}
    for row in range(draw(st.integers(1, 4))):
        base = {member: draw(hundredths) for _, members in names for member in members}
        means = {name: sum(base[member] for member in members) / len(members) for name, members in names}
        every = sum(means.values()) / len(means)
        rows[f"r{row}"] = [printed(x) for x in [*base.values(), *means.values(), every]]
    return columns, rows


@given(consistent())
@settings(max_examples=60, deadline=None)
def test_any_consistent_table_gives_no_finding(drawn):
    columns, rows = drawn
    assert audit_tables([table(columns, rows)]) == ()


@given(consistent(), st.data())
@settings(max_examples=60, deadline=None)
def test_one_corrupted_cell_is_found_and_never_pinned_on_another(drawn, data):
    columns, rows = drawn
    row = data.draw(st.sampled_from(sorted(rows)))
    column = data.draw(st.integers(0, len(columns) - 1))
    right = rows[row][column]
    wrong = data.draw(st.sampled_from(sorted(misreadings(right, 2))))
    change = abs(float(wrong) - float(right))
    assume(change > 0.2 or not 0 <= float(wrong) <= 100)  # beyond what rounding of a mean of sixteen can hide
    rows = {**rows, row: [*rows[row][:column], wrong, *rows[row][column + 1 :]]}
    findings = audit_tables([table(columns, rows)])
    assert findings
    assert {f.row for f in findings} == {row}
    name = list(columns)[column]
    located = {place for f in findings for place in f.suspects if len(f.suspects) == 1}
    assert located <= {f"t:{row}/{name}"}
    pointed = {slip for f in findings for slip in f.slips} | located
    assert any(place.startswith(f"t:{row}/{name}") for place in pointed) or any(len(f.suspects) > 1 for f in findings)


@given(st.integers(1000, 9000), st.integers(1000, 9000), st.integers(1000, 9000), st.data())
@settings(max_examples=60, deadline=None)
def test_a_slip_in_a_cell_that_two_equations_share_is_located_and_read_right(a, b, c, data):
    right = [printed(a), printed(b), printed(c), printed((a + b) / 2), printed((a + c) / 2)]
    wrong = data.draw(st.sampled_from(sorted(misreadings(right[0], 2))))
    assume(abs(float(wrong) - float(right[0])) > 0.5)
    findings = audit_tables([table(TWO, {"x": [wrong, *right[1:]]})])
    slips = {slip for f in findings for slip in f.slips}
    assert f"t:x/a {wrong} → {right[0]}" in slips
