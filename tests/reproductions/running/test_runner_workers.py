"""Several runs at once: the same records as one after the other; a death costs one run."""

from __future__ import annotations

import multiprocessing

import pytest

from reproductions import records
from reproductions.runner import Job
from reproductions.workers import Doing, Ended, run_all


def jobs(experiment, folder, n=3):
    return [Job(experiment, seed, folder) for seed in range(n)]


@pytest.mark.slow
def test_two_workers_make_the_records_that_one_makes(experiment, tmp_path):
    events = []
    together = run_all(jobs(experiment, tmp_path / "two"), 2, events.append)
    alone = run_all(jobs(experiment, tmp_path / "one"), 1, lambda _: None)
    assert [one.answers_digest for one in together] == [one.answers_digest for one in alone]
    assert [one.scores() for one in together] == [one.scores() for one in alone]
    assert [one.seed for one in together] == [0, 1, 2]
    assert sum(isinstance(event, Ended) for event in events) == 3
    assert any(isinstance(event, Doing) and event.notice.stage == "learning" for event in events)


@pytest.mark.slow
def test_a_worker_that_dies_loses_only_its_run(experiment, tmp_path):
    killed = []

    def kill_one(event):
        if isinstance(event, Doing) and event.notice.stage == "learning" and not killed:
            killed.append(multiprocessing.active_children()[0])
            killed[0].kill()

    found = run_all(jobs(experiment, tmp_path), 2, kill_one)
    failed = [one for one in found if one.status == "failed"]
    assert len(failed) == 1
    assert "SIGKILL" in failed[0].error
    assert all(records.record_path(tmp_path, experiment.id, seed).exists() for seed in range(3))
    again = run_all([Job(experiment, failed[0].seed, tmp_path)], 1, lambda _: None)
    assert again[0].status == "finished"


def test_a_second_call_repeats_nothing(experiment, tmp_path):
    run_all(jobs(experiment, tmp_path, 2), 1, lambda _: None)
    events = []
    run_all(jobs(experiment, tmp_path, 2), 1, events.append)
    assert [event.repeated for event in events if isinstance(event, Ended)] == [False, False]
