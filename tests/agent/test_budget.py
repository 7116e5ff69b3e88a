"""What a visit costs, counted where the requests arrive: the bar that `tests/performance/agent.py` prints."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = Path(__file__).parents[1] / "performance" / "agent.py"
    place = importlib.util.spec_from_file_location("performance_agent", path)
    module = importlib.util.module_from_spec(place)
    sys.modules[place.name] = module  # its dataclasses look themselves up there
    place.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_a_visit_to_480_things_needs_at_most_70_requests_and_a_second_one_brings_nothing_new(script, tmp_path):
    first, second, third, changed = script.measure(tmp_path, scattered=True)
    assert sum(first.asked.values()) <= script.BAR
    assert not first.partial
    assert script.spacing_holds(first)
    assert script.spacing_holds(second)
    assert first.fresh > 0
    assert script.spacing_holds(third)
    assert second.fresh == third.fresh == 0
    assert changed <= {"visits.json"}  # which says when
    assert second.bytes < script.SHARE * first.bytes
    assert second.reused >= 60
    assert third.revalidated >= 60  # what hosts with validators have is not sent again after a week either
    assert third.asked["export.arxiv.org"] == first.asked["export.arxiv.org"]  # and arXiv is asked, it has none
