"""The board with everything on it, 38 rows with nine runs each; and with the first suite alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import toy_site

from docs import board, boardtable, plane
from docs import build as building
from docs.pages import Writer, every
from docs.rows import group_title, groups, labels, row_numbers, unlearned
from docs.sources import Sources
from docs.words import LANGUAGES, Language, Words
from reproductions import suites


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """Every run of the suite `kore`, some of `quick`, and the trials that settings were chosen by."""
    root = toy_site.write_suites(tmp_path_factory.mktemp("full"), "kore", "quick", "tuning", size=8)
    return building.gather(results=root)


def writer(sources: Sources, language: Language = "en") -> Writer:
    return Writer(Words(language), sources, "leaderboard/index.md")


@pytest.mark.slow
def test_a_method_on_a_form_of_data_is_one_row_of_nine_runs(full):
    main = groups(full)[0]
    assert main.first.suite == "kore"
    expected = {f"kore/{row}-{form}" for row in suites.RECIPES for form in suites.FORMS}
    assert {row.id for row in main.rows} == expected - {"kore/base-tree", "kore/in-context-tree"}
    assert {row.n_runs for row in main.rows} == {9}
    assert {len(row.checkpoints) for row in main.rows} == {3}


@pytest.mark.slow
def test_trials_of_settings_are_never_ranked(full):
    assert any(record.experiment.id.startswith("tuning/") for record in full.records)
    assert {group.first.suite for group in groups(full)} == {"kore", "quick"}
    assert not [
        page.path for page in every(full, Words("en")) if page.path.startswith(("runs/tuning", "leaderboard/tuning-"))
    ]


@pytest.mark.slow
def test_rows_have_different_names_without_tuned_rates(full):
    main = groups(full)[0]
    named = labels(main.rows, Words("en"), full)
    assert named["kore/lora-tree"] == "LoRA"
    assert named["kore/lora-attention-tree"] == "LoRA (attention only)"
    for form in ("raw", "knowledge-tree"):
        own = [named[row.id] for row in main.rows if row.form == form]
        assert len(own) == len(set(own))


@pytest.mark.slow
@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("language", LANGUAGES)
def test_names_and_numbers_in_the_picture_never_overlap(full, language, narrow):
    main, words = groups(full)[0], Words(language)
    dots = board.points(main, labels(main.rows, words, full), writer(full, language))
    drawn = str(plane.plane(dots, board.plane_legend(main, words), base=main.base, narrow=narrow))
    found = re.findall(
        r'<text x="([\d.-]+)" y="([\d.-]+)" class="(l(?: [^"]*)?)"(?: text-anchor="(\w+)")?>([^<]*)', drawn
    )
    boxes = [plane._box(text, float(x), float(y), anchor or "start") for x, y, _, anchor, text in found]
    clashes = [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if plane.overlap(a, b)]
    assert clashes == []
    assert len(found) >= 0.75 * len(dots), "most points have a name or a number beside them"
    assert {text for *_, text in found if not text.isdigit()} <= {dot.label for dot in dots if dot.frontier}


@pytest.mark.slow
def test_numbers_in_the_picture_are_those_of_the_table(full):
    main = groups(full)[0]
    numbers = row_numbers(main)
    table = boardtable.board_table(main, writer(full))
    seen = [int(found[1]) for row in table.rows if (found := re.search(r"aki-no'>(\d+)", str(row.cells[0].content)))]
    assert seen == sorted(numbers.values()) == list(range(1, len(numbers) + 1))


@pytest.mark.slow
def test_a_row_that_did_not_learn_is_marked_and_explained(full):
    main = groups(full)[0]
    poor = {row.method for row in main.rows if unlearned(row)}
    assert poor == {"si"}
    page = board.group_page(main, groups(full), writer(full)).body
    assert page.count("reads back 40 %") == 2
    assert "broken outline" in page


@pytest.mark.slow
def test_the_base_model_stands_once_in_the_table_and_is_the_ring_in_the_picture(full):
    main = groups(full)[0]
    rows = boardtable.board_table(main, writer(full)).rows
    assert [row.mark for row in rows].count("base") == 1
    assert "Base model" not in {
        dot.label for dot in board.points(main, labels(main.rows, Words("en"), full), writer(full))
    }


@pytest.mark.slow
def test_with_the_first_suite_alone_it_is_the_main_board_and_says_what_to_beware_of(tmp_path: Path):
    sources = building.gather(results=toy_site.write_suites(tmp_path, "quick", size=8))
    main = groups(sources)[0]
    assert (main.first.suite, main.path) == ("quick", "leaderboard/index.md")
    english = board.group_page(main, groups(sources), writer(sources)).body
    chinese = board.group_page(main, groups(sources), writer(sources, "zh")).body
    assert "not tuned" in english
    assert "61 %" in english
    assert "未经调参" in chinese
    assert group_title(main, Words("zh"), sources).startswith("初步比较 · ")


def test_every_suite_says_in_both_languages_what_it_is():
    from reproductions import spec

    for name, suite in spec.load_suites().items():
        assert suite.about_zh, name
        assert bool(suite.caveats) == bool(suite.caveats_zh), name
        assert bool(suite.title) == bool(suite.title_zh), name


@pytest.mark.slow
def test_references_are_neither_on_the_frontier_nor_called_the_best(full):
    main = groups(full)[0]
    places = board.points(main, labels(main.rows, Words("en"), full), writer(full))
    joint = [point for point in places if point.reference]

    assert {point.label.split(" ")[0] for point in joint} == {"Joint"}
    assert not any(point.frontier for point in joint)
    assert board.summary(main, writer(full)).best.method not in {"base", "in-context", "joint"}
    assert "reference, not ranked" in board.group_page(main, groups(full), writer(full)).body
