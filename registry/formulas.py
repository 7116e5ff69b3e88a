"""Formulas of reported tables: how a printed number follows from others, and what rounding allows it to be.

A formula belongs to a column. It is one expression, which holds in every row, or several clauses between semicolons, of
which those written `row = expression` hold in that row only:

    mean(cem, f1)                                          two columns of the same row
    mean(kore-table-2:*/mme, kore-table-2:*/mmbench)       another table, the row with the same id
    kore = kore-table-1:kore-r235/cem                      one row only, a given cell
    (k-a + k-r) - 2 * avg                                  minus stands between spaces: `k-a` is a name

Functions: mean, sum, diff, min, max; `percent(a, b)` is 100 a / b; `between(a, b)` is any number from the one to the
other; `blend(low, high, a, b)` is `w a + (1 - w) b` for some w from low to high. Nothing is ever evaluated as code.

A printed number stands for all numbers that round to it, so values are intervals and an equation is broken only when
its two intervals have no number in common.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

MAX_LENGTH = 2000
MAX_DEPTH = 20
TOLERANCE = 1e-9
"""Slack of a comparison, far below any printed digit."""


class FormulaError(ValueError):
    """A formula that cannot be read; says what, where and what would be right."""


@dataclass(frozen=True, order=True)
class CellRef:
    """The place of a cell: table id, row id, column id."""

    table: str
    row: str
    column: str

    def __str__(self) -> str:
        """`kore-table-1:kore-r235/avg`."""
        return f"{self.table}:{self.row}/{self.column}"


@dataclass(frozen=True)
class Interval:
    """All numbers from `low` to `high`, both included."""

    low: float
    high: float

    @classmethod
    def around(cls, value: float, decimals: int) -> Interval:
        """The numbers that print as `value` with so many decimals."""
        half = 0.5 * 10.0**-decimals
        return cls(value - half, value + half)

    @property
    def middle(self) -> float:
        """Half-way between the ends."""
        return (self.low + self.high) / 2

    def meets(self, other: Interval) -> bool:
        """Whether some number is in both."""
        return self.low <= other.high + TOLERANCE and other.low <= self.high + TOLERANCE

    def common(self, other: Interval) -> Interval | None:
        """The numbers in both; None when there are none."""
        low, high = max(self.low, other.low), min(self.high, other.high)
        if low > high + TOLERANCE:
            return None
        return Interval(min(low, high), max(low, high))

    def __add__(self, other: Interval) -> Interval:
        return Interval(self.low + other.low, self.high + other.high)

    def __sub__(self, other: Interval) -> Interval:
        return Interval(self.low - other.high, self.high - other.low)

    def __mul__(self, other: Interval) -> Interval:
        products = [a * b for a in (self.low, self.high) for b in (other.low, other.high)]
        return Interval(min(products), max(products))

    def over(self, other: Interval) -> Interval | None:
        """Quotient; None when the divisor may be zero."""
        if other.low <= 0 <= other.high:
            return None
        quotients = [a / b for a in (self.low, self.high) for b in (other.low, other.high)]
        return Interval(min(quotients), max(quotients))


Lookup = Callable[[CellRef], Interval | None]
"""What a cell may be; None for a cell without a number."""
Name = Literal["mean", "sum", "diff", "min", "max", "percent", "between", "blend", "product"]
FUNCTIONS: dict[str, tuple[int, int | None]] = {
    "mean": (1, None),
    "sum": (1, None),
    "diff": (2, 2),
    "min": (1, None),
    "max": (1, None),
    "percent": (2, 2),
    "between": (2, 2),
    "blend": (4, 4),
}
"""Name → least and most arguments."""


@dataclass(frozen=True)
class Number:
    """A number that stands in the formula; exact."""

    value: float


@dataclass(frozen=True)
class Reference:
    """A cell; without table or row, those of the formula are meant, and row `*` is the row with the same id."""

    column: str
    row: str | None = None
    table: str | None = None

    def at(self, table: str, row: str) -> CellRef:
        """The cell meant, for a formula of the given table and row."""
        return CellRef(self.table or table, row if self.row in (None, "*") else self.row or row, self.column)


@dataclass(frozen=True)
class Call:
    """A function of expressions."""

    name: str
    arguments: tuple[Expression, ...]


Expression = Number | Reference | Call


@dataclass(frozen=True)
class Clause:
    """One equation of a column; `row` is None when it holds in every row."""

    expression: Expression
    text: str
    row: str | None = None


def references(expression: Expression) -> Iterator[Reference]:
    """All cells an expression names."""
    match expression:
        case Reference():
            yield expression
        case Call(arguments=arguments):
            for argument in arguments:
                yield from references(argument)
        case Number():
            pass


def value(expression: Expression, table: str, row: str, lookup: Lookup) -> Interval | None:
    """What an expression may be in a row of a table; None when a cell it needs has no number."""
    match expression:
        case Number(value=number):
            return Interval(number, number)
        case Reference():
            return lookup(expression.at(table, row))
        case Call(name=name, arguments=arguments):
            found = [value(argument, table, row, lookup) for argument in arguments]
            known = [interval for interval in found if interval is not None]
            return None if len(known) < len(found) else _apply(name, known)


def _total(intervals: list[Interval]) -> Interval:
    return Interval(sum(interval.low for interval in intervals), sum(interval.high for interval in intervals))


def _apply(name: str, x: list[Interval]) -> Interval | None:
    match name:
        case "sum":
            return _total(x)
        case "mean":
            total = _total(x)
            return Interval(total.low / len(x), total.high / len(x))
        case "diff":
            return x[0] - x[1]
        case "product":
            return x[0] * x[1]
        case "min":
            return Interval(min(i.low for i in x), min(i.high for i in x))
        case "max":
            return Interval(max(i.low for i in x), max(i.high for i in x))
        case "percent":
            ratio = x[0].over(x[1])
            return ratio and Interval(100 * ratio.low, 100 * ratio.high)
        case "between":
            return Interval(min(i.low for i in x), max(i.high for i in x))
        case _:
            return _blend(*x)


def _blend(low: Interval, high: Interval, a: Interval, b: Interval) -> Interval:
    mixtures = [
        w * first + (1 - w) * second
        for w in (low.low, high.high)
        for first in (a.low, a.high)
        for second in (b.low, b.high)
    ]
    return Interval(min(mixtures), max(mixtures))


# Reading ------------------------------------------------------------------------------------------------------------

NAME = r"[a-z0-9]+(?:-[a-z0-9]+)*"
TOKEN = re.compile(
    rf"""\s*(?:
    (?P<number>\d+(?:\.\d+)?)(?![a-z0-9.\-:/])
    | (?P<ref>(?:{NAME}:)?(?:(?:{NAME}|\*)/)?{NAME})
    | (?P<sign>[-+*(),])
    )""",
    re.VERBOSE,
)
CLAUSE = re.compile(rf"\s*(?:(?P<row>{NAME})\s*=)?(?P<expression>.*)", re.DOTALL)


def parse(formula: str) -> tuple[Clause, ...]:
    """The clauses of a formula.

    Raises:
        FormulaError: it does not follow the grammar above.
    """
    if len(formula) > MAX_LENGTH:
        raise FormulaError(f"formula of {len(formula)} characters; at most {MAX_LENGTH}")
    clauses: list[Clause] = []
    for part in formula.split(";"):
        found = CLAUSE.fullmatch(part)
        text = found["expression"].strip() if found else ""
        if not found or not text:
            raise FormulaError(f"empty clause in '{formula}'; write an expression between semicolons")
        clauses.append(Clause(_Parser(text).whole(), text, found["row"]))
    return tuple(clauses)


class _Parser:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(self._split(text))
        self.next = 0
        self.depth = 0

    def _split(self, text: str) -> Iterator[tuple[str, str]]:
        position = 0
        while position < len(text):
            if not text[position:].strip():
                return
            found = TOKEN.match(text, position)
            if not found or found.lastgroup is None:
                raise FormulaError(f"cannot read '{text[position:].strip()[:20]}' in '{text}'")
            yield found.lastgroup, found[found.lastgroup]
            position = found.end()

    def whole(self) -> Expression:
        expression = self._sum()
        if self.next < len(self.tokens):
            raise FormulaError(f"'{self.tokens[self.next][1]}' is one too many in '{self.text}'")
        return expression

    def _peek(self) -> str:
        return self.tokens[self.next][1] if self.next < len(self.tokens) else ""

    def _take(self, wanted: str = "") -> tuple[str, str]:
        if self.next >= len(self.tokens):
            raise FormulaError(f"'{self.text}' ends too early" + (f"; expected '{wanted}'" if wanted else ""))
        kind, word = self.tokens[self.next]
        if wanted and word != wanted:
            raise FormulaError(f"expected '{wanted}' and found '{word}' in '{self.text}'")
        self.next += 1
        return kind, word

    def _sum(self) -> Expression:
        expression = self._product()
        while self._peek() in {"+", "-"}:
            sign = self._take()[1]
            expression = Call("sum" if sign == "+" else "diff", (expression, self._product()))
        return expression

    def _product(self) -> Expression:
        expression = self._atom()
        while self._peek() == "*":
            self._take()
            expression = Call("product", (expression, self._atom()))
        return expression

    def _atom(self) -> Expression:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise FormulaError(f"'{self.text[:40]}…' is nested more than {MAX_DEPTH} deep")
        kind, word = self._take()
        if word == "(":
            expression = self._sum()
            self._take(")")
        elif kind == "number":
            expression = Number(float(word))
        elif kind == "ref":
            expression = self._call(word) if self._peek() == "(" else _reference(word)
        else:
            raise FormulaError(f"'{word}' cannot stand there in '{self.text}'")
        self.depth -= 1
        return expression

    def _call(self, name: str) -> Call:
        if name not in FUNCTIONS:
            raise FormulaError(f"no function named '{name}'; there are {', '.join(FUNCTIONS)}")
        self._take("(")
        arguments = [self._sum()]
        while self._peek() == ",":
            self._take()
            arguments.append(self._sum())
        self._take(")")
        least, most = FUNCTIONS[name]
        if len(arguments) < least or (most is not None and len(arguments) > most):
            raise FormulaError(f"{name} takes {least} arguments, not {len(arguments)}, in '{self.text}'")
        if name == "blend" and not all(isinstance(share, Number) for share in arguments[:2]):
            raise FormulaError(f"blend begins with two numbers, the least and the greatest share, in '{self.text}'")
        return Call(name, tuple(arguments))


def _reference(word: str) -> Reference:
    table, _, place = word.rpartition(":")
    row, _, column = place.rpartition("/")
    if table and not row:
        raise FormulaError(f"'{word}' names a table without a row; write {table}:row/{column} or {table}:*/{column}")
    return Reference(column, row or None, table or None)
