"""Branches and pull requests on GitHub: derived anew from the default branch, renewed in place, never duplicated.

Files go up with the git data API (trees with their content, commits, references), so no clone and no push is needed
and only what differs travels. The order is such that a run that is cut off leaves at most objects nobody points to; the
next run completes it. Running twice in the same world changes nothing.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar

from github import GithubException
from github.GitCommit import GitCommit
from github.GitRef import GitRef
from github.InputGitTreeElement import InputGitTreeElement
from github.PullRequest import PullRequest
from github.Repository import Repository

from agent.pulls import body
from agent.pulls.content import WORKSPACE, Approvals, Step, blob_name
from agent.pulls.remote import Remote, RemoteError, said
from agent.pulls.ticks import Revision
from agent.review.session import Card

PROPOSALS = "aki-agent/proposals"
APPROVED = "aki-agent/approved"
OURS = "Made-by: aki agent pr"
"""Last paragraph of every commit of ours; a branch whose tip lacks it has a person's work on it."""
PIECE = 400_000
"""Most characters of files in one request."""
TITLE = {PROPOSALS: "Proposals of the update agent", APPROVED: "Approved changes to the registry"}


Result = TypeVar("Result")


@dataclass(frozen=True)
class Outcome:
    """What became of a pull request."""

    state: Literal["opened", "updated", "unchanged", "closed", "nothing"]
    number: int | None = None
    url: str = ""
    commits: int = 0
    """New ones."""
    shown: int = 0
    left_out: int = 0


@dataclass(frozen=True)
class Base:
    """The default branch as it is now."""

    repository: Repository
    branch: str
    commit: str
    tree: str
    files: Mapping[str, str]
    """Path → blob name of every file."""


def base_of(remote: Remote) -> Base:
    """The default branch.

    Raises:
        RemoteError: no such repository, empty, or so large that GitHub does not list it.
    """
    repository = remote.repository()
    name = repository.default_branch
    if name in TITLE:
        raise RemoteError(f"the default branch of {remote.name} is called '{name}'; the agent never writes to it")
    try:
        branch = remote.ask("read the default branch", lambda: repository.get_branch(name))
    except GithubException:
        raise RemoteError(f"{remote.name} has no branch '{name}' yet; push the project there first") from None
    listing = remote.ask("read the files", lambda: repository.get_git_tree(branch.commit.sha, recursive=True))
    if listing.raw_data.get("truncated"):
        raise RemoteError(f"{remote.name} has too many files for one listing; the agent cannot build a branch on it")
    files = {element.path: element.sha for element in listing.tree if element.type == "blob"}
    return Base(repository, name, branch.commit.sha, branch.commit.commit.tree.sha, files)


def propose(remote: Remote, cards: Sequence[Card], files: Mapping[str, str], *, limit: int = body.LIMIT) -> Outcome:
    """Open or renew the pull request with the tick boxes; close it when nothing waits any more.

    Args:
        remote: where.
        cards: open proposals without an approval, in the order of review.
        files: the workspace, by path in the repository.
        limit: most characters of the text.
    """
    for path, text in files.items():
        remote.refuse_token_in(text, path)
    base = base_of(remote)
    pull = open_pull(remote, base, PROPOSALS)
    if not cards:
        if pull is None:
            return Outcome("nothing")
        remote.ask("close the pull request", lambda: pull.edit(state="closed"), write=True)
        return Outcome("closed", pull.number, pull.html_url)
    log_continues(remote, base, files)
    old = pull.body or "" if pull is not None else ""
    fresh = body.render(cards, limit=limit)
    same = {digest for digest, block in body.blocks(old).items() if block == body.blocks(fresh.text).get(digest)}
    kept = [tick for tick in body.ticked(old) if tick.operation in same or tick.mark == "bulk"]
    page = body.render(cards, kept, limit)
    remote.refuse_token_in(page.text, "the text of the pull request")
    step = Step(f"Proposals of the update agent: {len(cards)} wait for a person", files)
    commits = put(remote, base, PROPOSALS, [step])
    outcome = publish(remote, base, PROPOSALS, page.text, pull, commits)
    return Outcome(outcome.state, outcome.number, outcome.url, commits, len(page.shown), page.left_out)


def publish_approved(remote: Remote, approvals: Approvals, files: Mapping[str, str]) -> Outcome:
    """Open or renew the branch with a commit per approved group, and its pull request."""
    for step in approvals.steps:
        for path, text in step.files.items():
            remote.refuse_token_in(text or "", path)
    if not approvals.steps:
        return Outcome("nothing")
    base = base_of(remote)
    entries_are_the_same(base, approvals)
    log_continues(remote, base, files)
    commits = put(remote, base, APPROVED, approvals.steps)
    return publish(remote, base, APPROVED, approvals.text, open_pull(remote, base, APPROVED), commits)


def entries_are_the_same(base: Base, approvals: Approvals) -> None:
    """Refuse when an entry to be changed says something else on the default branch than here.

    Raises:
        RemoteError: it does; names it.
    """
    for path, text in approvals.touched.items():
        if base.files.get(path) != (blob_name(text) if text is not None else None):
            raise RemoteError(
                f"{path} is not the same here and on '{base.branch}'; bring this checkout up to date first"
            )


def log_continues(remote: Remote, base: Base, files: Mapping[str, str]) -> None:
    """Refuse when the default branch's decision log has lines that this one lacks.

    Raises:
        RemoteError: it has.
    """
    path = f"{WORKSPACE}/decided.jsonl"
    ours = files.get(path, "")
    if path not in base.files or base.files[path] == blob_name(ours):
        return
    theirs = content_of(remote, base, path)
    if not ours.startswith(theirs):
        raise RemoteError(
            f"{path} on '{base.branch}' has decisions that the one here lacks; take that file from there first "
            f"(git checkout origin/{base.branch} -- {path})"
        )


def content_of(remote: Remote, base: Base, path: str) -> str:
    """A file of the default branch; empty when there is none."""
    if path not in base.files:
        return ""
    blob = remote.ask("read a file", lambda: base.repository.get_git_blob(base.files[path]))
    return base64.b64decode(blob.content).decode("utf-8", "surrogatepass")


def put(remote: Remote, base: Base, name: str, steps: Sequence[Step]) -> int:
    """Make the branch point to these commits on top of the default branch; returns how many are new.

    Raises:
        RemoteError: somebody else has worked on the branch, or the token may not write.
    """
    if name == base.branch:
        raise RemoteError(f"'{name}' is the default branch; the agent never writes to it")
    reference, tip = tip_of(remote, base, name)
    if tip is not None and OURS not in tip.message:
        raise RemoteError(f"somebody has pushed to '{name}' ({tip.sha[:10]}); merge or delete that branch first")
    wanted = [*changes(base, steps)]
    if tip is not None and f"On: {base.commit}" in tip.message and files_of(remote, base, tip) == wanted[-1].files:
        return 0
    tree, parent = base.tree, base.commit
    for step, change in zip(steps, wanted, strict=True):
        for piece in pieces(change.elements, step.files):
            tree = write_tree(remote, base, tree, piece)
        parent = commit(remote, base, tree, parent, step.message)
    point(remote, base, name, parent, reference)
    return len(steps)


def tip_of(remote: Remote, base: Base, name: str) -> tuple[GitRef | None, GitCommit | None]:
    """The branch's reference and its last commit; None when there is no such branch."""

    def look() -> tuple[GitRef, str]:
        reference = base.repository.get_git_ref(f"heads/{name}")
        return reference, reference.object.sha

    try:
        reference, sha = remote.ask("read a branch", look)
    except GithubException as error:
        if error.status == 404:
            return None, None
        raise RemoteError(f"GitHub could not read the branch '{name}': {said(error)[:160]}") from None
    return reference, remote.ask("read a commit", lambda: base.repository.get_git_commit(sha))


@dataclass(frozen=True)
class Change:
    """A step against the files before it."""

    elements: Sequence[InputGitTreeElement]
    files: Mapping[str, str]
    """Path → blob name of every file afterwards."""


def changes(base: Base, steps: Sequence[Step]) -> Iterator[Change]:
    """What each step changes; files of the workspace that a step does not name are gone after it."""
    known = dict(base.files)
    for step in steps:
        gone = [path for path in known if path.startswith(f"{WORKSPACE}/") and path not in step.files]
        elements = []
        for path, text in sorted({**step.files, **dict.fromkeys(gone)}.items()):
            if text is None and path in known:
                elements.append(InputGitTreeElement(path, "100644", "blob", sha=None))
                del known[path]
            elif text is not None and known.get(path) != blob_name(text):
                elements.append(InputGitTreeElement(path, "100644", "blob", content=text))
                known[path] = blob_name(text)
        yield Change(elements, dict(known))


def files_of(remote: Remote, base: Base, tip: GitCommit) -> dict[str, str]:
    """Path → blob name of a commit's files."""
    listing = remote.ask("read the files", lambda: base.repository.get_git_tree(tip.tree.sha, recursive=True))
    return {element.path: element.sha for element in listing.tree if element.type == "blob"}


def pieces(elements: Sequence[InputGitTreeElement], files: Mapping[str, str | None]) -> list[list[InputGitTreeElement]]:
    """The elements in lots that one request can carry."""
    lots: list[list[InputGitTreeElement]] = []
    room = 0
    for element in elements:
        size = len(files.get(element._identity["path"]) or "") + 100
        if not lots or size > room:
            lots.append([])
            room = PIECE
        lots[-1].append(element)
        room -= size
    return lots


def write_tree(remote: Remote, base: Base, parent: str, elements: list[InputGitTreeElement]) -> str:
    """A tree: another one with some files changed."""

    def write() -> str:
        under = base.repository.get_git_tree(parent)
        return base.repository.create_git_tree(elements, base_tree=under).sha

    return understood(remote, "write files", write)


def commit(remote: Remote, base: Base, tree: str, parent: str, message: str) -> str:
    """A commit of ours; its author is whoever the token belongs to."""

    def write() -> str:
        under = base.repository.get_git_commit(parent)
        content = base.repository.get_git_tree(tree)
        return base.repository.create_git_commit(f"{message}\n\n{OURS}\nOn: {base.commit}", content, [under]).sha

    return understood(remote, "make commits", write)


def point(remote: Remote, base: Base, name: str, sha: str, reference: GitRef | None) -> None:
    """Let the branch point to a commit; it is ours alone, so it is moved and not merged."""

    def create() -> None:
        base.repository.create_git_ref(f"refs/heads/{name}", sha)

    def move() -> None:
        base.repository.get_git_ref(f"heads/{name}").edit(sha, force=True)

    if reference is None:
        try:
            remote.ask("make branches", create, write=True)
        except GithubException as error:
            if "already exists" not in said(error):  # another run made it meanwhile
                raise RemoteError(f"GitHub could not make the branch '{name}': {said(error)[:160]}") from None
        else:
            return
    understood(remote, "move branches", move)


def understood(remote: Remote, what: str, call: Callable[[], Result]) -> Result:
    """A write whose 404 means that the token may not: GitHub hides what it does not allow.

    Raises:
        RemoteError: refused.
    """
    try:
        return remote.ask(what, call, write=True)
    except GithubException as error:
        if error.status == 404:
            raise RemoteError(f"the token may not {what} in {remote.name}; it needs 'contents: write' there") from None
        raise RemoteError(f"GitHub could not {what}: {remote.redact(said(error))[:160]}") from None


def open_pull(remote: Remote, base: Base, name: str) -> PullRequest | None:
    """The open pull request of that branch."""
    owner = remote.name.partition("/")[0]
    found = remote.ask(
        "read pull requests",
        lambda: list(base.repository.get_pulls(state="open", head=f"{owner}:{name}", base=base.branch)),
    )
    return next((pull for pull in found if pull.head.ref == name), None)


def publish(remote: Remote, base: Base, name: str, text: str, pull: PullRequest | None, commits: int) -> Outcome:
    """Open the pull request, or bring the text of the open one up to date."""

    def create() -> PullRequest:
        return base.repository.create_pull(base.branch, name, title=TITLE[name], body=text)

    if pull is None:
        try:
            made = remote.ask("open pull requests", create, write=True)
            return Outcome("opened", made.number, made.html_url, commits)
        except GithubException as error:
            pull = open_pull(remote, base, name) if "already exists" in said(error) else None
            if pull is None:
                raise RemoteError(
                    f"GitHub could not open the pull request: {remote.redact(said(error))[:160]}"
                ) from None
    if body.plain(pull.body or "") == body.plain(text):
        return Outcome("updated" if commits else "unchanged", pull.number, pull.html_url, commits)
    there = pull
    remote.ask("change the pull request", lambda: there.edit(body=text), write=True)
    return Outcome("updated", there.number, there.html_url, commits)


HISTORY = """
query($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) { pullRequest(number: $number) {
    body createdAt author { __typename login }
    userContentEdits(first: 100, after: $after) {
      nodes { editedAt diff deletedAt editor { __typename login } }
      pageInfo { hasNextPage endCursor }
    }
  } }
}
"""
"""`diff` is the whole text after the edit; the newest comes first."""


def history(remote: Remote, number: int) -> tuple[str, list[Revision]]:
    """The pull request's text, and all its revisions, oldest first."""
    owner, _, name = remote.name.partition("/")
    nodes, after, text = [], None, ""
    while True:
        variables = {"owner": owner, "name": name, "number": number, "after": after}
        data = remote.graphql("read the pull request's history", HISTORY, variables)
        pull = (data.get("repository") or {}).get("pullRequest")
        if pull is None:
            raise RemoteError(f"no pull request #{number} in {remote.name}")
        text = str(pull.get("body") or "")
        edits = pull["userContentEdits"]
        nodes += edits["nodes"]
        if not edits["pageInfo"]["hasNextPage"]:
            break
        after = edits["pageInfo"]["endCursor"]
    revisions = [revision(node) for node in reversed(nodes)]
    if not revisions:
        return text, [revision({"editedAt": pull["createdAt"], "editor": pull["author"], "diff": text})]
    if body.plain(revisions[-1].text or "") != body.plain(text):  # changed while we read: new ticks are nobody's yet
        revisions.append(Revision(revisions[-1].at, "", person=False, text=text))
    return text, revisions


def revision(node: Mapping[str, object]) -> Revision:
    """A revision of GitHub's history."""
    editor = node.get("editor")
    known = editor if isinstance(editor, dict) else {}
    text = node.get("diff")
    return Revision(
        at=datetime.fromisoformat(str(node["editedAt"])),
        editor=str(known.get("login") or ""),
        person=known.get("__typename") == "User",
        text=None if node.get("deletedAt") or text is None else str(text),
    )


def permission(remote: Remote, base: Base, login: str) -> str:
    """What GitHub says that a person may do in the repository; `none` for a stranger."""
    try:
        return remote.ask("ask who may write", lambda: base.repository.get_collaborator_permission(login))
    except GithubException as error:
        if error.status == 404:
            return "none"
        raise RemoteError(f"GitHub could not say what {login} may do: {remote.redact(said(error))[:160]}") from None
