"""Who ticked what: the pull request's edit history says in whose edit a box became ticked, and whether they may.

GitHub gives every revision of a text with its editor (GraphQL, `userContentEdits`; the REST API has no such history). A
box belongs to the editor of the revision in which it became ticked, however often the text is edited afterwards. What
happened in a revision whose content was deleted belongs to nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from agent.proposals import AskAgain
from agent.pulls import body
from agent.pulls.body import Tick
from agent.review.decisions import Decision, Decisions, take_over
from agent.review.session import Card, Session
from agent.verify import is_bot
from agent.workspaces import Workspace
from registry.catalog import Catalog

EPOCH = datetime.min.replace(tzinfo=UTC)

MAY_WRITE = {"admin", "maintain", "write"}
"""Answers of the permission endpoint that allow a tick to count."""


@dataclass(frozen=True)
class Revision:
    """One state of the text."""

    at: datetime
    editor: str
    """Login; empty when the account is gone."""
    person: bool
    """Whether the editor is a user and no bot."""
    text: str | None
    """None when somebody deleted the revision's content."""


@dataclass(frozen=True)
class Holder:
    """Whose tick it is, and since when."""

    login: str
    person: bool
    at: datetime


def holders(revisions: Sequence[Revision]) -> dict[Tick, Holder | None]:
    """Ticked boxes of the last revision → whose they are; None when it cannot be known.

    Args:
        revisions: oldest first.
    """
    found: dict[Tick, Holder | None] = {}
    gap = False
    for revision in revisions:
        if revision.text is None:
            gap = True
            continue
        now = body.ticked(revision.text)
        fresh = None if gap or not revision.editor else Holder(revision.editor, revision.person, revision.at)
        found = {tick: found.get(tick, fresh) if tick in found else fresh for tick in now}
        gap = False
    return found


@dataclass(frozen=True)
class Verdicts:
    """What reading the ticks gave."""

    taken: int
    refused: tuple[str, ...]
    """One line each."""
    people: tuple[str, ...]
    """Logins whose ticks counted."""


def take(
    text: str,
    owners: Mapping[Tick, Holder | None],
    permissions: Mapping[str, str],
    *,
    workspace: Workspace,
    catalog: Catalog,
    number: int,
) -> Verdicts:
    """Turn the ticks of a text into verdicts, each in the name of the person who set it.

    Args:
        text: the pull request's text now.
        owners: whose ticks they are.
        permissions: login → what GitHub says that person may do in the repository.
        workspace: where the proposals are and the verdicts go.
        catalog: the registry; approvals are bound to its entries as they are now.
        number: of the pull request.
    """
    cards = {card.digest[: body.SHORT]: card for card in Session(workspace, catalog, "pull request").cards()}
    seen = body.blocks(text)
    taken, refused, people = 0, list[str](), dict[str, None]()
    for tick, owner in sorted(owners.items(), key=lambda pair: pair[1].at if pair[1] else EPOCH):
        why = unfit(owner, permissions)
        if owner is None or why:
            refused.append(f"{name_of(tick, cards)}: {why}")
            continue
        decisions, problems = decided(tick, text, seen, cards, number)
        refused += problems
        session = Session(workspace, catalog, owner.login, via="pull-request", clock=lambda at=owner.at: at)
        given, wrong = take_over(Decisions(format="aki-decisions-1", decisions=tuple(decisions)), session)
        taken += given
        refused += wrong
        if given:
            people[owner.login] = None
    return Verdicts(taken, tuple(refused), tuple(people))


def unfit(owner: Holder | None, permissions: Mapping[str, str]) -> str:
    """Why this person's tick does not count; empty when it does."""
    if owner is None:
        return "nobody knows whose tick it is; tick it again"
    if not owner.person or is_bot(owner.login):
        return f"ticked by {owner.login}, which is no person"
    if permissions.get(owner.login, "none") not in MAY_WRITE:
        return f"ticked by {owner.login}, who may not write to the repository"
    return ""


def decided(
    tick: Tick, text: str, seen: Mapping[str, str], cards: Mapping[str, Card], number: int
) -> tuple[list[Decision], list[str]]:
    """The decisions that a tick stands for, and what is wrong with it."""
    others = set(body.ticked(text))
    if tick.mark == "bulk":
        return bulk(tick, seen, cards, others)
    card = cards.get(tick.operation)
    if card is None:
        return [], [f"{tick.operation[:12]}: no such proposal is open; it was decided or replaced since"]
    if Tick("reject" if tick.mark == "approve" else "approve", tick.operation, tick.base) in others:
        return [], [f"{card.target} {card.field}: both boxes are ticked; leave one"]
    if problem := changed(card, tick, seen):
        return [], [f"{card.target} {card.field}: {problem}"]
    reason = f"ticked away on pull request #{number}" if tick.mark == "reject" else ""
    word = "approve" if tick.mark == "approve" else "reject"
    return [Decision(operation=card.digest, base=card.base, word=word, reason=reason, ask_again=AskAgain())], []


def changed(card: Card, tick: Tick, seen: Mapping[str, str]) -> str:
    """Why what was ticked is not what the proposal is now; empty when it is."""
    if card.base[: body.SHORT] != tick.base:
        return "the entry has changed since it was shown; renew the pull request: aki agent pr"
    if seen.get(card.digest[: body.SHORT]) != body.plain(body.block(card)):
        return "its text in the pull request is not what the proposal says; renew it: aki agent pr"
    return ""


def bulk(
    tick: Tick, seen: Mapping[str, str], cards: Mapping[str, Card], others: set[Tick]
) -> tuple[list[Decision], list[str]]:
    """All mechanical proposals of the text that have no tick of their own."""
    members = [card for digest, card in cards.items() if digest in seen and card.group == "mechanical"]
    if body.together(members) != tick.operation:
        return [], ["all mechanical ones: they are not the same any more; renew the pull request: aki agent pr"]
    own = {one.operation for one in others if one.mark != "bulk"}
    decisions, problems = [], []
    for card in members:
        if card.digest[: body.SHORT] in own or card.conflict:
            continue
        if problem := changed(card, Tick("approve", card.digest[: body.SHORT], card.base[: body.SHORT]), seen):
            problems.append(f"{card.target} {card.field}: {problem}")
        else:
            decisions.append(Decision(operation=card.digest, base=card.base, word="approve", seconds=0))
    return decisions, problems


def name_of(tick: Tick, cards: Mapping[str, Card]) -> str:
    """What a tick is about, in words."""
    if tick.mark == "bulk":
        return "all mechanical ones"
    card = cards.get(tick.operation)
    return f"{card.target} {card.field}" if card else tick.operation[:12]
