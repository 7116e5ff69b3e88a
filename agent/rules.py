"""How an observation becomes a proposal: one small rule per kind of entry and field. Pure.

A rule gets an entry and what a source said about it, and drafts what should change, or nothing. Rules compare meanings,
not spellings; they never step down the venue ladder, and never overrule what a person wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Literal

from pydantic import JsonValue

from agent import ladder
from agent.edits import current
from agent.messages import Observation
from agent.proposals import Group, Kind, normalised
from agent.texts import clean, folded
from registry import ids
from registry.catalog import Catalog
from registry.schema import Entry, Fact, Paper, Repository

STAR_STEP = 0.02
"""Relative change of a star count that is worth a proposal; smaller ones wait until the count is old."""
STALE = timedelta(days=30)
"""Age from which any change of a count is worth a proposal."""
CONFIRM = timedelta(days=90)
"""Age from which an unchanged fact is read again with a new date."""
SECOND_SIGN = timedelta(days=7)
"""Something is gone only when it was not found twice, at least this far apart."""

API_CONFIDENCE = 0.99
"""A field of the host's own API."""


@dataclass(frozen=True)
class Draft:
    """What a rule wants to change."""

    field: str
    new: JsonValue
    group: Group
    confidence: float
    reason: str
    kind: Kind = "set"
    target: str | None = None
    """Another entry than the one the rule looked at; a new one for `add`."""
    old: JsonValue | Literal["as it is"] = "as it is"
    names: tuple[str, ...] = ()
    why: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scene:
    """What a rule may look at besides the entry: the whole catalog, the day, first signs of absence."""

    catalog: Catalog
    today: date
    absent_since: Mapping[str, date] = field(default_factory=dict)
    by_subject: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


Rule = Callable[[Any, str, Observation, Scene], Iterable[Draft]]


def fact(observation: Observation, value: str, *, words: bool = False) -> JsonValue:
    """A volatile value as the registry writes it, with place and day; `words` keeps the quoted words, too."""
    tree: dict[str, JsonValue] = {
        "value": value,
        "source": observation.evidence.url,
        "checked": observation.evidence.read_at.date().isoformat(),
    }
    if words:
        label = f" (rung: {observation.rung})" if observation.rung in {"hub", "page"} else ""
        tree["evidence"] = clean(f"{observation.evidence.locator}: {observation.evidence.quote}{label}")
    if observation.rung in {"proceedings", "doi", "journal-ref", "comment"}:
        tree["confidence"] = observation.rung
    return tree


def says_the_same(name: str, here: Fact[Any], value: str) -> bool:
    """Whether the fact means that already."""
    return here.known is not None and normalised(name, str(here.known)) == normalised(name, value)


# Papers


def title(paper: Paper, _: str, observation: Observation, __: Scene) -> Iterable[Draft]:
    """Another title, when more than case, spaces and marks differ."""
    new = clean(str(observation.value))
    if not new or ids.title_key(new) == ids.title_key(paper.title):
        return
    short = ids.title_key(new).startswith(ids.title_key(paper.title))
    reason = "arXiv has the full title" if short else "the title on arXiv is another one"
    yield Draft("title", new, "semantic", 0.9, reason)
    if short and paper.listed_as is None:
        yield Draft("listed_as", paper.title, "semantic", 0.6, "keeps the short name in the list beside the full title")


def venue(paper: Paper, _: str, observation: Observation, __: Scene) -> Iterable[Draft]:
    """A place of publication, unless something as good or better is known."""
    new, here = clean(str(observation.value), 120), paper.venue
    known = [normalised("venue", part) for part in str(here.known or "").split("/")]
    if not new or normalised("venue", new) in known:
        return
    preprint = here.known is None or folded(str(here.known)).startswith("arxiv")
    if not preprint and ladder.height(here.confidence) >= ladder.height(observation.rung):
        return
    if here.confidence == "human":
        return
    confidence = ladder.CONFIDENCE.get(observation.rung or "", 0.5)
    where = {"journal-ref": "its journal reference on arXiv", "comment": "its comment on arXiv"}
    place = where.get(observation.rung or "", observation.source)
    yield Draft("venue", fact(observation, new, words=True), "semantic", confidence, f"accepted, says {place}")


def doi(paper: Paper, _: str, observation: Observation, __: Scene) -> Iterable[Draft]:
    """A DOI that is not known yet."""
    new = str(observation.value).strip()
    if ids.wrong("doi", new) is None and (
        paper.ids.doi is None or ids.same("doi", paper.ids.doi) != ids.same("doi", new)
    ):
        yield Draft("ids.doi", new, "semantic", 0.95, "the publisher's DOI stands on arXiv")


def withdrawn(paper: Paper, _: str, observation: Observation, __: Scene) -> Iterable[Draft]:
    """A paper that says of itself that it was withdrawn; only words tell, so a person has to look."""
    if paper.stage in {"withdrawn", "retracted"}:
        return
    yield Draft(
        "status",
        {
            "state": "withdrawn",
            "since": observation.evidence.read_at.date().isoformat(),
            "reason": "withdrawn on arXiv",
            "evidence": clean(f"{observation.evidence.url}: {observation.evidence.quote}"),
        },
        "structural", 0.85, f"arXiv says that {observation.value} of the paper was withdrawn", kind="transition",
    )  # fmt: skip


def code(paper: Paper, ref: str, observation: Observation, scene: Scene) -> Iterable[Draft]:
    """The paper's own repository: points to its entry, or proposes one when there is none."""
    name = str(observation.value)
    here = paper.code
    if here.confidence == "human" or (here.known and ladder.height(here.confidence) >= ladder.height(observation.rung)):
        return
    confidence = ladder.CONFIDENCE.get(observation.rung or "", 0.5)
    entries = [r for r in scene.by_subject.get(f"github:{name}".lower(), ()) if r.startswith("repositories/")]
    if entries:
        slug = entries[0].partition("/")[2]
        if not says_the_same("code", here, slug):
            reason = f"the paper names {name} as its code"
            yield Draft("code", fact(observation, slug, words=True), "semantic", confidence, reason)
        return
    if here.known is None:
        yield repository(paper, ref, observation, confidence)


def repository(paper: Paper, ref: str, observation: Observation, confidence: float) -> Draft:
    """A new entry for a repository that a paper names."""
    name = str(observation.value)
    day = observation.evidence.read_at.date().isoformat()
    new: JsonValue = {
        "name": name.split("/")[1],
        "host": "github",
        "full_name": name,
        "url": f"https://github.com/{name}",
        "role": "official",
        "status": [
            {"state": "candidate", "since": day, "reason": f"named by {ref}", "evidence": observation.evidence.url}
        ],
        "relations": [{"kind": "implements", "target": ref}],
    }
    return Draft(
        "", new, "structural", confidence, f"{clean(paper.title, 80)} names it as its code", kind="add", old=None,
        target=f"repositories/{ids.slug(name)}", names=(f"github:{name.lower()}",),
    )  # fmt: skip


def extends(paper: Paper, ref: str, observation: Observation, scene: Scene) -> Iterable[Draft]:
    """An arrow to the paper that this one says it extends, when both are here."""
    for other in scene.by_subject.get(str(observation.value).lower(), ()):
        arrow: dict[str, JsonValue] = {"kind": "extends", "target": other}
        known = any(relation.kind == "extends" and relation.target == other for relation in paper.relations)
        if other.startswith("papers/") and other != ref and not known:
            yield Draft("relations", arrow, "semantic", 0.8, "the comment on arXiv says so", kind="relate", old=None)


def dead(paper: Paper, _: str, observation: Observation, scene: Scene) -> Iterable[Draft]:
    """A link that was dead twice, a week apart; the last link of a paper is never taken away."""
    link = observation.subject.removeprefix("link:")
    if link in paper.links and len(paper.links) > 1 and twice(observation, scene):
        yield Draft("links", None, "semantic", 0.9, "dead twice, a week apart", kind="remove", old=link)


# Repositories


def stars(entry: Repository, _: str, observation: Observation, scene: Scene) -> Iterable[Draft]:
    """A count that moved noticeably, or that is old."""
    new, here = int(str(observation.value)), entry.stars
    age = scene.today - here.checked if here.checked else CONFIRM
    before = here.known
    if before is None or (new != before and (age >= STALE or abs(new - before) >= max(5, STAR_STEP * before))):
        change = f"{before} → {new}" if before is not None else "first count"
        yield Draft("stars", fact(observation, str(new)), "mechanical", API_CONFIDENCE, f"stars: {change}")
    elif new == before and age >= CONFIRM:
        yield Draft("stars", fact(observation, str(new)), "mechanical", API_CONFIDENCE, "unchanged, read again")


def full_name(entry: Repository, ref: str, observation: Observation, scene: Scene) -> Iterable[Draft]:
    """Renamed or moved; two entries that turn out to be the same repository are merged."""
    new = str(observation.value)
    if new.lower() == entry.full_name.lower():
        return
    others = [r for r in scene.by_subject.get(f"{entry.host}:{new}".lower(), ()) if r.startswith("repositories/")]
    if others and others[0] != ref:
        status: JsonValue = {
            "state": "merged", "since": observation.evidence.read_at.date().isoformat(),
            "reason": f"{entry.full_name} is now {new}", "evidence": observation.evidence.url,
            "into": others[0].partition("/")[2],
        }  # fmt: skip
        yield Draft("status", status, "structural", 0.95, f"the same repository as {others[0]}", kind="merge")
        return
    reason = f"{entry.full_name} was renamed or moved to {new}"
    yield Draft("full_name", new, "semantic", API_CONFIDENCE, reason)
    if entry.host == "github":
        yield Draft("url", f"https://github.com/{new}", "semantic", API_CONFIDENCE, reason)


def numeric_id(entry: Repository, _: str, observation: Observation, __: Scene) -> Iterable[Draft]:
    """GitHub's number, once; another number under the same name is another repository."""
    new, here = str(observation.value), entry.numeric_id
    if here.known is None:
        reason = "GitHub's number finds it again after a move"
        yield Draft("numeric_id", fact(observation, new), "mechanical", API_CONFIDENCE, reason)
    elif str(here.known) != new:
        reason = f"the name now belongs to another repository (number {new} instead of {here.known})"
        yield Draft("numeric_id", fact(observation, new), "structural", 0.7, reason)


def licence(entry: Repository, _: str, observation: Observation, __: Scene) -> Iterable[Draft]:
    """A licence that is not known or has changed; `none` when the host finds none."""
    new, here = clean(str(observation.value), 80), entry.licence
    if here.value != new and not says_the_same("licence", here, new):
        change = f"{here.value} → {new}" if here.value != "not-checked" else new
        yield Draft("licence", fact(observation, new), "semantic", 0.95, f"licence: {change}")


def state(entry: Repository, _: str, observation: Observation, __: Scene) -> Iterable[Draft]:
    """Active, archived, empty or switched off."""
    new, here = str(observation.value), entry.state
    if here.value != new:
        first = here.value == "not-checked" and new == "active"
        group: Group = "mechanical" if first else "semantic"
        yield Draft("state", fact(observation, new), group, API_CONFIDENCE, f"the repository is {new}")


def last_push(entry: Repository, _: str, observation: Observation, __: Scene) -> Iterable[Draft]:
    """The day of the last push, when it is not known or a month newer."""
    new, here = str(observation.value), entry.last_push.known
    try:
        moved = here is None or date.fromisoformat(new) - date.fromisoformat(here) >= STALE
    except ValueError:
        moved = here != new
    if moved:
        yield Draft("last_push", fact(observation, new), "mechanical", API_CONFIDENCE, f"last push: {new}")


def absent(entry: Repository, _: str, observation: Observation, scene: Scene) -> Iterable[Draft]:
    """Gone: not found twice, a week apart."""
    if entry.state.value != "gone" and twice(observation, scene):
        reason = "not found twice, a week apart, neither by name nor by number"
        yield Draft("state", fact(observation, "gone"), "semantic", 0.9, reason)


def twice(observation: Observation, scene: Scene) -> bool:
    """Whether the first sign of absence is at least a week old."""
    first = scene.absent_since.get(observation.subject)
    return first is not None and observation.evidence.read_at.date() - first >= SECOND_SIGN


# Data sets of benchmarks


def dataset_fact(name: str, group: Group) -> Rule:
    """A rule for a fact of each data set that the subject stands for."""

    def rule(entry: Entry, _: str, observation: Observation, __: Scene) -> Iterable[Draft]:
        new = clean(str(observation.value), 80)
        for index, dataset in enumerate(getattr(entry, "datasets", ())):
            if f"huggingface:datasets/{dataset.huggingface}".lower() != observation.subject.lower():
                continue
            here: Fact[str] = getattr(dataset, name)
            if here.value != new and not says_the_same(name, here, new):
                change = f"{here.value} → {new}" if here.value != "not-checked" else new
                reason = clean(f"{name} of {dataset.name}: {change}", 200)
                yield Draft(f"datasets.{index}.{name}", fact(observation, new), group, API_CONFIDENCE, reason)

    return rule


RULES: dict[tuple[str, str], Rule] = {
    ("papers", "title"): title,
    ("papers", "venue"): venue,
    ("papers", "doi"): doi,
    ("papers", "withdrawn"): withdrawn,
    ("papers", "code"): code,
    ("papers", "extends"): extends,
    ("papers", "dead"): dead,
    ("repositories", "stars"): stars,
    ("repositories", "full_name"): full_name,
    ("repositories", "numeric_id"): numeric_id,
    ("repositories", "licence"): licence,
    ("repositories", "state"): state,
    ("repositories", "last_push"): last_push,
    ("repositories", "absent"): absent,
    ("benchmarks", "revision"): dataset_fact("revision", "mechanical"),
    ("benchmarks", "licence"): dataset_fact("licence", "semantic"),
}
"""(kind of entry, what was seen) → rule. What has no rule is looked at and not proposed."""


def as_it_is(tree: dict[str, Any], draft: Draft) -> JsonValue | None:
    """The expected old value of a draft: what stands there, or the last status."""
    if draft.old != "as it is":
        return draft.old
    if draft.kind in {"transition", "merge"}:
        return tree["status"][-1]
    return current(tree, draft.field)
