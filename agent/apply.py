"""Approved operations become entries: the only way from the workspace into the registry.

One run is one transaction. Order: intent into the workspace, all entries through `registry.store` (old or new, never
a mixture), one line into the decision log, proposals closed, intent removed. A run killed anywhere is completed by the
next: the intent says what was to become of which entry, so it is plain whether the registry is old or already new.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import Field, ValidationError

from agent.edits import ConflictError, UnfitError, applied, find
from agent.files import write_text
from agent.messages import Model
from agent.proposals import ABSENT, GROUPS, Approved, DriftError, Group, Operation, Verdict
from agent.workspaces import Workspace, WorkspaceError
from registry import store
from registry.catalog import Catalog, digest, load
from registry.schema import Entry


class Intent(Model):
    """What an apply run is about to do."""

    before: dict[str, str]
    """Reference → digest of the entry as it was, `absent` for a new one."""
    after: dict[str, str]
    """Reference → digest of the entry as it will be."""
    operations: tuple[str, ...]
    verdicts: tuple[str, ...] = Field(default=())
    """Reviewers, one per operation."""


@dataclass(frozen=True)
class Result:
    """What an apply run did."""

    written: tuple[Path, ...]
    operations: tuple[Operation, ...]
    refused: tuple[tuple[Operation, str], ...] = ()
    """Approved ones that no longer fit, with the reason; their verdicts are void."""
    completed: bool = False
    """Whether an earlier run that was interrupted has been completed first."""


def base_digest(catalog: Catalog, target: str) -> str:
    """Digest of the entry as it is now, `absent` when there is none."""
    entry = find(catalog, target)
    return ABSENT if entry is None else digest(entry)


def approvals(workspace: Workspace, catalog: Catalog) -> tuple[list[Approved], list[tuple[Operation, Verdict, str]]]:
    """Approved operations that fit, and those whose approval is void, with the reason."""
    verdicts, fitting, void = workspace.verdicts(), [], []
    for operation in workspace.operations():
        verdict = verdicts.get(operation.digest)
        if verdict is None or verdict.word not in {"approve", "edit"}:
            continue
        try:
            for evidence in operation.evidence:
                if workspace.excerpt(evidence.content) is None:
                    raise DriftError(f"{operation.target}: the evidence {evidence.content[:12]} is gone or was changed")
            fitting.append(Approved(operation, verdict, base_digest(catalog, operation.target)))
        except DriftError as error:
            void.append((operation, verdict, str(error)))
    return fitting, void


def lost_approvals(workspace: Workspace) -> list[Verdict]:
    """Approvals whose proposal is no longer open as it was: replaced by newer evidence, or edited by hand."""
    open_now = {operation.digest for operation in workspace.operations()}
    done = workspace.applied_digests()
    return [
        verdict
        for verdict in workspace.verdicts().values()
        if verdict.word in {"approve", "edit"} and verdict.operation not in open_now | done
    ]


def results(approved: Sequence[Approved], catalog: Catalog) -> tuple[dict[str, Entry], list[tuple[Approved, str]]]:
    """Reference → entry after all its approved operations; and the operations that could not be carried out."""
    by_target: dict[str, list[Approved]] = defaultdict(list)
    for one in approved:
        by_target[one.operation.target].append(one)
    entries: dict[str, Entry] = {}
    refused: list[tuple[Approved, str]] = []
    for target, several in by_target.items():
        entry = find(catalog, target)
        for one in several:
            try:
                entry = applied(entry, one.effective)
            except (ConflictError, UnfitError) as error:
                refused.append((one, str(error)))
        if entry is not None and entry != find(catalog, target):
            entries[target] = entry
    return entries, refused


def apply(workspace: Workspace, root: Path | None, at: datetime, *, dry: bool = False) -> Result:
    """Carry out everything that is approved and still fits.

    Args:
        workspace: where the approvals are.
        root: the registry's data folder; None is the project's own.
        at: the time for the log.
        dry: only say what would happen.

    Raises:
        store.InvalidError: the registry would have errors afterwards; nothing was written.
    """
    completed = False if dry else recover(workspace, root, at)
    catalog = load(root)
    approved, void = approvals(workspace, catalog)
    entries, refused = results(approved, catalog)
    failed = {id(one) for one, _ in refused}
    done = tuple(one for one in approved if id(one) not in failed)
    problems = [*((op, why) for op, _, why in void), *((one.operation, why) for one, why in refused)]
    operations = tuple(one.operation for one in done)
    if dry:
        return Result(tuple(Path(f"{ref}.yaml") for ref in entries), operations, tuple(problems))
    set_aside(workspace, [*((op, why) for op, _, why in void), *((one.operation, why) for one, why in refused)], at)
    if not done:
        return Result((), (), tuple(problems), completed)
    intent = intended(catalog, entries, done)
    write_text(intent_file(workspace), intent.model_dump_json(indent=1) + "\n")
    try:
        written = store.write(changes_of(intent, entries), root)
    except (store.InvalidError, store.StaleError):
        intent_file(workspace).unlink(missing_ok=True)
        raise
    conclude(workspace, intent, at)
    return Result(tuple(written), operations, tuple(problems), completed)


def by_group(workspace: Workspace, root: Path) -> Iterator[tuple[Group, Result]]:
    """Carry out everything that is approved, one transaction per risk group, riskiest first.

    For branches with a commit per group, in a copy of the registry and the workspace. What was approved for one entry
    in several groups was approved against the entry as it was before all of them, so the entries of each step are
    computed from there. A log line has the time of the last verdict in it: the same approvals give the same bytes.

    Raises:
        store.InvalidError: the registry would have errors after a step; that step was not written.
    """
    catalog = load(root)
    approved, void = approvals(workspace, catalog)
    _, refused = results(approved, catalog)
    failed = {id(one) for one, _ in refused}
    fitting = [one for one in approved if id(one) not in failed]
    problems = [*((op, why) for op, _, why in void), *((one.operation, why) for one, why in refused)]
    if problems or fitting:
        moment = max(verdict.at for _, verdict in workspace.standing())
        set_aside(workspace, problems, moment)
    so_far: list[Approved] = []
    for group in GROUPS:
        members = [one for one in fitting if one.operation.group == group]
        if not members:
            continue
        so_far += members
        entries, _ = results(so_far, catalog)
        now = load(root)
        changed = {ref: entry for ref, entry in entries.items() if base_digest(now, ref) != digest(entry)}
        intent = intended(now, changed, members)
        written = store.write(changes_of(intent, changed), root)
        conclude(workspace, intent, max(one.verdict.at for one in members))
        yield group, Result(tuple(written), tuple(one.operation for one in members), tuple(problems))


def intended(catalog: Catalog, entries: Mapping[str, Entry], approved: Sequence[Approved]) -> Intent:
    """What is about to happen, written down before it does."""
    return Intent(
        before={ref: base_digest(catalog, ref) for ref in entries},
        after={ref: digest(entry) for ref, entry in entries.items()},
        operations=tuple(one.operation.digest for one in approved),
        verdicts=tuple(one.verdict.reviewer for one in approved),
    )


def changes_of(intent: Intent, entries: Mapping[str, Entry]) -> list[store.Change]:
    """The entries as the store takes them, each bound to what it replaces."""
    return [store.Change(ref.partition("/")[0], entry, expected=intent.before[ref]) for ref, entry in entries.items()]


def intent_file(workspace: Workspace) -> Path:
    """Where the intent of a running apply stands."""
    return workspace.folder / "applying.json"


def recover(workspace: Workspace, root: Path | None, at: datetime) -> bool:
    """Complete or take back what an interrupted run left behind; whether there was something.

    Raises:
        WorkspaceError: the registry is neither as it was before that run nor as it should be after it.
    """
    unfinished = store.recover(root)
    path = intent_file(workspace)
    if not path.exists():
        return unfinished
    try:
        intent = Intent.model_validate_json(path.read_text("utf-8"))
    except ValidationError:
        path.unlink()
        return True
    catalog = load(root)
    now = {ref: base_digest(catalog, ref) for ref in intent.after}
    if now == intent.after:
        conclude(workspace, intent, at)
        return True
    if now == intent.before:
        path.unlink()
        return True
    changed = ", ".join(ref for ref in now if now[ref] not in {intent.before[ref], intent.after[ref]}) or "some entries"
    raise WorkspaceError(
        f"an interrupted apply run and a later change touch the same entries ({changed}); "
        f"look at git diff, then delete {path}"
    )


def conclude(workspace: Workspace, intent: Intent, at: datetime) -> None:
    """Write the log line if it is not there yet, close the proposals, remove the intent."""
    if not set(intent.operations) <= workspace.applied_digests():
        workspace.ledger.append(
            "applied",
            {
                "operations": list(intent.operations),
                "reviewers": sorted(set(intent.verdicts)),
                "before": dict(sorted(intent.before.items())),
                "after": dict(sorted(intent.after.items())),
            },
            at,
        )
    workspace.close(intent.operations)
    intent_file(workspace).unlink(missing_ok=True)


def set_aside(workspace: Workspace, problems: Sequence[tuple[Operation, str]], at: datetime) -> None:
    """Void the verdicts that no longer fit, with the reason, so that the proposals ask for a new one."""
    reasons = {operation.digest: why for operation, why in problems}
    for number, verdict in workspace.standing():
        if verdict.operation in reasons:
            workspace.ledger.append("void", {"of": number, "reason": reasons[verdict.operation]}, at)
    for verdict in lost_approvals(workspace):
        number = next(n for n, standing in workspace.standing() if standing == verdict)
        reason = "the proposal was replaced by newer evidence or changed by hand"
        workspace.ledger.append("void", {"of": number, "reason": reason}, at)
