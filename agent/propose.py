"""Observations and catalog in, typed operations out. Pure: the same world twice gives the same operations.

What is open stays as it is when the world still says the same; what the world no longer says is retired; what a person
rejected stays away until its condition wakes it; what does not fit below the limit is carried, not lost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from agent import ladder, watch
from agent.edits import ConflictError, UnfitError, applied, find, tree_of
from agent.memory import Rejection, forbidding
from agent.messages import Evidence, Observation, Reading
from agent.proposals import GROUPS, Operation, normalised
from agent.rules import RULES, Draft, Scene, as_it_is
from agent.workspaces import Visits
from registry.catalog import Catalog


@dataclass(frozen=True)
class Limits:
    """How much a reviewer is given at once."""

    judged: int = 50
    """Most open proposals that need a person's judgement."""
    mechanical: int = 250
    """Most open proposals that may be approved in bulk."""


@dataclass(frozen=True)
class Outcome:
    """What one run proposes."""

    operations: tuple[Operation, ...]
    """All open proposals afterwards, in the order of review."""
    fresh: tuple[Operation, ...] = ()
    """Those that were not open before, in these words."""
    retired: tuple[tuple[Operation, str], ...] = ()
    """Those no longer open, with the reason."""
    asleep: tuple[tuple[Operation, Rejection], ...] = ()
    """Those that a live rejection keeps away."""
    carried: int = 0
    excerpts: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Before:
    """What was there before the run."""

    open: Sequence[Operation] = ()
    rejections: Sequence[Rejection] = ()
    visits: Visits = field(default_factory=Visits)


def propose(
    readings: Mapping[str, Reading],
    catalog: Catalog,
    *,
    today: date,
    before: Before,
    candidates: Iterable[Operation] = (),
    limits: Limits | None = None,
) -> Outcome:
    """The open proposals after these readings."""
    observations = [o for name in sorted(readings) for o in readings[name].observations]
    scene = Scene(catalog, today, before.visits.absent_since, watch.by_subject(watch.watched(catalog)))
    derived, problems = checked(together([*drafted(observations, scene), *candidates]), catalog)
    former = watch.former_names(catalog)
    asleep = [(op, by) for op in derived if (by := forbidding(op, before.rejections, today, former))]
    sleeping = {id(op) for op, _ in asleep}
    awake = [op for op in derived if id(op) not in sleeping]
    answered = {(name, subject) for name, reading in readings.items() for subject in reading.answered}
    merged, retired = settle(before.open, awake, answered, catalog)
    kept, carried = limited(merged, before.open, limits or Limits())
    known = {operation.digest for operation in before.open}
    return Outcome(
        operations=tuple(kept),
        fresh=tuple(operation for operation in kept if operation.digest not in known),
        retired=tuple(retired),
        asleep=tuple(asleep),
        carried=carried,
        excerpts={o.evidence.content: o.excerpt for o in observations},
        problems=tuple(problems),
    )


def drafted(observations: Sequence[Observation], scene: Scene) -> Iterable[Operation]:
    """Every rule on every observation of every entry it is about."""
    for observation in observations:
        for ref in scene.by_subject.get(observation.subject.lower(), ()):
            kind = ref.partition("/")[0]
            rule, entry = RULES.get((kind, observation.field)), find(scene.catalog, ref)
            if rule is None or entry is None:
                continue
            tree = tree_of(entry)
            for draft in rule(entry, ref, observation, scene):
                yield operation(draft, ref, tree, observation)


def operation(draft: Draft, ref: str, tree: dict[str, Any], observation: Observation) -> Operation:
    """A draft with its expected old value and its evidence."""
    return Operation(
        kind=draft.kind,
        target=draft.target or ref,
        field=draft.field,
        old=as_it_is(tree, draft),
        new=draft.new,
        group=draft.group,
        confidence=draft.confidence,
        reason=draft.reason,
        subject=observation.subject,
        rung=observation.rung,
        names=draft.names,
        why=draft.why,
        evidence=(observation.evidence,),
    )


def slot(operation: Operation) -> tuple[str, ...]:
    """Where an operation acts: two different ones in one slot exclude each other."""
    if operation.is_new_entry:
        return ("new", *sorted(operation.names)[:1])
    if operation.kind in {"set", "transition", "merge"}:
        return (operation.target, operation.field)
    value = operation.new if operation.new is not None else operation.old
    return (operation.target, operation.field, normalised(operation.field, value))


def together(operations: Iterable[Operation]) -> list[Operation]:
    """One operation per slot: the highest rung wins, and who says the same adds evidence."""
    by_slot: dict[tuple[str, ...], list[Operation]] = defaultdict(list)
    for operation in operations:
        by_slot[slot(operation)].append(operation)
    found = []
    for rivals in by_slot.values():
        best = max(rivals, key=lambda op: (ladder.height(op.rung), op.confidence, -rivals.index(op)))
        meaning = normalised(best.field, best.new if best.new is not None else best.old)
        supporters = [
            op
            for op in rivals
            if op is not best
            and (op.is_new_entry or normalised(op.field, op.new if op.new is not None else op.old) == meaning)
        ]
        evidence: dict[tuple[str, str], Evidence] = {}
        for op in (best, *supporters):
            for one in op.evidence:
                evidence.setdefault((one.content, one.locator), one)
        others = [op for op in rivals if op is not best and op not in supporters]
        why = (*best.why, *(f"{op.evidence[0].source} says otherwise: {op.reason}"[:400] for op in others))
        found.append(best.model_copy(update={"evidence": tuple(evidence.values()), "why": why}))
    return found


def checked(operations: Iterable[Operation], catalog: Catalog) -> tuple[list[Operation], list[str]]:
    """Those whose result fits the schema; the others are reported, never proposed."""
    fitting, problems = [], []
    for operation in operations:
        try:
            applied(find(catalog, operation.target), operation)
        except (ConflictError, UnfitError) as error:
            problems.append(f"{operation.target} {operation.field or 'new entry'}: would not fit: {error}")
        else:
            fitting.append(operation)
    return fitting, problems


def settle(
    open_before: Sequence[Operation], derived: Sequence[Operation], answered: set[tuple[str, str]], catalog: Catalog
) -> tuple[list[Operation], list[tuple[Operation, str]]]:
    """Old and new proposals together: what still holds keeps its file, the rest is replaced or retired."""
    wanted = {slot(operation): operation for operation in derived}
    kept: list[Operation] = []
    retired: list[tuple[Operation, str]] = []
    for old in open_before:
        new = wanted.pop(slot(old), None)
        if new is not None:
            kept.append(old if old.same_claim(new) else new)
            if not old.same_claim(new):
                retired.append((old, "replaced: the source says something else by now"))
            continue
        if reason := finished(old, answered, catalog):
            retired.append((old, reason))
        else:
            kept.append(old)
    return [*kept, *wanted.values()], retired


def finished(operation: Operation, answered: set[tuple[str, str]], catalog: Catalog) -> str | None:
    """Why an open proposal that was not derived again should go; None while its sources were not heard."""
    entry = find(catalog, operation.target)
    if entry is None and not operation.is_new_entry:
        return "the entry is gone"
    if entry is not None and operation.is_new_entry:
        return "the entry exists by now"
    if entry is not None:
        try:
            if applied(entry, operation) == entry:
                return "the entry says so already"
        except UnfitError:
            return "it would no longer fit the schema"
        except ConflictError:
            if normalised_now(operation, entry) == normalised(operation.field, operation.new):
                return "the entry says so already"
    if all((evidence.source, operation.subject) in answered for evidence in operation.evidence):
        return "the sources no longer say so"
    return None


def normalised_now(operation: Operation, entry: Any) -> str | None:  # noqa: ANN401 - any entry type
    """What the operation's field means now."""
    from agent.edits import current

    here = current(tree_of(entry), operation.field)
    return normalised(operation.field, here) if here is not None else None


def limited(
    operations: Sequence[Operation], open_before: Sequence[Operation], limits: Limits
) -> tuple[list[Operation], int]:
    """As many as a reviewer is given, in the order of review; what was open before has precedence."""
    known = {operation.digest for operation in open_before}
    ranked = sorted(operations, key=lambda op: (op.digest not in known, *order(op)))
    kept, room = [], {"mechanical": limits.mechanical, "judged": limits.judged}
    for operation in ranked:
        pile = "mechanical" if operation.group == "mechanical" else "judged"
        if room[pile] > 0 or operation.digest in known:
            room[pile] -= 1
            kept.append(operation)
    return sorted(kept, key=order), len(operations) - len(kept)


WORTH = {
    "full_name": 5,
    "url": 5,
    "venue": 4,
    "title": 4,
    "listed_as": 4,
    "code": 4,
    "state": 4,
    "ids": 3,
    "relations": 3,
}
"""Field → how much readers depend on it; licences and the rest follow."""


def order(operation: Operation) -> tuple[int, int, str, float, str]:
    """The order of review: riskiest group first, then what readers depend on most; one entry's proposals together."""
    worth = WORTH.get(operation.field.partition(".")[0], 1)
    return GROUPS.index(operation.group), -worth, operation.target, -operation.confidence, operation.field


def absences(readings: Mapping[str, Reading], known: Mapping[str, date]) -> dict[str, date]:
    """Subject → day of the first sign of absence; forgotten as soon as the subject is found again."""
    found = dict(known)
    for reading in readings.values():
        gone = {o.subject: o.evidence.read_at.date() for o in reading.observations if o.field in {"absent", "dead"}}
        for subject in reading.answered:
            if subject not in gone:
                found.pop(subject, None)
        for subject, day in gone.items():
            found.setdefault(subject, day)
    return dict(sorted(found.items()))


def versions(readings: Mapping[str, Reading], known: Mapping[str, str]) -> dict[str, str]:
    """Subject → version last seen on arXiv."""
    seen = {o.subject: str(o.value) for r in readings.values() for o in r.observations if o.field == "version"}
    return dict(sorted({**known, **seen}.items()))
