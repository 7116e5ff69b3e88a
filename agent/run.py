"""The stages of a refresh, each usable alone: plan (no network), fetch (records answers), propose (workspace only)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from agent import propose as proposing
from agent import recording, source, watch
from agent.config import Config
from agent.failing import after as failing_after
from agent.fetch import Transport
from agent.hosts import Usage
from agent.messages import Exchange, Observation, Reading, Request
from agent.proposals import GROUPS, Operation
from agent.visit import ask, read_all
from agent.workspaces import SourceVisit, Visits, Workspace
from registry.catalog import Catalog

MODEL = "model"
"""Name under which the exchanges with a language model are recorded."""


@dataclass(frozen=True)
class Heard:
    """The answers of one run, live or replayed."""

    at: datetime
    exchanges: Mapping[str, Sequence[Exchange]]
    usage: Mapping[str, Usage] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Report:
    """What a refresh did; also written as JSON."""

    at: datetime
    note: str
    requests: Mapping[str, int]
    usage: Mapping[str, Usage]
    outcome: proposing.Outcome
    problems: tuple[str, ...]
    missing: tuple[str, ...]
    new_versions: tuple[str, ...]
    changed_pages: tuple[str, ...] = ()

    @property
    def partial(self) -> bool:
        """Whether something could not be heard; exit code 3."""
        return bool(self.problems)

    def as_json(self) -> dict[str, Any]:
        """Everything for `--json` and for the run report."""
        groups = Counter(operation.group for operation in self.outcome.operations)
        kinds = Counter(operation.kind for operation in self.outcome.operations)
        return {
            "at": self.at.isoformat(),
            "note": self.note,
            "partial": self.partial,
            "requests": dict(self.requests),
            "usage": {host: usage.model_dump() for host, usage in sorted(self.usage.items())},
            "open": len(self.outcome.operations),
            "fresh": len(self.outcome.fresh),
            "by_group": {group: groups[group] for group in GROUPS},
            "by_kind": dict(sorted(kinds.items())),
            "retired": [f"{op.target} {op.field}: {why}" for op, why in self.outcome.retired],
            "asleep": [f"{op.target} {op.field}: rejected ({by.reason})" for op, by in self.outcome.asleep],
            "carried": self.outcome.carried,
            "evidence": len({e.content for op in self.outcome.operations for e in op.evidence}),
            "problems": list(self.problems),
            "missing": list(self.missing),
            "new_versions": list(self.new_versions),
            "changed_pages": list(self.changed_pages),
        }


def chosen(config: Config, only: Sequence[str] = ()) -> list[source.Source]:
    """The sources of this run: those named, else all that are not switched off.

    Raises:
        LookupError: no source of that name.
    """
    names = only or [name for name in source.names() if enabled(config, name)]
    return [source.load(name) for name in names]


def enabled(config: Config, name: str) -> bool:
    """Whether the configuration leaves a source on."""
    return name not in config.sources or config.sources[name].enabled


def plan(
    catalog: Catalog,
    config: Config,
    sources: Sequence[source.Source],
    credentials: set[str],
    turn: int = 0,
    numbers: tuple[str, ...] = (),
) -> dict[str, tuple[Request, ...]]:
    """Source → the questions of a visit. No network.

    `turn` is the week, for what takes several visits; `numbers` are imported arXiv numbers that have no title yet.
    """
    things = watch.watched(catalog)
    settings = {one.name: replace(config.settings(one.name, credentials, turn), numbers=numbers) for one in sources}
    return {one.name: one.plan(things, settings[one.name]) for one in sources}


def fetch(
    planned: Mapping[str, Sequence[Request]],
    transport: Transport,
    record: Path | None = None,
    *,
    synthetic: bool = False,
) -> Heard:
    """Ask everything that is planned and what follows from it; `record` keeps every exchange in a folder."""
    at = transport.clock.now()
    if record is not None:
        names = tuple(sorted(planned))
        recording.begin(record, recording.Label(recorded_at=at, sources=names, synthetic=synthetic))

    def keep(exchange: Exchange, number: int) -> None:
        if record is not None:
            recording.add(record, exchange, number)

    heard = {name: ask(source.load(name), planned[name], transport.exchange, keep) for name in sorted(planned)}
    return Heard(at, heard, dict(transport.usage))


def replay(folder: Path, only: Sequence[str] = ()) -> Heard:
    """The answers of a recorded run, as if they came in now.

    Raises:
        RecordingError: it is not a recording, or damaged.
    """
    label = recording.label(folder)
    names = [name for name in label.sources if not only or name in only]
    heard = {name: recording.exchanges(folder, name) for name in names}
    if drafts := recording.exchanges(folder, MODEL):
        heard[MODEL] = drafts
    kind = "synthetic recording" if label.synthetic else "recording"
    return Heard(label.recorded_at, heard, note=f"{kind} of {label.recorded_at:%Y-%m-%d}")


def consult(heard: Heard, catalog: Catalog, config: Config, transport: Transport, record: Path | None = None) -> Heard:
    """Ask the optional language model about the candidates; its answers join the others, and the recording."""
    from agent.model import questions

    observations = every(read_all([source.load(name) for name in heard.exchanges], heard.exchanges))
    found = found_papers(observations, catalog, config, ())
    answers = [transport.exchange(request) for request in questions(found, observations, catalog, config.model)]
    for number, exchange in enumerate(answers, start=1):
        if record is not None:
            recording.add(record, exchange, number)
    return replace(heard, exchanges={**heard.exchanges, MODEL: answers}, usage=dict(transport.usage))


def asked_for(exchanges: Mapping[str, Sequence[Exchange]]) -> frozenset[str]:
    """Papers that were asked about because a person imported their numbers."""
    requests = [exchange.request for several in exchanges.values() for exchange in several]
    return frozenset(s for request in requests if request.purpose == "imported" for s in request.subjects)


def every(readings: Mapping[str, Reading]) -> list[Observation]:
    """All observations, source by source."""
    return [observation for name in sorted(readings) for observation in readings[name].observations]


def propose(heard: Heard, catalog: Catalog, config: Config, workspace: Workspace) -> Report:
    """Turn answers into open proposals in the workspace; nothing else is written."""
    sources = [source.load(name) for name in heard.exchanges if name != MODEL]
    readings = read_all(sources, heard.exchanges)
    visits = workspace.visits()
    remembered = after_visit(visits, readings, heard, {one.name: one.interval_days for one in sources})
    standing_for = watch.by_subject(watch.watched(catalog))
    failing = failing_after(visits.failing, readings, heard.exchanges, standing_for, heard.at)
    remembered = remembered.model_copy(update={"failing": failing})
    before = proposing.Before(workspace.operations(), workspace.rejections(), remembered)
    outcome = proposing.propose(
        readings,
        catalog,
        today=heard.at.date(),
        before=before,
        candidates=found_papers(
            every(readings), catalog, config, heard.exchanges.get(MODEL, ()), asked_for(heard.exchanges)
        ),
        limits=config.limits(),
    )
    workspace.keep_open(outcome.operations, outcome.excerpts)
    workspace.remember(remembered.model_copy(update={"carried": outcome.carried}))
    if asked_for(heard.exchanges):
        from agent.candidates.imported import forget

        forget(workspace, [*outcome.operations, *(operation for operation, _ in outcome.asleep)])
    return Report(
        at=heard.at,
        note=heard.note,
        requests={name: len(exchanges) for name, exchanges in sorted(heard.exchanges.items())},
        usage=heard.usage,
        outcome=outcome,
        problems=(*(f"{n}: {p}" for n in sorted(readings) for p in readings[n].problems), *outcome.problems),
        missing=tuple(subject for name in sorted(readings) for subject in readings[name].missing),
        new_versions=tuple(
            f"{subject} {visits.versions[subject]} → {version}"
            for subject, version in remembered.versions.items()
            if visits.versions.get(subject, version) != version
        ),
        changed_pages=tuple(
            page for page, content in remembered.pages.items() if visits.pages.get(page, content) != content
        ),
    )


def found_papers(
    observations: Sequence[Observation],
    catalog: Catalog,
    config: Config,
    answers: Sequence[Exchange],
    wanted: frozenset[str] = frozenset(),
) -> list[Operation]:
    """Candidates among the listings, with what a model drafted; the classifier is loaded only when there are any.

    `wanted` names those that a person imported: they need not look relevant.
    """
    if not any(observation.field in {"listing", "mention"} for observation in observations):
        return []
    from agent.candidates.listings import candidates

    found = candidates(observations, catalog, config.candidates.relevance, config.candidates.most, wanted)
    if not answers:
        return found
    from agent.model import with_drafts

    return with_drafts(found, observations, answers, catalog)


def after_visit(visits: Visits, readings: Mapping[str, Reading], heard: Heard, intervals: Mapping[str, int]) -> Visits:
    """What the next visit must know: who was heard, what was absent, which versions there are."""
    sources = dict(visits.sources)
    for name, reading in readings.items():
        known = sources.get(name, SourceVisit())
        good = not reading.problems
        hosts = Counter(e.request.host for e in heard.exchanges[name] if e.answer is None or not e.answer.reused)
        sources[name] = SourceVisit(
            interval_days=intervals.get(name, 7),
            last_attempt=heard.at,
            last_success=heard.at if good else known.last_success,
            requests=dict(sorted(hosts.items())),
            problems=reading.problems[:20],
            missing=reading.missing[:50],
            failures=0 if good else known.failures + 1,
        )
    pages = {o.subject: o.evidence.content for r in readings.values() for o in r.observations if o.field == "page"}
    return visits.model_copy(
        update={
            "sources": dict(sorted(sources.items())),
            "absent_since": proposing.absences(readings, visits.absent_since),
            "versions": proposing.versions(readings, visits.versions),
            "pages": dict(sorted({**visits.pages, **pages}.items())),
        }
    )
