"""The audit: recompute every number that a table derives from others, and say what cannot be true.

    from registry import load
    from registry.audit import audit

    for finding in audit(load()):
        print(finding.cell, finding.printed, finding.recomputed, finding.state, finding.explanation)

Every formula of a column (see `registry.formulas`) is an equation in every row. A printed number stands for all numbers
that round to it; an equation is broken when no choice of such numbers satisfies it. A percentage outside 0 to 100 and a
cell that is no number are broken, too.

What broke an equation is searched for as a reader would (`registry.misreading`): is there one character (a digit, the
point, the sign) in one cell that, read differently, makes every equation hold again? A misreading that stands in all of
the best explanations is proven. If the entry records it, with the printed text and a proof, the cell is `repaired`.
Everything else stays as printed and is `inconsistent`, with the cells that could be to blame as far as arithmetic can
tell.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from registry import formulas
from registry.formulas import CellRef, Expression, FormulaError, Interval
from registry.misreading import Change, Explanation, Search, components, culprits, firmest, intervals
from registry.sheet import Equation, PrintedCell, Sheet, around, equations_of, shape_of

if TYPE_CHECKING:
    from registry.catalog import Catalog
    from registry.schema import ReportedTable


class Finding(BaseModel):
    """A printed number that cannot be true beyond rounding, or one whose misreading is proven and mended."""

    model_config = ConfigDict(frozen=True)

    table: str
    row: str
    column: str
    printed: str
    """The text of the cell."""
    recomputed: float | None
    """What follows from the other numbers; for a repaired cell the number read. None when nothing follows."""
    low: float | None = None
    high: float | None = None
    """What rounding allows `recomputed` to be."""
    state: Literal["repaired", "inconsistent"]
    formula: str | None = None
    """The equation that is broken."""
    slips: tuple[str, ...] = ()
    """Misread characters of which one alone would explain it: `table:row/column 38.34 → 38.24`."""
    suspects: tuple[str, ...] = ()
    """Cells of which one alone, with some other number, would explain it. One suspect: the error is located."""
    explanation: str
    explanation_zh: str
    proof: str | None = None
    """The arithmetic, in numbers."""

    @property
    def cell(self) -> str:
        """`kore-table-1:full-ft/hal`."""
        return f"{self.table}:{self.row}/{self.column}"


def audit(catalog: Catalog) -> tuple[Finding, ...]:
    """Findings of all reported tables of a catalog, in the order of tables, rows and columns.

    Raises:
        FormulaError: a formula cannot be read, or names a table, row or column that is not there.
    """
    return audit_tables(catalog.reported.values())


def audit_tables(tables: Iterable[ReportedTable]) -> tuple[Finding, ...]:
    """Findings of some tables; formulas may refer to any of them.

    Raises:
        FormulaError: as for `audit`.
    """
    return _audit(Sheet.of_tables(tuple(tables)))


def audit_csv(path: Path, rules: Mapping[str, str]) -> tuple[Finding, ...]:
    """Findings of a CSV file whose first row names the columns and whose first column names the rows.

    `rules` goes from column to formula. Names in formulas are small letters and hyphens: `Avg. score` is `avg-score`.

    Raises:
        FormulaError: a formula cannot be read or names what the file has not.
        ValueError: the file is not a table in UTF-8.
        OSError: the file cannot be read.
    """
    return _audit(Sheet.of_csv(path, rules))


def formula_problems(tables: Iterable[ReportedTable]) -> Iterator[tuple[str, str, str]]:
    """What is wrong with formulas, as (table, column, message); for checks that want all problems at once."""
    known = {table.id: table for table in tables}
    shape = shape_of(known)
    for table in known.values():
        for column in table.columns:
            try:
                list(equations_of(table.id, column.id, column.formula, shape) if column.formula else ())
            except FormulaError as error:
                yield table.id, column.id, str(error)


def _audit(sheet: Sheet) -> tuple[Finding, ...]:
    as_printed = sheet.lookup()
    broken = [equation for equation in sheet.equations if not equation.holds(as_printed)]
    findings: list[Finding] = []
    proven: set[CellRef] = set()
    for component in components(broken):
        explanations = Search(sheet, component).best()
        sure = frozenset.intersection(*(explanation.changes for explanation in explanations))
        findings.extend(_of_change(sheet, change, sure) for change in sure)
        findings.extend(_of_equations(sheet, component, explanations, sure))
        proven |= {change.ref for change in sure if _is_recorded(sheet.cells[change.ref], change)}
    findings.extend(_unproven(cell) for ref, cell in sheet.cells.items() if cell.misread and ref not in proven)
    return tuple(sorted(findings, key=lambda f: (sheet.order[CellRef(f.table, f.row, f.column)], f.formula or "")))


def _of_equations(
    sheet: Sheet, component: frozenset[Equation], explanations: tuple[Explanation, ...], sure: frozenset[Change]
) -> Iterator[Finding]:
    """Findings for the equations that the proven changes do not mend."""
    changes = intervals(sure)
    unmended = frozenset(equation for equation in component if not equation.holds(sheet.lookup(changes)))
    possible = {change for explanation in explanations for change in explanation.changes - sure}
    for group in components(unmended):
        together = {} if possible else culprits(sheet, group, changes, frozenset())
        for equation in group:
            slips = firmest(sheet, equation, (c for c in possible if c.ref in equation.cells), sure)
            alone = frozenset({equation})
            suspects = together or ({} if slips else culprits(sheet, alone, changes, unmended - alone))
            yield _of_equation(sheet, equation, sure, slips, suspects)


def _is_recorded(cell: PrintedCell, change: Change) -> bool:
    """Whether the entry reads the cell as the change does, and says why."""
    return cell.recorded is not None and cell.proof is not None and abs(cell.recorded - float(change.read)) < 1e-9


# Findings -----------------------------------------------------------------------------------------------------------


def _of_change(sheet: Sheet, change: Change, sure: frozenset[Change]) -> Finding:
    """A misreading that every explanation needs."""
    cell = sheet.cells[change.ref]
    recorded = _is_recorded(cell, change)
    kind, kind_zh = _kind_of_slip(change)
    advice = "" if recorded else " Record it in the entry, with its proof, if the source can be read that way."
    advice_zh = "" if recorded else "若原文可如此辨认，请连同证明记入条目。"
    between = around(change.read, exact=change.exact)
    return Finding(
        table=change.ref.table,
        row=change.ref.row,
        column=change.ref.column,
        printed=cell.text,
        recomputed=float(change.read),
        low=round(between.low, 6) if between else None,
        high=round(between.high, 6) if between else None,
        state="repaired" if recorded else "inconsistent",
        slips=(str(change),),
        suspects=(str(change.ref),),
        explanation=f"Read {change.read} for {cell.text} ({kind}). No other single character, here or elsewhere, makes "
        f"the equations of this cell hold.{advice}",
        explanation_zh=f"{cell.text} 应读作 {change.read}（{kind_zh}）。无论此处或别处，再无其他单字符误读能使"
        f"该单元格参与的等式成立。{advice_zh}",
        proof=_proof(sheet, change, sure),
    )


def _kind_of_slip(change: Change) -> tuple[str, str]:
    printed, read = change.printed.strip().replace("−", "-").replace(",", ""), change.read
    if printed.lstrip("-") == read.lstrip("-"):
        return "the sign", "正负号"
    if len(printed) > len(read):
        return "one character too many", "多了一个字符"
    if len(printed) < len(read):
        return "one character missing", "少了一个字符"
    return "one character misread", "一个字符误读"


def _of_equation(
    sheet: Sheet,
    equation: Equation,
    sure: frozenset[Change],
    slips: list[Change],
    suspects: dict[CellRef, Interval],
) -> Finding:
    """An equation that stays broken."""
    cell, ref = sheet.cells[equation.target], equation.target
    expected = equation.expected(sheet.lookup(intervals(sure))) if equation.expression else None
    english, chinese = _words(cell, equation, expected, slips, suspects)
    return Finding(
        table=ref.table,
        row=ref.row,
        column=ref.column,
        printed=cell.text,
        recomputed=round(expected.middle, 6) if expected else None,
        low=round(expected.low, 6) if expected else None,
        high=round(expected.high, 6) if expected else None,
        state="inconsistent",
        formula=equation.text,
        slips=tuple(sorted(map(str, slips))),
        suspects=tuple(map(str, suspects)),
        explanation=english,
        explanation_zh=chinese,
        proof=_in_numbers(sheet, equation, sure) if equation.expression else None,
    )


def _unproven(cell: PrintedCell) -> Finding:
    """A cell that the entry reads differently although nothing proves it."""
    return Finding(
        table=cell.ref.table,
        row=cell.ref.row,
        column=cell.ref.column,
        printed=cell.text,
        recomputed=cell.recorded,
        state="inconsistent",
        explanation=f"The entry reads {cell.recorded:g} for {cell.text}, and arithmetic does not prove it. "
        "Record what is printed, or a formula that proves it.",
        explanation_zh=f"条目把 {cell.text} 读作 {cell.recorded:g}，算术不能证明。请按原文记录，或给出可证明的公式。",
        proof=cell.proof,
    )


# Words --------------------------------------------------------------------------------------------------------------


def _words(
    cell: PrintedCell,
    equation: Equation,
    expected: Interval | None,
    slips: list[Change],
    suspects: dict[CellRef, Interval],
) -> tuple[str, str]:
    """What a finding says, in English and Chinese."""
    if expected is None:
        what, what_zh = ("a percentage", "百分数") if cell.bounds else ("a number", "数字")
        first, first_zh = f"{cell.text} is not {what}.", f"{cell.text} 不是{what_zh}。"
    else:
        middle, low, high = _short(expected.middle), _short(expected.low), _short(expected.high)
        first = f"The other numbers give {middle} ({low} to {high} with rounding); printed is {cell.text}."
        first_zh = f"由其余数字得 {middle}（计入舍入为 {low} 至 {high}），所印为 {cell.text}。"
    blame, blame_zh = _of_slips(slips) if slips else _of_suspects(equation, suspects)
    return f"{first} {blame}", f"{first_zh}{blame_zh}"


def _of_slips(slips: list[Change]) -> tuple[str, str]:
    by_cell: dict[tuple[str, str], list[str]] = defaultdict(list)
    for change in sorted(slips, key=lambda change: (change.ref, float(change.read))):
        by_cell[str(change.ref), change.printed].append(change.read)
    listed = [f"{ref} {printed} → {' / '.join(reads)}" for (ref, printed), reads in by_cell.items()]
    if len(slips) == 1:
        return f"One misread character would explain it: {listed[0]}.", f"一个字符的误读即可解释：{listed[0]}。"
    return (
        f"One misread character would explain it, but arithmetic cannot say which: {'; '.join(listed)}.",
        f"一个字符的误读即可解释，但仅凭算术无法判定是哪一个：{'；'.join(listed)}。",
    )


def _of_suspects(equation: Equation, suspects: dict[CellRef, Interval]) -> tuple[str, str]:
    no_slip, no_slip_zh = "No single misread character explains it.", "任何单个字符的误读都无法解释。"
    if not suspects:
        return f"{no_slip} More than one number must be wrong.", f"{no_slip_zh}有误的数字不止一个。"
    if len(suspects) > 1:
        return (
            f"{no_slip} Any one of {len(suspects)} cells may be wrong.",
            f"{no_slip_zh}{len(suspects)} 个单元格中的任何一个都可能有误。",
        )
    ref, possible = next(iter(suspects.items()))
    which, which_zh = ("this cell", "此单元格") if ref == equation.target else (f"{ref}", f" {ref} ")
    low, high = _short(possible.low), _short(possible.high)
    return (
        f"{no_slip} If one cell is wrong, it is {which}: with {low} to {high} there, every equation would hold.",
        f"{no_slip_zh}若只有一个单元格有误，则必为{which_zh}：其值若在 {low} 至 {high} 之间，所有等式均成立。",
    )


def _proof(sheet: Sheet, change: Change, sure: frozenset[Change]) -> str:
    """The equations of a changed cell, in numbers."""
    lookup = sheet.lookup(intervals(sure))
    held = [equation for equation in sheet.touching[change.ref] if equation.expression and equation.holds(lookup)]
    return "; ".join(_in_numbers(sheet, equation, sure) for equation in held)


def _in_numbers(sheet: Sheet, equation: Equation, sure: frozenset[Change]) -> str:
    """`mean(48.57, 50.26) = 49.415, printed 49.42 in kore-table-1:ewc/com`."""
    read = {change.ref: change.read for change in sure}
    target, expression = equation.target, equation.expression

    def text(ref: CellRef) -> str:
        return read.get(ref, sheet.cells[ref].text)

    end = f"{'read' if target in read else 'printed'} {text(target)} in {target}"
    if isinstance(expression, formulas.Reference):
        source = expression.at(target.table, target.row)
        return f"{'read' if source in read else 'printed'} {text(source)} in {source}, {end}"
    expected = equation.expected(sheet.lookup(intervals(sure)))
    result = f" = {_short(expected.middle)}" if expected else ""
    if expected and expected.high - expected.low > 0.1 and _is_open(expression):
        result = f" = {_short(expected.low)} to {_short(expected.high)}"
    return f"{_write(expression, target, text)}{result}, {end}"


def _is_open(expression: Expression | None) -> bool:
    """Whether an expression leaves its value open within wide bounds."""
    return isinstance(expression, formulas.Call) and expression.name in {"between", "blend"}


SIGNS = {"sum": "+", "diff": "-", "product": "*"}


def _write(expression: Expression | None, at: CellRef, text: Any) -> str:  # noqa: ANN401 - a function of a cell
    """An expression with the numbers of its cells."""
    match expression:
        case formulas.Number(value=number):
            return f"{number:g}"
        case formulas.Reference():
            return text(expression.at(at.table, at.row))
        case formulas.Call(name=name, arguments=(a, b)) if name in SIGNS:
            return f"{_write(a, at, text)} {SIGNS[name]} {_write(b, at, text)}"
        case formulas.Call(name=name, arguments=arguments):
            return f"{name}({', '.join(_write(argument, at, text) for argument in arguments)})"
        case _:
            return ""


def _short(number: float) -> str:
    """At most three decimals, without trailing zeros."""
    return f"{number:.3f}".rstrip("0").rstrip(".")


def report(findings: Iterable[Finding], language: Literal["en", "zh"] = "en") -> str:
    """Findings as lines for a terminal, one block each, with a count at the end."""
    found = tuple(findings)
    states = {"repaired": "repaired", "inconsistent": "inconsistent"}
    count = "{} inconsistent, {} repaired"
    if language == "zh":
        states, count = {"repaired": "已修复", "inconsistent": "不一致"}, "{} 处不一致，{} 处已修复"
    blocks = [
        f"{finding.cell}: {finding.printed} [{states[finding.state]}]\n"
        f"    {finding.explanation if language == 'en' else finding.explanation_zh}"
        + (f"\n    {finding.proof}" if finding.proof else "")
        for finding in found
    ]
    repaired = sum(finding.state == "repaired" for finding in found)
    return "\n".join([*blocks, count.format(len(found) - repaired, repaired)])
