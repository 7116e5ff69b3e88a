"""What the two branches hold, as files. Pure but for a scratch folder: nothing here speaks to GitHub.

The branch of proposals holds the workspace. The branch of approvals holds, commit by commit, the entries of one risk
group, the decision log up to there and the pages rendered from the registry, so that each commit passes the checks.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.apply import by_group
from agent.proposals import Group, Operation
from agent.pulls.body import LIMIT, span
from agent.review.session import headline
from agent.workspaces import Workspace
from registry.catalog import DATA, load

WORKSPACE = "agent/workspace"
"""Where the workspace lies in the repository, wherever it lies here."""
REGISTRY = "registry/data"
HANDED_OVER = """\
Approved by people, applied by `aki agent pr approved`, one commit per group. Each line of the decision log is bound to
the operation and the entry as they were seen; `aki agent verify` checks that nothing else changed.
"""
KEPT = ("open/*.yaml", "evidence/*.txt", "imported/*.yaml", "signed/*.sig", "decided.jsonl", "visits.json")


@dataclass(frozen=True)
class Step:
    """One commit to be: a message, and files by their path in the repository; None removes one."""

    message: str
    files: Mapping[str, str | None]


@dataclass(frozen=True)
class Approvals:
    """The branch of approvals."""

    steps: tuple[Step, ...]
    operations: tuple[Operation, ...]
    refused: tuple[str, ...]
    text: str
    """Of its pull request."""
    touched: Mapping[str, str | None]
    """Registry file → its text here before the first step; what the default branch must still say."""


def workspace_files(workspace: Workspace) -> dict[str, str]:
    """Path in the repository → text of every file of the workspace that is worth keeping."""
    found = {}
    for pattern in KEPT:
        for path in sorted(workspace.folder.glob(pattern)):
            inside = path.relative_to(workspace.folder).as_posix()
            found[f"{WORKSPACE}/{inside}"] = path.read_text("utf-8", errors="surrogatepass")
    return found


def approvals(workspace: Workspace, root: Path | None, remembered: int = 0) -> Approvals:
    """The commits for everything that is approved.

    Args:
        workspace: with the verdicts; it is not changed.
        root: the registry's data folder; it is not changed.
        remembered: lines of the decision log that the default branch has already.

    Raises:
        store.InvalidError: the registry would have errors.
    """
    with tempfile.TemporaryDirectory() as scratch:
        data, desk = Path(scratch) / "data", Workspace(Path(scratch) / "workspace")
        shutil.copytree(DATA if root is None else root, data, ignore=shutil.ignore_patterns(".*"))
        if workspace.folder.exists():
            shutil.copytree(workspace.folder, desk.folder)
        before = registry_files(data)
        verdicts = {verdict.operation: verdict.reviewer for _, verdict in desk.standing()}
        steps: list[Step] = []
        operations: list[Operation] = []
        refused: tuple[str, ...] = ()
        last = {**before, **front_pages(data)}
        for group, result in by_group(desk, data):
            now = {**registry_files(data), **front_pages(data)}
            files: dict[str, str | None] = {path: text for path, text in now.items() if last.get(path) != text}
            steps.append(Step(message(group, result.operations), {**files, **workspace_files(desk)}))
            operations += result.operations
            refused = tuple(f"{op.target} {op.field}: {why}" for op, why in result.refused)
            last = now
        if not steps and len(desk.ledger.events()) > remembered:
            steps.append(Step("Remember what was decided on the agent's proposals", workspace_files(desk)))
        touched = {path for step in steps for path in step.files if path.startswith(f"{REGISTRY}/")}
        return Approvals(
            steps=tuple(steps),
            operations=tuple(operations),
            refused=refused,
            text=text_of(operations, verdicts, refused),
            touched={path: before.get(path) for path in sorted(touched)},
        )


def registry_files(data: Path) -> dict[str, str]:
    """Path in the repository → text of every entry."""
    return {f"{REGISTRY}/{p.relative_to(data).as_posix()}": p.read_text("utf-8") for p in sorted(data.rglob("*.yaml"))}


def front_pages(data: Path) -> dict[str, str]:
    """README and its like as the registry renders them."""
    from registry.readme import front_pages as rendered

    return rendered(load(data))


def message(group: Group, operations: Sequence[Operation]) -> str:
    """A commit's message: our own ids and field names only, as words from outside could close issues or skip checks."""
    lines = [f"- {op.target} {op.field or 'new entry'} ({op.digest[:12]})" for op in operations]
    return f"Registry: {len(operations)} approved {group} changes\n\n" + "\n".join(lines)


def text_of(operations: Sequence[Operation], reviewers: Mapping[str, str], refused: Sequence[str]) -> str:
    """The text of the pull request: who approved what."""
    if not operations:
        return "What was decided on the agent's proposals, so that it is remembered. No entry changes.\n"
    lines = [
        HANDED_OVER,
        "| group | change | approved by |",
        "|---|---|---|",
    ]
    room = LIMIT - 2_000
    for number, op in enumerate(operations):
        line = f"| {op.group} | {span(headline(op).replace('|', '¦'))} | {span(reviewers.get(op.digest, ''))} |"
        room -= len(line) + 1
        if room < 0:
            lines.append(f"| | and {len(operations) - number} more: see the commits | |")
            break
        lines.append(line)
    lines += [f"\n- not applied: {span(line)}" for line in refused[:20]]
    return "\n".join(lines) + "\n"


def blob_name(text: str) -> str:
    """The name that git gives to a file of this content."""
    content = text.encode("utf-8", "surrogatepass")
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
