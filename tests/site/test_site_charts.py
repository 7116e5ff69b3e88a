"""Pictures: right places, complete words, nothing drawn for what was not measured."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docs import charts, drawing, plane
from docs.charts import Interval, Series, Slope
from docs.drawing import Frame, Legend
from docs.plane import Point

LEGEND = Legend("Title <t>", "Description & more", "x axis", "y axis", base="base model", better="better")
POINTS = plane.dominating(
    (
        Point("A", 0.2, 0.9, "ewc", (0.1, 0.3), (0.85, 0.95)),
        Point("B", 0.6, 0.7, "distill"),
        Point("C <c>", 0.5, 0.6, "replay", hollow=True, href="runs/c.html"),
    )
)


def parse(picture) -> ET.Element:
    return ET.fromstring(str(picture))  # noqa: S314 (our own)


def test_the_frontier_holds_exactly_what_nothing_dominates():
    assert [point.label for point in POINTS if point.frontier] == ["A", "B"]


def test_equal_points_are_both_on_the_frontier():
    both = plane.dominating((Point("A", 0.5, 0.5), Point("B", 0.5, 0.5)))
    assert all(point.frontier for point in both)


@pytest.mark.parametrize("narrow", [False, True])
def test_a_plane_is_well_formed_and_described(narrow):
    drawn = parse(plane.plane(POINTS, LEGEND, base=(0.01, 0.92), narrow=narrow))
    assert drawn.find("title").text == "Title <t>"
    assert drawn.find("desc").text == "Description & more"
    ids = {element.get("id") for element in drawn.iter() if element.get("id")}
    assert set(drawn.get("aria-labelledby").split()) <= ids


def test_points_stay_inside_the_frame():
    drawn = str(plane.plane(POINTS, LEGEND, base=(0.01, 0.92)))
    for x, y in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', drawn):
        assert 0 <= float(x) <= 860
        assert 0 <= float(y) <= 470


def test_more_adaptation_is_further_right_and_more_retention_further_up():
    frame = Frame(100, 100, 10, 10, 10, 10, (0, 1), (0, 1))
    assert frame.x(0.2) < frame.x(0.8)
    assert frame.y(0.2) > frame.y(0.8)


def test_labels_do_not_cover_each_other():
    crowd = plane.dominating(tuple(Point(f"method {i}", 0.5 + 0.004 * i, 0.5 + 0.004 * (i % 5)) for i in range(20)))
    drawn = parse(plane.plane(crowd, LEGEND))
    boxes = []
    for text in drawn.iter("text"):
        if "l" in (text.get("class") or "").split():
            width = 6.6 * len(text.text)
            x = float(text.get("x")) - {"start": 0, "middle": width / 2, "end": width}[text.get("text-anchor", "start")]
            boxes.append((x, float(text.get("y")) - 10, x + width, float(text.get("y")) + 3))
    assert boxes
    for index, one in enumerate(boxes):
        for other in boxes[index + 1 :]:
            assert not plane.overlap(one, other)


def test_a_stand_alone_picture_brings_its_colours_and_no_links():
    dots = tuple(plane.without_link(point) for point in POINTS)
    drawn = str(plane.plane(dots, LEGEND, base=(0, 0.9), standalone=True))
    assert 'xmlns="http://www.w3.org/2000/svg"' in drawn
    assert "prefers-color-scheme:dark" in drawn
    assert "<a " not in drawn
    assert "var(--aki" not in drawn


def test_missing_values_break_a_radar_instead_of_falling_to_zero():
    drawn = str(charts.radar(("A", "B", "C"), (Series("x", (0.5, None, 0.7)),), LEGEND, identity="r"))
    assert '<polygon class="ra' not in drawn
    assert drawn.count("<circle") == 2


def test_a_heat_map_prints_every_number_and_marks_what_is_missing():
    drawn = parse(charts.heat([[0.5, None], [0.25, 1.0]], ["after 1", "after 2"], ["t1", "t2"], LEGEND, identity="h"))
    values = [text.text for text in drawn.iter("text") if "hv" in (text.get("class") or "")]
    assert values == ["50", "25", "100"]
    assert sum("hn" in (rect.get("class") or "") for rect in drawn.iter("rect")) == 1


def test_curves_slopes_forests_and_bars_are_well_formed():
    lines = (Series("A <a>", (0.9, 0.5, None)), Series("B", (0.8, 0.7, 0.6), dashed=True))
    parse(charts.curves(lines, ("1", "2", "3"), LEGEND, identity="c"))
    parse(charts.slopes((Slope("A & b", 1, 2), Slope("B", 2, 1)), LEGEND, identity="s"))
    parse(charts.forest((Interval("x < y", 0.1, -0.1, 0.3),), LEGEND, identity="f", zero=0.0, margin=0.05))
    parse(charts.bars((("2025", 3), ("2026", 0)), LEGEND, identity="b"))


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.35, 0.95), (0.0, 0.04), (-0.3, 0.2)])
def test_ticks_are_round_and_inside(low, high):
    found = drawing.ticks(low, high)
    assert 2 <= len(found) <= 8
    assert all(low - 1e-9 <= value <= high + 1e-9 for value in found)


def test_no_points_still_make_a_picture():
    parse(plane.plane((), LEGEND))


@given(st.lists(st.floats(0, 300), min_size=1, max_size=12).map(sorted))
def test_names_beside_lines_stand_apart_in_order_and_inside(wishes):
    places = charts.spread(wishes, 14, 0, 300)
    assert all(b - a >= 14 - 1e-6 for a, b in itertools.pairwise(places))
    assert places[0] >= -1e-6
    assert places[-1] <= 300 + 1e-6
    if all(b - a >= 14 for a, b in itertools.pairwise(wishes)):
        assert places == pytest.approx(wishes)


def test_an_interval_that_was_not_measured_is_written_out():
    entries = [charts.Interval("a", 0.4, 0.3, 0.5), charts.Interval("b", None, note="not run")]
    drawn = str(charts.forest(entries, LEGEND, identity="f"))
    assert "not run" in drawn
    assert drawn.count("<circle") == 1
