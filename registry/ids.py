"""Slugs and external ids: the only code that knows how they look, where they lead, and when two are the same.

Schemes: arXiv, DOI, OpenReview, ACL Anthology, CVF open access, ECVA, AAAI (OJS), Hugging Face, Semantic Scholar,
OpenAlex, DBLP; repositories on GitHub and Hugging Face by owner/name.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
MAX_SLUG = 80
LONGEST_QUOTED = 80
"""Characters of a wrong value that a message repeats."""


@dataclass(frozen=True)
class Scheme:
    """How ids of one kind look and where they lead."""

    name: str
    pattern: re.Pattern[str]
    example: str
    url: str
    """Address with `{}` for the id."""


def _scheme(name: str, pattern: str, example: str, url: str) -> Scheme:
    return Scheme(name, re.compile(pattern), example, url)


SCHEMES: dict[str, Scheme] = {
    scheme.name: scheme
    for scheme in (
        _scheme(
            "arxiv",
            r"\d{2}(?:0[1-9]|1[0-2])\.\d{4,5}|[a-z][a-z-]*(?:\.[A-Z]{2})?/\d{7}",
            "2505.24449",
            "https://arxiv.org/abs/{}",
        ),
        _scheme("doi", r"10\.\d{4,9}/[^\s\"<>]+", "10.1145/3581783.3612274", "https://doi.org/{}"),
        _scheme("openreview", r"[A-Za-z0-9_-]{6,20}", "T3Vc5fkTzV", "https://openreview.net/forum?id={}"),
        _scheme(
            "acl",
            r"(?:\d{4}\.[a-z0-9_]+-[a-z0-9_]+\.\d+|[A-Z]\d{2}-\d{4,5})",
            "2023.emnlp-main.856",
            "https://aclanthology.org/{}/",
        ),
        _scheme(
            "cvf",
            r"[A-Z]+\d{4}/html/[A-Za-z0-9_.-]+_paper",
            "CVPR2024/html/Hao_Visual_CVPR_2024_paper",
            "https://openaccess.thecvf.com/content/{}.html",
        ),
        _scheme(
            "ecva",
            r"eccv_\d{4}/\d+",
            "eccv_2024/7052",
            "https://www.ecva.net/papers/{}",
        ),
        _scheme("aaai", r"\d{3,6}", "39082", "https://ojs.aaai.org/index.php/AAAI/article/view/{}"),
        _scheme(
            "huggingface",
            r"(?:(?:datasets|spaces|collections)/)?[A-Za-z0-9][\w.-]*/[\w.-]+",
            "datasets/kailinjiang/MMEVOKE",
            "https://huggingface.co/{}",
        ),
        _scheme("semantic_scholar", r"[0-9a-f]{40}", "0" * 40, "https://www.semanticscholar.org/paper/{}"),
        _scheme("openalex", r"W\d{4,12}", "W2741809807", "https://openalex.org/{}"),
        _scheme("dblp", r"[a-z]+/[A-Za-z0-9-]+/[\w-]+", "conf/iclr/MengSABB23", "https://dblp.org/rec/{}"),
    )
}
"""Scheme name → how its ids look."""


def wrong(scheme: str, value: str) -> str | None:
    """What is wrong with an external id, with a mending hint; None when it looks right."""
    known = SCHEMES.get(scheme)
    if known is None:
        return f"no id scheme named '{scheme}'; one of: {', '.join(SCHEMES)}"
    if not known.pattern.fullmatch(value):
        return f"{scheme}: {_clipped(value)!r} does not look like {known.example}" + _arxiv_hint(scheme, value)
    if scheme == "arxiv" and (digits := _arxiv_digits(value)):
        return digits
    return None


def _arxiv_digits(value: str) -> str | None:
    """Ids have four digits after the dot until 2014-12, five since 2015-01."""
    month, _, number = value.partition(".")
    if not month.isdigit():
        return None
    expected = 4 if int(month) < 1501 else 5
    if len(number) != expected:
        return f"arxiv: {value!r} has {len(number)} digits after the dot; ids of that month have {expected} (quote it?)"
    return None


def _clipped(value: str) -> str:
    """A value as a message quotes it."""
    return value if len(value) <= LONGEST_QUOTED else value[:LONGEST_QUOTED] + "…"


def _arxiv_hint(scheme: str, value: str) -> str:
    if scheme == "arxiv" and re.search(r"v\d+$", value):
        return "; leave the version out"
    if scheme == "arxiv" and value.lower().startswith(("arxiv:", "http")):
        return "; write the bare number"
    return ""


def address(scheme: str, value: str) -> str:
    """The page an external id leads to.

    Raises:
        KeyError: the scheme is unknown.
    """
    if scheme == "ecva":
        year, number = value.split("/")
        return f"https://www.ecva.net/papers/{year}/papers_ECCV/html/{number}_ECCV_{year[-4:]}_paper.php"
    return SCHEMES[scheme].url.format(value)


def same(scheme: str, value: str) -> str:
    """Key under which two spellings of one id are equal (DOIs and hub names ignore case)."""
    return value.lower() if scheme in {"doi", "huggingface", "arxiv"} else value


READERS: tuple[tuple[str, str, re.Pattern[str]], ...] = (
    ("arxiv", "arxiv.org", re.compile(r"/(?:abs|pdf|html)/(?P<id>[a-z.A-Z-]*/?\d[\d.]*\d)(?:v\d+)?(?:\.pdf)?/?$")),
    ("arxiv", "alphaxiv.org", re.compile(r"/abs/(?P<id>\d[\d.]*\d)(?:v\d+)?$")),
    ("arxiv", "huggingface.co", re.compile(r"/papers/(?P<id>\d{4}\.\d{4,5})$")),
    ("doi", "doi.org", re.compile(r"/(?P<id>10\.\d{4,9}/.+)$")),
    ("doi", "dl.acm.org", re.compile(r"/doi/(?:abs/|full/|pdf/)?(?P<id>10\.\d{4,9}/.+)$")),
    ("acl", "aclanthology.org", re.compile(r"/(?P<id>[^/]+?)(?:\.pdf)?/?$")),
    ("cvf", "openaccess.thecvf.com", re.compile(r"/content/(?P<id>[A-Z]+\d{4}/html/[^/]+_paper)\.html$")),
    ("aaai", "ojs.aaai.org", re.compile(r"/AAAI/article/view/(?P<id>\d+)")),
    ("huggingface", "huggingface.co", re.compile(r"/(?P<id>(?:(?:datasets|spaces|collections)/)?[\w.-]+/[\w.-]+)/?$")),
)
"""Scheme, host and path pattern: how an address names a paper or resource."""

ECVA_PATH = re.compile(r"/papers/(?P<year>eccv_\d{4})/papers_ECCV/(?:html|papers)/0*(?P<number>\d+)")


def from_address(url: str) -> tuple[str, str] | None:
    """The (scheme, id) that an address stands for, or None when it names nothing we know."""
    parts = _split(url)
    host = (parts.hostname or "").removeprefix("www.").removeprefix("export.")
    if host == "openreview.net":
        found = re.search(r"(?:^|&)id=([A-Za-z0-9_-]+)", parts.query)
        return _valid("openreview", found[1] if found else None)
    if host == "ecva.net":
        found = ECVA_PATH.search(parts.path)
        return _valid("ecva", f"{found['year']}/{found['number']}" if found else None)
    for scheme, where, pattern in READERS:
        if host == where and (found := pattern.search(unquote(parts.path))):
            return _valid(scheme, found["id"])
    return None


def _split(url: str) -> SplitResult:
    """The parts of an address; all empty for what is none."""
    try:
        return urlsplit(url)
    except ValueError:  # brackets or characters that no host can have
        return urlsplit("")


def _valid(scheme: str, value: str | None) -> tuple[str, str] | None:
    return (scheme, value) if value is not None and wrong(scheme, value) is None else None


def repository(url: str) -> tuple[str, str] | None:
    """(host, owner/name) of a repository address on GitHub or the Hugging Face Hub; None for anything else."""
    parts = _split(url)
    host = (parts.hostname or "").removeprefix("www.")
    words = [word for word in parts.path.split("/") if word]
    if host == "github.com" and len(words) >= 2:
        return "github", f"{words[0]}/{words[1].removesuffix('.git')}"
    if host == "huggingface.co":
        words = words[1:] if words[:1] in (["datasets"], ["spaces"], ["models"]) else words
        if len(words) >= 2 and words[0] not in {"papers", "collections", "docs", "blog"}:
            return "huggingface", f"{words[0]}/{words[1]}"
    return None


def slug(text: str) -> str:
    """A readable id from any text: `'LoRA-Null'` → `'lora-null'`; empty when no letter or digit survives."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain.replace("'", ""))
    kept = "-".join(words)
    while len(kept) > MAX_SLUG:
        words = words[:-1] if len(words) > 1 else [kept[:MAX_SLUG]]
        kept = "-".join(words)
    return kept


def title_key(title: str) -> str:
    """Key under which near-equal titles are equal: case, punctuation, accents and spacing do not count."""
    plain = unicodedata.normalize("NFKC", title).casefold()
    return "".join(character for character in plain if character.isalnum())
