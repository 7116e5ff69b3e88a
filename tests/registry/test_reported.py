"""The reported tables that ship: transcribed whole, audited, and every finding known."""

import pytest

from registry import load
from registry.audit import audit, formula_problems
from registry.sheet import read_number

TABLES = {
    "kore-table-1": (11, 11),
    "kore-table-2": (11, 13),
    "kore-table-3": (5, 3),
    "kore-table-4": (8, 10),
    "kore-table-5": (4, 10),
    "kore-table-6": (5, 3),
    "kore-table-9": (9, 20),
    "kore-text": (1, 11),
    "kore-74k": (5, 2),
}
"""Rows and columns."""

REPAIRED = {
    "kore-table-2:ewc/mme": ("448.57", 48.57),
    "kore-table-2:ewc/mmdu": ("113.36", 13.36),
    "kore-table-2:moelora/ocrvqa": ("440.17", 40.17),
    "kore-table-2:o-lora/mmdu": ("177.28", 17.28),
    "kore-table-2:sefe/ocrvqa": ("118.07", 18.07),
    "kore-table-2:sefe/hallusionbench": ("5579", 5.79),
}
INCONSISTENT = {
    "kore-table-1:full-ft/hal": 41.745,
    "kore-table-1:full-ft/avg": 21.402,
    "kore-table-1:replay/ocr": 38.035,
    "kore-table-1:ewc/mat": 18.03,
    "kore-table-1:sefe/avg": 21.218,
    "kore-table-2:moelora/avg": 40.68,
    "kore-table-4:llava-13b-lora/avg": 26.305,
    "kore-table-4:llava-13b-replay/avg": 31.001,
    "kore-table-6:kore-augmentation/k-r": 34.107,
    "kore-table-6:kore-augmentation/avg": 37.3,
    "kore-table-6:text-knowledge-aware/avg": 27.575,
    "kore-table-6:text-knowledge-agnostic/avg": 25.655,
    "kore-table-6:image-knowledge-aware/avg": 26.175,
    "kore-table-6:image-knowledge-agnostic/avg": 25.21,
    "kore-text:text/obs-8-cem-gain": 8.35,
    "kore-text:text/obs-8-f1-gain": 17.35,
}


@pytest.fixture(scope="module")
def catalog():
    return load()


@pytest.fixture(scope="module")
def findings(catalog):
    return {finding.cell: finding for finding in audit(catalog)}


@pytest.mark.parametrize("name", TABLES)
def test_the_table_is_whole(catalog, name):
    table = catalog.reported[name]
    assert (len(table.rows), len(table.columns)) == TABLES[name]
    for row in table.rows:
        empty = {column.id for column in table.columns} - set(row.cells)
        assert not empty or row.method == "base" or row.id == "total", f"{row.id}: {empty}"


def test_every_formula_can_be_read(catalog):
    assert list(formula_problems(catalog.reported.values())) == []


def test_every_cell_says_the_number_that_is_printed_unless_it_proves_another(catalog):
    for table in catalog.reported.values():
        for row in table.rows:
            for column, cell in row.cells.items():
                printed = read_number(cell.printed)
                if cell.proof is None:
                    assert cell.value == (printed[0] if printed else None), f"{table.id}:{row.id}/{column}"


def test_what_the_machine_misread_is_repaired_with_a_proof(findings):
    repaired = {cell: f for cell, f in findings.items() if f.state == "repaired"}
    assert {cell: (f.printed, f.recomputed) for cell, f in repaired.items()} == REPAIRED
    assert all(f.proof and "printed" in f.proof for f in repaired.values())


def test_the_proof_recorded_in_the_entry_is_the_one_that_the_audit_gives(catalog, findings):
    for cell in REPAIRED:
        table, _, place = cell.partition(":")
        row, _, column = place.partition("/")
        recorded = next(r for r in catalog.reported[table].rows if r.id == row).cells[column]
        assert recorded.proof == findings[cell].proof


def test_nothing_else_than_what_is_known_is_inconsistent(findings):
    found = {cell: round(f.recomputed, 3) for cell, f in findings.items() if f.state == "inconsistent"}
    assert found == INCONSISTENT


@pytest.mark.parametrize(
    ("cell", "suspect"),
    [
        ("kore-table-1:full-ft/hal", "kore-table-1:full-ft/hal"),
        ("kore-table-1:full-ft/avg", "kore-table-1:full-ft/hal"),
        ("kore-table-1:sefe/avg", "kore-table-1:sefe/avg"),
        ("kore-table-2:moelora/avg", "kore-table-2:moelora/avg"),
        ("kore-table-6:kore-augmentation/avg", "kore-table-6:kore-augmentation/k-r"),
    ],
)
def test_the_audit_locates_the_error_where_tables_overlap(findings, cell, suspect):
    assert findings[cell].suspects == (suspect,)


def test_a_row_that_stands_alone_is_not_pinned_on_one_cell(findings):
    assert len(findings["kore-table-4:llava-13b-lora/avg"].suspects) > 1


def test_tables_1_and_9_agree_on_one_share_of_news(catalog):
    news = {row.id: row.cells for row in catalog.reported["kore-table-9"].rows}
    shares = []
    for row in catalog.reported["kore-table-1"].rows:
        if row.id not in news:
            continue
        for metric in ("cem", "f1"):
            parts = news[row.id][f"news-avg-{metric}"].value, news[row.id][f"entity-avg-{metric}"].value
            shares.append((row.cells[metric].value - parts[1]) / (parts[0] - parts[1]))
    assert len(shares) == 18
    assert max(shares) - min(shares) < 0.01


def test_the_twelve_benchmark_mean_explains_the_retention_of_table_6(catalog):
    ablation = next(row for row in catalog.reported["kore-table-5"].rows if row.id == "w-o-constraint")
    weights = {"com": 2, "ocr": 2, "m-dis": 2, "ins": 1, "m-idu": 1, "mat": 2, "hal": 2}
    twelve = sum(n * ablation.cells[d].value for d, n in weights.items()) / 12
    printed = next(row for row in catalog.reported["kore-table-6"].rows if row.id == "kore-augmentation")
    assert twelve == pytest.approx(printed.cells["k-r"].value, abs=0.0051)
