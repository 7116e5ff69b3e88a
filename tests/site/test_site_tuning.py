"""The page of trials: every trial is there, the chosen one is the best, and nothing is said before there are any."""

import re

import pytest
import toy_site

from docs import build as building
from docs import tuning
from docs.pages import every
from docs.words import LANGUAGES, Words
from reproductions import search


@pytest.fixture(scope="module")
def tried(tmp_path_factory):
    return building.gather(results=toy_site.write_suites(tmp_path_factory.mktemp("tried"), "tuning", size=4))


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_trial_is_in_the_table_and_in_a_picture(tried, language):
    (page,) = tuning.pages(tried, Words(language))
    trials = {record.experiment.id for record in tried.records}

    assert page.body.count("<tr") - page.body.count("<thead><tr>") == len(trials)
    assert page.body.count('class="aki-chart"') == len({search.row_of(trial) for trial in trials})


@pytest.mark.slow
def test_one_trial_of_each_row_is_chosen_and_no_average_of_the_row_is_higher(tried):
    choices = search.choose(record for record in tried.records)
    (page,) = tuning.pages(tried, Words("en"))

    assert page.body.count('class="aki-tag">chosen<') == len(choices)
    for choice in choices:
        assert choice.chosen is not None
        assert choice.chosen.average == max(trial.average or 0 for trial in choice.trials)


@pytest.mark.slow
def test_without_trials_there_is_no_page_and_no_link_to_it(tmp_path):
    sources = building.gather(results=toy_site.write_suites(tmp_path, "quick", size=4))

    assert not sources.trials
    assert not list(tuning.pages(sources, Words("en")))
    assert not [page.path for page in every(sources, Words("en")) if re.search(r"tuning\.html", page.body)]
