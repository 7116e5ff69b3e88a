"""Decide and carry out: review, decide, undo, apply, sign, verify."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.commands import (
    Json,
    RefusalError,
    Root,
    Settings,
    Space,
    catalog_of,
    go_on,
    say,
    say_json,
    settings,
    space,
    switched_off,
)

if TYPE_CHECKING:
    from agent.verify import Proof


def review(
    workspace: Space = None,
    root: Root = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="One proposal after the other as text; works in pipes.")
    ] = False,
    html: Annotated[Path | None, typer.Option("--html", help="Write one page with all proposals instead.")] = None,
    group: Annotated[str, typer.Option(help="Only structural, numbers, semantic or mechanical ones.")] = "",
    reviewer: Annotated[str, typer.Option(help="Your name in the log; default: git's user.name.")] = "",
) -> int:
    """Look at the open proposals and decide them, by keyboard. Every verdict is kept at once; leave at any time.

    For example:

      aki agent review

      aki agent review --html review.html
    """
    from agent.proposals import GROUPS, Group
    from agent.review.session import Session, reviewer_name

    desk, known = space(workspace), catalog_of(root)
    with desk.locked():
        go_on(desk, known, None, datetime.now(UTC).date())
    chosen: Group | None = next((one for one in GROUPS if one == group), None)
    if group and chosen is None:
        raise RefusalError(f"no group '{group}'; one of: {', '.join(GROUPS)}")
    session = Session(desk, known, reviewer or reviewer_name(), via="plain" if plain else "terminal")
    if html is not None:
        from agent.files import write_text
        from agent.review.page import page

        write_text(html, page(session))
        say(f"{len(session.operations())} proposals on {html}; open it in a browser, download your decisions, then:")
        say(f"  aki agent decide decisions.json{desk.option}")
        return 0
    if not session.operations():
        say("no open proposals; look for some: aki agent refresh")
        return 0
    with desk.locked():
        if plain or not sys.stdin.isatty() or not sys.stdout.isatty():
            from agent.review.plain import review as review_plain

            review_plain(session, iter(sys.stdin.readline, ""), sys.stdout, chosen)
        else:
            from agent.review.terminal import ReviewApp

            ReviewApp(session, chosen).run()
            decided, everything = session.progress()
            say(f"{len(session.given)} verdicts given; {decided} of {everything} open proposals decided")
            if decided:
                say(f"Carry out what was approved: aki agent apply{desk.option}")
    return 0


def decide(
    file: Annotated[Path, typer.Argument(help="The decisions that the review page gave you.")],
    workspace: Space = None,
    root: Root = None,
    reviewer: Annotated[str, typer.Option(help="Your name in the log; default: the one in the file, else git's.")] = "",
    json_: Json = False,
) -> int:
    """Take over the verdicts of a review page. Each is checked against the proposal and entry as they are now.

    For example:

      aki agent decide decisions.json
    """
    from agent.review.decisions import read, take_over
    from agent.review.session import Session, reviewer_name

    desk, known = space(workspace), catalog_of(root)
    decisions = read(file)
    session = Session(desk, known, reviewer or decisions.reviewer or reviewer_name(), via="page")
    with desk.locked():
        taken, refused = take_over(decisions, session)
    if json_:
        say_json({"taken": taken, "refused": refused})
    else:
        say(f"{taken} verdicts taken over" + (f", {len(refused)} refused:" if refused else ""))
        for line in refused:
            say(f"  ! {line}")
        if taken:
            say(f"Carry out what was approved: aki agent apply{desk.option}")
    return 1 if refused else 0


def undo(
    number: Annotated[int, typer.Argument(help="Line of the verdict in the decision log (aki agent stats --log).")],
    workspace: Space = None,
    reviewer: Annotated[str, typer.Option(help="Your name in the log; default: git's user.name.")] = "",
) -> int:
    """Take a verdict back. A rejected proposal comes back among the open ones.

    For example:

      aki agent undo 12
    """
    from agent.review.session import reviewer_name

    desk = space(workspace)
    with desk.locked():
        restored = desk.undo(number, reviewer or reviewer_name(), datetime.now(UTC))
    say(f"verdict {number} taken back" + (f"; {restored.target} {restored.field} is open again" if restored else ""))
    return 0


def apply(
    workspace: Space = None,
    root: Root = None,
    config: Settings = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be written.")] = False,
    json_: Json = False,
) -> int:
    """Write what was approved into the registry, all or nothing. What has drifted since is refused and asks again.

    For example:

      aki agent apply --dry-run

      aki agent apply && git diff registry/data
    """
    from agent.apply import apply as carry_out
    from registry.store import InvalidError

    if switched_off(settings(config)):
        return 0
    desk = space(workspace)
    try:
        with desk.locked():
            result = carry_out(desk, root, datetime.now(UTC), dry=dry_run)
    except InvalidError as error:
        raise RefusalError(f"nothing was written; the registry would have a problem: {error}") from None
    if json_:
        say_json(
            {
                "written": [str(path) for path in result.written],
                "operations": [operation.digest for operation in result.operations],
                "refused": [f"{op.target} {op.field}: {why}" for op, why in result.refused],
                "completed_earlier_run": result.completed,
                "dry_run": dry_run,
            }
        )
    else:
        if result.completed:
            say("an interrupted run was completed first")
        verb = "would be applied" if dry_run else "applied"
        say(f"{len(result.operations)} operations {verb}, {len(result.written)} files")
        for path in result.written:
            say(f"  {path}")
        for operation, why in result.refused:
            say(f"  ! {operation.target} {operation.field}: {why}")
        if result.written and not dry_run:
            say("Look at it: git diff registry/data · render the front pages: aki registry readme · commit both")
    return 1 if result.refused else 0


def sign(
    key: Annotated[Path, typer.Option("--key", help="SSH key: private, or public when an agent has the other half.")],
    workspace: Space = None,
) -> int:
    """Sign the decision log as it is now with an SSH key; whoever signs the last line vouches for all before it.

    For example:

      aki agent sign --key ~/.ssh/id_ed25519
    """
    from agent.signing import sign as put_under

    desk = space(workspace)
    with desk.locked():
        path = put_under(desk, key)
    say(f"signed line {int(path.name.partition('.')[0])} of the decision log: {path}")
    return 0


def verify(
    workspace: Space = None,
    root: Root = None,
    allowed: Annotated[
        Path | None,
        typer.Option("--allowed-signers", help="Who may sign the log; default: agent/allowed_signers if it exists."),
    ] = None,
    json_: Json = False,
) -> int:
    """Prove where every change came from: since the import, an approval or a human commit.

    For example:

      aki agent verify
    """
    from agent.verify import verify as prove

    proof = prove(space(workspace), root, allowed)
    if json_:
        say_json(asdict(proof))
        return 1 if proof.problems else 0
    say(
        f"log: {proof.events} events, chain whole; {proof.verdicts} verdicts, {proof.applied} apply runs"
        if not proof.problems or proof.events
        else "log: broken"
    )
    by = f"{proof.human} changes by people, {proof.covered} by approval"
    say(f"history: {proof.commits} commits since the import; {by}")
    say(signatures(proof))
    for problem in proof.problems:
        say(f"  ! {problem}")
    say("every canonical change is accounted for" if not proof.problems else f"{len(proof.problems)} problems")
    return 1 if proof.problems else 0


def signatures(proof: Proof) -> str:
    """The line about signatures."""
    signed = proof.signed
    if not signed.checked:
        return (
            f"signatures: {signed.signatures}, not checked (no agent/allowed_signers)"
            if signed.signatures
            else ("signatures: none; decisions are unsigned")
        )
    if not signed.upto:
        return f"signatures: none that counts; {proof.events} lines unsigned"
    later = proof.events - signed.upto
    return f"signatures: lines 1 to {signed.upto} by {', '.join(signed.by)}; {later} later lines unsigned"
