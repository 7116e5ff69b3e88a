"""Tuning: as many trials for each row, chosen by a rule, and nothing in the specs that was chosen otherwise."""

import pytest

from reproductions import spec, suites
from reproductions.search import Choice, Trial, chosen_settings, further

RATES = [(0.001, {}), (0.002, {}), (0.004, {}), (0.008, {})]
SQUARE = [(rate, {"strength": strength}) for rate in (0.002, 0.004) for strength in (0.01, 0.1)]


def best(rate: float, **settings: float) -> Choice:
    """A row whose best trial has these settings."""
    trial = Trial(
        experiment="tuning/row-raw-0",
        settings={"learning_rate": rate, "fraction": 0.1, **settings},
        average=50.0,
        adaptation=40.0,
        retention=60.0,
        reliability=90.0,
    )
    return Choice(row="row-raw", chosen=trial, trials=(trial,))


@pytest.mark.parametrize(
    ("rate", "expected"),
    [(0.001, (0.0005, 0.00025)), (0.008, (0.016, 0.032)), (0.002, (0.0014, 0.0028)), (0.004, (0.0028, 0.0057))],
)
def test_further_trials_go_beyond_an_edge_and_beside_an_inner_best(rate, expected):
    assert tuple(one for one, _ in further(best(rate), RATES, None)) == expected


@pytest.mark.parametrize(
    ("rate", "strength", "expected"),
    [
        (0.002, 0.01, ((0.001, 0.01), (0.002, 0.003))),
        (0.004, 0.01, ((0.008, 0.01), (0.004, 0.003))),
        (0.004, 0.1, ((0.008, 0.1), (0.004, 0.3))),
    ],
)
def test_with_a_second_setting_the_further_trials_leave_the_square_at_its_best_corner(rate, strength, expected):
    found = further(best(rate, strength=strength), SQUARE, "strength")

    assert tuple((one, config["strength"]) for one, config in found) == expected


def test_a_row_whose_first_trials_all_failed_gets_no_further_ones():
    assert further(Choice(row="row-raw", chosen=None, trials=()), RATES, None) == ()


def test_only_what_was_varied_is_a_chosen_setting():
    chosen, other = best(0.002, strength=0.1).trials[0], best(0.004, strength=0.01).trials[0]
    choice = Choice(row="row-raw", chosen=chosen, trials=(chosen, other))

    assert chosen_settings([choice]) == {"row-raw": {"learning_rate": 0.002, "strength": 0.1}}


def test_the_settings_file_holds_what_the_recorded_trials_say():
    assert suites.load_settings() == suites.choose()


def test_every_row_and_form_is_tried_equally_often_and_only_on_the_validation_world():
    counts: dict[str, int] = {}
    for trial in suites.tuning():
        assert trial.data.world == "validation"
        assert trial.seeds == suites.VALIDATION_SEEDS
        row = trial.id.rpartition("-")[0]
        counts[row] = counts.get(row, 0) + 1
    complete = {f"tuning/{row}" for row in suites.choose()}

    assert {counts[row] for row in complete} == {suites.TRIALS}
    assert max(counts.values()) == suites.TRIALS


def test_specs_on_disk_are_those_that_the_table_of_rows_gives():
    for experiment in suites.specs(suites.load_settings()):
        path = spec.EXPERIMENTS / f"{experiment.id}.yaml"
        written = spec.load_experiment(path)

        # The note of a spec with results tells what was known when it ran.
        assert written == experiment.model_copy(update={"note": written.note}), (
            f"{path}: python -m reproductions.suites"
        )
