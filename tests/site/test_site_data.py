"""The site as files, its history and its heartbeat: parsed back, complete, never rewritten."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET
from datetime import UTC, date, datetime

import pytest

from docs import api, changes, releases
from docs.releases import Score, Snapshot


@pytest.fixture(scope="module")
def files(sources):
    return dict(api.files(sources))


def test_every_json_file_reads_back(files):
    for path, text in files.items():
        if path.endswith(".json"):
            json.loads(text)


def test_feeds_are_xml_with_a_title_per_item_in_both_languages(files):
    feeds = [path for path in files if path.endswith(".xml")]
    assert {"feeds/papers.xml", "zh/feeds/papers.xml", "feeds/new.xml", "zh/feeds/new.xml"} <= set(feeds)
    for path in feeds:
        root = ET.fromstring(files[path])  # noqa: S314 (our own)
        assert root.tag == "rss"
        assert all(item.findtext("title") for item in root.iter("item")), path


def test_json_feeds_have_ids_that_differ(files):
    for path in ("feeds/new.json", "feeds/papers.json", "zh/feeds/new.json"):
        ids = [item["id"] for item in json.loads(files[path])["items"]]
        assert len(ids) == len(set(ids))
        assert ids


def test_the_board_as_csv_holds_every_row_with_its_intervals(sources, files):
    rows = list(csv.DictReader(io.StringIO(files["api/v1/leaderboard.csv"])))
    assert [row["id"] for row in rows] == [row.id for row in sources.rows]
    measured = [row for row in rows if row["adaptation"]]
    assert measured
    assert all(float(row["adaptation_low"]) <= float(row["adaptation_high"]) for row in measured)


def test_the_compact_board_agrees_with_the_whole_to_the_per_mille(sources, files):
    columns = json.loads(files["api/v1/leaderboard.compact.json"])["columns"]
    for index, row in enumerate(sources.rows):
        assert columns["id"][index] == row.id
        if row.retention:
            assert columns["retention"][index][0] == round(1000 * row.retention.value)


def test_machines_find_a_text_file_at_the_root(files):
    assert files["llms.txt"].startswith("# ")
    assert "KORE" in files["llms-full.txt"]


def test_data_say_when_and_from_what_they_were_made(sources, files):
    head = json.loads(files["api/v1/leaderboard.json"])
    assert head["made"] == sources.today.isoformat()
    assert head["licence"] == "CC-BY-4.0"


# ── history of releases ─────────────────────────────────────────────────────────────────────────────────────────────


def score(average: float | None, status: str = "finished") -> Score:
    return Score(
        method="m", form="raw", status=status, n_runs=1, adaptation=average, retention=average, average=average
    )


def test_history_says_what_is_new_changed_and_gone():
    one = Snapshot(name="v1", date=date(2026, 1, 1), rows={"a": score(0.5), "b": score(0.4), "c": score(0.3)})
    two = Snapshot(name="v2", date=date(2026, 2, 1), rows={"a": score(0.5004), "b": score(0.45), "d": score(0.9)})
    latest, first = releases.history([one, two])
    assert (latest.n_new, latest.n_changed, latest.n_gone, latest.best) == (1, 1, 1, "d")
    assert (first.n_new, first.n_changed, first.n_gone, first.best) == (3, 0, 0, "a")


def test_a_row_that_failed_since_has_changed():
    assert releases.differs(score(0.5), score(None, "failed"))
    assert not releases.differs(score(None, "failed"), score(None, "failed"))


def test_a_release_is_never_rewritten(sources, tmp_path):
    taken = releases.snapshot("v0.1.0", sources.rows, day=sources.today, commit="abc")
    file = releases.save(taken, tmp_path)
    assert releases.load(tmp_path) == (taken,)
    before = file.read_bytes()
    with pytest.raises(FileExistsError, match="never rewritten"):
        releases.save(taken, tmp_path)
    assert file.read_bytes() == before


@pytest.mark.parametrize("name", ["../x", "latest", "", "v 1", "v1/2"])
def test_only_versions_are_names_of_releases(name):
    with pytest.raises(ValueError, match="no version"):
        releases.snapshot(name, (), day=date(2026, 1, 1), commit=None)


# ── the agent's log ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_empty_workspace_has_no_changes_and_no_heartbeats(tmp_path):
    assert changes.applied(tmp_path) == ()
    assert changes.heartbeats(tmp_path) == ()


def test_applied_operations_become_changes(tmp_path):
    from agent.messages import sha256
    from agent.proposals import Evidence, Operation
    from agent.workspaces import Workspace

    evidence = Evidence(
        source="github",
        url="https://api.github.com/repos/a/b",
        read_at=datetime(2026, 11, 1, tzinfo=UTC),
        content=sha256("x"),
        locator="data.r0.stargazerCount",
        quote="12",
    )
    operation = Operation(
        kind="set",
        target="repositories/x",
        field="stars",
        old="1",
        new="12",
        group="mechanical",
        confidence=1.0,
        reason="stars were read again",
        subject="github:a/b",
        evidence=(evidence,),
    )
    ledger = Workspace(tmp_path).ledger
    at = datetime(2026, 11, 2, tzinfo=UTC)
    ledger.append("verdict", {"proposal": operation.model_dump(mode="json", exclude_defaults=True)}, at)
    assert changes.applied(tmp_path) == ()
    ledger.append("applied", {"operations": [operation.digest]}, at)
    (change,) = changes.applied(tmp_path)
    assert (change.day, change.target, change.kind, change.field) == (at.date(), "repositories/x", "set", "stars")


@pytest.mark.parametrize(("silent", "late"), [(3, False), (14, False), (15, True), (None, True)])
def test_a_source_is_late_after_twice_its_interval(silent, late):
    today = date(2026, 11, 25)
    last = None if silent is None else date.fromordinal(today.toordinal() - silent)
    assert changes.Heartbeat("arxiv", last, 7, ()).late(today) == late
