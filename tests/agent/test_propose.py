"""What the world says becomes proposals: typed, grounded, idempotent, and silent about what was rejected."""

from __future__ import annotations

import filecmp
from datetime import date, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

import registry
from agent import run
from agent.config import Most
from agent.memory import forbidding
from agent.messages import Evidence, sha256
from agent.proposals import AskAgain, Operation, Verdict, meanings
from agent.rehearsal.world import Fault, Preprint, Repo
from agent.workspaces import Workspace

AT = "2026-11-25T03:00:00Z"


def by_field(operations, target):
    return {op.field: op for op in operations if op.target == target}


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def without_visits(files: dict[str, bytes]) -> dict[str, bytes]:
    """Everything but the times of the visits, which are meant to differ."""
    return {name: content for name, content in files.items() if name != "visits.json"}


def test_a_visit_proposes_what_has_changed_and_nothing_else(visit):
    report = visit()
    alpha = by_field(report.outcome.operations, "papers/alpha")
    assert set(alpha) == {"venue"}
    assert alpha["venue"].new["value"] == "ICML 2026"
    assert alpha["venue"].old["value"] == "arXiv"
    assert by_field(report.outcome.operations, "papers/beta") == {}
    assert set(by_field(report.outcome.operations, "repositories/lab-alpha")) == {
        "stars", "numeric_id", "licence", "state", "last_push",
    }  # fmt: skip
    assert not report.partial


def test_every_proposal_quotes_words_that_stand_in_its_kept_excerpt(visit, workspace):
    visit()
    operations = workspace.operations()
    assert operations
    for operation in operations:
        for evidence in operation.evidence:
            excerpt = workspace.excerpt(evidence.content)
            assert excerpt is not None
            assert evidence.quote in excerpt
            assert len(evidence.quote) <= 300


def test_the_same_world_twice_changes_no_byte(visit, workspace):
    visit()
    before = bytes_of(workspace.folder)
    report = visit()
    assert report.outcome.fresh == ()
    after = bytes_of(workspace.folder)
    assert {k: v for k, v in after.items() if k != "visits.json"} == {
        k: v for k, v in before.items() if k != "visits.json"
    }


def test_a_week_later_nothing_new_is_proposed_when_nothing_changed(visit, workspace, clock):
    visit()
    before = without_visits(bytes_of(workspace.folder))
    clock.moment += timedelta(days=7)
    assert visit().outcome.fresh == ()
    assert without_visits(bytes_of(workspace.folder)) == before


def test_a_replayed_recording_gives_the_same_bytes(root, toy_world, settings, transport_to, tmp_path):
    known = registry.load(root)
    transport = transport_to(tokens={"github": "test-token-0001"})
    planned = run.plan(known, settings, run.chosen(settings), set(transport.tokens))
    live, replayed = Workspace(tmp_path / "live"), Workspace(tmp_path / "replayed")
    run.propose(run.fetch(planned, transport, tmp_path / "recording"), known, settings, live)
    run.propose(run.replay(tmp_path / "recording"), known, settings, replayed)
    assert bytes_of(live.folder) == bytes_of(replayed.folder)
    assert not filecmp.dircmp(live.folder, replayed.folder).diff_files


def test_a_proposal_that_the_world_takes_back_is_retired(visit, workspace, toy_world):
    visit()
    toy_world.papers["2601.00001"].comment = None
    report = visit()
    assert by_field(workspace.operations(), "papers/alpha") == {}
    assert [why for _, why in report.outcome.retired] == ["the sources no longer say so"]


def test_a_proposal_stays_while_its_source_is_silent(visit, workspace, toy_world, clock):
    visit()
    toy_world.faults["export.arxiv.org"] = [Fault(503)] * 4
    report = visit()
    assert report.partial
    assert "venue" in by_field(workspace.operations(), "papers/alpha")


def test_one_dead_source_does_not_stop_the_others(visit, toy_world):
    toy_world.faults["export.arxiv.org"] = [Fault(503)] * 4
    report = visit()
    assert "stars" in by_field(report.outcome.operations, "repositories/lab-alpha")
    assert any("arxiv" in problem for problem in report.problems)


def test_a_newer_value_replaces_the_open_proposal(visit, workspace, toy_world):
    visit()
    toy_world.repositories[0].stars = 250
    visit()
    assert by_field(workspace.operations(), "repositories/lab-alpha")["stars"].new["value"] == "250"


def test_a_star_more_is_no_news(visit, toy_world, root):
    file = root / "repositories" / "lab-beta.yaml"
    file.write_text(file.read_text().replace("2026-05-19\n  confidence", "2026-11-20\n  confidence"))
    assert "stars" not in by_field(visit().outcome.operations, "repositories/lab-beta")


def test_the_journal_reference_is_believed_before_the_comment(visit, toy_world):
    toy_world.papers["2601.00001"].journal_ref = "Transactions on Machine Learning Research (2026)"
    venue = by_field(visit().outcome.operations, "papers/alpha")["venue"]
    assert venue.new["value"] == "TMLR 2026"
    assert venue.new["confidence"] == "journal-ref"
    assert any("says otherwise" in line for line in venue.why)


def test_two_sources_that_agree_are_both_evidence(visit, toy_world):
    toy_world.papers["2601.00001"].journal_ref = "Proceedings of ICML 2026"
    venue = by_field(visit().outcome.operations, "papers/alpha")["venue"]
    assert [e.locator for e in venue.evidence] == ["entry/arxiv:journal_ref", "entry/arxiv:comment"]


def test_what_a_person_wrote_is_not_overruled(visit, root):
    file = root / "papers" / "alpha.yaml"
    text = file.read_text().replace("value: arXiv", "value: Workshop on Memory 2026")
    file.write_text(text.replace("confidence: list", "confidence: human"))
    assert by_field(visit().outcome.operations, "papers/alpha") == {}


def test_a_renamed_repository_changes_name_and_address(visit, toy_world):
    toy_world.repositories[0] = Repo("lab/omega", 11, stars=100, formerly=("lab/alpha",))
    changes = by_field(visit().outcome.operations, "repositories/lab-alpha")
    assert changes["full_name"].new == "lab/omega"
    assert changes["url"].new == "https://github.com/lab/omega"


def test_two_entries_that_turn_out_to_be_one_repository_are_merged_by_a_structural_proposal(visit, toy_world):
    toy_world.repositories[0] = Repo("lab/beta", 12, formerly=("lab/alpha",))
    del toy_world.repositories[1]
    merge = by_field(visit().outcome.operations, "repositories/lab-alpha")["status"]
    assert merge.kind == "merge"
    assert merge.group == "structural"
    assert merge.new["into"] == "lab-beta"


def test_a_withdrawn_paper_is_a_structural_transition(visit, toy_world):
    toy_world.papers["2601.00002"].comment = "This paper has been withdrawn by the authors."
    step = by_field(visit().outcome.operations, "papers/beta")["status"]
    assert step.kind == "transition"
    assert step.group == "structural"
    assert step.new["state"] == "withdrawn"


def test_an_extended_paper_is_related_to_the_earlier_one(visit, toy_world):
    toy_world.papers["2601.00002"].comment = "Extended version of the conference paper arXiv:2601.00001"
    arrow = by_field(visit().outcome.operations, "papers/beta")["relations"]
    assert arrow.kind == "relate"
    assert arrow.new == {"kind": "extends", "target": "papers/alpha"}


def test_the_papers_code_points_to_a_known_repository_or_proposes_a_new_one(visit, toy_world):
    toy_world.papers["2601.00002"].comment = "Code: https://github.com/lab/beta"
    assert by_field(visit().outcome.operations, "papers/beta")["code"].new["value"] == "lab-beta"
    toy_world.papers["2601.00002"].comment = "Code: https://github.com/new/thing."
    new = by_field(visit().outcome.operations, "repositories/new-thing")[""]
    assert new.is_new_entry
    assert new.new["relations"] == [{"kind": "implements", "target": "papers/beta"}]


def test_a_repository_is_gone_only_after_a_second_sign_a_week_later(visit, toy_world, clock):
    del toy_world.repositories[0]
    assert "state" not in by_field(visit().outcome.operations, "repositories/lab-alpha")
    clock.moment += timedelta(days=3)
    assert "state" not in by_field(visit().outcome.operations, "repositories/lab-alpha")
    clock.moment += timedelta(days=5)
    assert by_field(visit().outcome.operations, "repositories/lab-alpha")["state"].new["value"] == "gone"


def test_a_repository_that_comes_back_is_forgotten_as_missing(visit, toy_world, clock, workspace):
    lost = toy_world.repositories.pop(0)
    visit()
    assert "github:lab/alpha" in workspace.visits().absent_since
    toy_world.repositories.insert(0, lost)
    clock.moment += timedelta(days=8)
    visit()
    assert workspace.visits().absent_since == {}


def test_a_new_version_on_arxiv_is_reported(visit, toy_world):
    assert visit().new_versions == ()
    toy_world.papers["2601.00001"].version = 2
    assert visit().new_versions == ("arxiv:2601.00001 v1 → v2",)


def test_what_does_not_fit_below_the_limit_is_carried_and_comes_when_there_is_room(visit, settings, workspace):
    settings.__dict__["most_open"] = Most(judged=2)  # the fixture's own configuration, narrowed
    first = visit()
    assert sum(op.group != "mechanical" for op in first.outcome.operations) == 2
    assert first.outcome.carried > 0
    assert visit().outcome.fresh == ()
    decided = next(op for op in workspace.operations() if op.group != "mechanical")
    workspace.decide(decided, rejection(decided, {"when": "never"}))
    assert len(visit().outcome.fresh) == 1


# Rejected facts


def operation(**more: object) -> Operation:
    excerpt = "https://arxiv.org/abs/2601.00001\narxiv:comment: Accepted to ICML 2026"
    evidence = Evidence(
        source="arxiv", url="https://arxiv.org/abs/2601.00001", read_at=AT, content=sha256(excerpt),
        locator="entry/arxiv:comment", quote="Accepted to ICML 2026",
    )  # fmt: skip
    base = {
        "kind": "set", "target": "papers/alpha", "field": "venue", "old": {"value": "arXiv"},
        "new": {"value": "ICML 2026", "source": "https://arxiv.org/abs/2601.00001", "checked": "2026-11-25"},
        "group": "semantic", "confidence": 0.75, "reason": "accepted", "subject": "arxiv:2601.00001",
        "evidence": (evidence,),
    }  # fmt: skip
    return Operation.model_validate(base | more)


def test_a_rejected_fact_does_not_come_back(visit, workspace):
    visit()
    venue = by_field(workspace.operations(), "papers/alpha")["venue"]
    verdict = Verdict(
        operation=venue.digest,
        base="0" * 64,
        word="reject",
        reviewer="Ada",
        at=AT,
        reason="the comment is about another paper",
    )
    workspace.decide(venue, verdict)
    report = visit()
    assert "venue" not in by_field(report.outcome.operations, "papers/alpha")
    assert [by.reason for _, by in report.outcome.asleep] == ["the comment is about another paper"]


def test_a_rejection_taken_back_lets_the_fact_return(visit, workspace, clock):
    visit()
    venue = by_field(workspace.operations(), "papers/alpha")["venue"]
    verdict = Verdict(operation=venue.digest, base="0" * 64, word="reject", reviewer="Ada", at=AT, reason="no")
    number = workspace.decide(venue, verdict)
    assert workspace.undo(number, "Ada", clock.now()) == venue
    assert "venue" in by_field(visit().outcome.operations, "papers/alpha")


@pytest.mark.parametrize(
    ("condition", "day", "asleep"),
    [
        ({"when": "never"}, date(2030, 1, 1), True),
        ({"when": "after", "day": "2027-01-01"}, date(2026, 12, 31), True),
        ({"when": "after", "day": "2027-01-01"}, date(2027, 1, 1), False),
        ({"when": "source-changes"}, date(2030, 1, 1), True),
        ({"when": "two-sources"}, date(2030, 1, 1), True),
    ],
)
def test_a_rejection_sleeps_until_its_condition(workspace, condition, day, asleep):
    workspace.decide(operation(), rejection(operation(), condition))
    assert (forbidding(operation(), workspace.rejections(), day) is not None) is asleep


def rejection(op: Operation, condition: dict[str, str]) -> Verdict:
    return Verdict(
        operation=op.digest, base="0" * 64, word="reject", reviewer="Ada", at=AT, reason="no",
        ask_again=AskAgain.model_validate(condition),
    )  # fmt: skip


def test_other_words_of_the_same_source_wake_a_rejection_that_waits_for_them(workspace):
    workspace.decide(operation(), rejection(operation(), {"when": "source-changes"}))
    evidence = operation().evidence[0]
    reworded = operation(evidence=(evidence.model_copy(update={"content": "a" * 64}),))
    assert forbidding(reworded, workspace.rejections(), date(2026, 12, 1)) is None
    elsewhere = operation(evidence=(evidence.model_copy(update={"content": "a" * 64, "source": "semantic_scholar"}),))
    assert forbidding(elsewhere, workspace.rejections(), date(2026, 12, 1)) is not None


def test_a_second_source_that_agrees_wakes_a_rejection_that_waits_for_it(workspace):
    workspace.decide(operation(), rejection(operation(), {"when": "two-sources"}))
    first = operation().evidence[0]
    both = operation(evidence=(first, first.model_copy(update={"source": "semantic_scholar", "content": "b" * 64})))
    assert forbidding(both, workspace.rejections(), date(2026, 12, 1)) is None


# The list of operations is closed


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "delete"},
        {"target": "papers/../../etc"},
        {"target": "secrets/alpha"},
        {"field": "venue; rm -rf"},
        {"group": "structural-ish"},
        {"evidence": ()},
        {"new": None},
        {"new": 5},
        {"kind": "transition"},
        {"kind": "remove"},
        {"confidence": 2},
        {"run": "shell"},
    ],
)
def test_nothing_outside_the_list_of_operations_can_be_said(wrong):
    with pytest.raises(ValidationError):
        operation(**wrong)


def test_every_change_of_an_operation_changes_its_digest():
    variants = [
        operation(),
        operation(new={"value": "ICML 2027"}),
        operation(reason="accepted, really"),
        operation(confidence=0.76),
        operation(old={"value": "none"}),
        operation(evidence=(operation().evidence[0].model_copy(update={"quote": "Accepted"}),)),
    ]
    assert len({variant.digest for variant in variants}) == len(variants)


def test_the_meaning_of_a_new_paper_is_all_its_names():
    new = operation(
        kind="add", field="", old=None, group="structural", target="papers/x", new={"title": "X"},
        names=("arxiv:2601.1", "title:x"),
    )  # fmt: skip
    assert meanings(new) == {"new arxiv:2601.1", "new title:x"}


def test_a_new_paper_is_found_judged_and_filed(visit, toy_world, settings, root, workspace, transport_to):
    toy_world.add(
        Preprint(
            "2611.00001", "Replaying Less: Knowledge Injection into Vision-Language Models without Forgetting",
            "We inject new knowledge into a vision-language model and keep its abilities by replay and distillation.",
        ),
        Preprint("2611.00002", "Counting Sheep in Aerial Images", "We count sheep."),
    )  # fmt: skip
    toy_world.found["all:injection"] = ["2611.00001", "2611.00002"]
    arxiv = settings.sources | {
        "arxiv": settings.sources["links"].model_copy(update={"enabled": True, "queries": ("all:injection",)})
    }
    finding = settings.model_copy(update={"sources": arxiv})
    transport, known = transport_to(), registry.load(Path(registry.__file__).parent / "data")
    planned = run.plan(registry.load(root), finding, run.chosen(finding, ["arxiv"]), set())
    report = run.propose(run.fetch(planned, transport), known, finding, workspace)
    new = [op for op in report.outcome.operations if op.is_new_entry]
    assert [op.target for op in new] == ["papers/replaying-less-2026"]
    assert new[0].group == "structural"
    assert new[0].new["status"][0]["state"] == "candidate"
    assert sum(line.startswith("near:") for line in new[0].why) == 3
