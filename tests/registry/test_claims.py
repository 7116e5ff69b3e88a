"""Claims as data: enough of them, in both languages, and what the printed numbers say to each."""

import json
import subprocess
import sys

import pytest

from registry import load
from registry.claims import CellError, check, check_claim, find, main, problems
from registry.schema import Claim

STATUS = [{"state": "recorded", "since": "2026-01-01", "reason": "test"}]


@pytest.fixture(scope="module")
def catalog():
    return load()


@pytest.fixture(scope="module")
def checks(catalog):
    return check(catalog)


def claim(**comparison):
    parts = {"protocol": "injection", "metric": "average", "left": "kore", "relation": "greater", "right": "lora"}
    return Claim.model_validate(
        {
            "id": "c",
            "status": STATUS,
            "paper": "kore-2025",
            "locator": "here",
            "statement": {"en": "a", "zh": "b"},
            "comparisons": [{**parts, **comparison}],
        }
    )


def state(catalog, **comparison):
    (one,) = check_claim(claim(**comparison), catalog)
    return one.state


def test_there_are_claims_of_every_source(catalog):
    sources = {one.paper for one in catalog.claims.values()}
    assert len(catalog.claims) >= 30
    assert {"kore-2025", "mllm-cl-2025", "cl-mllm-survey", "public-list"} <= sources
    observations = {one.id.split("-")[2] for one in catalog.claims.values() if one.id.startswith("kore-obs-")}
    assert observations == {str(n) for n in range(1, 12)}


def test_a_claim_is_decidable_or_says_why_not(catalog):
    assert [one.id for one in catalog.claims.values() if not one.comparisons and not one.note] == []


def test_a_source_without_paper_entry_is_cited(catalog):
    strays = [c.id for c in catalog.claims.values() if c.paper not in catalog.papers and not c.source]
    assert strays == []


def test_methods_of_comparisons_exist(catalog):
    named = {
        side.partition("[")[0]
        for one in catalog.claims.values()
        for comparison in one.comparisons
        for side in (comparison.left, comparison.right)
    }
    assert named <= set(catalog.methods)


def test_cells_of_comparisons_exist(catalog):
    assert list(problems(catalog)) == []


def test_printed_numbers_support_what_the_papers_say_of_them_except_once(checks):
    against = {one.claim for one in checks if one.state != "agrees"}
    assert against == {"kore-obs-8-margin"}


def test_a_check_says_when_the_audit_doubts_a_cell(checks):
    doubted = {cell for one in checks for cell in one.doubtful}
    assert "kore-table-1/sefe/avg" in doubted


@pytest.mark.parametrize(
    ("relation", "margin", "expected"),
    [
        ("greater", 0.0, "agrees"),
        ("greater", 0.1279, "agrees"),
        ("greater", 0.1281, "too-close"),
        ("greater", 0.13, "disagrees"),
        ("less", 0.0, "disagrees"),
        ("equal", 0.13, "agrees"),
        ("equal", 0.12, "disagrees"),
    ],
)
def test_a_margin_is_a_fraction_and_rounding_is_respected(catalog, relation, margin, expected):
    cells = {"reported_left": "kore-table-1/kore-r235/avg", "reported_right": "kore-table-1/lora/avg"}  # 37.09, 24.28
    assert state(catalog, relation=relation, margin=margin, **cells) == expected


def test_a_repaired_cell_counts_as_read(catalog):
    cells = {"reported_left": "kore-table-2/ewc/mme", "reported_right": "kore-table-2/lwf/mme"}
    (one,) = check_claim(claim(relation="less", **cells), catalog)
    assert (one.left_printed, one.state) == (48.57, "agrees")


def test_without_printed_cells_there_is_nothing_to_check(catalog):
    assert list(check_claim(claim(), catalog)) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("kore-table-7/kore/avg", "no reported table 'kore-table-7'; did you mean"),
        ("kore-table-1/kor-r235/avg", "did you mean 'kore-r235'"),
        ("kore-table-1/kore-r235/average", "no cell 'average'"),
    ],
)
def test_a_cell_that_does_not_exist_is_told_with_what_is_near(catalog, name, words):
    with pytest.raises(CellError, match=words):
        find(name, catalog)


def test_the_command_prints_and_speaks_json(capsys):
    assert main(["kore-obs-8-margin", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert [(one["left_printed"], one["right_printed"], one["state"]) for one in values] == [
        (22.91, 14.56, "disagrees"),
        (31.36, 14.01, "disagrees"),
    ]
    assert main(["kore-obs-8-margin", "--language", "zh"]) == 0
    assert "不符" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["kore-obs-88"], ["--nope"], ["--root", "nowhere"]])
def test_wrong_usage_is_one_line_and_exit_code_2(capsys, arguments):
    assert main(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_audit_and_claims_never_import_torch():
    code = "import registry.audit, registry.claims, registry.claims_command, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
