"""What papers claim, held against what they print: each comparison of a claim whose numbers are in the registry.

    from registry import load
    from registry.claims import check

    for one in check(load()):
        print(one.claim, one.left, one.left_printed, one.relation, one.right_printed, one.state)

A run of ours decides a claim elsewhere (`reproductions.claims`); here the question is only whether the paper's own
tables say what its sentence says. Printed numbers stand for all that round to them. A cell that the audit found
inconsistent still counts as printed, and is marked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from registry.audit import audit
from registry.formulas import FormulaError, Interval
from registry.problems import did_you_mean
from registry.schema import Cell, Claim, Column, Comparison
from registry.sheet import around

if TYPE_CHECKING:
    from registry.catalog import Catalog

State = Literal["agrees", "disagrees", "too-close", "not-printed"]
"""`too-close`: within rounding. `not-printed`: one of the cells is a dash."""


class ReportedCheck(BaseModel):
    """One comparison of a claim, decided on printed numbers."""

    model_config = ConfigDict(frozen=True)

    claim: str
    comparison: int
    """Place among the comparisons of the claim, from 0."""
    metric: str
    left: str
    """Cell, `kore-table-1/kore-r235/avg`."""
    relation: Literal["greater", "less", "equal"]
    right: str
    margin: float
    """In the unit of the table."""
    left_printed: float | None
    right_printed: float | None
    state: State
    doubtful: tuple[str, ...] = ()
    """Cells among the two that the audit found inconsistent."""


class CellError(LookupError):
    """A claim names a cell that no reported table has; says what is near."""


def check(catalog: Catalog) -> tuple[ReportedCheck, ...]:
    """All comparisons that name printed cells on both sides, claim by claim.

    Raises:
        CellError: a cell does not exist.
    """
    doubtful = inconsistent_cells(catalog)
    return tuple(one for claim in catalog.claims.values() for one in check_claim(claim, catalog, doubtful))


def check_claim(claim: Claim, catalog: Catalog, doubtful: frozenset[str] = frozenset()) -> Iterator[ReportedCheck]:
    """The comparisons of one claim. `doubtful`: cells that the audit found inconsistent, `table/row/column`."""
    for number, comparison in enumerate(claim.comparisons):
        if comparison.reported_left and comparison.reported_right:
            yield _decide(claim.id, number, comparison, catalog, doubtful)


def inconsistent_cells(catalog: Catalog) -> frozenset[str]:
    """Cells as `table/row/column` that the audit found inconsistent; none when a formula is wrong."""
    try:
        findings = audit(catalog)
    except FormulaError:
        return frozenset()
    return frozenset(f"{f.table}/{f.row}/{f.column}" for f in findings if f.state == "inconsistent")


def problems(catalog: Catalog) -> Iterator[tuple[str, str, str]]:
    """What is wrong with the cells that claims name, as (claim, field, message)."""
    for claim in catalog.claims.values():
        for number, comparison in enumerate(claim.comparisons):
            for side in ("reported_left", "reported_right"):
                name = getattr(comparison, side)
                try:
                    if name:
                        find(name, catalog)
                except CellError as error:
                    yield claim.id, f"comparisons.{number}.{side}", str(error)


def find(name: str, catalog: Catalog) -> tuple[Cell, Column]:
    """The cell `table/row/column` with its column.

    Raises:
        CellError: there is no such cell.
    """
    table_id, _, place = name.partition("/")
    row_id, _, column_id = place.partition("/")
    table = catalog.reported.get(table_id)
    if table is None:
        raise CellError(f"no reported table '{table_id}'; {did_you_mean(table_id, catalog.reported)}")
    rows = {row.id: row for row in table.rows}
    columns = {column.id: column for column in table.columns}
    if row_id not in rows:
        raise CellError(f"no row '{row_id}' in {table_id}; {did_you_mean(row_id, rows)}")
    if column_id not in rows[row_id].cells:
        raise CellError(f"no cell '{column_id}' in {table_id}/{row_id}; {did_you_mean(column_id, rows[row_id].cells)}")
    return rows[row_id].cells[column_id], columns[column_id]


def _decide(
    claim: str, number: int, comparison: Comparison, catalog: Catalog, doubtful: frozenset[str]
) -> ReportedCheck:
    names = (str(comparison.reported_left), str(comparison.reported_right))
    (left, column), (right, _) = (find(name, catalog) for name in names)
    margin = comparison.margin * (100 if column.unit in ("percent", "points") else 1)
    return ReportedCheck(
        claim=claim,
        comparison=number,
        metric=comparison.metric,
        left=names[0],
        relation=comparison.relation,
        right=names[1],
        margin=round(margin, 6),
        left_printed=left.value,
        right_printed=right.value,
        state=_state(_interval(left, column), _interval(right, column), comparison.relation, margin),
        doubtful=tuple(name for name in names if name in doubtful),
    )


def _interval(cell: Cell, column: Column) -> Interval | None:
    """What the number of a cell may be: as printed, or as read where a misreading is recorded."""
    if cell.value is None:
        return None
    return around(cell.printed) if cell.proof is None else Interval.around(cell.value, column.decimals)


def _state(left: Interval | None, right: Interval | None, relation: str, margin: float) -> State:
    if left is None or right is None:
        return "not-printed"
    difference = left - right if relation != "less" else right - left
    if relation == "equal":
        inside = (-margin <= difference.low, difference.high <= margin)
        if all(inside):
            return "agrees"
        return "disagrees" if difference.low > margin or difference.high < -margin else "too-close"
    if difference.low > margin:
        return "agrees"
    return "disagrees" if difference.high <= margin else "too-close"


def main(arguments: list[str]) -> int:
    """`aki registry claims`: exit code 0, or 2 for wrong usage and cells that do not exist."""
    from registry import claims_command

    return claims_command.main(arguments)
