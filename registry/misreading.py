"""What could have gone wrong with printed numbers: which single characters, read differently, would make things fit.

Several cells may be wrong at once, so explanations are searched for by their cost: one for every character that is
assumed misread, one for every equation that is left unexplained; of equal cost, the one that explains more is better.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from registry import formulas
from registry.formulas import CellRef, Interval
from registry.sheet import ANY, Equation, Sheet, around

MAX_CHANGES = 4
"""Slips that are assumed at once in numbers that hang together."""
MAX_BROKEN = 12
"""Broken equations that hang together, up to which slips are searched for."""
MAX_STEPS = 50_000
"""Steps of one search; what takes more is left unexplained."""


@dataclass(frozen=True)
class Change:
    """One cell read differently by one character."""

    ref: CellRef
    printed: str
    read: str
    exact: bool = False
    """A count, which is not rounded."""

    def __str__(self) -> str:
        """`kore-table-2:ewc/mme 448.57 → 48.57`."""
        return f"{self.ref} {self.printed} → {self.read}"


def misreadings(text: str, decimals: int) -> Iterator[str]:
    """The numbers with so many decimals that differ from `text` in one character: changed, missing or too many."""
    text = text.strip().replace("−", "-").replace(",", "")
    form = re.compile(rf"-?(0|[1-9]\d*)\.\d{{{decimals}}}" if decimals else r"-?(0|[1-9]\d*)")
    seen = {text}
    for position in range(len(text) + 1):
        head, tail = text[:position], text[position:]
        others = [head + tail[1:]] if tail else []
        others += [head + character + rest for character in "0123456789.-" for rest in {tail, tail[1:]}]
        for other in others:
            if other not in seen and form.fullmatch(other):
                seen.add(other)
                yield other


@dataclass(frozen=True)
class Explanation:
    """Changes after which only the equations in `open` are still broken."""

    changes: frozenset[Change]
    open: frozenset[Equation]


class TooManyStepsError(Exception):
    """The search gave up."""


class Search:
    """Looks for the cheapest explanation of broken equations that hang together."""

    def __init__(self, sheet: Sheet, broken: frozenset[Equation]) -> None:
        self.sheet = sheet
        self.broken = broken
        self.steps = 0
        self.candidates: dict[CellRef, tuple[Change, ...]] = {}

    def best(self) -> tuple[Explanation, ...]:
        """All explanations of the lowest cost; the one without any change when nothing better is found."""
        nothing = (Explanation(frozenset(), self.broken),)
        if len(self.broken) > MAX_BROKEN:
            return nothing
        try:
            for n_open, n_changes in _by_cost(len(self.broken)):
                found = {one for one in self._explain({}, frozenset(), n_changes, n_open) if self._is_supported(one)}
                if found:
                    return tuple(sorted(found, key=lambda e: sorted(map(str, e.changes))))
        except TooManyStepsError:
            pass
        return nothing

    def _explain(
        self, changes: dict[CellRef, Change], given_up: frozenset[Equation], n_changes: int, n_open: int
    ) -> Iterator[Explanation]:
        broken = self._next_broken(changes, given_up)
        if broken is None:
            yield Explanation(frozenset(changes.values()), given_up)
            return
        if n_open:
            yield from self._explain(changes, given_up | {broken}, n_changes, n_open - 1)
        if not n_changes:
            return
        for ref in sorted(broken.cells - changes.keys()):
            for change in self._candidates(ref):
                tried = {**changes, ref: change}
                if self._holds(broken, tried):
                    yield from self._explain(tried, given_up, n_changes - 1, n_open)

    def _is_supported(self, explanation: Explanation) -> bool:
        """Whether a formula vouches for every change: to be within bounds is not enough."""
        lookup = self.sheet.lookup(intervals(explanation.changes))
        return all(
            any(e.expression and e not in explanation.open and e.holds(lookup) for e in self.sheet.touching[change.ref])
            for change in explanation.changes
        )

    def _next_broken(self, changes: dict[CellRef, Change], given_up: frozenset[Equation]) -> Equation | None:
        """The broken equation with the fewest cells, for there the culprit is easiest to find."""
        watched = self.broken | {equation for ref in changes for equation in self.sheet.touching[ref]}
        broken = [equation for equation in watched - given_up if not self._holds(equation, changes)]
        return min(broken, key=lambda e: (len(e.cells), e.target, e.text), default=None)

    def _holds(self, equation: Equation, changes: Mapping[CellRef, Change]) -> bool:
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise TooManyStepsError
        return equation.holds(self.sheet.lookup(intervals(changes.values())))

    def _candidates(self, ref: CellRef) -> tuple[Change, ...]:
        if ref not in self.candidates:
            cell = self.sheet.cells[ref]
            inside = [other for other in misreadings(cell.text, cell.decimals) if _inside(other, cell.bounds)]
            self.candidates[ref] = tuple(Change(ref, cell.text, other, cell.exact) for other in inside)
        return self.candidates[ref]


def _by_cost(n_broken: int) -> Iterator[tuple[int, int]]:
    """How many equations may stay open and how many changes are made, cheapest first.

    One change explains one equation at least; several must explain more equations than there are changes, for with
    enough slips anything can be explained.
    """
    pairs = [(n_open, n_changes) for n_open in range(n_broken) for n_changes in range(1, MAX_CHANGES + 1)]
    worth = [(o, c) for o, c in pairs if o + c < n_broken or (c == 1 and o + c == n_broken)]
    return iter(sorted(worth, key=lambda pair: (sum(pair), pair[0])))


def _inside(text: str, bounds: Interval | None) -> bool:
    interval = around(text)
    return interval is not None and (bounds is None or interval.meets(bounds))


def intervals(changes: Iterable[Change]) -> dict[CellRef, Interval]:
    """What the changed cells may be."""
    found = {change.ref: around(change.read, exact=change.exact) for change in changes}
    return {ref: interval for ref, interval in found.items() if interval is not None}


def firmest(sheet: Sheet, equation: Equation, slips: Iterable[Change], sure: frozenset[Change]) -> list[Change]:
    """Slips without those that mend an equation only at the edge of rounding, where the same cell has better ones."""
    every = list(slips)
    firm = [change for change in every if equation.holds(sheet.lookup(intervals(sure | {change})), firmly=True)]
    served = {change.ref for change in firm}
    return firm + [change for change in every if change.ref not in served]


def components(broken: Iterable[Equation]) -> Iterator[frozenset[Equation]]:
    """Broken equations that share cells, directly or through others."""
    left = set(broken)
    while left:
        group = {left.pop()}
        cells = set(next(iter(group)).cells)
        while near := {equation for equation in left if equation.cells & cells}:
            left -= near
            group |= near
            cells |= {ref for equation in near for ref in equation.cells}
        yield frozenset(group)


def culprits(
    sheet: Sheet, broken: frozenset[Equation], changes: Mapping[CellRef, Interval], aside: frozenset[Equation]
) -> dict[CellRef, Interval]:
    """Cells of which one alone, with another number, mends all of `broken`; equations `aside` are not looked at."""
    shared = frozenset.intersection(*(equation.cells for equation in broken)) - changes.keys()
    found: dict[CellRef, Interval] = {}
    for ref in sorted(shared, key=lambda ref: sheet.order[ref]):
        equations = [equation for equation in sheet.touching[ref] if equation not in aside]
        possible = _possible(sheet, ref, equations, changes)
        if possible and all(equation.holds(sheet.lookup({**changes, ref: possible})) for equation in equations):
            found[ref] = possible
    return found


def _possible(
    sheet: Sheet, ref: CellRef, equations: Iterable[Equation], changes: Mapping[CellRef, Interval]
) -> Interval | None:
    """The numbers that one cell may be for some equations to hold; None when there are none."""
    possible = sheet.cells[ref].bounds or ANY
    for equation in equations:
        solved = _solve(equation, ref, sheet, changes) if equation.expression else None
        common = possible.common(solved) if solved else possible
        if common is None:
            return None
        possible = common
    return possible


def _solve(equation: Equation, ref: CellRef, sheet: Sheet, changes: Mapping[CellRef, Interval]) -> Interval | None:
    """All values of one cell with which an equation can hold; None when it is no straight line in that cell."""

    def expected(x: float) -> Interval | None:
        return equation.expected(sheet.lookup({**changes, ref: Interval(x, x)}))

    given = sheet.lookup(changes)(equation.target)
    at_0, at_1, at_2 = expected(0), expected(1), expected(2)
    if at_0 is None or at_1 is None or at_2 is None:
        return None
    if ref == equation.target:
        return at_0
    slope = at_1.middle - at_0.middle
    if given is None or abs(slope) < formulas.TOLERANCE or abs(at_2.middle - at_1.middle - slope) > 1e-6:
        return None
    return (given - at_0).over(Interval(slope, slope))
