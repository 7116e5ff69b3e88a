"""The status as one issue, always the same one, and its label as the brake that everybody with triage rights can pull.

The issue is known by its label, which only people (and tokens) with rights in the repository can set, not by its title
or text, which anybody could copy. It is opened once, pinned if GitHub lets the token do it, and renewed in place; the
same status again changes nothing. A person who closes it is not overruled: it is still renewed, and stays closed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from github import GithubException
from github.Issue import Issue
from github.Repository import Repository

from agent.pulls.remote import Remote, RemoteError, said

TITLE = "Status of the update agent"
LABEL = "aki-agent"
STOP = "aki-agent: stop"
ABOUT = {
    LABEL: ("0e8a16", "The one issue with the update agent's status"),
    STOP: ("b60205", "On the status issue: the update agent does nothing until this label is taken off"),
}
"""Label → colour and description."""
FOOT = f"""
To stop the agent, put the label `{STOP}` on this issue; to let it go on, take it off. More: `MAINTAINER_AGENT.md`.
This text is renewed after every visit; what you write into it is lost, comments are not.
"""
PIN = "mutation($issue: ID!) { pinIssue(input: {issueId: $issue}) { issue { number } } }"
LIMIT = 60_000
"""Most characters; GitHub refuses more than 65,536."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class Posted:
    """What became of the issue."""

    state: Literal["opened", "updated", "unchanged"]
    number: int
    url: str
    stopped: bool = False
    """The stop label is on it."""
    hint: str = ""
    """What a person should do once."""


def post(remote: Remote, text: str) -> Posted:
    """Bring the one issue up to date; open it when there is none.

    Raises:
        RemoteError: no right to write issues, issues are switched off, GitHub is busy.
    """
    body = f"{text.strip()[:LIMIT]}\n{FOOT}"
    remote.refuse_token_in(body, "the status")
    repository = remote.repository()
    issue = status_issue(remote, repository)
    if issue is None:
        return opened(remote, repository, body)
    if (issue.body or "").replace("\r\n", "\n").strip() == body.strip():
        return Posted("unchanged", issue.number, issue.html_url, stopped(issue))
    write(remote, "write issues", lambda: issue.edit(body=body))
    return Posted("updated", issue.number, issue.html_url, stopped(issue))


def stop_label(remote: Remote) -> str:
    """Address of the status issue when its stop label is on, else empty; a repository without issues has no brake.

    Raises:
        RemoteError: GitHub cannot be asked: then nobody knows, and the caller must not go on.
    """
    repository = remote.repository()
    issue = status_issue(remote, repository)
    return issue.html_url if issue is not None and stopped(issue) else ""


def status_issue(remote: Remote, repository: Repository) -> Issue | None:
    """The oldest issue with our label, open or closed."""

    def look() -> list[Issue]:
        found = repository.get_issues(state="all", labels=[LABEL], sort="created", direction="asc")
        return [issue for issue in found if "/pull/" not in issue.html_url]

    try:
        return next(iter(remote.ask("read issues", look)), None)
    except GithubException as error:
        if error.status == 410:  # issues are switched off in this repository
            return None
        raise RemoteError(f"GitHub could not read issues: {remote.redact(said(error))[:160]}") from None


def stopped(issue: Issue) -> bool:
    """Whether the brake is pulled."""
    return any(label.name == STOP for label in issue.labels)


def opened(remote: Remote, repository: Repository, body: str) -> Posted:
    """A new issue with our label, the stop label at hand, pinned when that is allowed."""
    for name, (colour, words) in ABOUT.items():
        make_label(remote, repository, name, colour, words)
    issue = write(remote, "write issues", lambda: repository.create_issue(TITLE, body=body, labels=[LABEL]))
    if all(label.name != LABEL for label in issue.labels):  # GitHub drops labels silently
        raise RemoteError(
            f"the token may not label issues of {remote.name}; put the label '{LABEL}' on issue #{issue.number} by "
            "hand, once, or the next run opens another one"
        )
    return Posted("opened", issue.number, issue.html_url, hint=pinned(remote, issue))


def make_label(remote: Remote, repository: Repository, name: str, colour: str, words: str) -> None:
    """A label, unless it is there."""
    try:
        write(remote, "make labels", lambda: repository.create_label(name, colour, words))
    except GithubException as error:
        if "already_exists" not in str(error.data):
            raise RemoteError(f"GitHub could not make the label '{name}': {said(error)[:160]}") from None


def pinned(remote: Remote, issue: Issue) -> str:
    """Pin the issue; a hint for a person when that is not allowed or three are pinned already."""
    try:
        remote.graphql("pin the issue", PIN, {"issue": issue.node_id})
    except (RemoteError, GithubException):
        return f"pin issue #{issue.number} by hand, once: GitHub did not let the token do it"
    return ""


def write(remote: Remote, what: str, call: Callable[[], Result]) -> Result:
    """A write whose refusals are explained; a 422 goes on as it is.

    Raises:
        RemoteError: refused, or there are no issues here.
        GithubException: 422.
    """
    try:
        return remote.ask(what, call, write=True)
    except GithubException as error:
        if error.status == 422:
            raise
        if error.status == 410:
            raise RemoteError(
                f"issues are switched off in {remote.name}; switch them on (Settings → General → Features) or read "
                "the status with: aki agent status"
            ) from None
        raise RemoteError(f"the token may not {what} in {remote.name}; it needs 'issues: write' there") from None
