"""Papers that somebody's collection brought (`aki registry import`) become proposals like those that a query found.

Their files in `workspace/imported/` are read, judged and explained by the same classifier, and go once their proposal
is open. A person chose the collection, so nothing is left out for being unlikely. A bare arXiv number waits for the
next visit, which asks arXiv for its title; a file that lacks what an entry needs stays, with a line that says what.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from pathlib import Path

from pydantic import JsonValue, ValidationError

from agent.candidates.listings import new_entry
from agent.edits import ConflictError, UnfitError, applied, find
from agent.memory import forbidding
from agent.messages import Evidence, Observation, sha256, shorten
from agent.proposals import Operation
from agent.texts import clean
from agent.watch import former_names
from agent.workspaces import Workspace
from registry import ids, textyaml
from registry.catalog import Catalog
from registry.importers.candidates import Candidate, without_known

FOLDER = "imported"
SOURCE = "import"


@dataclass(frozen=True)
class Taken:
    """What became of the imported candidates."""

    opened: int = 0
    waiting: tuple[str, ...] = ()
    """arXiv numbers whose title the next visit asks for."""
    known: int = 0
    """Those that the registry has, or that are open already."""
    rejected: int = 0
    """Those that were rejected before."""
    problems: tuple[str, ...] = ()
    """One line per file that cannot become a proposal, with the way to mend it."""

    @property
    def lines(self) -> Iterator[str]:
        """What to tell a person."""
        if self.opened:
            yield f"{self.opened} imported candidates became proposals"
        if self.known:
            yield f"{self.known} imported candidates were known already"
        if self.rejected:
            yield f"{self.rejected} imported candidates kept away because they were rejected before"
        if self.waiting:
            yield f"{len(self.waiting)} imported arXiv numbers wait for their titles: aki agent refresh"
        for problem in self.problems:
            yield f"! {problem}"


def files(workspace: Workspace) -> list[Path]:
    """The imported candidates that are no proposals yet."""
    return sorted((workspace.folder / FOLDER).glob("*.yaml"))


def untitled(workspace: Workspace) -> tuple[str, ...]:
    """ArXiv numbers of imported candidates without a title."""
    found = []
    for path in files(workspace):
        candidate = read(path)
        if isinstance(candidate, Candidate) and candidate.title is None and candidate.ids.arxiv:
            found.append(candidate.ids.arxiv)
    return tuple(sorted(set(found)))


def forget(workspace: Workspace, operations: Iterable[Operation]) -> None:
    """Remove the files of candidates that these operations speak of: they are open by now, or rejected."""
    names_now = {name for operation in operations for name in operation.names}
    for path in files(workspace):
        candidate = read(path)
        if isinstance(candidate, Candidate) and names_now & set(names(candidate)):
            path.unlink()


def read(path: Path) -> Candidate | str:
    """A candidate, or what is wrong with its file."""
    try:
        return Candidate.model_validate(textyaml.load(path.read_bytes()))
    except textyaml.UnreadableError as error:
        return f"{path}: {error}"
    except ValidationError as error:
        first = error.errors()[0]
        return f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}"


def take_in(workspace: Workspace, catalog: Catalog, today: date) -> Taken:
    """Turn the imported candidates into open proposals; the workspace must be locked."""
    taken = Taken()
    waiting = files(workspace)
    if not waiting:
        return taken
    open_now = {name for operation in workspace.operations() for name in operation.names}
    rejections, former = workspace.rejections(), former_names(catalog)
    judge = Judge(catalog)
    for path in waiting:
        candidate = read(path)
        if isinstance(candidate, str):
            taken = replace(taken, problems=(*taken.problems, candidate))
            continue
        if open_now & set(names(candidate)) or not without_known([candidate], catalog)[0]:
            taken = replace(taken, known=taken.known + 1)
            path.unlink()
            continue
        if candidate.title is None and candidate.ids.arxiv:
            taken = replace(taken, waiting=(*taken.waiting, candidate.ids.arxiv))
            continue
        made = judge.proposal(candidate)
        if isinstance(made, str):
            taken = replace(taken, problems=(*taken.problems, f"{path}: {made}"))
            continue
        operation, excerpt = made
        if forbidding(operation, rejections, today, former):
            taken = replace(taken, rejected=taken.rejected + 1)
        else:
            workspace.open(operation, {operation.evidence[0].content: excerpt})
            open_now.update(operation.names)
            taken = replace(taken, opened=taken.opened + 1)
        path.unlink()
    return taken


class Judge:
    """The classifier, trained when the first candidate needs it."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.classifier = None

    def proposal(self, candidate: Candidate) -> tuple[Operation, str] | str:
        """The proposal and its excerpt, or what the candidate lacks."""
        if candidate.title is None:
            return "no title and no arXiv number to ask for one; add `title:` to that file"
        if candidate.date is None:
            return "no date; add the year or month of the first version to that file, `date: 2025-05`"
        links = candidate.links or tuple(ids.address(scheme, value) for scheme, value in candidate.ids.items())
        if not links:
            return "no link; add the landing page to that file, `links: [https://…]`"
        if self.classifier is None:
            from agent.candidates.classifier import Classifier
            from agent.candidates.examples import related, unrelated

            self.classifier = Classifier([*related(self.catalog), *unrelated()])
        judgement = self.classifier.judge(f"{candidate.title}. {candidate.tasks or ''}")
        seen = observation(candidate, links)
        drafted = new_entry(seen, judgement, self.catalog)
        assert isinstance(drafted.new, dict)  # noqa: S101 - a new entry is a mapping
        probability = f"relevant with probability {judgement.relevance:.2f}"
        operation = drafted.model_copy(
            update={
                "new": {key: value for key, value in {**drafted.new, **told(candidate, links)}.items() if value},
                "reason": clean(f"imported from {candidate.found_in}; {probability}"),
                "names": names(candidate),
            }
        )
        try:
            applied(find(self.catalog, operation.target), operation)
        except (ConflictError, UnfitError) as error:
            return f"would not fit the schema: {error}"
        return operation, seen.excerpt


def observation(candidate: Candidate, links: tuple[str, ...]) -> Observation:
    """The candidate's file as something that was seen."""
    excerpt = textyaml.dump(candidate)
    quote = candidate.title or ""
    if quote not in excerpt:  # folded over several lines
        excerpt = f"{quote}\n{excerpt}"
    evidence = Evidence(
        source=SOURCE,
        url=links[0][:500],
        read_at=datetime.combine(candidate.imported, time(), UTC),
        content=sha256(excerpt),
        locator=candidate.found_in[:200],
        quote=shorten(quote),
    )
    value: JsonValue = {"title": quote, "published": candidate.date or "", "authors": list(candidate.authors)}
    return Observation(
        source=SOURCE, subject=names(candidate)[0], field="listing", value=value, evidence=evidence, excerpt=excerpt
    )


def names(candidate: Candidate) -> tuple[str, ...]:
    """Everything the candidate is known by; its arXiv number first, as listings have it."""
    external = [f"{scheme}:{value}" for scheme, value in candidate.ids.items()]
    title = [f"title:{ids.title_key(candidate.title)}"] if candidate.title else []
    return tuple(sorted([*external, *title]))


def told(candidate: Candidate, links: tuple[str, ...]) -> dict[str, JsonValue]:
    """What the collection says itself, which goes before what the classifier thinks."""
    day = candidate.imported.isoformat()
    said: dict[str, JsonValue] = {
        "ids": dict(candidate.ids.items()),
        "links": list(links),
        "venue": {"value": "not-checked"},
        "status": [{"state": "candidate", "since": day, "reason": clean(f"imported from {candidate.found_in}", 200)}],
    }
    if candidate.venue:
        said["venue"] = {"value": candidate.venue, "source": links[0], "checked": day, "confidence": "list"}
    elif candidate.ids.arxiv:
        said["venue"] = {"value": "arXiv", "source": ids.address("arxiv", candidate.ids.arxiv), "checked": day}
    if candidate.model_types:
        said["model_types"] = list(candidate.model_types)
    if candidate.datasets:
        said["datasets"] = list(candidate.datasets)
    if candidate.direction and (candidate.direction == "distill") == bool(candidate.bucket):
        said["direction"] = candidate.direction
        said["bucket"] = candidate.bucket
    return said
