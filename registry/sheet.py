"""Tables as the audit sees them: every cell as printed, and every equation that must hold between cells.

A printed number stands for all numbers that round to it. A dash claims nothing. Beside the formulas of the columns, a
percentage must lie between 0 and 100, and a cell that a formula needs must be a number.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from registry import formulas
from registry.formulas import CellRef, Expression, FormulaError, Interval
from registry.ids import slug

if TYPE_CHECKING:
    from registry.schema import ReportedTable

DASHES = {"", "-", "–", "—", "−", "n/a", "N/A"}
NUMBER = re.compile(r"(?P<sign>[-+−]?)(?P<whole>\d{1,3}(?:,\d{3})+|\d+)(?:\.(?P<fraction>\d+))?(?:\s?[%KMB])?")
ANY = Interval(float("-inf"), float("inf"))
PERCENT = Interval(0, 100)


def read_number(text: str) -> tuple[float, int] | None:
    """Value and printed decimals of a cell; None for a dash and for what is no number. `6,759M` is 6759."""
    found = NUMBER.fullmatch(text.strip())
    if not found:
        return None
    fraction = found["fraction"] or ""
    number = float(f"{found['whole'].replace(',', '')}.{fraction or '0'}")
    return (-number if found["sign"] in ("-", "−") else number), len(fraction)


@dataclass(frozen=True)
class PrintedCell:
    """A cell as printed, with what its column allows and what the entry records."""

    ref: CellRef
    text: str
    decimals: int
    bounds: Interval | None = None
    recorded: float | None = None
    """The number the entry reads; None where it records nothing."""
    proof: str | None = None
    exact: bool = False
    """A count, which is not rounded."""

    @property
    def is_dash(self) -> bool:
        """Whether the cell is empty on purpose."""
        return self.text.strip() in DASHES

    @cached_property
    def interval(self) -> Interval | None:
        """What the printed number may be; None for a dash and for what is no number."""
        return around(self.text, exact=self.exact)

    @property
    def misread(self) -> bool:
        """Whether the entry reads another number than is printed."""
        printed = read_number(self.text)
        return self.recorded is not None and (printed is None or abs(printed[0] - self.recorded) > formulas.TOLERANCE)


def around(text: str, *, exact: bool = False) -> Interval | None:
    """All numbers that print as `text`; `exact`: only that number itself."""
    found = read_number(text)
    if found is None:
        return None
    return Interval(found[0], found[0]) if exact else Interval.around(*found)


@dataclass(frozen=True)
class Equation:
    """Something that must hold: a formula for `target`, or bounds, or only that it is a number."""

    target: CellRef
    text: str
    cells: frozenset[CellRef]
    expression: Expression | None = None
    bounds: Interval | None = None

    def expected(self, lookup: formulas.Lookup) -> Interval | None:
        """What the target should be; None when that cannot be said."""
        if self.expression is not None:
            return formulas.value(self.expression, self.target.table, self.target.row, lookup)
        return self.bounds

    def holds(self, lookup: formulas.Lookup, *, firmly: bool = False) -> bool:
        """Whether some numbers that the cells may be satisfy it; `firmly`: not only at the very edge of rounding.

        What cannot be computed does not count as broken.
        """
        given = lookup(self.target)
        if self.expression is None and given is None:
            return False
        expected = self.expected(lookup)
        if given is None or expected is None:
            return True
        common = given.common(expected)
        return common is not None and (not firmly or common.high - common.low > formulas.TOLERANCE or _exact(expected))


def _exact(interval: Interval) -> bool:
    return interval.high - interval.low <= formulas.TOLERANCE


Shape = Mapping[str, tuple[frozenset[str], frozenset[str]]]
"""Table → its row ids and its column ids."""


def shape_of(tables: Mapping[str, ReportedTable]) -> Shape:
    """The names that formulas of these tables may use."""
    return {
        name: (frozenset(row.id for row in table.rows), frozenset(column.id for column in table.columns))
        for name, table in tables.items()
    }


def equations_of(table: str, column: str, formula: str, shape: Shape) -> Iterator[Equation]:
    """The equations of one column, one per row and clause.

    Raises:
        FormulaError: the formula cannot be read, or names a table, row or column that is not there.
    """
    rows, _ = shape[table]
    for clause in formulas.parse(formula):
        if clause.row is not None and clause.row not in rows:
            raise FormulaError(f"{table}: {column}: no row '{clause.row}' for '{clause.text}'")
        _check_references(table, column, clause.expression, shape)
        for row in [clause.row] if clause.row else sorted(rows):
            refs = [reference.at(table, row) for reference in formulas.references(clause.expression)]
            if all(ref.row in shape[ref.table][0] for ref in refs):
                target = CellRef(table, row, column)
                yield Equation(target, clause.text, frozenset({target, *refs}), clause.expression)


def _check_references(table: str, column: str, expression: Expression, shape: Shape) -> None:
    for reference in formulas.references(expression):
        name = reference.table or table
        if name not in shape:
            raise FormulaError(f"{table}: {column}: no table '{name}'; there are {', '.join(sorted(shape))}")
        rows, columns = shape[name]
        if reference.column not in columns:
            known = ", ".join(sorted(columns))
            raise FormulaError(f"{table}: {column}: no column '{reference.column}' in {name}; there are {known}")
        if reference.row not in (None, "*") and reference.row not in rows:
            raise FormulaError(f"{table}: {column}: no row '{reference.row}' in {name}")


@dataclass(frozen=True)
class Sheet:
    """All cells and equations of some tables."""

    cells: Mapping[CellRef, PrintedCell]
    equations: tuple[Equation, ...]
    order: Mapping[CellRef, int] = field(default_factory=dict)

    @classmethod
    def of_tables(cls, tables: tuple[ReportedTable, ...]) -> Sheet:
        """The sheet of registry entries."""
        cells: dict[CellRef, PrintedCell] = {}
        equations: list[Equation] = []
        shape = shape_of({table.id: table for table in tables})
        for table in tables:
            columns = {column.id: column for column in table.columns}
            for row in table.rows:
                for name in (column.id for column in table.columns if column.id in row.cells):
                    given, column, ref = row.cells[name], columns[name], CellRef(table.id, row.id, name)
                    bounds = PERCENT if column.unit == "percent" else None
                    exact = column.unit == "count"
                    cells[ref] = PrintedCell(
                        ref, given.printed, column.decimals, bounds, given.value, given.proof, exact
                    )
            for column in table.columns:
                if column.formula:
                    equations.extend(equations_of(table.id, column.id, column.formula, shape))
        return cls.whole(cells, equations)

    @classmethod
    def of_csv(cls, path: Path, rules: Mapping[str, str]) -> Sheet:
        """The sheet of a CSV file."""
        table = slug(path.stem) or "table"
        header, *lines = _read_csv(path)
        columns = _unique([slug(name) or f"column-{n}" for n, name in enumerate(header)])
        rows = _unique([slug(line[0]) or f"row-{n}" for n, line in enumerate(lines, start=1)])
        cells: dict[CellRef, PrintedCell] = {}
        for row, line in zip(rows, lines, strict=True):
            for column, text in zip(columns[1:], line[1:], strict=True):
                ref = CellRef(table, row, column)
                cells[ref] = PrintedCell(ref, text.strip(), _decimals(text, lines, columns.index(column)))
        shape: Shape = {table: (frozenset(rows), frozenset(columns[1:]))}
        equations: list[Equation] = []
        for name, formula in rules.items():
            if slug(name) not in shape[table][1]:
                raise FormulaError(f"no column '{name}' in {path.name}; there are {', '.join(columns[1:])}")
            equations.extend(equations_of(table, slug(name), formula, shape))
        return cls.whole(cells, equations)

    @classmethod
    def whole(cls, cells: dict[CellRef, PrintedCell], equations: Iterable[Equation]) -> Sheet:
        """Cells with their formulas, and with the equations that hold for every number."""
        kept = [equation for equation in equations if _has_numbers(equation, cells)]
        used = {ref for equation in kept for ref in equation.cells}
        for ref, cell in cells.items():
            if not cell.is_dash and (cell.bounds or (ref in used and cell.interval is None)):
                bounds = cell.bounds or ANY
                kept.append(
                    Equation(ref, "a percentage" if cell.bounds else "a number", frozenset({ref}), None, bounds)
                )
        return cls(cells, tuple(kept), {ref: n for n, ref in enumerate(cells)})

    @cached_property
    def touching(self) -> Mapping[CellRef, tuple[Equation, ...]]:
        """Cell → the equations in which it takes part."""
        found: dict[CellRef, list[Equation]] = defaultdict(list)
        for equation in self.equations:
            for ref in equation.cells:
                found[ref].append(equation)
        return {ref: tuple(equations) for ref, equations in found.items()}

    def lookup(self, changes: Mapping[CellRef, Interval] | None = None) -> formulas.Lookup:
        """What every cell may be, some of them read differently."""
        instead = changes or {}

        def at(ref: CellRef) -> Interval | None:
            if ref in instead:
                return instead[ref]
            return self.cells[ref].interval if ref in self.cells else None

        return at


def _has_numbers(equation: Equation, cells: Mapping[CellRef, PrintedCell]) -> bool:
    """Whether all cells of an equation are printed; a dash in one means that nothing is claimed."""
    return all(ref in cells and not cells[ref].is_dash for ref in equation.cells)


def _read_csv(path: Path) -> list[list[str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [line for line in csv.reader(file, strict=True) if any(text.strip() for text in line)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path.name} is not a CSV file in UTF-8: {error}") from None
    if len(lines) < 2 or len(lines[0]) < 2:
        raise ValueError(f"{path.name} has no table; the first row names the columns, the first column the rows")
    for number, line in enumerate(lines, start=1):
        if len(line) != len(lines[0]):
            raise ValueError(f"{path.name}: row {number} has {len(line)} cells, the first row has {len(lines[0])}")
    return lines


def _unique(names: list[str]) -> list[str]:
    """Names of which equal ones are numbered: `avg`, `avg-2`."""
    seen: dict[str, int] = defaultdict(int)
    result: list[str] = []
    for name in names:
        seen[name] += 1
        result.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return result


def _decimals(text: str, lines: list[list[str]], column: int) -> int:
    """Decimals of a cell; of its column's most usual number when it is none itself."""
    own = read_number(text)
    if own:
        return own[1]
    others = [found[1] for line in lines if (found := read_number(line[column]))]
    return max(set(others), key=others.count) if others else 2
