"""A git repository in memory: blobs, trees, commits and branches under their true names, and a merge by files.

Enough of git for a place that branches are sent to: what GitHub names by SHA-1 has the same name here, so what a client
works out by itself ("this file is there already") is right or wrong for the same reasons as in the world.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field


class MergeError(ValueError):
    """Both sides have changed a file."""


@dataclass
class Commit:
    """A commit."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    message: str
    author: str
    at: str


@dataclass
class Objects:
    """Everything by name."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    trees: dict[str, dict[str, str]] = field(default_factory=dict)
    """Tree → every file below it, path → blob."""
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)

    def blob(self, content: bytes) -> str:
        """Keep a file's content."""
        sha = named("blob", content)
        self.blobs[sha] = content
        return sha

    def tree(self, files: dict[str, str]) -> str:
        """Keep a tree of files."""
        sha = tree_name(files)
        self.trees[sha] = dict(files)
        return sha

    def commit(self, *, tree: str, parents: tuple[str, ...], message: str, author: str, at: str) -> str:
        """Keep a commit."""
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents), f"author {author} {at}"]
        sha = named("commit", "\n".join([*lines, "", message]).encode())
        self.commits[sha] = Commit(sha, tree, parents, message, author, at)
        return sha

    def files(self, commit: str) -> dict[str, str]:
        """Path → blob of a commit."""
        return self.trees[self.commits[commit].tree]

    def texts(self, branch: str) -> dict[str, str]:
        """Path → text of a branch."""
        return {
            path: self.blobs[sha].decode("utf-8", "replace") for path, sha in self.files(self.branches[branch]).items()
        }

    def ancestors(self, commit: str) -> list[str]:
        """The commit and all before it, nearest first."""
        waiting, seen = [commit], dict[str, None]()
        while waiting:
            here = waiting.pop(0)
            if here not in seen:
                seen[here] = None
                waiting += self.commits[here].parents
        return list(seen)

    def merged(self, ours: str, theirs: str) -> dict[str, str]:
        """The files after merging two commits.

        Raises:
            MergeError: both have changed the same file in different ways.
        """
        mine = set(self.ancestors(ours))
        start = next((sha for sha in self.ancestors(theirs) if sha in mine), None)
        base = self.files(start) if start else {}
        here, there = self.files(ours), self.files(theirs)
        found = {}
        for path in sorted({*here, *there}):
            one, other, before = here.get(path), there.get(path), base.get(path)
            if one != other and before not in {one, other}:
                raise MergeError(path)
            kept = other if one == before else one
            if kept is not None:
                found[path] = kept
        return found


def named(kind: str, content: bytes) -> str:
    """The name that git gives to an object."""
    return hashlib.sha1(f"{kind} {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()


def tree_name(files: dict[str, str]) -> str:
    """The name of the tree of these files, computed through all its folders."""
    here: dict[str, str] = {}
    below: dict[str, dict[str, str]] = {}
    for path, sha in files.items():
        head, slash, rest = path.partition("/")
        if slash:
            below.setdefault(head, {})[rest] = sha
        else:
            here[head] = sha
    entries = [(name, b"100644", sha) for name, sha in here.items()]
    entries += [(f"{name}/", b"40000", tree_name(inside)) for name, inside in below.items()]
    content = b"".join(
        mode + b" " + name.rstrip("/").encode() + b"\0" + bytes.fromhex(sha) for name, mode, sha in sorted(entries)
    )
    return named("tree", content)
