"""Propose, approve, report and be stopped on GitHub: pr, post, switch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from agent.commands import (
    STATE,
    Earlier,
    Json,
    RefusalError,
    Root,
    Settings,
    Space,
    State,
    catalog_of,
    go_on,
    note,
    off_because,
    say,
    say_json,
    settings,
    space,
    switched_off,
)

if TYPE_CHECKING:
    from agent.config import Config
    from agent.pulls.branches import Outcome
    from agent.pulls.remote import Remote
    from agent.review.session import Card
    from agent.workspaces import Workspace
    from registry.catalog import Catalog

Step = Literal["propose", "read", "approved"]


def pr(
    step: Annotated[
        Step,
        typer.Argument(
            help="propose: a pull request with a tick box per proposal. read: its ticks become verdicts. "
            "approved: a branch with a commit per approved group."
        ),
    ] = "propose",
    workspace: Space = None,
    root: Root = None,
    config: Settings = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be sent; needs no token and no network.")
    ] = False,
    earlier: Earlier = None,
    state: State = STATE,
    json_: Json = False,
) -> int:
    """Propose and hand over by pull request. The default branch is never written to.

    Needs GITHUB_TOKEN with 'contents: write' and 'pull requests: write' (for `read`, reading is enough). The repository
    is the one of the remote 'origin', or repository: owner/name in the configuration.

    For example:

      aki agent pr --dry-run

      aki agent pr && aki agent pr read && aki agent pr approved
    """
    from github import GithubException

    from agent.pulls.remote import said
    from registry.store import InvalidError

    chosen = settings(config)
    if switched_off(chosen):
        return 0
    desk, known = space(workspace), catalog_of(root)
    if not dry_run and stopped_by_label(chosen, state):
        return 0
    steps = {"propose": proposed, "read": read_ticks, "approved": handed_over}
    try:
        with desk.locked():
            go_on(desk, known, earlier, datetime.now(UTC).date())
            return steps[step](Errand(desk, known, root, chosen, state, dry_run, json_))
    except InvalidError as error:
        raise RefusalError(f"nothing was sent; the registry would have a problem: {error}") from None
    except GithubException as error:
        raise RefusalError(f"GitHub answered HTTP {error.status}: {said(error)[:200]}") from None


def remote_of(config: Config, state: Path) -> Remote:
    """GitHub, with the token of the environment.

    Raises:
        RemoteError: no token, or no repository.
    """
    from agent.hosts import HostMemory
    from agent.pulls.remote import API, Remote, repository_name, token_of

    return Remote(
        repository_name(config.repository, Path.cwd()),
        token_of(),
        memory=HostMemory(state),
        api=config.endpoints.get(API, API),
        contact=config.contact,
    )


def stopped_by_label(config: Config, state: Path) -> bool:
    """Say so when somebody has put the stop label on the status issue."""
    from agent.pulls.dashboard import STOP, stop_label

    place = stop_label(remote_of(config, state))
    if place:
        note(f"aki agent: switched off (label '{STOP}' on {place}); nothing was done")
    return bool(place)


def switch(config: Settings = None, state: State = STATE, json_: Json = False) -> int:
    """Is the agent switched on? Asks the configuration, the variable AKI_AGENT and the label on the status issue.

    Exit code 0: on. 1: off, and where. 2: GitHub could not be asked, so nobody knows.

    For example:

      aki agent switch
    """
    from agent.pulls.dashboard import STOP, stop_label

    chosen = settings(config)
    reason = off_because(chosen)
    if not reason and (place := stop_label(remote_of(chosen, state))):
        reason = f"label '{STOP}' on {place}"
    if json_:
        say_json({"on": not reason, "because": reason})
    else:
        say(f"switched off ({reason})" if reason else "switched on")
    return 1 if reason else 0


def post(
    workspace: Space = None,
    root: Root = None,
    config: Settings = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the text; needs no token and no network.")] = False,
    state: State = STATE,
    json_: Json = False,
) -> int:
    """Write the status to the one issue that is kept for it: opened once, renewed in place, pinned if GitHub allows.

    Needs GITHUB_TOKEN with 'issues: write'. Also done while the agent is switched off: the issue then says so.

    For example:

      aki agent post --dry-run

      aki agent post
    """
    from agent import status as reporting
    from agent.pulls.dashboard import post as put

    chosen = settings(config)
    found = reporting.status(space(workspace), catalog_of(root), chosen, datetime.now(UTC))
    text = reporting.markdown(replace(found, off=off_because(chosen)))
    if dry_run:
        say(text)
        return 0
    posted = put(remote_of(chosen, state), text)
    if json_:
        say_json(vars(posted))
        return 0
    words = {"opened": "opened", "updated": "renewed", "unchanged": "nothing new on"}
    say(f"{words[posted.state]} issue #{posted.number} {posted.url}")
    if posted.stopped:
        say("its stop label is on: the agent does nothing until it is taken off")
    if posted.hint:
        say(posted.hint)
    return 0


class Errand:
    """What every step needs."""

    def __init__(
        self,
        desk: Workspace,
        known: Catalog,
        root: Path | None,
        config: Config,
        state: Path,
        dry_run: bool,
        json_: bool,
    ) -> None:
        self.desk, self.known, self.root = desk, known, root
        self.config, self.state, self.dry_run, self.json = config, state, dry_run, json_

    def remote(self) -> Remote:
        """GitHub.

        Raises:
            RemoteError: no token, or no repository.
        """
        return remote_of(self.config, self.state)

    def cards(self) -> list[Card]:
        """Open proposals that still wait for a verdict."""
        from agent.review.session import Session

        cards = Session(self.desk, self.known, "pull request").cards()
        return [card for card in cards if card.state in {"open", "needs-more"}]


def proposed(errand: Errand) -> int:
    """Open or renew the pull request with the tick boxes."""
    from agent.pulls import body
    from agent.pulls.branches import propose
    from agent.pulls.content import workspace_files

    cards = errand.cards()
    if errand.dry_run:
        page = body.render(cards)
        if errand.json:
            say_json({"shown": list(page.shown), "left_out": page.left_out, "characters": len(page.text)})
        else:
            say(page.text)
        return 0
    remote = errand.remote()
    outcome = propose(remote, cards, workspace_files(errand.desk))
    if errand.json:
        say_json({**vars(outcome), "requests": remote.requests})
        return 0
    if outcome.state == "nothing":
        say("no open proposals; look for some: aki agent refresh")
    else:
        say(f"{told(outcome)}: {outcome.shown} proposals with tick boxes")
        if outcome.left_out:
            say(f"{outcome.left_out} more wait until these are decided (GitHub limits the length of the text)")
        if outcome.state != "closed":
            say("Tick what is right, then: aki agent pr read && aki agent pr approved (or let the workflow do it)")
    return 0


def read_ticks(errand: Errand) -> int:
    """Turn the ticks of the open pull request into verdicts."""
    from agent.pulls import ticks
    from agent.pulls.branches import PROPOSALS, base_of, history, open_pull, permission

    if errand.dry_run:
        raise RefusalError("pr read has no dry run: it writes nothing but verdicts; take one back with aki agent undo")
    remote = errand.remote()
    base = base_of(remote)
    pull = open_pull(remote, base, PROPOSALS)
    if pull is None:
        say("no open pull request with proposals; open one: aki agent pr")
        return 0
    text, revisions = history(remote, pull.number)
    owners = ticks.holders(revisions)
    people = sorted({owner.login for owner in owners.values() if owner is not None and owner.person})
    allowed = {login: permission(remote, base, login) for login in people}
    verdicts = ticks.take(text, owners, allowed, workspace=errand.desk, catalog=errand.known, number=pull.number)
    if errand.json:
        say_json({**vars(verdicts), "refused": list(verdicts.refused), "ticked": len(owners), "number": pull.number})
    else:
        by = f" by {', '.join(verdicts.people)}" if verdicts.people else ""
        say(f"pull request #{pull.number}: {len(owners)} boxes ticked, {verdicts.taken} new verdicts{by}")
        for line in verdicts.refused:
            say(f"  ! {line}")
    return 1 if verdicts.refused else 0


def handed_over(errand: Errand) -> int:
    """Send what was approved: a branch with a commit per group, and its pull request."""
    from agent.pulls.branches import base_of, content_of, publish_approved
    from agent.pulls.content import WORKSPACE, approvals, workspace_files

    log = f"{WORKSPACE}/decided.jsonl"
    if errand.dry_run:
        steps = approvals(errand.desk, errand.root).steps
        if errand.json:
            say_json([{"message": step.message, "files": sorted(step.files)} for step in steps])
            return 0
        for step in steps:
            say(step.message)
            for path in sorted(path for path in step.files if not path.startswith(WORKSPACE)):
                say(f"    {path}")
        say(f"{len(steps)} commits" if steps else "nothing is approved; decide: aki agent review")
        return 0
    remote = errand.remote()
    remembered = len(content_of(remote, base_of(remote), log).splitlines())
    found = approvals(errand.desk, errand.root, remembered)
    outcome = publish_approved(remote, found, workspace_files(errand.desk))
    if errand.json:
        say_json({**vars(outcome), "refused": list(found.refused), "requests": remote.requests})
        return 1 if found.refused else 0
    if outcome.state == "nothing":
        say("nothing is approved; decide: aki agent review, or tick boxes and aki agent pr read")
    else:
        say(f"{told(outcome)}: {len(found.operations)} approved operations in {len(found.steps)} commits")
        say("Look at it and merge it; then check: git pull && aki agent verify")
    for line in found.refused:
        say(f"  ! {line}")
    return 1 if found.refused else 0


def told(outcome: Outcome) -> str:
    """What became of the pull request, in words."""
    words: Mapping[str, str] = {
        "opened": "opened",
        "updated": "renewed",
        "unchanged": "nothing new on",
        "closed": "closed",
    }
    return f"{words[outcome.state]} pull request #{outcome.number} {outcome.url}"
