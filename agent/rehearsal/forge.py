"""GitHub's REST and GraphQL API for one repository, in memory, over real HTTP, as a process of its own.

    python -m agent.rehearsal.forge --name lab/registry --files DIR --user ada:admin:TOKEN --user bob:read:TOKEN

prints its port and serves until it is killed. What the API documents is answered as documented: 401 for an unknown
token, 403 and 404 for what a token may not do or see, 422 with `errors` for a branch or pull request that exists
already, a text that is too long, nothing to merge. Below `/_rehearsal/` a script plays the people and the weather:
edits as somebody (also somebody who may not), pushes, faults to answer with, the log of what was asked.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import sys
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from agent.rehearsal.objects import MergeError, Objects

DOCS = "https://docs.github.com/rest"
MAY_WRITE = {"admin", "write"}
LONGEST = 65_536
"""Characters of a pull request's text."""


@dataclass
class User:
    """Somebody with a token."""

    login: str
    permission: str
    """admin, write, read or none."""
    token: str

    @property
    def kind(self) -> str:
        """`User` or `Bot`."""
        return "Bot" if self.login.endswith("[bot]") else "User"

    def json(self) -> dict[str, Any]:
        """As the API shows an account."""
        return {"login": self.login, "id": 1 + sum(map(ord, self.login)), "type": self.kind}


@dataclass
class Pull:
    """A pull request with the history of its text."""

    number: int
    title: str
    body: str
    head: str
    base: str
    author: User
    created: str
    state: str = "open"
    merged: bool = False
    revisions: list[dict[str, Any]] = field(default_factory=list)
    """Oldest first; empty until the first edit, as on GitHub."""


@dataclass
class Ticket:
    """An issue."""

    number: int
    title: str
    body: str
    author: User
    created: str
    labels: list[str] = field(default_factory=list)
    state: str = "open"
    pinned: bool = False
    edits: int = 0


@dataclass
class Fault:
    """An answer given instead of the right one, to the next requests that it fits."""

    method: str
    path: str
    """Regular expression."""
    status: int
    headers: dict[str, str]
    body: Any
    times: int = 1


class Answered(Exception):  # noqa: N818 - it is an answer, not an error of ours
    """An answer other than success."""

    def __init__(self, status: int, message: str, *errors: dict[str, Any]) -> None:
        self.status = status
        self.content = {"message": message, "documentation_url": DOCS, "status": str(status)}
        if errors:
            self.content["errors"] = list(errors)  # type: ignore[assignment]
        super().__init__(message)


class Forge:
    """The repository and everybody around it."""

    def __init__(self, name: str, users: list[User], files: dict[str, bytes], branch: str = "main") -> None:
        self.name, self.users = name, users
        self.begin(branch, files)

    def begin(self, branch: str, files: dict[str, bytes]) -> None:
        """Nothing but a default branch with these files."""
        self.branch = branch
        self.objects = Objects()
        self.pulls: list[Pull] = []
        self.issues: list[Ticket] = []
        self.labels: dict[str, dict[str, str]] = {}
        self.events: dict[int, list[dict[str, Any]]] = {}
        self.faults: list[Fault] = []
        self.log: list[dict[str, Any]] = []
        self.page_length = 100
        self.actions_may_open_pulls = True
        self.has_issues = True
        self.may_pin = True
        self.time = datetime.now(UTC).replace(microsecond=0)
        if files:
            tree = self.objects.tree({path: self.objects.blob(content) for path, content in files.items()})
            self.objects.branches[branch] = self._commit(tree, (), "import", self.users[0].login)

    # Time and accounts

    def moment(self) -> str:
        """A second later than the last time."""
        self.time += timedelta(seconds=1)
        return self.time.strftime("%Y-%m-%dT%H:%M:%SZ")

    def caller(self, headers: dict[str, str]) -> User:
        """Whose token it is."""
        token = headers.get("authorization", "").partition(" ")[2]
        user = next((one for one in self.users if one.token == token), None)
        if user is None:
            raise Answered(401, "Bad credentials")
        return user

    def may_write(self, user: User) -> None:
        """Refuse those who may not."""
        if user.permission not in MAY_WRITE:
            raise Answered(403, "Resource not accessible by personal access token")

    # The repository

    def repository(self) -> dict[str, Any]:
        """`GET /repos/{owner}/{repo}`."""
        owner, short = self.name.split("/")
        return {
            "id": 1, "node_id": "R_1", "name": short, "full_name": self.name, "private": False, "fork": False,
            "owner": {"login": owner, "id": 2, "type": "Organization"}, "default_branch": self.branch,
            "url": f"{self.origin}/repos/{self.name}", "html_url": f"https://github.com/{self.name}",
        }  # fmt: skip

    origin = ""
    """Set when the port is known."""

    def show_branch(self, name: str) -> dict[str, Any]:
        """`GET …/branches/{branch}`."""
        if name not in self.objects.branches:
            raise Answered(404, "Branch not found")
        commit = self.show_commit(self.objects.branches[name])
        return {
            "name": name,
            "protected": False,
            "commit": {"sha": commit["sha"], "url": commit["url"], "commit": commit},
        }

    def show_commit(self, sha: str) -> dict[str, Any]:
        """`GET …/git/commits/{sha}`."""
        if sha not in self.objects.commits:
            raise Answered(404, "Not Found")
        commit = self.objects.commits[sha]
        base = f"{self.origin}/repos/{self.name}/git"
        return {
            "sha": sha, "url": f"{base}/commits/{sha}", "message": commit.message,
            "author": {"name": commit.author, "email": f"{commit.author}@example.org", "date": commit.at},
            "tree": {"sha": commit.tree, "url": f"{base}/trees/{commit.tree}"},
            "parents": [{"sha": parent, "url": f"{base}/commits/{parent}"} for parent in commit.parents],
        }  # fmt: skip

    def show_ref(self, name: str) -> dict[str, Any]:
        """`GET …/git/ref/heads/{branch}`."""
        if name not in self.objects.branches:
            raise Answered(404, "Not Found")
        sha = self.objects.branches[name]
        base = f"{self.origin}/repos/{self.name}/git"
        where = {"sha": sha, "type": "commit", "url": f"{base}/commits/{sha}"}
        return {"ref": f"refs/heads/{name}", "url": f"{base}/refs/heads/{name}", "object": where}

    def show_tree(self, name: str, *, recursive: bool) -> dict[str, Any]:
        """`GET …/git/trees/{sha}`."""
        name = self.objects.branches.get(name, name)
        sha = self.objects.commits[name].tree if name in self.objects.commits else name
        if sha not in self.objects.trees:
            raise Answered(404, "Not Found")
        files = self.objects.trees[sha]
        entries = [
            {"path": path, "mode": "100644", "type": "blob", "sha": blob}
            for path, blob in sorted(files.items())
            if recursive or "/" not in path
        ]
        return {
            "sha": sha,
            "url": f"{self.origin}/repos/{self.name}/git/trees/{sha}",
            "tree": entries,
            "truncated": False,
        }

    def show_blob(self, sha: str) -> dict[str, Any]:
        """`GET …/git/blobs/{sha}`."""
        if sha not in self.objects.blobs:
            raise Answered(404, "Not Found")
        content = self.objects.blobs[sha]
        return {"sha": sha, "size": len(content), "encoding": "base64", "content": base64.b64encode(content).decode()}

    def make_blob(self, words: dict[str, Any]) -> dict[str, Any]:
        """`POST …/git/blobs`."""
        text = words["content"]
        content = base64.b64decode(text) if words.get("encoding") == "base64" else text.encode()
        return {"sha": self.objects.blob(content)}

    def make_tree(self, words: dict[str, Any]) -> dict[str, Any]:
        """`POST …/git/trees`."""
        under = words.get("base_tree")
        if under and under not in self.objects.trees:
            raise Answered(422, "base_tree is not a tree oid")
        files = dict(self.objects.trees[under]) if under else {}
        for element in words["tree"]:
            path = element["path"]
            if "content" in element:
                files[path] = self.objects.blob(element["content"].encode("utf-8"))
            elif element.get("sha") is None:
                if path not in files:
                    raise Answered(422, "GitRPC::BadObjectState")
                del files[path]
            elif element["sha"] in self.objects.blobs:
                files[path] = element["sha"]
            else:
                raise Answered(422, f"tree.sha {element['sha']} is not a valid blob")
        return self.show_tree(self.objects.tree(files), recursive=False)

    def make_commit(self, words: dict[str, Any], user: User) -> dict[str, Any]:
        """`POST …/git/commits`."""
        if words["tree"] not in self.objects.trees:
            raise Answered(422, "Tree SHA does not exist")
        return self.show_commit(self._commit(words["tree"], tuple(words["parents"]), words["message"], user.login))

    def make_ref(self, words: dict[str, Any]) -> dict[str, Any]:
        """`POST …/git/refs`."""
        name = words["ref"].removeprefix("refs/heads/")
        if name in self.objects.branches:
            raise Answered(422, "Reference already exists")
        if words["sha"] not in self.objects.commits:
            raise Answered(422, "Object does not exist")
        self.objects.branches[name] = words["sha"]
        return self.show_ref(name)

    def move_ref(self, name: str, words: dict[str, Any]) -> dict[str, Any]:
        """`PATCH …/git/refs/heads/{branch}`."""
        old = self.objects.branches.get(name)
        if old is None:
            raise Answered(422, "Reference does not exist")
        if not words.get("force") and old not in self.objects.ancestors(words["sha"]):
            raise Answered(422, "Update is not a fast forward")
        self.objects.branches[name] = words["sha"]
        for pull in self.pulls:
            if pull.head == name and pull.state == "open":
                self._happened(pull.number, "head_ref_force_pushed" if words.get("force") else "committed", "")
        return self.show_ref(name)

    def _commit(self, tree: str, parents: tuple[str, ...], message: str, author: str) -> str:
        return self.objects.commit(tree=tree, parents=parents, message=message, author=author, at=self.moment())

    # Pull requests

    def pull(self, number: int) -> Pull:
        """The pull request of that number."""
        found = next((pull for pull in self.pulls if pull.number == number), None)
        if found is None:
            raise Answered(404, "Not Found")
        return found

    def show_pull(self, pull: Pull) -> dict[str, Any]:
        """`GET …/pulls/{number}`."""
        owner, branches = self.name.partition("/")[0], self.objects.branches
        place = f"{self.origin}/repos/{self.name}"
        return {
            "id": pull.number, "number": pull.number, "state": pull.state, "title": pull.title, "body": pull.body,
            "url": f"{place}/pulls/{pull.number}", "html_url": f"https://github.com/{self.name}/pull/{pull.number}",
            "issue_url": f"{place}/issues/{pull.number}", "user": pull.author.json(), "created_at": pull.created,
            "merged": pull.merged, "draft": False,
            "head": {"ref": pull.head, "label": f"{owner}:{pull.head}", "sha": branches.get(pull.head, "")},
            "base": {"ref": pull.base, "label": f"{owner}:{pull.base}", "sha": branches[pull.base]},
        }  # fmt: skip

    def list_pulls(self, words: dict[str, str]) -> list[dict[str, Any]]:
        """`GET …/pulls`."""
        owner = self.name.partition("/")[0]
        found = [pull for pull in self.pulls if words.get("state", "open") in {pull.state, "all"}]
        if head := words.get("head"):
            found = [pull for pull in found if f"{owner}:{pull.head}" == head]
        if base := words.get("base"):
            found = [pull for pull in found if pull.base == base]
        return [self.show_pull(pull) for pull in reversed(found)]

    def open_pull(self, words: dict[str, Any], user: User) -> dict[str, Any]:
        """`POST …/pulls`."""
        head, base = words["head"].rpartition(":")[2], words["base"]

        def wrong(message: str = "", **more: str) -> Answered:
            part = {"resource": "PullRequest", "code": "custom", "message": message} if message else more
            return Answered(422, "Validation Failed", part)

        if user.kind == "Bot" and not self.actions_may_open_pulls:
            raise Answered(403, "GitHub Actions is not permitted to create or approve pull requests.")
        if head not in self.objects.branches:
            raise wrong(resource="PullRequest", field="head", code="invalid")
        if any(pull.head == head and pull.base == base and pull.state == "open" for pull in self.pulls):
            raise wrong(f"A pull request already exists for {self.name.partition('/')[0]}:{head}.")
        if self.objects.branches[head] in self.objects.ancestors(self.objects.branches[base]):
            raise wrong(f"No commits between {base} and {head}")
        self._short(words.get("body") or "")
        pull = Pull(
            self.next_number(), words["title"], words.get("body") or "", head, base, user, self.moment()
        )  # fmt: skip
        self.pulls.append(pull)
        return self.show_pull(pull)

    def next_number(self) -> int:
        """Issues and pull requests are counted together."""
        return len(self.pulls) + len(self.issues) + 1

    # Issues

    def issue(self, number: int) -> Ticket:
        """The issue of that number."""
        found = next((one for one in self.issues if one.number == number), None)
        if found is None:
            raise Answered(404, "Not Found")
        return found

    def show_label(self, name: str) -> dict[str, Any]:
        """A label."""
        known = self.labels.get(name, {})
        return {"name": name, "color": known.get("color", "ededed"), "description": known.get("description")}

    def show_issue(self, issue: Ticket) -> dict[str, Any]:
        """`GET …/issues/{number}`."""
        return {
            "id": 1000 + issue.number, "node_id": f"I_{issue.number}", "number": issue.number, "title": issue.title,
            "body": issue.body, "state": issue.state, "user": issue.author.json(), "created_at": issue.created,
            "url": f"{self.origin}/repos/{self.name}/issues/{issue.number}",
            "html_url": f"https://github.com/{self.name}/issues/{issue.number}",
            "labels": [self.show_label(name) for name in issue.labels],
        }  # fmt: skip

    def list_issues(self, words: dict[str, str]) -> list[dict[str, Any]]:
        """`GET …/issues`: pull requests are issues too, here without labels."""
        self._issues_are_on()
        wanted = {name for name in words.get("labels", "").split(",") if name}
        state = words.get("state", "open")
        found = [
            self.show_issue(one) for one in self.issues if wanted <= set(one.labels) and state in {one.state, "all"}
        ]
        if not wanted:
            place = f"{self.origin}/repos/{self.name}/pulls"
            pulls = [pull for pull in self.pulls if state in {pull.state, "all"}]
            found += [self.show_pull(pull) | {"pull_request": {"url": f"{place}/{pull.number}"}} for pull in pulls]
        return sorted(found, key=lambda one: one["number"], reverse=words.get("direction", "desc") == "desc")

    def make_label(self, words: dict[str, Any]) -> dict[str, Any]:
        """`POST …/labels`."""
        if words["name"] in self.labels:
            raise Answered(422, "Validation Failed", {"resource": "Label", "code": "already_exists", "field": "name"})
        self.labels[words["name"]] = words
        return self.show_label(words["name"])

    def open_issue(self, words: dict[str, Any], user: User) -> dict[str, Any]:
        """`POST …/issues`: the labels of somebody who may not write are dropped silently."""
        self._issues_are_on()
        self._short(words.get("body") or "")
        labels = words.get("labels", []) if user.permission in MAY_WRITE else []
        made = Ticket(self.next_number(), words["title"], words.get("body") or "", user, self.moment(), [*labels])
        self.issues.append(made)
        return self.show_issue(made)

    def change_issue(self, issue: Ticket, words: dict[str, Any], user: User) -> dict[str, Any]:
        """`PATCH …/issues/{number}`."""
        if user.permission not in MAY_WRITE and user.login != issue.author.login:
            raise Answered(403, "Resource not accessible by integration")
        self._short(words.get("body", ""))
        issue.body, issue.state = words.get("body", issue.body), words.get("state", issue.state)
        issue.title, issue.edits = words.get("title", issue.title), issue.edits + 1
        if "labels" in words:
            issue.labels = list(words["labels"])
        return self.show_issue(issue)

    def _issues_are_on(self) -> None:
        if not self.has_issues:
            raise Answered(410, "Issues has been disabled in this repository.")

    def pin(self, number: int) -> dict[str, Any]:
        """The mutation `pinIssue`: at most three."""
        if not self.may_pin:
            error = {"type": "FORBIDDEN", "path": ["pinIssue"], "message": "Resource not accessible by integration"}
            return {"data": {"pinIssue": None}, "errors": [error]}
        self.issue(number).pinned = True
        return {"data": {"pinIssue": {"issue": {"number": number}}}}

    def change_pull(self, pull: Pull, words: dict[str, Any], user: User) -> dict[str, Any]:
        """`PATCH …/pulls/{number}`."""
        if user.permission not in MAY_WRITE and user.login != pull.author.login:
            raise Answered(403, "Resource not accessible by personal access token")
        pull.title = words.get("title", pull.title)
        if "body" in words and words["body"] != pull.body:
            self._short(words["body"])
            self.edit(pull, words["body"], user)
        if words.get("state", pull.state) != pull.state:
            pull.state = words["state"]
            self._happened(pull.number, "closed" if pull.state == "closed" else "reopened", user.login)
        return self.show_pull(pull)

    def edit(self, pull: Pull, body: str, user: User | None) -> None:
        """A new text, and its revision."""
        if not pull.revisions:
            pull.revisions.append(revision(pull.created, pull.author, pull.body))
        pull.body = body
        pull.revisions.append(revision(self.moment(), user, body))

    def merge(self, pull: Pull, user: User) -> dict[str, Any]:
        """`PUT …/pulls/{number}/merge`."""
        ours, theirs = self.objects.branches[pull.base], self.objects.branches[pull.head]
        try:
            files = self.objects.merged(ours, theirs)
        except MergeError:
            raise Answered(405, "Pull Request is not mergeable") from None
        message = f"Merge pull request #{pull.number} from {pull.head}"
        sha = self._commit(self.objects.tree(files), (ours, theirs), message, user.login)
        self.objects.branches[pull.base] = sha
        pull.state, pull.merged = "closed", True
        self._happened(pull.number, "merged", user.login)
        return {"sha": sha, "merged": True, "message": "Pull Request successfully merged"}

    def _short(self, text: str) -> None:
        if len(text) > LONGEST:
            part = {"resource": "Issue", "code": "custom", "field": "body", "message": "body is too long"}
            raise Answered(422, "Validation Failed", part)

    def _happened(self, number: int, what: str, login: str) -> None:
        event = {"event": what, "actor": {"login": login}, "created_at": self.moment()}
        self.events.setdefault(number, []).append(event)

    def permission(self, login: str) -> dict[str, Any]:
        """`GET …/collaborators/{username}/permission`."""
        user = next((one for one in self.users if one.login == login), None)
        if user is None:
            raise Answered(404, f"{login} is not a user")
        return {"permission": user.permission, "role_name": user.permission, "user": user.json()}

    def graphql(self, words: dict[str, Any]) -> dict[str, Any]:
        """`POST /graphql`: a pull request's text and the history of it, newest first; pinning an issue."""
        asked = words["variables"]
        if "pinIssue" in words["query"]:
            return self.pin(int(asked["issue"].removeprefix("I_")))
        if f"{asked['owner']}/{asked['name']}" != self.name or "userContentEdits" not in words["query"]:
            error = {"type": "NOT_FOUND", "path": ["repository"], "message": "Could not resolve to a Repository"}
            return {"data": {"repository": None}, "errors": [error]}
        pull = next((one for one in self.pulls if one.number == asked["number"]), None)
        if pull is None:
            return {"data": {"repository": {"pullRequest": None}}}
        newest = pull.revisions[::-1]
        start = int(asked.get("after") or 0)
        end = start + self.page_length
        edits = {
            "nodes": newest[start:end],
            "pageInfo": {"hasNextPage": end < len(newest), "endCursor": str(min(end, len(newest)))},
        }
        author = {"__typename": pull.author.kind, "login": pull.author.login.removesuffix("[bot]")}
        shown = {"body": pull.body, "createdAt": pull.created, "author": author, "userContentEdits": edits}
        return {"data": {"repository": {"pullRequest": shown}}}

    # The people and the weather

    def rehearse(self, what: str, words: dict[str, Any]) -> Any:  # noqa: ANN401 - any JSON
        """What a script may do that the API does not offer."""
        match what:
            case "reset":
                self.begin(words["branch"], {path: text.encode() for path, text in words["files"].items()})
            case "edit":
                user = next((one for one in self.users if one.login == words["login"]), None)
                self.edit(self.pull(words["number"]), words["body"], user)
            case "file":
                user = next(one for one in self.users if one.login == words["login"])
                self.open_issue(words, user)
            case "label":
                self.issue(words["number"]).labels = words["labels"]
            case "forget":
                shown = self.pull(words["number"]).revisions[words["index"]]
                shown.update(diff=None, deletedAt=self.moment())
            case "push":
                branch = words["branch"]
                tip = self.objects.branches[branch]
                files = dict(self.objects.files(tip)) | {words["path"]: self.objects.blob(words["text"].encode())}
                tree = self.objects.tree(files)
                self.objects.branches[branch] = self._commit(tree, (tip,), words["message"], words["login"])
            case "fault":
                self.faults.append(Fault(**words))
            case "set":
                for name, value in words.items():
                    setattr(self, name, value)
            case "commits":
                there = self.objects.ancestors(self.objects.branches[words["branch"]])
                shas = sorted(there, key=lambda sha: self.objects.commits[sha].at)
                return [self.show_commit(sha) | {"files": self._texts(sha)} for sha in shas]
            case "state":
                return {
                    "log": self.log, "branches": self.objects.branches, "events": self.events,
                    "pulls": [self.show_pull(pull) for pull in self.pulls],
                    "issues": [self.show_issue(i) | {"pinned": i.pinned, "edits": i.edits} for i in self.issues],
                    "files": {name: self.objects.texts(name) for name in self.objects.branches},
                }  # fmt: skip
            case _:
                raise Answered(404, f"no such thing to rehearse: {what}")
        return {}

    def _texts(self, sha: str) -> dict[str, str]:
        return {path: self.objects.blobs[blob].decode() for path, blob in self.objects.files(sha).items()}

    def answer(self, method: str, path: str, headers: dict[str, str], words: dict[str, Any]) -> tuple[int, Any]:
        """Status and content for one request."""
        parts = urlsplit(path)
        where, query = unquote(parts.path), {name: values[0] for name, values in parse_qs(parts.query).items()}
        if where.startswith("/_rehearsal/"):
            return 200, self.rehearse(where.removeprefix("/_rehearsal/"), words)
        user = self.caller(headers)
        if where == "/graphql":
            return 200, self.graphql(words)
        if user.permission == "none" or not re.match(rf"/repos/{re.escape(self.name)}(/|$)", where, re.IGNORECASE):
            raise Answered(404, "Not Found")
        rest = where[len(f"/repos/{self.name}") :]
        if method != "GET" and not re.fullmatch(r"/(pulls|issues)/\d+|/issues", rest):
            self.may_write(user)
        return self.reading(rest, query) if method == "GET" else self.writing(method, rest, words, user)

    def reading(self, rest: str, query: dict[str, str]) -> tuple[int, Any]:
        """Answers to GET."""
        if rest in {"", "/pulls", "/issues"}:
            lists = {"/pulls": self.list_pulls, "/issues": self.list_issues}
            return 200, lists[rest](query) if rest else self.repository()
        if found := re.fullmatch(r"/branches/(.+)", rest):
            return 200, self.show_branch(found[1])
        if found := re.fullmatch(r"/git/refs?/heads/(.+)", rest):
            return 200, self.show_ref(found[1])
        if found := re.fullmatch(r"/git/commits/(\w+)", rest):
            return 200, self.show_commit(found[1])
        if found := re.fullmatch(r"/git/trees/(.+)", rest):
            return 200, self.show_tree(found[1], recursive="recursive" in query)
        if found := re.fullmatch(r"/git/blobs/(\w+)", rest):
            return 200, self.show_blob(found[1])
        if found := re.fullmatch(r"/pulls/(\d+)", rest):
            return 200, self.show_pull(self.pull(int(found[1])))
        if found := re.fullmatch(r"/issues/(\d+)(/events)?", rest):
            number = int(found[1])
            return 200, self.events.get(number, []) if found[2] else self.show_issue(self.issue(number))
        if found := re.fullmatch(r"/collaborators/([^/]+)/permission", rest):
            return 200, self.permission(found[1])
        raise Answered(404, "Not Found")

    def writing(self, method: str, rest: str, words: dict[str, Any], user: User) -> tuple[int, Any]:
        """Answers to POST, PATCH and PUT."""
        match method, rest:
            case "POST", "/git/blobs":
                return 201, self.make_blob(words)
            case "POST", "/git/trees":
                return 201, self.make_tree(words)
            case "POST", "/git/commits":
                return 201, self.make_commit(words, user)
            case "POST", "/git/refs":
                return 201, self.make_ref(words)
            case "POST", "/pulls":
                return 201, self.open_pull(words, user)
            case "POST", "/issues":
                return 201, self.open_issue(words, user)
            case "POST", "/labels":
                return 201, self.make_label(words)
        if found := re.fullmatch(r"/git/refs/heads/(.+)", rest):
            return 200, self.move_ref(found[1], words)
        if found := re.fullmatch(r"/pulls/(\d+)(/merge)?", rest):
            pull = self.pull(int(found[1]))
            return 200, self.merge(pull, user) if found[2] else self.change_pull(pull, words, user)
        if found := re.fullmatch(r"/issues/(\d+)", rest):
            return 200, self.change_issue(self.issue(int(found[1])), words, user)
        raise Answered(404, "Not Found")


def revision(at: str, user: User | None, body: str) -> dict[str, Any]:
    """A revision as GraphQL shows it: a bot's login goes without its suffix there."""
    editor = {"__typename": user.kind, "login": user.login.removesuffix("[bot]")} if user else None
    return {"editedAt": at, "editor": editor, "diff": body, "deletedAt": None}


def handler(forge: Forge) -> type[BaseHTTPRequestHandler]:
    """The request handler of a server; one request at a time."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet per answer: in two, the second waits for the first one's receipt

        def _serve(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            raw = self.rfile.read(length).decode() if length else ""
            headers = {name.lower(): value for name, value in self.headers.items()}
            with lock:
                status, content, more = self._answered(headers, raw)
            data = b"" if content is None else json.dumps(content).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json; charset=utf-8", **more}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _answered(self, headers: dict[str, str], raw: str) -> tuple[int, Any, dict[str, str]]:
            where = unquote(self.path)
            if not where.startswith("/_rehearsal/"):
                forge.log.append({"method": self.command, "path": where, "body": raw})
                for fault in forge.faults:
                    if fault.times > 0 and fault.method == self.command and re.search(fault.path, where):
                        fault.times -= 1
                        return fault.status, fault.body, fault.headers
            try:
                status, content = forge.answer(self.command, self.path, headers, json.loads(raw or "{}"))
            except Answered as answer:
                return answer.status, answer.content, {}
            return status, content, {"X-RateLimit-Remaining": "4990"}

        do_GET = do_POST = do_PATCH = do_PUT = _serve  # noqa: N815 - names of the base class

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    return Handler


def files_below(folder: Path) -> dict[str, bytes]:
    """Path → content of every file below a folder."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and ".git" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def main() -> None:
    """Serve until killed."""
    options = argparse.ArgumentParser()
    options.add_argument("--name", default="lab/registry")
    options.add_argument("--files", type=Path)
    options.add_argument("--branch", default="main")
    options.add_argument("--user", action="append", required=True, help="login:permission:token")
    chosen = options.parse_args()
    users = [User(*words.split(":", 2)) for words in chosen.user]
    forge = Forge(chosen.name, users, files_below(chosen.files) if chosen.files else {}, chosen.branch)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(forge))
    server.daemon_threads = True
    forge.origin = f"http://127.0.0.1:{server.server_address[1]}"
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
