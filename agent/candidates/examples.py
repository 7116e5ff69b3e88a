"""What the classifier learns from: the registry's own papers, and papers that do not belong into it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from registry.catalog import Catalog
from registry.schema import Paper

UNRELATED = Path(__file__).with_name("unrelated.txt")


@dataclass(frozen=True)
class Example:
    """A text with what is known about it."""

    name: str
    """Id of the entry, or `far-12`, `near-3`."""
    text: str
    relevant: bool
    month: str = ""
    """`2026-05`; empty for unrelated ones."""
    direction: str = ""
    bucket: str = ""


def text_of(paper: Paper) -> str:
    """What a paper is judged by: its title and one sentence, as for the unrelated ones."""
    return f"{paper.title}. {paper.summary.en}"


def related(catalog: Catalog) -> list[Example]:
    """The registry's papers, withdrawn and merged ones left out."""
    return [
        Example(name, text_of(paper), True, paper.date, paper.direction, paper.bucket or "")
        for name, paper in catalog.papers.items()
        if paper.stage in {"candidate", "recorded", "superseded"} and summarised(paper)
    ]


def summarised(paper: Paper) -> bool:
    """Whether somebody has written a summary; the agent's own placeholder teaches nothing."""
    from agent.candidates.listings import NOT_SUMMARISED

    return paper.summary.en != NOT_SUMMARISED["en"]


def unrelated() -> list[Example]:
    """Written by hand; see the head of the file for how."""
    found = []
    for line in UNRELATED.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            group, title, summary = (part.strip() for part in line.split("|"))
            found.append(Example(f"{group}-{len(found)}", f"{title}. {summary}", False))
    return found
