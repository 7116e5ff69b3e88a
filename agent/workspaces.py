"""The review-only workspace on disk: nothing in it is canonical, everything in it can be read by a person.

open/<kind>.<id>.<field>.<digest>.yaml   proposals waiting for a verdict or to be applied
evidence/<content>.txt                   excerpts of answers, named by their SHA-256
imported/<name>.yaml                     papers from somebody's collection that are no proposals yet
signed/<line>.<digest>.sig               signatures under lines of the decision log
decided.jsonl                            the decision log, append-only and hash-chained
visits.json                              when each source was last heard, first signs of absence, what failed
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from pydantic import Field, ValidationError

from agent.files import write_text
from agent.ledger import Ledger
from agent.memory import Rejection, contents_by_source
from agent.messages import Model, Moment, sha256
from agent.proposals import AskAgain, Operation, Verdict, meanings
from registry import textyaml

DEFAULT = Path(__file__).parent / "workspace"


class WorkspaceError(ValueError):
    """Something in the workspace is damaged or in the way; says what to do."""


class SourceVisit(Model):
    """How the visits to one source went."""

    interval_days: int = 7
    last_attempt: Moment | None = None
    last_success: Moment | None = None
    """Last visit without a problem."""
    requests: dict[str, int] = Field(default_factory=dict)
    """Host → requests of the last visit."""
    problems: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    failures: int = 0
    """Visits with problems in a row."""


class Failing(Model):
    """One thing that a source could not be asked about, although the source itself answered."""

    source: str
    subject: str
    """External name, `arxiv:2505.24440`."""
    entries: tuple[str, ...]
    """The entries that it stands for, `papers/kore-2025`."""
    since: Moment
    """First failed visit in a row."""
    last: Moment
    attempts: int = Field(ge=1)
    """Failed visits in a row."""
    error: str
    """Class of the last error: `timeout`, `HTTP 401`, `not returned`."""


class Visits(Model):
    """What has to be remembered between visits."""

    sources: dict[str, SourceVisit] = Field(default_factory=dict)
    absent_since: dict[str, date] = Field(default_factory=dict)
    """Subject → day on which it was first not found; gone only after a second time a week later."""
    versions: dict[str, str] = Field(default_factory=dict)
    """arXiv subject → version last seen."""
    carried: int = 0
    """Proposals held back by the limit on open ones; they come when there is room."""
    pages: dict[str, str] = Field(default_factory=dict)
    """Watched page → digest of its main text when last read."""
    failing: tuple[Failing, ...] = ()
    """By source and subject; an answer ends the row."""

    @property
    def latest(self) -> datetime:
        """When any source was last asked; the beginning of time before the first visit."""
        attempts = [visit.last_attempt for visit in self.sources.values() if visit.last_attempt]
        return max(attempts, default=datetime.min.replace(tzinfo=UTC))


class Workspace:
    """The folder and its files."""

    def __init__(self, folder: Path = DEFAULT) -> None:
        self.folder = folder
        self.ledger = Ledger(folder / "decided.jsonl")

    @property
    def option(self) -> str:
        """What a command needs to find this workspace: nothing when it is the usual one."""
        return "" if self.folder.absolute() == DEFAULT.absolute() else f" --workspace {self.folder}"

    # Proposals

    def operations(self) -> list[Operation]:
        """Open proposals, by file name.

        Raises:
            WorkspaceError: a file cannot be read.
        """
        found = []
        for path in sorted((self.folder / "open").glob("*.yaml")):
            try:
                found.append(Operation.model_validate(textyaml.load(path.read_bytes())))
            except (textyaml.UnreadableError, ValidationError) as error:
                first = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
                raise WorkspaceError(
                    f"{path}: not a proposal: {first} (delete it; `aki agent refresh` finds it again)"
                ) from None
        return found

    def keep_open(self, operations: Sequence[Operation], excerpts: Mapping[str, str]) -> None:
        """Make these the open proposals, with their evidence; files that stay the same are not touched."""
        wanted = {file_name(operation): operation for operation in operations}
        for content in sorted({e.content for operation in operations for e in operation.evidence}):
            path = self.folder / "evidence" / f"{content}.txt"
            if content in excerpts and not path.exists():
                write_text(path, excerpts[content])
        for name, operation in wanted.items():
            path = self.folder / "open" / name
            text = as_yaml(operation)
            if not path.exists() or path.read_text("utf-8") != text:
                write_text(path, text)
        for path in (self.folder / "open").glob("*.yaml"):
            if path.name not in wanted:
                path.unlink()
        self._forget_evidence(operations)

    def open(self, operation: Operation, excerpts: Mapping[str, str]) -> None:
        """Add one open proposal with its evidence."""
        for content, excerpt in excerpts.items():
            write_text(self.folder / "evidence" / f"{content}.txt", excerpt)
        write_text(self.folder / "open" / file_name(operation), as_yaml(operation))

    def take_up(self, earlier: Path) -> bool:
        """Go on where another workspace's visits left off: its open proposals, evidence and memory replace those here.

        The decision log stays the one that is here; what it has decided is not opened again. Nothing happens when the
        visits here are the later ones. Returns whether something was taken up.

        Raises:
            WorkspaceError: that workspace is damaged.
        """
        other = Workspace(earlier)
        if other.visits().latest < self.visits().latest:
            return False
        rejected = {verdict.operation for _, verdict in self.standing() if verdict.word == "reject"}
        gone = rejected | self.applied_digests()
        going_on = [operation for operation in other.operations() if operation.digest not in gone]
        contents = {evidence.content for operation in going_on for evidence in operation.evidence}
        kept = {content: text for content in contents if (text := other.excerpt(content)) is not None}
        self.keep_open(going_on, kept)
        for path in sorted((earlier / "imported").glob("*.yaml")):
            write_text(self.folder / "imported" / path.name, path.read_text("utf-8"))
        self.remember(other.visits())
        return True

    def close(self, digests: Sequence[str]) -> None:
        """Take operations out of the open ones; their evidence stays when the log speaks of it."""
        remaining = []
        for operation in self.operations():
            if operation.digest in digests:
                (self.folder / "open" / file_name(operation)).unlink(missing_ok=True)
            else:
                remaining.append(operation)
        self._forget_evidence(remaining)

    def _forget_evidence(self, operations: Sequence[Operation]) -> None:
        """Remove excerpts that neither an open proposal nor the log needs."""
        needed: set[str] = {e.content for operation in operations for e in operation.evidence}
        for event in self.ledger.events():
            contents = event.data.get("evidence")
            if isinstance(contents, list):
                needed.update(str(content) for content in contents)
        for path in (self.folder / "evidence").glob("*.txt"):
            if path.stem not in needed:
                path.unlink()

    def excerpt(self, content: str) -> str | None:
        """The kept excerpt of that digest, None when it is missing or no longer what its name says."""
        try:
            text = (self.folder / "evidence" / f"{content}.txt").read_text("utf-8", errors="surrogatepass")
        except OSError:
            return None
        return text if sha256(text) == content else None

    # Verdicts

    def verdicts(self) -> dict[str, Verdict]:
        """Operation digest → the verdict that stands: the last one that was neither undone nor voided."""
        standing: dict[str, Verdict] = {}
        for _, verdict in self.standing():
            standing[verdict.operation] = verdict
        return standing

    def standing(self) -> list[tuple[int, Verdict]]:
        """Verdicts that were neither undone nor voided, with their numbers, oldest first."""
        events = self.ledger.events()
        gone = {str(event.data.get("of")) for event in events if event.event in {"undo", "void"}}
        return [
            (event.number, Verdict.model_validate(event.data["verdict"]))
            for event in events
            if event.event == "verdict" and str(event.number) not in gone
        ]

    def decide(
        self, operation: Operation, verdict: Verdict, former: Mapping[str, tuple[str, ...]] | None = None
    ) -> int:
        """Write a verdict down; returns its number in the log. A rejected operation leaves the open ones."""
        data = {
            "verdict": verdict.model_dump(mode="json", exclude_defaults=True),
            "about": {
                "target": operation.target,
                "field": operation.field,
                "kind": operation.kind,
                "group": operation.group,
            },
            "means": sorted(meanings(operation, former)),
            "heard": {source: list(contents) for source, contents in contents_by_source(operation).items()},
            "evidence": sorted({e.content for e in operation.evidence}),
            "proposal": operation.model_dump(mode="json", exclude_defaults=True),
        }
        number = self.ledger.append("verdict", data, verdict.at).number
        if verdict.word == "reject":
            self.close([operation.digest])
        return number

    def undo(self, number: int, reviewer: str, at: datetime) -> Operation | None:
        """Take a verdict back; a rejected operation comes back among the open ones and is returned.

        Raises:
            WorkspaceError: that line is no verdict, or is undone already, or was applied.
        """
        events = self.ledger.events()
        live = {n for n, _ in self.standing()}
        if number not in live:
            raise WorkspaceError(
                f"line {number} of the decision log is no standing verdict; see `aki agent stats --log`"
            )
        event = events[number - 1]
        verdict = Verdict.model_validate(event.data["verdict"])
        if verdict.operation in self.applied_digests():
            raise WorkspaceError(f"line {number} was applied already; change the entry by hand or by a new proposal")
        self.ledger.append("undo", {"of": number, "reviewer": reviewer}, at)
        if verdict.word != "reject":
            return None
        operation = Operation.model_validate(event.data["proposal"])
        write_text(self.folder / "open" / file_name(operation), as_yaml(operation))
        return operation

    def applied_digests(self) -> set[str]:
        """Operations that were written to the registry."""
        done: set[str] = set()
        for event in self.ledger.events():
            operations = event.data.get("operations")
            if event.event == "applied" and isinstance(operations, list):
                done.update(str(digest) for digest in operations)
        return done

    def rejections(self) -> list[Rejection]:
        """Rejected facts that were not taken back."""
        live = {number for number, verdict in self.standing() if verdict.word == "reject"}
        found = []
        for event in self.ledger.events():
            if event.number not in live:
                continue
            verdict = Verdict.model_validate(event.data["verdict"])
            means, heard = event.data.get("means"), event.data.get("heard")
            found.append(
                Rejection(
                    keys=frozenset(str(key) for key in means) if isinstance(means, list) else frozenset(),
                    reason=verdict.reason,
                    reviewer=verdict.reviewer,
                    ask_again=AskAgain.model_validate(verdict.ask_again),
                    contents={s: tuple(map(str, c)) for s, c in heard.items() if isinstance(c, list)}
                    if isinstance(heard, dict)
                    else {},
                    number=event.number,
                )
            )
        return found

    # Visits

    def visits(self) -> Visits:
        """What is remembered between visits."""
        path = self.folder / "visits.json"
        try:
            return Visits.model_validate_json(path.read_text("utf-8"))
        except FileNotFoundError:
            return Visits()
        except ValidationError as error:
            raise WorkspaceError(f"{path}: {error.errors()[0]['msg']} (delete it; it is only memory)") from None

    def remember(self, visits: Visits) -> None:
        """Keep what the next visit must know."""
        content = visits.model_dump(mode="json")
        write_text(
            self.folder / "visits.json", json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        )

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One writer at a time.

        Raises:
            WorkspaceError: another program is writing.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise WorkspaceError(
                f"another program is writing to {self.folder}; try again when it has finished"
            ) from None
        finally:
            os.close(handle)


def file_name(operation: Operation) -> str:
    """Stable and readable: `papers.kore-2025.venue.1a2b3c4d.yaml`."""
    kind, _, name = operation.target.partition("/")
    field = operation.field or "new"
    return f"{kind}.{name}.{field}.{operation.digest[:8]}.yaml"


def as_yaml(operation: Operation) -> str:
    """The file of a proposal."""
    return textyaml.dump(operation.model_dump(mode="json", exclude_defaults=True))
