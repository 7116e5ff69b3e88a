"""Two ladders: where a paper was accepted, and where its code is. Each rung is labelled; the higher one is believed.

Venue: proceedings page, DOI, journal reference on arXiv, comment on arXiv. Code: address in the abstract or comment,
the Hub's paper page, the project page. What a person wrote stands above all rungs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

RUNGS = ("human", "proceedings", "doi", "journal-ref", "comment", "hub", "page", "list")
"""Strongest first; `list` is what the imported public list said."""


def height(rung: str | None) -> int:
    """Larger is stronger; an unknown rung and no rung are the lowest."""
    return len(RUNGS) - RUNGS.index(rung) if rung in RUNGS else 0


CONFIDENCE = {
    "human": 1.0,
    "proceedings": 0.98,
    "doi": 0.95,
    "journal-ref": 0.9,
    "comment": 0.75,
    "hub": 0.6,
    "page": 0.5,
}
"""How far a rung is trusted when nothing else is known."""

VENUES: dict[str, str] = {
    "NeurIPS": r"NeurIPS|NIPS|(?:Conference on )?(?:Advances in )?Neural Information Processing Systems",
    "ICML": r"ICML|International Conference on Machine Learning",
    "ICLR": r"ICLR|International Conference on Learning Representations",
    "CVPR": r"CVPR|(?:IEEE/CVF )?Conference on Computer Vision and Pattern Recognition",
    "ICCV": r"ICCV|International Conference on Computer Vision",
    "ECCV": r"ECCV|European Conference on Computer Vision",
    "WACV": r"WACV|Winter Conference on Applications of Computer Vision",
    "EMNLP": r"EMNLP|(?:Conference on )?Empirical Methods in Natural Language Processing",
    "NAACL": r"NAACL|North American Chapter of the Association for Computational Linguistics",
    "EACL": r"EACL|European Chapter of the Association for Computational Linguistics",
    "AACL": r"AACL|Asia-Pacific Chapter of the Association for Computational Linguistics",
    "ACL": r"ACL|(?:Annual )?Meeting of the Association for Computational Linguistics",
    "COLING": r"COLING|International Conference on Computational Linguistics",
    "COLM": r"COLM|Conference on Language Modeling",
    "CoLLAs": r"CoLLAs|Conference on Lifelong Learning Agents",
    "AAAI": r"AAAI(?: Conference on Artificial Intelligence)?",
    "IJCAI": r"IJCAI|International Joint Conference on Artificial Intelligence",
    "ACM MM": r"ACM ?MM|ACM Multimedia|ACM International Conference on Multimedia",
    "KDD": r"(?:SIG)?KDD",
    "WWW": r"WWW|The Web Conference",
    "SIGIR": r"SIGIR",
    "CIKM": r"CIKM",
    "AISTATS": r"AISTATS",
    "UAI": r"UAI",
    "BMVC": r"BMVC|British Machine Vision Conference",
    "TMLR": r"TMLR|Transactions on Machine Learning Research",
    "JMLR": r"JMLR|Journal of Machine Learning Research",
    "TACL": r"TACL|Transactions of the Association for Computational Linguistics",
    "TPAMI": r"TPAMI|T-?PAMI|Transactions on Pattern Analysis and Machine Intelligence",
    "IJCV": r"IJCV|International Journal of Computer Vision",
    "TIP": r"Transactions on Image Processing",
    "TNNLS": r"TNNLS|Transactions on Neural Networks and Learning Systems",
    "TKDE": r"TKDE|Transactions on Knowledge and Data Engineering",
}
"""Short name → how it is written. EMNLP, NAACL, EACL and AACL come before ACL, whose name they contain."""

JOURNALS = {"TMLR", "JMLR", "TACL", "TPAMI", "IJCV", "TIP", "TNNLS", "TKDE"}

ACCEPTED = re.compile(
    r"\b(accepted|to appear|appear(?:s|ed|ing)?|published|camera[- ]ready|in proceedings|proceedings of"
    r"|presented|oral|spotlight|poster|findings|main conference)\b",
    re.IGNORECASE,
)
NOT_ACCEPTED = re.compile(
    r"\b(under review|in submission|submitted|submission to|withdrawn from|in preparation|reject(?:ed)?)\b",
    re.IGNORECASE,
)
YEAR = re.compile(r"(?:'|’|\b)((?:20)?[12]\d)\b")


@dataclass(frozen=True)
class Venue:
    """A place of publication as the registry writes it."""

    name: str
    """`ICLR 2026`, `Findings of ACL 2025`, `NeurIPS 2025 Workshop`."""
    quote: str
    """The words it was read from."""


def venue(text: str, *, said: bool = False) -> Venue | None:
    """The venue that a comment or reference names as having accepted the paper, or None.

    A bare "CVPR 2026" counts, "Submitted to CVPR 2026" does not, nor a conference without a year. `said` means that
    the text is a statement of publication by its place (a journal reference), so no wording is required.
    """
    for sentence in re.split(r"(?<=[.;!])\s+|\n+", text):
        if NOT_ACCEPTED.search(sentence):
            continue
        found = _named(sentence)
        if found is None:
            continue
        name, start, end = found
        year = _year(sentence, start, end)
        if year is None and name not in JOURNALS:
            continue
        if not (said or ACCEPTED.search(sentence) or _bare(sentence)):
            continue
        return Venue(_written(name, year, sentence), sentence.strip()[:300])
    return None


def _named(sentence: str) -> tuple[str, int, int] | None:
    for name, pattern in VENUES.items():
        flags = 0 if re.fullmatch(r"[A-Za-z -]{2,8}", name) and name.isupper() else re.IGNORECASE
        match = re.search(rf"(?<![A-Za-z])(?:{pattern})(?=[^A-Za-z]|$)", sentence, flags)
        if match:
            return name, match.start(), match.end()
    return None


def _year(sentence: str, start: int, end: int) -> str | None:
    """The year nearest after the name, else nearest before it."""
    after = YEAR.search(sentence, end)
    before = list(YEAR.finditer(sentence, 0, start))
    near = after if after and after.start() - end < 40 else (before[-1] if before else after)
    if near is None:
        return None
    return near[1] if len(near[1]) == 4 else f"20{near[1]}"


def _bare(sentence: str) -> bool:
    """A comment that is little more than the venue: `CVPR 2026`, `ICML 2025, 12 pages`."""
    rest = re.sub(
        r"\d+|pages?|figures?|tables?|code|project|page|at|https?://\S+|[^A-Za-z]+", " ", sentence, flags=re.IGNORECASE
    )
    return len(rest.split()) <= 4


def _written(name: str, year: str | None, sentence: str) -> str:
    written = f"{name} {year}" if year else name
    if re.search(r"\bfindings\b", sentence, re.IGNORECASE):
        written = f"Findings of {written}"
    if re.search(r"\bworkshop\b", sentence, re.IGNORECASE):
        written = f"{written} Workshop"
    return written


SUBJECT = r"(?:this|the)?\s*(?:paper|article|manuscript|submission|work|version)"
WITHDRAWN = re.compile(
    rf"\b{SUBJECT}[^.]{{0,60}}?\b(?:has been|is|was)\s+(?:temporarily\s+)?(?:withdrawn|retracted)\b[^.]*\.?"
    r"|^\s*withdrawn\b[^.]*\.?"
    r"|\bwithdrawn by (?:the )?(?:authors?|arxiv|submitter)[^.]*\.?",
    re.IGNORECASE,
)


def withdrawal(text: str) -> str | None:
    """The sentence that says the paper was withdrawn, or None. arXiv has no flag for it: only the words."""
    found = WITHDRAWN.search(text)
    return found[0].strip() if found else None


CODE = re.compile(
    r"https?://(?:www\.)?github\.com/([A-Za-z0-9-]{1,39})/([A-Za-z0-9._-]{1,100}?)(?=\.git\b|[.,;:)\]}>'\"]*(?:\s|$)|/|#)"
)


def code(text: str) -> tuple[str, str] | None:
    """(owner/name, quoted address) of the first repository on GitHub that a text names, or None."""
    found = CODE.search(text)
    if found is None or found[1].lower() in {"features", "topics", "orgs", "about"}:
        return None
    return f"{found[1]}/{found[2]}", found[0]
