"""The things of the made-up world, and how each host words them. Pure: things in, answers out.

Formats after the documentation of each API and real answers of arXiv and GitHub: Atom with the opensearch and arxiv
name spaces, GraphQL with NOT_FOUND errors beside the data, REST with 301 to the repository's number, the Hub's JSON.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape, quoteattr

ATOM = (
    "<?xml version='1.0' encoding='UTF-8'?>\n<feed xmlns:opensearch=\"http://a9.com/-/spec/opensearch/1.1/\" "
    'xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns="http://www.w3.org/2005/Atom">\n'
)


@dataclass
class Preprint:
    """A paper on arXiv."""

    number: str
    title: str
    abstract: str = "We study a model."
    published: str = "2026-01-05T09:00:00Z"
    updated: str = ""
    version: int = 1
    authors: tuple[str, ...] = ("A. Author", "B. Author")
    categories: tuple[str, ...] = ("cs.CV", "cs.CL")
    comment: str | None = None
    journal_ref: str | None = None
    doi: str | None = None

    def atom(self) -> str:
        """The entry of the feed."""
        page = f"abs/{self.number}v{self.version}"
        pdf = f"https://arxiv.org/pdf/{self.number}v{self.version}"
        parts = [
            f"<id>http://arxiv.org/{page}</id>",
            f"<title>{escape(self.title)}</title>",
            f"<updated>{self.updated or self.published}</updated>",
            f'<link href="https://arxiv.org/{page}" rel="alternate" type="text/html"/>',
            f'<link href="{pdf}" rel="related" type="application/pdf" title="pdf"/>',
            f"<summary>{escape(self.abstract)}</summary>",
            *(f'<category term="{category}" scheme="http://arxiv.org/schemas/atom"/>' for category in self.categories),
            f"<published>{self.published}</published>",
        ]
        for name, value in (("comment", self.comment), ("journal_ref", self.journal_ref), ("doi", self.doi)):
            if value is not None:
                parts.append(f"<arxiv:{name}>{escape(value)}</arxiv:{name}>")
        parts.append(f"<arxiv:primary_category term={quoteattr(self.categories[0])}/>")
        parts += [f"<author>\n      <name>{escape(author)}</name>\n    </author>" for author in self.authors]
        return "  <entry>\n    " + "\n    ".join(parts) + "\n  </entry>\n"


def feed(title: str, entries: list[str], total: int, start: int, size: int, moment: str) -> str:
    """An Atom page of arXiv's query API."""
    head = (
        f"  <id>https://arxiv.org/api/made-up</id>\n  <title>arXiv Query: {escape(title)}</title>\n"
        f"  <updated>{moment}</updated>\n  <opensearch:itemsPerPage>{size}</opensearch:itemsPerPage>\n"
        f"  <opensearch:totalResults>{total}</opensearch:totalResults>\n"
        f"  <opensearch:startIndex>{start}</opensearch:startIndex>\n"
    )
    return ATOM + head + "".join(entries) + "</feed>\n"


def error_feed(message: str, moment: str) -> str:
    """What arXiv sends with a 400: one entry named Error."""
    place = f"https://arxiv.org/api/errors#{re.sub(r'[^a-z0-9]+', '_', message.lower())}"
    entry = (
        f"  <entry>\n    <id>{escape(place)}</id>\n    <title>Error</title>\n    <updated>{moment}</updated>\n"
        f"    <published>{moment}</published>\n    <summary>{escape(message)}</summary>\n"
        "    <author>\n      <name>arXiv api core</name>\n    </author>\n  </entry>\n"
    )
    return feed("", [entry], 1, 0, 1, moment)


@dataclass
class Repo:
    """A repository on GitHub."""

    full_name: str
    number: int
    stars: int = 10
    licence: str | None = "MIT"
    archived: bool = False
    disabled: bool = False
    empty: bool = False
    pushed: str | None = "2026-05-01T10:00:00Z"
    release: str | None = None
    commit: str = "0123456789abcdef0123456789abcdef01234567"
    formerly: tuple[str, ...] = ()
    """Names that redirect here."""

    def graphql(self) -> dict[str, Any]:
        """Its node in a GraphQL answer."""
        return {
            "databaseId": self.number,
            "nameWithOwner": self.full_name,
            "url": f"https://github.com/{self.full_name}",
            "stargazerCount": self.stars,
            "isArchived": self.archived,
            "isDisabled": self.disabled,
            "isEmpty": self.empty,
            "isFork": False,
            "pushedAt": self.pushed,
            "licenseInfo": {"spdxId": self.licence} if self.licence else None,
            "latestRelease": {"tagName": self.release, "publishedAt": self.pushed} if self.release else None,
            "defaultBranchRef": None if self.empty else {"name": "main", "target": {"oid": self.commit}},
        }

    def rest(self) -> dict[str, Any]:
        """Its REST answer (the keys that matter and some that do not)."""
        owner, name = self.full_name.split("/")
        return {
            "id": self.number,
            "node_id": f"R_{self.number}",
            "name": name,
            "full_name": self.full_name,
            "private": False,
            "owner": {"login": owner, "id": self.number + 1, "type": "Organization"},
            "html_url": f"https://github.com/{self.full_name}",
            "description": None,
            "fork": False,
            "url": f"https://api.github.com/repos/{self.full_name}",
            "pushed_at": self.pushed,
            "size": 0 if self.empty else 108,
            "stargazers_count": self.stars,
            "archived": self.archived,
            "disabled": self.disabled,
            "license": {"key": self.licence.lower(), "spdx_id": self.licence} if self.licence else None,
            "default_branch": "main",
        }


@dataclass
class Asset:
    """A data set or model on the Hub."""

    kind: str
    """`datasets` or `models`."""
    id: str
    likes: int = 3
    downloads: int = 100
    gated: bool | str = False
    sha: str = "aabbccddeeff00112233445566778899aabbccdd"
    licence: str | None = "cc-by-4.0"
    modified: str = "2026-05-01T10:00:00.000Z"
    private: bool = False

    def json(self) -> dict[str, Any]:
        """Its JSON with the expanded fields."""
        return {
            "_id": "0" * 24,
            "id": self.id,
            "sha": self.sha,
            "likes": self.likes,
            "downloads": self.downloads,
            "gated": self.gated,
            "disabled": False,
            "lastModified": self.modified,
            "cardData": {"license": self.licence} if self.licence else {},
        }


@dataclass
class Page:
    """A web page or feed."""

    body: str
    status: int = 200
    content_type: str = "text/html; charset=utf-8"
    location: str | None = None


@dataclass
class Fault:
    """An answer that is given once instead of the right one."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass
class World:
    """Everything there is."""

    moment: datetime
    papers: dict[str, Preprint] = field(default_factory=dict)
    found: dict[str, list[str]] = field(default_factory=dict)
    """Saved query → numbers of the papers it finds, newest first."""
    repositories: list[Repo] = field(default_factory=list)
    assets: list[Asset] = field(default_factory=list)
    hub_papers: dict[str, dict[str, Any]] = field(default_factory=dict)
    pages: dict[str, Page] = field(default_factory=dict)
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    """Host → answers to give first."""
    semantic_scholar: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, *things: Preprint | Repo | Asset) -> World:
        """Put things into the world."""
        for thing in things:
            if isinstance(thing, Preprint):
                self.papers[thing.number] = thing
            elif isinstance(thing, Repo):
                self.repositories.append(thing)
            else:
                self.assets.append(thing)
        return self

    def repository(self, name: str) -> Repo | None:
        """The repository of that name, also by a former one."""
        wanted = name.lower()
        for repo in self.repositories:
            if wanted in (repo.full_name.lower(), *(old.lower() for old in repo.formerly)):
                return repo
        return None
