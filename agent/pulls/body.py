"""The pull request's text: one tick box per proposal, what a person needs to judge it, and back from text to ticks.

Whatever comes from outside stands in code spans and fences that it cannot leave, at least two spaces from the margin;
hidden characters are spelled out. The boxes carry digests in comments that outside text cannot imitate, as its `<!--`
is spelled otherwise. Ticks are believed only in a block that is, to the letter, what the proposal renders to now.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from agent.messages import sha256
from agent.proposals import GROUPS, Group
from agent.review.session import BULK, Card
from agent.texts import visible

Mark = Literal["approve", "reject", "bulk"]

LIMIT = 60_000
"""Characters; GitHub takes 65,536, and a few more are needed when lines end in two."""
MOST_DIFF = 60
"""Lines of a diff that are shown."""

INTRODUCTION = """\
The update agent read its sources and proposes the following. **Nothing of it is in the registry.** Tick what is right;
what you leave open stays open. A tick counts when the person who sets it may write to this repository. Ticked proposals
are applied on a branch of their own, one commit per group, which waits for your merge.

To change a value, or to say why not: `aki agent review`. Everything in code type below is quoted from outside.
"""

TITLES: dict[Group, str] = {
    "structural": "Structural: new, merged and withdrawn entries, one by one",
    "numbers": "Numbers: reported figures",
    "semantic": "Semantic: what an entry says",
    "mechanical": "Mechanical: stars, dates, states",
}

BOX = re.compile(
    r"- \[([ xX])\] (.*<!-- aki:(approve|reject|bulk) ([0-9a-f]{32}) ([0-9a-f]{32}|absent|mechanical) -->)"
)


SHORT = 32
"""Hex digits of a digest in a box: 128 bits, and half the room."""


@dataclass(frozen=True)
class Tick:
    """A box, ticked or not, by what it stands for."""

    mark: Mark
    operation: str
    """Beginning of the operation's digest; of all operations together for `bulk`."""
    base: str
    """Beginning of the digest of the entry as it was shown; the group for `bulk`."""


@dataclass(frozen=True)
class Page:
    """The text, and which proposals stand in it."""

    text: str
    shown: tuple[str, ...]
    """Digests of operations, in order."""
    left_out: int
    """Proposals for which there was no room; they come when these are decided."""


def render(cards: Sequence[Card], ticked: Iterable[Tick] = (), limit: int = LIMIT) -> Page:
    """The text for these cards, in their order, with the boxes of `ticked` ticked."""
    shown: list[Card] = []
    room = limit - len(INTRODUCTION) - 1_000  # headings, bulk box, closing words
    for card in cards:
        room -= len(block(card)) + 1
        if room < 0:
            break
        shown.append(card)
    parts = [INTRODUCTION]
    for group in GROUPS:
        members = [card for card in shown if card.group == group]
        if members:
            parts.append(f"## {TITLES[group]} ({len(members)})\n")
            if group in BULK and len(members) > 1:
                parts.append(bulk_box(members) + "\n")
            parts += [block(card) for card in members]
    left_out = len(cards) - len(shown)
    more = f"{left_out} more wait until there is room here. " if left_out else ""
    parts.append(f"## How to go on\n\n{more}Stop the agent: `enabled: false` in `agent/config.yaml`.\n")
    return Page(with_ticks("\n".join(parts), set(ticked)), tuple(card.digest for card in shown), left_out)


def block(card: Card) -> str:
    """One proposal: its boxes, and folded below them reason, diff and evidence; a mechanical one in one line."""
    return brief(card) if card.group in BULK and not (card.note or card.conflict) else full(card)


def brief(card: Card) -> str:
    """Old and new value, where it was read, and the words: all there is to a mechanical proposal."""
    seen = card.evidence[0]
    words = span(seen.quote[:120]) if seen.intact else "**the excerpt is gone or was changed; do not approve**"
    where = f"{seen.source}, {seen.read_at[:10]}, {span(seen.url)}: {words} · {card.digest[:12]}"
    return f"- [ ] **approve** {span(card.headline)} · {where} <!-- aki:approve {key_of(card)} -->\n"


def full(card: Card) -> str:
    """One proposal with everything that a person needs to judge it."""
    key, no = key_of(card), "not this, and do not ask again"
    lines = [f"- [ ] **approve** {span(card.headline)} <!-- aki:approve {key} -->"]
    lines += [f"  - [ ] {no} <!-- aki:reject {key} -->", ""]
    summary = f"confidence {card.confidence:.2f} · diff · evidence · <code>{card.digest[:12]}</code>"
    lines += [f"  <details><summary>{summary}</summary>", ""]
    lines += [f"  - {span(line)}" for line in (card.reason, *card.why)]
    lines += [f"  - **Note:** {span(card.note)}"] if card.note else []
    lines += [f"  - **Conflict:** {span(card.conflict)}"] if card.conflict else []
    lines += ["", *fence(shortened(card.diff), "diff")]
    for seen in card.evidence:
        lines += ["", f"  {seen.source}, read {seen.read_at}, {span(seen.url)} ({span(seen.locator)}):", ""]
        quoted = fence(seen.quote.splitlines() or [""])
        lines += quoted if seen.intact else ["  **The excerpt is gone or was changed; do not approve.**"]
    return "\n".join([*lines, "", "  </details>", ""])


def key_of(card: Card) -> str:
    """What a box of this card is bound to."""
    return f"{card.digest[:SHORT]} {card.base[:SHORT]}"


def bulk_box(cards: Sequence[Card]) -> str:
    """One box for all mechanical ones."""
    return f"- [ ] **approve all {len(cards)} mechanical ones** <!-- aki:bulk {together(cards)} mechanical -->\n"


def together(cards: Iterable[Card]) -> str:
    """Digest of all these proposals and the entries they were shown against."""
    return sha256("\n".join(sorted(f"{card.digest} {card.base}" for card in cards)))[:SHORT]


def shortened(diff: Sequence[str]) -> list[str]:
    """The diff, cut with a word about it when it is very long."""
    if len(diff) <= MOST_DIFF:
        return list(diff)
    return [*diff[:MOST_DIFF], f"… {len(diff) - MOST_DIFF} more lines: aki agent review"]


def span(text: str) -> str:
    """Text in a code span that it cannot leave."""
    plain = tame(" ".join(text.split())) or " "
    longest = max((len(run) for run in re.findall(r"`+", plain)), default=0)
    ticks = "`" * (longest + 1)
    return f"{ticks} {plain} {ticks}" if longest or plain == " " else f"`{plain}`"


def fence(lines: Sequence[str], language: str = "") -> list[str]:
    """Lines in a fence that they cannot close, two spaces from the margin."""
    if not lines:
        return []
    plain = [tame(part) for line in lines for part in line.splitlines() or [""]]
    longest = max((len(run) for line in plain for run in re.findall(r"`+", line)), default=0)
    ticks = "`" * max(3, longest + 1)
    return [f"  {ticks}{language}", *(f"  {line}" for line in plain), f"  {ticks}"]


def tame(text: str) -> str:
    """Hidden characters spelled out, and no opening of a comment."""
    return visible(text).replace("<!--", "⟨!--")


def boxes(text: str) -> list[tuple[Tick, bool]]:
    """All boxes of a text with whether they are ticked, in order."""
    found = []
    for line in unix(text).split("\n"):
        if match := BOX.fullmatch(line.strip(" ")):
            found.append((Tick(mark_of(match[3]), match[4], match[5]), match[1] != " "))
    return found


def ticked(text: str) -> list[Tick]:
    """The ticked boxes of a text, in order, each once."""
    return list(dict.fromkeys(tick for tick, is_ticked in boxes(text) if is_ticked))


def with_ticks(text: str, wanted: set[Tick]) -> str:
    """The text with exactly the wanted boxes ticked."""
    lines = []
    for line in unix(text).split("\n"):
        match = BOX.fullmatch(line.strip(" "))
        if match is None:
            lines.append(line)
            continue
        on = Tick(mark_of(match[3]), match[4], match[5]) in wanted
        lines.append(f"{line[: len(line) - len(line.lstrip(' '))]}- [{'x' if on else ' '}] {match[2]}")
    return "\n".join(lines)


def blocks(text: str) -> dict[str, str]:
    """Beginning of an operation's digest → its block of the text, without ticks and surrounding blank lines."""
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in with_ticks(text, set()).split("\n"):
        match = BOX.fullmatch(line)
        if match and match[3] == "approve":
            current = found.setdefault(match[4], [])
        elif line.startswith(("## ", "- ")):
            current = None
        if current is not None:
            current.append(line.rstrip())
    return {digest: "\n".join(lines).strip() for digest, lines in found.items()}


def plain(text: str) -> str:
    """A block without what is blank around it or at the ends of its lines, for comparison."""
    return "\n".join(line.rstrip() for line in unix(text).split("\n")).strip()


def unix(text: str) -> str:
    """The text with the line ends that we write; the web editor changes them."""
    return text.replace("\r\n", "\n")


def mark_of(word: str) -> Mark:
    """The mark of that name."""
    return "approve" if word == "approve" else "reject" if word == "reject" else "bulk"
