"""Papers that saved queries and pages brought become candidates: judged, filed provisionally, explained."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

from pydantic import JsonValue

from agent.candidates.classifier import Classifier, Judgement
from agent.candidates.examples import related, unrelated
from agent.messages import Observation
from agent.proposals import Operation
from agent.texts import clean, hides_something
from registry import ids
from registry.catalog import Catalog
from registry.schema import text_digest

NOT_SUMMARISED = {
    "en": "Not summarised yet: a candidate that waits for a reader.",
    "zh": "尚无摘要：候选条目，等待有人阅读。",
}
"""Stands in a candidate's summary until a person, or a model that a person checks, writes one."""

NEAR_TITLE = 0.88

MODEL_WORDS = (
    ("Video-LLM", r"video[- ](?:llm|language|large)"),
    ("VLM", r"\bvlms?\b|vision[- ]language|visual[- ]language"),
    ("MLLM", r"\bmllms?\b|multi-?modal (?:large )?language|multimodal llm|\blmms?\b|large multimodal"),
    ("CLIP", r"\bclip\b"),
    ("Agent", r"\bagents?\b|agentic"),
    ("LLM", r"\bllms?\b|language models?"),
)
"""Model type of the vocabulary → words that speak for it."""


def candidates(
    observations: Sequence[Observation],
    catalog: Catalog,
    threshold: float,
    most: int,
    wanted: frozenset[str] = frozenset(),
) -> list[Operation]:
    """The likeliest new papers among the listings, at most `most`, as proposals for new entries; all `wanted` ones.

    A listing whose title an entry without arXiv number already has becomes a proposal for that number instead.
    """
    known = {paper.ids.arxiv for paper in catalog.papers.values()}
    titles = {ids.title_key(paper.title): name for name, paper in catalog.papers.items()}
    listings = {o.subject: o for o in observations if o.field == "listing"}
    mentions = [o for o in observations if o.field == "mention"]
    fresh = [o for subject, o in sorted(listings.items()) if subject.removeprefix("arxiv:") not in known]
    numbered = [op for o in fresh if (op := number_for(o, titles, catalog))]
    done = {operation.subject for operation in numbered}
    fresh = [o for o in fresh if o.subject not in done]
    if not fresh and not mentions:
        return numbered
    classifier = Classifier([*related(catalog), *unrelated()])
    judged = [(classifier.judge(f"{said(o, 'title')}. {said(o, 'abstract')}"), o) for o in fresh]
    likely = sorted(
        ((j, o) for j, o in judged if j.relevance >= threshold and o.subject not in wanted),
        key=lambda pair: (-pair[0].relevance, pair[1].subject),
    )[:most]
    likely += [(j, o) for j, o in judged if o.subject in wanted]
    repositories = [op for o in mentions if (op := new_repository(o, classifier, catalog, threshold))]
    entries = [new_entry(o, judgement, catalog, imported=o.subject in wanted) for judgement, o in likely]
    return [*numbered, *entries, *repositories[:most]]


def new_repository(
    observation: Observation, classifier: Classifier, catalog: Catalog, threshold: float
) -> Operation | None:
    """A repository that a watched page links to, when the words around the link speak for it."""
    name, around = said(observation, "name"), said(observation, "around")
    if any(repository.full_name.lower() == name.lower() for repository in catalog.repositories.values()):
        return None
    judgement = classifier.judge(around)
    if judgement.relevance < threshold:
        return None
    day = observation.evidence.read_at.date().isoformat()
    new: dict[str, JsonValue] = {
        "name": name.split("/")[1],
        "host": "github",
        "full_name": name,
        "url": f"https://github.com/{name}",
        "role": "community",
        "status": [
            {
                "state": "candidate",
                "since": day,
                "reason": "linked from a watched page",
                "evidence": observation.evidence.url,
            }
        ],
    }
    return Operation(
        kind="add",
        target=f"repositories/{ids.slug(name)}",
        new=new,
        group="structural",
        confidence=round(0.5 * judgement.relevance, 2),
        reason="a watched page links to it",
        subject=observation.subject,
        names=(observation.subject.lower(),),
        why=(clean(f"around the link: {around}"),),
        evidence=(observation.evidence,),
    )


def said(observation: Observation, key: str) -> str:
    """A text of the listing."""
    value = observation.value
    return str(value.get(key) or "") if isinstance(value, dict) else ""


def number_for(observation: Observation, titles: dict[str, str], catalog: Catalog) -> Operation | None:
    """An arXiv number for an entry that has the same title and none."""
    name = titles.get(ids.title_key(said(observation, "title")))
    if name is None or catalog.papers[name].ids.arxiv is not None:
        return None
    return Operation(
        kind="set",
        target=f"papers/{name}",
        field="ids.arxiv",
        new=observation.subject.removeprefix("arxiv:"),
        group="semantic",
        confidence=0.9,
        reason="a paper of the same title is on arXiv",
        subject=observation.subject,
        evidence=(observation.evidence,),
    )


def new_entry(observation: Observation, judgement: Judgement, catalog: Catalog, *, imported: bool = False) -> Operation:
    """A whole new candidate entry with the classifier's reasons."""
    how = "imported by number" if imported else "found by a saved query; looks relevant"
    raw = said(observation, "title")
    title, number = clean(raw, 380), observation.subject.removeprefix("arxiv:")
    return Operation(
        kind="add",
        target=f"papers/{slug(title, said(observation, 'published'), catalog)}",
        new=tree(observation, title, number, judgement),
        group="structural",
        confidence=round(judgement.relevance, 2),
        reason=f"{how} (probability {judgement.relevance:.2f})",
        subject=observation.subject,
        names=(observation.subject, f"title:{ids.title_key(title)}"),
        why=tuple(explanations(raw, title, judgement, catalog)),
        evidence=(observation.evidence,),
    )


def tree(observation: Observation, title: str, number: str, judgement: Judgement) -> dict[str, JsonValue]:
    """The fields of the new entry; everything nobody has checked says so."""
    day = observation.evidence.read_at.date().isoformat()
    found: dict[str, JsonValue] = {
        "title": title,
        "date": said(observation, "published"),
        "ids": {"arxiv": number},
        "links": [f"https://arxiv.org/abs/{number}"],
        "venue": {"value": "arXiv", "source": observation.evidence.url, "checked": day},
        "direction": judgement.direction,
        "model_types": list(model_types(f"{title}. {said(observation, 'abstract')}")),
        "summary": {**NOT_SUMMARISED, "translated_from": text_digest(NOT_SUMMARISED["en"])},
        "authors": authors(observation),
        "status": [
            {
                "state": "candidate",
                "since": day,
                "reason": "found by a saved query",
                "evidence": observation.evidence.url,
            }
        ],
    }
    return found | ({"bucket": judgement.bucket} if judgement.bucket else {})


def authors(observation: Observation) -> list[JsonValue]:
    """Names, cleaned; at most fifty."""
    value = observation.value
    names = value.get("authors") if isinstance(value, dict) else None
    return [name for raw in (names if isinstance(names, list) else [])[:50] if (name := clean(str(raw), 80))]


def model_types(text: str) -> tuple[str, ...]:
    """Words of the vocabulary that the text speaks for; LLM when it names none and stands alone."""
    found = [word for word, pattern in MODEL_WORDS if re.search(pattern, text, re.IGNORECASE)]
    visual = [word for word in found if word in {"Video-LLM", "VLM", "MLLM", "CLIP"}]
    chosen = [word for word in found if word != "LLM"] if visual else found
    return tuple(chosen) or ("LLM",)


def slug(title: str, published: str, catalog: Catalog) -> str:
    """`short-name-2026`: what stands before the colon, or the first words; numbered when it is taken."""
    short = title.split(":")[0] if ":" in title else " ".join(title.split()[:6])
    base = f"{ids.slug(short)[:60].rstrip('-') or 'paper'}-{published[:4]}"
    taken = {*catalog.papers, *(ref.removeprefix("papers/") for ref in catalog.redirects)}
    return next(name for name in (base, *(f"{base}-{n}" for n in range(2, 1000))) if name not in taken)


def explanations(raw: str, title: str, judgement: Judgement, catalog: Catalog) -> Iterable[str]:
    """Where it would go and why, the three nearest entries, near-equal titles, hidden characters."""
    place = judgement.direction + (f" / {judgement.bucket}" if judgement.bucket else "")
    yield f"filed under {place} (probability {judgement.direction_confidence:.2f})"
    for name, similarity in judgement.nearest:
        yield clean(f"near: {name} ({similarity:.2f}), {catalog.papers[name].title}")
    for name, paper in catalog.papers.items():
        if SequenceMatcher(None, ids.title_key(title), ids.title_key(paper.title)).ratio() >= NEAR_TITLE:
            yield clean(f"warning: the title is nearly that of {name}; the same paper?")
    if hides_something(raw):
        yield "warning: the title had hidden characters; they were taken out"
