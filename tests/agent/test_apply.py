"""Only what a person approved reaches the registry: all or nothing, at any moment, and the log can prove it."""

from __future__ import annotations

import contextlib
import json
import subprocess
from pathlib import Path

import pytest

import registry
from agent import apply as applying
from agent import files
from agent.apply import apply, base_digest
from agent.ledger import LedgerError
from agent.proposals import Approved, DriftError, Verdict
from agent.review.session import Session
from agent.verify import verify
from registry import store


def proposal(desk, target: str, field: str):
    return next(op for op in desk.workspace.operations() if (op.target, op.field) == (target, field))


def git(folder: Path, *words: str, author: str = "Ada <ada@example.org>") -> None:
    name, _, address = author.partition(" <")
    who = ["-c", f"user.name={name}", "-c", f"user.email={address.rstrip('>')}"]
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True)


def committed(root: Path) -> None:
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "import")


def test_an_approved_operation_is_written_and_closed(desk, clock):
    desk.session.decide(proposal(desk, "papers/alpha", "venue"), "approve")
    result = apply(desk.workspace, desk.root, clock.now())
    assert [path.name for path in result.written] == ["alpha.yaml"]
    paper = registry.load(desk.root).papers["alpha"]
    assert paper.venue.value == "ICML 2026"
    assert paper.venue.confidence == "comment"
    assert "Accepted to ICML 2026" in (paper.venue.evidence or "")
    assert all(op.target != "papers/alpha" for op in desk.workspace.operations())


def test_nothing_is_written_without_an_approval(desk, clock):
    before = {path: path.read_bytes() for path in desk.root.rglob("*.yaml")}
    desk.session.decide(proposal(desk, "papers/alpha", "venue"), "needs-more", reason="which track?")
    desk.session.decide(proposal(desk, "repositories/lab-alpha", "stars"), "reject", reason="no")
    result = apply(desk.workspace, desk.root, clock.now())
    assert result.written == ()
    assert {path: path.read_bytes() for path in desk.root.rglob("*.yaml")} == before


def test_several_operations_of_one_entry_are_one_change(desk, clock):
    count = desk.session.approve_all("mechanical")
    result = apply(desk.workspace, desk.root, clock.now())
    assert len(result.operations) == count
    assert len(result.written) < count
    assert registry.load(desk.root).repositories["lab-alpha"].stars.value == 150


def test_a_dry_run_writes_nothing(desk, clock):
    desk.session.approve_all("mechanical")
    before = {path: path.read_bytes() for path in desk.root.parent.rglob("*") if path.is_file()}
    result = apply(desk.workspace, desk.root, clock.now(), dry=True)
    assert result.operations
    assert {path: path.read_bytes() for path in desk.root.parent.rglob("*") if path.is_file()} == before


def test_a_persons_own_value_is_written_as_theirs(desk, clock):
    venue = proposal(desk, "papers/alpha", "venue")
    value = {**venue.new, "value": "ICML 2026 (oral)", "confidence": "human"}
    desk.session.decide(venue, "edit", value=value)
    apply(desk.workspace, desk.root, clock.now())
    paper = registry.load(desk.root).papers["alpha"]
    assert (paper.venue.value, paper.venue.confidence) == ("ICML 2026 (oral)", "human")


# Drift


def test_an_approval_is_void_when_the_entry_has_changed(desk, clock):
    desk.session.decide(proposal(desk, "papers/alpha", "venue"), "approve")
    file = desk.root / "papers" / "alpha.yaml"
    file.write_text(file.read_text().replace("The alpha method", "The great alpha method"))
    result = apply(desk.workspace, desk.root, clock.now())
    assert result.written == ()
    assert "the entry has changed since the approval" in result.refused[0][1]
    session = Session(desk.workspace, registry.load(desk.root), "Ada")
    card = next(card for card in session.cards() if card.target == "papers/alpha")
    assert card.state == "open"
    assert "an earlier verdict is void" in card.note


def test_an_approval_is_void_when_one_byte_of_the_evidence_changes(desk, clock):
    venue = proposal(desk, "papers/alpha", "venue")
    desk.session.decide(venue, "approve")
    excerpt = desk.workspace.folder / "evidence" / f"{venue.evidence[0].content}.txt"
    excerpt.write_text(excerpt.read_text().replace("2026", "2027"))
    result = apply(desk.workspace, desk.root, clock.now())
    assert result.written == ()
    assert "evidence" in result.refused[0][1]


def test_an_approval_is_void_when_the_proposal_was_edited_by_hand(desk, clock):
    desk.session.decide(proposal(desk, "papers/alpha", "venue"), "approve")
    file = next((desk.workspace.folder / "open").glob("papers.alpha.venue.*"))
    file.write_text(file.read_text().replace("value: ICML 2026", "value: ICML 2027"))
    assert apply(desk.workspace, desk.root, clock.now()).written == ()
    assert any(event.event == "void" for event in desk.workspace.ledger.events())


def test_an_approval_is_void_when_newer_evidence_replaces_the_proposal(desk, clock, visit, toy_world):
    desk.session.decide(proposal(desk, "papers/alpha", "venue"), "approve")
    toy_world.papers["2601.00001"].comment = "Accepted to ICML 2026 as an oral"
    visit()
    assert apply(desk.workspace, desk.root, clock.now()).written == ()
    reasons = [event.data.get("reason") for event in desk.workspace.ledger.events() if event.event == "void"]
    assert "replaced by newer evidence" in str(reasons)


def test_a_proposal_that_expects_another_value_is_a_conflict(desk):
    file = desk.root / "papers" / "alpha.yaml"
    file.write_text(file.read_text().replace("value: arXiv", "value: CVPR 2026"))
    session = Session(desk.workspace, registry.load(desk.root), "Ada")
    card = next(card for card in session.cards() if card.target == "papers/alpha")
    assert "expected arXiv, now CVPR 2026, proposed ICML 2026" in card.conflict
    with pytest.raises(ValueError, match="cannot be carried out"):
        session.decide(proposal(desk, "papers/alpha", "venue"), "approve")


def test_approved_cannot_be_built_from_anything_else(desk, clock):
    venue = proposal(desk, "papers/alpha", "venue")
    base = base_digest(desk.session.catalog, venue.target)
    good = Verdict(operation=venue.digest, base=base, word="approve", reviewer="Ada", at=clock.now())
    assert Approved(venue, good, base).effective == venue
    rejected = Verdict(operation=venue.digest, base=base, word="reject", reviewer="Ada", at=clock.now(), reason="no")
    other = good.model_copy(update={"operation": "0" * 64})
    for verdict, now in ((rejected, base), (other, base), (good, "f" * 64)):
        with pytest.raises(DriftError):
            Approved(venue, verdict, now)


# Killed at any moment


class KilledError(BaseException):
    """Not an Exception: nothing may catch it, as nothing catches a kill."""


def killing_after(monkeypatch, writes: int) -> None:
    """Die at the n-th write, before it or after it, wherever it happens: log, intent, proposals, entries."""
    left = [writes]

    def counted(real):
        def write(*args, **kwargs):
            left[0] -= 1
            if left[0] == 0:
                raise KilledError
            return real(*args, **kwargs)

        return write

    monkeypatch.setattr(files, "write_text", counted(files.write_text))
    for module in (applying, __import__("agent.ledger").ledger, __import__("agent.workspaces").workspaces):
        monkeypatch.setattr(module, "write_text", counted(module.write_text))
    monkeypatch.setattr(store, "_write_down", counted(store._write_down))
    monkeypatch.setattr(Path, "replace", counted(Path.replace))
    monkeypatch.setattr(Path, "unlink", counted(Path.unlink))


@pytest.mark.parametrize("writes", range(1, 26))
def test_a_kill_at_any_write_leaves_old_or_new_and_the_next_run_completes(desk, clock, monkeypatch, writes):
    desk.session.decide(proposal(desk, "papers/alpha", "venue"), "approve")
    desk.session.decide(proposal(desk, "repositories/lab-alpha", "stars"), "approve")
    with monkeypatch.context() as patch:
        killing_after(patch, writes)
        with contextlib.suppress(KilledError):
            apply(desk.workspace, desk.root, clock.now())
    store.recover(desk.root)
    catalog = registry.load(desk.root)
    state = (catalog.papers["alpha"].venue.value, catalog.repositories["lab-alpha"].stars.value)
    assert state in {("arXiv", 100), ("ICML 2026", 150)}
    apply(desk.workspace, desk.root, clock.now())
    catalog = registry.load(desk.root)
    assert (catalog.papers["alpha"].venue.value, catalog.repositories["lab-alpha"].stars.value) == ("ICML 2026", 150)
    assert sum(event.event == "applied" for event in desk.workspace.ledger.events()) == 1
    assert not applying.intent_file(desk.workspace).exists()
    assert len(desk.workspace.applied_digests()) == 2
    assert apply(desk.workspace, desk.root, clock.now()).written == ()


# The log and the proof


def test_a_reviewed_applied_change_is_accounted_for(desk, clock):
    committed(desk.root)
    desk.session.approve_all("mechanical")
    apply(desk.workspace, desk.root, clock.now())
    proof = verify(desk.workspace, desk.root)
    assert proof.problems == ()
    assert proof.covered > 0
    git(desk.root, "commit", "-q", "-am", "apply", author="github-actions[bot] <bot@example.org>")
    assert verify(desk.workspace, desk.root).problems == ()


def test_a_change_by_a_bot_without_an_approval_is_found(desk):
    committed(desk.root)
    file = desk.root / "papers" / "alpha.yaml"
    file.write_text(file.read_text().replace("arXiv", "NeurIPS 2026"))
    assert "changed here by hand and not committed" in verify(desk.workspace, desk.root).problems[0]
    git(desk.root, "commit", "-q", "-am", "sneaky", author="aki-agent[bot] <bot@example.org>")
    assert "without an approval in the log" in verify(desk.workspace, desk.root).problems[0]


def test_a_change_by_a_person_is_theirs(desk):
    committed(desk.root)
    file = desk.root / "papers" / "alpha.yaml"
    file.write_text(file.read_text().replace("arXiv", "NeurIPS 2026"))
    git(desk.root, "commit", "-q", "-am", "I was there")
    proof = verify(desk.workspace, desk.root)
    assert proof.problems == ()
    assert proof.human == 1


@pytest.mark.parametrize("how", ["edit", "drop", "swap"])
def test_a_log_that_was_tampered_with_is_not_believed(desk, how):
    committed(desk.root)
    desk.session.decide(proposal(desk, "papers/alpha", "venue"), "approve")
    desk.session.decide(proposal(desk, "repositories/lab-alpha", "stars"), "reject", reason="no")
    path = desk.workspace.ledger.path
    first, second = path.read_text().splitlines()
    tampered = {"edit": [first.replace("Ada", "Eve"), second], "drop": [second], "swap": [second, first]}[how]
    path.write_text("\n".join(tampered) + "\n")
    with pytest.raises(LedgerError):
        desk.workspace.ledger.events()
    assert verify(desk.workspace, desk.root).problems


def test_a_reviewer_that_is_a_bot_is_found(desk, clock):
    committed(desk.root)
    session = Session(desk.workspace, desk.session.catalog, "renovate[bot]", clock=clock.now)
    session.decide(proposal(desk, "papers/alpha", "venue"), "approve")
    apply(desk.workspace, desk.root, clock.now())
    assert any("is no person" in problem for problem in verify(desk.workspace, desk.root).problems)


def test_the_log_says_who_decided_what_and_when(desk):
    desk.session.decide(proposal(desk, "papers/alpha", "venue"), "approve", seconds=4.2)
    line = json.loads(desk.workspace.ledger.path.read_text())
    assert line["data"]["verdict"]["reviewer"] == "Ada"
    assert line["data"]["verdict"]["seconds"] == 4.2
    assert line["data"]["about"]["target"] == "papers/alpha"
    assert line["previous"] == "0" * 64
