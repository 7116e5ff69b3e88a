"""The project as a stranger gets it: no path of a machine, versions pinned, links of the front page alive."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = {".py", ".md", ".toml", ".yaml", ".yml", ".txt", ".json", ".jsonl", ".js", ".css", ".html", ".cfg", ""}
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:work|root|home/\w+|Users/\w+)/[\w.]+")


def tracked_files() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name]


def test_no_tracked_file_names_a_path_of_somebodys_machine():
    offenders = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in tracked_files()
        if path.suffix in TEXT and path.is_file() and "vendor" not in path.parts
        for match in [MACHINE_PATHS.search(path.read_text(encoding="utf-8", errors="replace"))]
        if match
    ]
    assert offenders == []


def test_every_dependency_has_an_exact_version_in_the_constraints():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = list(project["dependencies"])
    for extra in ("agent", "reproductions", "docs", "dev"):
        wanted += project["optional-dependencies"][extra]
    pinned = {
        line.split("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    names = {re.split(r"[\[<>=~ ]", line)[0].lower().replace("_", "-") for line in wanted}
    assert names - pinned == set()


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md", "CONTRIBUTING.md", "MAINTAINER_AGENT.md"])
def test_local_links_of_the_front_pages_exist(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", text)
    targets += re.findall(r'(?:src|href)="(?!https?://|#)([^"#]+)"', text)
    assert [target for target in targets if not (ROOT / target).exists()] == []
