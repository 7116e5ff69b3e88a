"""The way through pull requests from end to end, without GitHub: proposals, ticks, approval, merge, proof.

    python -m agent.rehearsal.pull_request

Takes the real registry and the recorded visit, a made-up GitHub as a process of its own, and three people: Ada, who may
write, Eve, who may only read, and the agent's account. Everything happens in a scratch folder; the registry here is not
touched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import registry
from agent.cli import main as aki_agent
from agent.pulls import body
from agent.rehearsal.company import Company, company
from registry import textyaml
from registry.catalog import DATA
from registry.readme import front_pages

RECORDING = Path(__file__).parents[1] / "recorded" / "demo"
AGENT_TOKEN = "rehearsal-token-of-the-agent"  # noqa: S105 - of a made-up GitHub
PEOPLE = {
    "ada": ("admin", "rehearsal-token-of-ada"),
    "eve": ("read", "rehearsal-token-of-eve"),
    "aki-agent[bot]": ("write", AGENT_TOKEN),
}


def say(text: str) -> None:
    """A line of the story."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def project(folder: Path) -> Path:
    """What the default branch holds: the registry and the pages rendered from it."""
    shutil.copytree(DATA, folder / "registry" / "data", ignore=shutil.ignore_patterns(".*"))
    for name, text in front_pages(registry.load()).items():
        (folder / name).write_text(text, "utf-8")
    return folder


class Rehearsal:
    """A checkout of the project, and the commands that are run in it."""

    def __init__(self, scratch: Path, github: Company) -> None:
        self.github = github
        self.folder = scratch / "checkout"
        self.config, self.state = scratch / "config.yaml", scratch / "state"
        tree = {"repository": github.name, "endpoints": {"https://api.github.com": github.origin}}
        self.config.write_text(textyaml.dump(tree), "utf-8")
        self.pull()

    def run(self, *words: str, expected: Sequence[int] = (0,)) -> None:
        """A command as a maintainer or a workflow would type it.

        Raises:
            RuntimeError: another exit code than expected.
        """
        say(f"\n$ aki agent {' '.join(words)}")
        options = ["--workspace", str(self.folder / "agent" / "workspace"), "--root", str(self.data)]
        options += ["--config", str(self.config)] if words[0] in {"pr", "refresh"} else []
        options += ["--state", str(self.state)] if words[0] == "pr" else []
        code = aki_agent([*words, *options])
        if code not in expected:
            raise RuntimeError(f"aki agent {' '.join(words)}: exit code {code}")

    @property
    def data(self) -> Path:
        """The registry's data in the checkout."""
        return self.folder / "registry" / "data"

    def pull(self) -> None:
        """The default branch as it is on the made-up GitHub now."""
        space = self.folder / "agent" / "workspace"
        kept = space.exists() and shutil.move(space, self.folder.with_name("kept"))
        shutil.rmtree(self.folder, ignore_errors=True)
        checkout(self.github.rehearse("commits", branch="main"), self.folder)
        if kept:
            shutil.rmtree(kept)


def checkout(commits: Sequence[dict[str, Any]], folder: Path) -> Path:
    """A git checkout with these commits, oldest first, by their authors; a merge is there as its result."""
    folder.mkdir(parents=True)
    git = ["git", "-C", str(folder), "-c", "user.email=rehearsal@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    for commit in commits:
        for path in [path for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts]:
            path.unlink()
        for name, text in commit["files"].items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, "utf-8")
        subprocess.run([*git, "add", "-A"], check=True)
        who = ["-c", f"user.name={commit['author']['name']}"]
        subprocess.run([*git, *who, "commit", "-q", "--allow-empty", "-m", commit["message"]], check=True)
    return folder


def play(rehearsal: Rehearsal, github: Company) -> None:
    """The whole story."""
    rehearsal.run("refresh", "--replay", str(RECORDING))
    rehearsal.run("pr")
    say("\nEve, who may only read, forges a tick; Ada ticks a venue, a new paper and all mechanical ones.")
    text = github.pull(1)["body"]
    eves = next(tick for tick, _ in body.boxes(text) if tick.mark == "approve")
    github.rehearse("edit", login="eve", number=1, body=body.with_ticks(text, {eves}))
    github.tick("ada", 1, ["lifelong-editing", "minillm-2023 · venue"])
    github.tick("ada", 1, ["approve all"], mark="bulk")
    rehearsal.run("pr", "read", expected=(1,))
    rehearsal.run("pr", "approved")
    say("\nAda looks at the second pull request and merges it:")
    for commit in github.rehearse("commits", branch="aki-agent/approved")[1:]:
        say(f"    {commit['sha'][:10]} {commit['message'].splitlines()[0]}")
    github.merge("ada", 2)
    rehearsal.pull()
    rehearsal.run("verify")
    say("\nThe next run shows what is left, in the same pull request:")
    rehearsal.run("pr")
    rehearsal.run("pr")


def main() -> int:
    """Play it once; exit code 1 when something did not go as it should."""
    os.environ["GITHUB_TOKEN"] = AGENT_TOKEN
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        with company(project(scratch / "project"), PEOPLE) as github:
            play(Rehearsal(scratch, github), github)
    say("\nrehearsed: proposed, ticked, approved, merged, verified; the registry here was not touched")
    return 0


if __name__ == "__main__":
    sys.exit(main())
