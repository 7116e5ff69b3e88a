"""Proof that every canonical change since the import came through an approval or a human commit.

Three checks: the log's chain is whole; everything it says was applied had a standing approval of exactly that
operation, with evidence that is still what it was; and every change that git knows of, or that lies uncommitted, is
either part of the chain of applied digests or the commit of a person. Where there is a list of those who may sign,
signatures under the log are checked too.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agent.ledger import Event, LedgerError
from agent.proposals import ABSENT, Operation, Verdict
from agent.signing import Signed, check
from agent.workspaces import Workspace
from registry import textyaml
from registry.catalog import DATA, digest
from registry.schema import KINDS

BOTS = ("[bot]", "github-actions", "aki-agent")
"""Parts of author names and addresses that are no person."""


@dataclass(frozen=True)
class Proof:
    """What was checked, and what is wrong."""

    events: int
    verdicts: int
    applied: int
    commits: int
    """Commits that touch the data, the first one (the import) left out."""
    covered: int
    """Changes of entries that the log covers."""
    human: int
    """Changes of entries by people's commits."""
    problems: tuple[str, ...]
    signed: Signed = field(default_factory=Signed)


def verify(workspace: Workspace, root: Path | None = None, allowed: Path | None = None) -> Proof:
    """Check log, evidence, signatures and history.

    Args:
        workspace: with the log.
        root: the registry's data folder.
        allowed: those who may sign the log; by default `agent/allowed_signers` where there is one.

    Raises:
        SigningError: signatures cannot be checked.
    """
    try:
        events = workspace.ledger.events()
    except LedgerError as error:
        return Proof(0, 0, 0, 0, 0, 0, (str(error),))
    problems = [*approvals_hold(events), *evidence_holds(events, workspace)]
    signed = check(workspace, events, allowed)
    problems += signed.problems
    folder = DATA if root is None else root
    commits, covered, human, unexplained = history(folder, chain(events))
    problems += unexplained
    return Proof(
        events=len(events),
        verdicts=sum(event.event == "verdict" for event in events),
        applied=sum(event.event == "applied" for event in events),
        commits=commits,
        covered=covered,
        human=human,
        problems=tuple(problems),
        signed=signed,
    )


def approvals_hold(events: Sequence[Event]) -> list[str]:
    """Every applied operation was approved before, by a person, exactly as it was."""
    problems: list[str] = []
    standing: dict[str, tuple[int, Verdict]] = {}
    for event in events:
        match event.event:
            case "verdict":
                verdict = Verdict.model_validate(event.data["verdict"])
                operation = Operation.model_validate(event.data["proposal"])
                if operation.digest != verdict.operation:
                    problems.append(f"log line {event.number}: the proposal is not the one the verdict names")
                standing[verdict.operation] = (event.number, verdict)
            case "undo" | "void":
                standing = {d: (n, v) for d, (n, v) in standing.items() if str(n) != str(event.data.get("of"))}
            case "applied":
                operations = event.data.get("operations")
                for one in operations if isinstance(operations, list) else []:
                    problems += approval_of(str(one), standing, event.number)
    return problems


def approval_of(operation: str, standing: Mapping[str, tuple[int, Verdict]], line: int) -> list[str]:
    """What is wrong with the approval of one applied operation."""
    if operation not in standing:
        return [f"log line {line}: {operation[:12]} was applied without a standing verdict"]
    number, verdict = standing[operation]
    if verdict.word not in {"approve", "edit"}:
        return [f"log line {line}: {operation[:12]} was applied although line {number} says '{verdict.word}'"]
    if is_bot(verdict.reviewer):
        return [f"log line {number}: the reviewer '{verdict.reviewer}' is no person"]
    return []


def evidence_holds(events: Sequence[Event], workspace: Workspace) -> list[str]:
    """Every excerpt that a verdict rests on is there, unchanged, with the quoted words in it."""
    problems = []
    for event in events:
        if event.event != "verdict":
            continue
        for evidence in Operation.model_validate(event.data["proposal"]).evidence:
            excerpt = workspace.excerpt(evidence.content)
            if excerpt is None:
                problems.append(f"log line {event.number}: evidence {evidence.content[:12]} is missing or was changed")
            elif evidence.quote not in excerpt:
                problems.append(f"log line {event.number}: the quoted words are not in {evidence.content[:12]}")
    return problems


def chain(events: Sequence[Event]) -> dict[str, dict[str, set[str]]]:
    """Reference → digest before → digests that applied runs made of it."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for event in events:
        before, after = event.data.get("before"), event.data.get("after")
        if event.event == "applied" and isinstance(before, dict) and isinstance(after, dict):
            for ref, old in before.items():
                found[ref][str(old)].add(str(after[ref]))
    return found


def reaches(steps: Mapping[str, set[str]], start: str, goal: str) -> bool:
    """Whether applied runs lead from one digest to the other."""
    waiting, seen = [start], {start}
    while waiting:
        here = waiting.pop()
        if here == goal:
            return True
        for there in steps.get(here, set()) - seen:
            seen.add(there)
            waiting.append(there)
    return False


def history(folder: Path, steps: Mapping[str, Mapping[str, set[str]]]) -> tuple[int, int, int, list[str]]:
    """(commits, covered changes, human changes, unexplained ones) of the data in git, uncommitted ones included."""
    log = git(folder, "log", "--no-merges", "--reverse", "--format=%x01%H%x00%an%x00%ae", "--name-only", "--", ".")
    if log is None:
        return 0, 0, 0, ["the registry is not in a git repository; its history cannot be checked"]
    commits, covered, human, problems = 0, 0, 0, []
    for index, block in enumerate(log.split("\x01")[1:]):
        head, *files = block.splitlines()
        commit, name, address = head.split("\x00")
        if index == 0:
            continue
        commits += 1
        changed = [ref for file in files if file and (ref := reference(file))]
        if not is_bot(name) and not is_bot(address):
            human += len(changed)
            continue
        for ref in changed:
            before, after = at(folder, f"{commit}^", ref), at(folder, commit, ref)
            if before == after or reaches(dict(steps.get(ref, {})), before, after):
                covered += 1
            else:
                problems.append(f"{ref}: commit {commit[:10]} by {name} changed it without an approval in the log")
    for ref in uncommitted(folder):
        before, after = at(folder, "HEAD", ref), now(folder, ref)
        if before == after or reaches(dict(steps.get(ref, {})), before, after):
            covered += 1
        else:
            problems.append(f"{ref}: changed here by hand and not committed; commit it under your name or take it back")
    return commits, covered, human, problems


def uncommitted(folder: Path) -> list[str]:
    """References of entries that differ from the last commit."""
    lines = (git(folder, "status", "--porcelain", "--untracked-files=all", "--", ".") or "").splitlines()
    return sorted({ref for line in lines for file in line[3:].split(" -> ") if (ref := reference(file.strip('"')))})


def reference(path: str) -> str | None:
    """`papers/kore-2025` of `registry/data/papers/kore-2025.yaml`."""
    parts = Path(path).parts
    if len(parts) < 2 or parts[-2] not in KINDS or not path.endswith(".yaml"):
        return None
    return f"{parts[-2]}/{Path(path).stem}"


def at(folder: Path, commit: str, ref: str) -> str:
    """Digest of an entry in a commit, `absent` when it is not there."""
    content = git(folder, "show", f"{commit}:./{ref}.yaml")
    return ABSENT if content is None else digest_of(ref, content)


def now(folder: Path, ref: str) -> str:
    """Digest of an entry as it lies in the folder."""
    path = folder / f"{ref}.yaml"
    return digest_of(ref, path.read_text("utf-8")) if path.exists() else ABSENT


def digest_of(ref: str, text: str) -> str:
    """The digest that the registry gives the entry; of the bare text when it does not parse today."""
    try:
        return digest(textyaml.parse(KINDS[ref.partition("/")[0]], text))
    except ValueError:
        return hashlib.sha256(text.encode()).hexdigest()


def is_bot(name: str) -> bool:
    """Whether a name or address is no person's."""
    return any(part in name.lower() for part in BOTS)


def git(folder: Path, *arguments: str) -> str | None:
    """Output of git in that folder, None when it fails."""
    try:
        found = subprocess.run(
            ["git", "-C", str(folder), "-c", "core.quotepath=off", *arguments],
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
    except OSError:
        return None
    return found.stdout if found.returncode == 0 else None
