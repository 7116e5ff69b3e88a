"""A source of news about entries: which questions to ask, and how to read the answers. Both pure.

One file in `agent/sources/` per source, found by its name; it ends in `SOURCE = …`. Sockets belong to `agent.fetch`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from agent.messages import Exchange, Reading, Request


@dataclass(frozen=True)
class Watched:
    """Something in the registry that can be asked about in the world."""

    subject: str
    """External name, `arxiv:2505.24440`, `github:zjunlp/EasyEdit`, `link:https://…`."""
    entry: str
    """`papers/evoke`; the same subject may be watched for several entries."""
    hint: str = ""
    """A second name: GitHub's number of the repository."""
    checked: str = ""
    """ISO date of the oldest fact that came from there; empty when never."""

    @property
    def scheme(self) -> str:
        """The part before the first colon."""
        return self.subject.partition(":")[0]

    @property
    def name(self) -> str:
        """The part after the first colon."""
        return self.subject.partition(":")[2]


@dataclass(frozen=True)
class Settings:
    """What a source may want to know besides the entries."""

    queries: tuple[str, ...] = ()
    """Saved searches for new papers, in the source's query language."""
    query_results: int = 100
    pages: tuple[str, ...] = ()
    """Company and benchmark pages to read."""
    credentials: Collection[str] = ()
    """Names of the tokens that the transport has."""
    options: Mapping[str, int] = field(default_factory=dict)
    """Numbers of the source's section in the configuration."""
    numbers: tuple[str, ...] = ()
    """arXiv numbers that somebody's collection named and nothing is known about yet."""
    turn: int = 0
    """Number of the visit, so that what is too much for one visit is shared out over several."""


class Source:
    """Base of all sources.

    Attributes:
        name: file name in `agent/sources/`.
        interval_days: how often a visit is due; the status turns amber after twice that.
        fresh_hours: for so long an answer is not asked for again; the configuration may say otherwise.
    """

    name: str = ""
    title: str = ""
    interval_days: int = 7
    fresh_hours: float = 20

    def plan(self, watched: Sequence[Watched], settings: Settings) -> tuple[Request, ...]:
        """The questions for these entries."""
        raise NotImplementedError

    def follow(self, exchange: Exchange) -> tuple[Request, ...]:
        """Further questions that an answer calls for: the next page, halves of a refused batch, a second try."""
        del exchange
        return ()

    def read(self, exchanges: Sequence[Exchange]) -> Reading:
        """What the answers say."""
        raise NotImplementedError


def names() -> list[str]:
    """All sources, by file name; imports none of them."""
    from agent import sources

    return sorted(module.name for module in pkgutil.iter_modules(sources.__path__) if not module.name.startswith("_"))


def load(name: str) -> Source:
    """The source of that name.

    Raises:
        LookupError: there is none; says the nearest name.
    """
    if name not in names():
        near = get_close_matches(name, names(), n=1)
        raise LookupError(
            f"no source named '{name}'; " + (f"did you mean '{near[0]}'?" if near else "one of: " + ", ".join(names()))
        )
    return importlib.import_module(f"agent.sources.{name}").SOURCE


def distinct(watched: Sequence[Watched], scheme: str) -> list[Watched]:
    """The watched things of a scheme, each subject once, in alphabetical order so that plans are stable."""
    found: dict[str, Watched] = {}
    for one in watched:
        if one.scheme == scheme and (one.subject not in found or (one.hint and not found[one.subject].hint)):
            found[one.subject] = one
    return [found[subject] for subject in sorted(found)]


def in_turn(things: Sequence[str], size: int, turn: int) -> list[str]:
    """The `size` things whose turn it is, in their order; after the last ones the first ones again."""
    if size <= 0 or len(things) <= size:
        return list(things[: max(size, 0)])
    start = turn * size % len(things)
    return [*things, *things][start : start + size]


def refusals(exchanges: Sequence[Exchange]) -> list[str]:
    """One line for every question that got no answer."""
    return [f"{e.request.purpose}: {e.failure.message}" for e in exchanges if e.failure is not None]
