"""What is wrong with somebody's data: where, what, how to mend it. All problems are collected before anybody speaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Problem:
    """One thing to mend. Files are named relative to the folder that was checked; lines count from 1."""

    file: str
    message: str
    hint: str = ""
    line: int | None = None
    field: str = ""
    severity: Literal["error", "warning"] = "error"
    """A warning is worth a look, but the data can be used as it is."""

    def __str__(self) -> str:
        place = ":".join(part for part in (self.file, str(self.line or ""), self.field) if part)
        mark = "" if self.severity == "error" else "warning: "
        return f"{place}: {mark}{self.message}" + (f" ({self.hint})" if self.hint else "")

    def as_json(self) -> dict[str, str | int | None]:
        """The same as plain values."""
        return {
            "file": self.file,
            "line": self.line,
            "field": self.field or None,
            "severity": self.severity,
            "message": self.message,
            "hint": self.hint or None,
        }


class DataError(ValueError):
    """Data that cannot be used; the message names the first problems and says how many there are."""

    def __init__(self, what: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        shown = "; ".join(str(problem) for problem in self.problems[:3])
        more = f"; and {len(self.problems) - 3} more" if len(self.problems) > 3 else ""
        super().__init__(f"{what}: {shown}{more}")


def errors(problems: Sequence[Problem]) -> list[Problem]:
    """Those that make the data unusable."""
    return [problem for problem in problems if problem.severity == "error"]
