"""Semantic Scholar: where papers appeared and their DOIs, up to 500 papers in one request. Off unless turned on.

The batch answers with null in the place of an unknown paper, and may answer with another paper's id after a merge, so
answers are matched by position. Without a key the quota is shared by everybody and 429 is common.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from agent import ladder
from agent.messages import Answer, Exchange, Observation, Reading, Request, canonical, in_chunks, observe
from agent.source import Settings, Source, Watched, distinct, refusals

API = "https://api.semanticscholar.org/graph/v1/paper/batch"
BATCH = 500
FIELDS = "title,venue,publicationVenue,externalIds,year,publicationDate"


class SemanticScholar(Source):
    """Venues and DOIs by arXiv number."""

    name = "semantic_scholar"
    title = "Semantic Scholar"
    interval_days = 30

    def plan(self, watched: Sequence[Watched], settings: Settings) -> tuple[Request, ...]:
        """One request per 500 papers."""
        subjects = [one.subject for one in distinct(watched, "arxiv")]
        return tuple(batch(chunk) for chunk in in_chunks(subjects, settings.options.get("batch", BATCH)))

    def read(self, exchanges: Sequence[Exchange]) -> Reading:
        """Observations of every known paper."""
        observations: list[Observation] = []
        answered: list[str] = []
        missing: list[str] = []
        problems = refusals(exchanges)
        for exchange in exchanges:
            answer = exchange.answer
            if answer is None:
                continue
            rows = decoded(answer)
            if rows is None:
                problems.append(f"Semantic Scholar: HTTP {answer.status}, no list of papers in the answer")
                continue
            for subject, row in zip(exchange.request.subjects, rows, strict=False):
                if row is None:
                    missing.append(subject)
                else:
                    answered.append(subject)
                    observations += facts(answer, subject, row)
        return Reading(
            observations=tuple(observations), answered=tuple(sorted(answered)), missing=tuple(sorted(missing)),
            problems=tuple(problems),
        )  # fmt: skip


def batch(subjects: Sequence[str]) -> Request:
    """The batch question for these papers."""
    ids = [f"ARXIV:{subject.removeprefix('arxiv:')}" for subject in subjects]
    return Request(
        source="semantic_scholar", purpose="update", method="POST", url=f"{API}?fields={FIELDS}",
        body=json.dumps({"ids": ids}), subjects=tuple(subjects), credential="semantic_scholar",
    )  # fmt: skip


def decoded(answer: Answer) -> list[dict[str, Any] | None] | None:
    """One row per paper asked for, None when the answer is something else."""
    try:
        rows = json.loads(answer.body) if answer.ok else None
    except ValueError:
        return None
    if not isinstance(rows, list):
        return None
    return [row if isinstance(row, dict) else None for row in rows]


def facts(answer: Answer, subject: str, row: dict[str, Any]) -> list[Observation]:
    """Venue and DOI of one paper."""
    found = []
    page = f"https://www.semanticscholar.org/paper/{row.get('paperId')}"
    names = row.get("externalIds") if isinstance(row.get("externalIds"), dict) else {}
    place = row.get("publicationVenue") if isinstance(row.get("publicationVenue"), dict) else {}
    name = str((place or {}).get("name") or row.get("venue") or "")
    if name and row.get("year") and (seen := ladder.venue(f"{name} {row['year']}", said=True)):
        excerpt = canonical({"paperId": row.get("paperId"), "venue": name, "year": row["year"]})
        found.append(observe(
            answer, "semantic_scholar", subject, "venue", seen.name, excerpt=excerpt, locator="publicationVenue/name",
            quote=json.dumps(name, ensure_ascii=False), rung="doi", url=page,
        ))  # fmt: skip
    doi = str((names or {}).get("DOI") or "")
    if doi and not doi.lower().startswith("10.48550/"):
        excerpt = canonical({"paperId": row.get("paperId"), "DOI": doi})
        found.append(observe(
            answer, "semantic_scholar", subject, "doi", doi, excerpt=excerpt, locator="externalIds/DOI",
            quote=json.dumps(doi, ensure_ascii=False), rung="doi", url=page,
        ))  # fmt: skip
    return found


SOURCE = SemanticScholar()
