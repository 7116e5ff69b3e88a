"""A made-up world on loopback, a transport that talks to it, and a clock that does not wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from agent.clocks import PatientClock
from agent.fetch import Transport
from agent.rehearsal.server import Loopback
from agent.rehearsal.world import World

NOW = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)


@pytest.fixture
def world() -> World:
    return World(moment=NOW)


@pytest.fixture
def clock() -> PatientClock:
    return PatientClock(NOW)


@pytest.fixture
def loopback(world: World) -> Iterator[Loopback]:
    server = Loopback(world, ("example.org", "other.example.org"))
    yield server
    server.close()


@pytest.fixture
def transport_to(loopback: Loopback, clock: PatientClock, tmp_path: Path) -> Callable[..., Transport]:
    def build(**options: object) -> Transport:
        defaults = {
            "contact": "https://example.org/contact",
            "state_folder": tmp_path / "state",
            "endpoints": loopback.endpoints,
            "clock": clock,
            "chance": Random(0),
        }
        return Transport(**(defaults | options))

    return build


@pytest.fixture
def transport(transport_to: Callable[..., Transport]) -> Transport:
    return transport_to()
