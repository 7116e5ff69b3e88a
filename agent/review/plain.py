"""The review as plain text: one proposal after the other, one letter each. Works in pipes and in any terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TextIO

from pydantic import JsonValue

from agent.proposals import AskAgain, Group, Operation
from agent.review.session import Card, Session

HELP = """\
  a approve   r reject (asks why)   e edit the value   m needs more (asks what)   s skip
  b approve all mechanical ones   u undo   ? help   q leave (nothing is lost)"""


def review(session: Session, lines: Iterator[str], out: TextIO, group: Group | None = None) -> int:
    """Go through the undecided proposals; `lines` are the reviewer's answers. Returns how many verdicts were given."""

    def ask(question: str) -> str | None:
        out.write(question)
        out.flush()
        answer = next(lines, None)
        return answer.strip() if answer is not None else None

    skipped: set[str] = set()
    while waiting := [op for op in session.undecided(group) if op.digest not in skipped]:
        operation = waiting[0]
        card = session.cards([operation])[0]
        decided, everything = session.progress()
        out.write(f"\n[{decided + 1}/{everything}] {card.group}\n{text(card)}\n")
        session.look()
        word = ask("verdict [a r e m s b u ? q]: ")
        if word is None or word == "q":
            break
        skipped |= answered(session, operation, card, word, ask, out)
    decided, everything = session.progress()
    median = session.median_seconds()
    out.write(
        f"\n{len(session.given)} verdicts given; {decided} of {everything} open proposals decided"
        + (f"; median {median:g} s" if median is not None else "")
        + "\n"
    )
    if decided:
        out.write(f"Carry out what was approved: aki agent apply{session.workspace.option}\n")
    return len(session.given)


def answered(
    session: Session, operation: Operation, card: Card, word: str, ask: Callable[[str], str | None], out: TextIO
) -> set[str]:
    """Carry out one answer; returns the digest if the proposal is not to be shown again in this sitting."""
    try:
        match word:
            case "a":
                session.decide(operation, "approve")
            case "r":
                reason = ask("why? ") or ""
                session.decide(
                    operation, "reject", reason=reason, ask_again=ask_again(ask("ask again [never]: ") or "")
                )
            case "e":
                session.decide(operation, "edit", value=edited(operation, ask("new value: ") or ""))
            case "m":
                session.decide(operation, "needs-more", reason=ask("what is missing? ") or "")
                return {operation.digest}
            case "b":
                out.write(f"{session.approve_all('mechanical')} mechanical proposals approved\n")
            case "u":
                session.undo()
            case "s":
                return {operation.digest}
            case _:
                out.write(HELP + "\n")
    except (ValueError, LookupError) as error:
        out.write(f"! {error}\n")
    return set()


def ask_again(words: str) -> AskAgain:
    """`never` (or nothing), `source-changes`, `two-sources`, or a day, `2027-01-31`.

    Raises:
        ValueError: it is none of these.
    """
    words = words.strip()
    if words in {"", "never", "source-changes", "two-sources"}:
        return AskAgain.model_validate({"when": words or "never"})
    try:
        return AskAgain.model_validate({"when": "after", "day": words})
    except ValueError:
        raise ValueError(
            f"ask again: never, source-changes, two-sources or a day like 2027-01-31; not {words!r}"
        ) from None


def edited(operation: Operation, words: str) -> JsonValue:
    """The person's value in the shape of the proposed one: facts keep place and day, and say that a person chose.

    Raises:
        ValueError: nothing was given, or the proposal is a whole entry.
    """
    if not words.strip():
        raise ValueError("the new value is empty")
    if isinstance(operation.new, dict):
        if "value" not in operation.new:
            raise ValueError("this proposal has several fields; reject it and edit the entry by hand, or use the page")
        return {
            **{k: v for k, v in operation.new.items() if k != "evidence"},
            "value": words.strip(),
            "confidence": "human",
        }
    return words.strip()


def text(card: Card) -> str:
    """A card as text."""
    lines = [card.headline, f"  {card.reason} · confidence {card.confidence:.2f}"]
    lines += [f"  · {line}" for line in card.why]
    if card.note:
        lines.append(f"  ! {card.note}")
    if card.conflict:
        lines.append(f"  ! conflict: {card.conflict}")
    lines += [f"    {line}" for line in card.diff]
    for seen in card.evidence:
        lines.append(f"  evidence: {seen.source}, {seen.read_at}, {seen.url} ({seen.locator})")
        if seen.intact:
            lines.append("    …" + " ".join(f"{seen.before[-80:]}»{seen.quote}«{seen.after[:80]}".split()) + "…")
        else:
            lines.append("    ! the kept excerpt is missing or was changed; do not approve")
    return "\n".join(lines)
