"""A clock that does not wait: sleeping moves it forward. For rehearsals and for tests of the transport's manners."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass
class PatientClock:
    """Time stands still unless someone sleeps."""

    moment: datetime
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        """The present of this clock."""
        return self.moment

    def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        self.slept.append(seconds)
        self.moment += timedelta(seconds=seconds)
