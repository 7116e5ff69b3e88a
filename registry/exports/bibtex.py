"""BibTeX: one record per paper, keyed by its id; UTF-8, TeX's characters escaped, titles braced to keep case."""

from __future__ import annotations

from registry.exports import Selection
from registry.ids import address
from registry.schema import Paper

SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
PREPRINTS = ("arXiv", "OpenReview")


def escape(text: str) -> str:
    """Text as TeX prints it literally."""
    return "".join(SPECIAL.get(character, character) for character in text)


def render(selection: Selection) -> str:
    """All papers of a selection."""
    return "\n".join(record(paper, selection.text(paper.summary)) for paper in selection.papers)


def proceedings(paper: Paper) -> str | None:
    """Where the paper was accepted, as far as known; None for a preprint."""
    places = [place for place in (paper.venue.known or "").split(" / ") if place and place not in PREPRINTS]
    return places[-1] if places else None


def record(paper: Paper, abstract: str) -> str:
    """One paper."""
    where = proceedings(paper)
    fields = {
        "title": f"{{{escape(paper.title)}}}",
        "author": " and ".join(
            f"{{{escape(author)}}}" if " and " in author else escape(author) for author in paper.authors
        ),
        "year": paper.date[:4],
        "booktitle": escape(where) if where else "",
        "eprint": paper.ids.arxiv or "",
        "archiveprefix": "arXiv" if paper.ids.arxiv else "",
        "doi": escape(paper.ids.doi or ""),
        "url": address("arxiv", paper.ids.arxiv) if paper.ids.arxiv and not where else paper.links[0],
        "abstract": escape(" ".join(abstract.split())),
        "note": "" if paper.stage == "recorded" else escape(paper.stage),
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    if "-" in paper.date:
        lines.insert(2 if paper.authors else 1, f"  month = {MONTHS[int(paper.date[5:7]) - 1]},")
    return f"@{'inproceedings' if where else 'misc'}{{{paper.id},\n" + "\n".join(lines) + "\n}\n"
