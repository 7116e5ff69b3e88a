"""Rows are computed from records alone; nothing is lost, nothing is mixed."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from registry.schema import Cell, Column, ReportedTable, Row, StatusChange
from reproductions import leaderboard, records
from reproductions.records import RecordError


@pytest.fixture
def results(tmp_path, write):
    for seed in range(3):
        write(tmp_path, "quick/lora-raw", seed=seed, adapted=0.3, retained=0.4)
        write(tmp_path, "quick/replay-raw", method="replay", seed=seed, adapted=0.3, retained=0.9)
        write(tmp_path, "quick/kore-tree", method="kore", form="knowledge-tree", seed=seed, adapted=0.8, retained=0.8)
    return tmp_path


def by_id(rows):
    return {row.id: row for row in rows}


def test_no_records_no_rows(tmp_path):
    assert leaderboard.load_rows(tmp_path) == ()


def test_a_row_has_the_mean_of_its_answers_with_an_interval(results):
    row = by_id(leaderboard.load_rows(results))["quick/lora-raw"]
    said = [
        one
        for seed in range(3)
        for one in records.load_answers(records.record_path(results, "quick/lora-raw", seed))
        if one.part == "adaptation"
    ]
    assert row.cem.value == pytest.approx(sum(one.output == one.gold for one in said) / len(said))
    assert row.cem.low < row.cem.value < row.cem.high
    assert row.adaptation.value == pytest.approx((row.cem.value + row.f1.value) / 2)
    assert row.average.value == pytest.approx((row.adaptation.value + row.retention.value) / 2)
    assert (row.n_seeds, row.n_runs, row.n_failed, row.status) == (3, 3, 0, "finished")


def test_every_score_stands_beside_the_base_models(results):
    row = by_id(leaderboard.load_rows(results))["quick/lora-raw"]
    assert row.base_retention == pytest.approx((0.9 + 0.8 + 0.95) / 3)
    assert row.retention_change == pytest.approx(row.retention.value - row.base_retention)
    assert row.adaptation_gain == pytest.approx(row.adaptation.value - 0.01)
    assert row.base_by_dimension == pytest.approx({"COM": 0.9, "OCR": 0.8, "HAL": 0.95})


def test_ranks_are_intervals_and_the_best_is_told_apart(results):
    rows = leaderboard.load_rows(results)
    assert [row.id for row in rows] == ["quick/kore-tree", "quick/replay-raw", "quick/lora-raw"]
    best, second, last = rows
    assert (best.best, best.ranks["average"], best.separable) == (True, (1, 1), None)
    assert second.separable is True
    assert last.ranks["average"] == (3, 3)
    assert last.ranks["adaptation"][0] == 2  # equal to replay there
    assert best.pareto == 1
    assert last.pareto < 0.5


def test_references_stand_beside_the_ranked_rows_and_change_nothing_for_them(results, write):
    alone = by_id(leaderboard.load_rows(results))
    for seed in range(3):
        write(
            results, "quick/joint-tree", method="joint", form="knowledge-tree", seed=seed, adapted=0.95, retained=0.95
        )

    rows = leaderboard.load_rows(results)

    reference = by_id(rows)["quick/joint-tree"]
    assert rows[0] == reference
    assert (reference.ranks, reference.best, reference.separable, reference.pareto) == ({}, False, None, None)
    for row in rows[1:]:
        assert (row.ranks, row.best, row.n_ranked) == (alone[row.id].ranks, alone[row.id].best, 3)


def test_cost_commit_hardware_and_command_are_there(results):
    row = by_id(leaderboard.load_rows(results))["quick/lora-raw"]
    assert row.cost.train_seconds == pytest.approx(3)
    assert row.cost.peak_bytes == 1002
    assert row.hardware == ("toy processor",)
    assert row.command == "aki reproduce run quick/lora-raw"
    assert row.records == tuple(f"quick/lora-raw/seed-{seed}.json" for seed in range(3))
    assert all((results / path).exists() for path in row.records)


def test_failed_runs_stay_visible(results, write):
    write(results, "quick/ewc-raw", method="ewc", error="FloatingPointError: loss is nan at step 3 of 10")
    write(results, "quick/lwf-raw", method="lwf", seed=0)
    write(results, "quick/lwf-raw", method="lwf", seed=1, error="killed")
    rows = by_id(leaderboard.load_rows(results))
    assert (rows["quick/ewc-raw"].status, rows["quick/ewc-raw"].average) == ("failed", None)
    assert "loss is nan" in rows["quick/ewc-raw"].error
    assert (rows["quick/lwf-raw"].status, rows["quick/lwf-raw"].n_failed) == ("partly-failed", 1)


def test_checkpoints_of_one_experiment_are_one_row(tmp_path, write):
    for checkpoint in range(3):
        write(tmp_path, f"kore/lora-raw-seed-{checkpoint}", model=f"lab-tiny@seed-{checkpoint}")
        write(tmp_path, f"kore/ewc-raw-seed-{checkpoint}", method="ewc", model=f"lab-tiny@seed-{checkpoint}")
    rows = by_id(leaderboard.load_rows(tmp_path))
    assert set(rows) == {"kore/lora-raw", "kore/ewc-raw"}
    row = rows["kore/lora-raw"]
    assert row.model == "lab-tiny"
    assert row.checkpoints == tuple(f"lab-tiny@seed-{n}" for n in range(3))
    assert (row.n_seeds, row.n_runs) == (1, 3)
    assert row.command == "aki reproduce run 'kore/lora-raw-seed-*'"


def test_suites_are_not_ranked_against_each_other(results, write):
    write(results, "ablations/kore-top", method="kore", config={"subspace": "top"})
    rows = by_id(leaderboard.load_rows(results))
    assert rows["ablations/kore-top"].n_ranked == 1
    assert rows["quick/lora-raw"].n_ranked == 3


def test_a_stream_has_its_matrix(tmp_path, write):
    write(tmp_path, "two-phase/lora-raw", n_tasks=2, adapted=0.5)
    continual = leaderboard.load_rows(tmp_path)[0].continual
    assert continual.average_accuracy == pytest.approx(0.5, abs=0.3)
    assert continual.backward_transfer == pytest.approx(0)
    assert len(continual.matrix) == len(continual.retention) == 2


def test_changed_answers_are_refused(results):
    path = records.record_path(results, "quick/lora-raw", 0)
    records.answers_path(path).write_bytes(records.pack([]))
    with pytest.raises(RecordError, match="answers are never edited"):
        leaderboard.load_rows(results)


def test_rows_do_not_depend_on_the_order_of_reading(results):
    assert leaderboard.as_json(leaderboard.load_rows(results)) == leaderboard.as_json(leaderboard.load_rows(results))
    assert json.loads(leaderboard.as_json(leaderboard.load_rows(results)))[0]["id"] == "quick/kore-tree"


def reported(order: dict[str, float]) -> ReportedTable:
    columns = ("cem", "f1", "com", "ocr", "m-dis", "ins", "m-idu", "mat", "hal")
    return ReportedTable(
        id="toy-table",
        status=(StatusChange(state="recorded", since="2026-01-01", reason="toy"),),
        paper="toy",
        table="Table 1",
        caption="toy",
        source="toy",
        columns=tuple(
            Column(id=name, name=name, metric="accuracy", unit="percent", direction="higher") for name in columns
        ),
        rows=tuple(
            Row(id=name, label=name, method=name, cells={one: Cell(printed=str(value), value=value) for one in columns})
            for name, value in order.items()
        ),
    )


def test_the_papers_ordering_is_compared_as_an_ordering(results):
    table = reported({"lora": 20.0, "replay": 30.0, "kore": 40.0})
    found = leaderboard.gap(SimpleNamespace(reported={table.id: table}), leaderboard.load_rows(results), results)
    average = next(one for one in found if one.metric == "average")
    assert average.tau.value == pytest.approx(1)
    assert [one.method for one in average.entries] == ["kore", "replay", "lora"]
    assert [one.reproduced_rank for one in average.entries] == [1, 2, 3]
    adaptation = next(one for one in found if one.metric == "adaptation")
    assert adaptation.tau.low < 1  # lora and replay cannot be told apart there


def test_a_table_with_fewer_than_three_methods_of_ours_says_nothing(results):
    table = reported({"lora": 20.0, "kore": 40.0, "unheard-of": 10.0})
    assert leaderboard.gap(SimpleNamespace(reported={table.id: table}), leaderboard.load_rows(results), results) == ()
