"""Where and with what something was run: commit, versions, device, and a digest of the code that can change a score."""

from __future__ import annotations

import ast
import hashlib
import platform
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from reproductions.records import Environment

_FOLDER = Path(__file__).parent
_PACKAGES = ("torch", "transformers", "peft", "accelerate", "tokenizers", "safetensors", "numpy")
_NO_SCORE = frozenset({"spec", "records", "plugins"})
"""Modules that everything imports and that cannot change a score."""
_NOT_CODE = (":!reproductions/results", ":!reproductions/experiments")
"""Specs and records may be new and unsaved: a record holds its whole experiment."""


def environment(*, device: str, threads: int, modules: tuple[str, ...], commit: str | None = None) -> Environment:
    """What a record says of its surroundings. `modules`: those whose code, with all they import, makes the scores."""
    found, dirty = _git()
    return Environment(
        commit=commit or found,
        dirty=dirty,
        python=sys.version.split()[0],
        packages={name: _version(name) for name in _PACKAGES},
        device=device,
        threads=threads,
        platform=f"{platform.system()} {platform.release()} {platform.machine()}",
        code_digest=code_digest(modules),
    )


@cache
def _git() -> tuple[str | None, bool | None]:
    """Commit and whether code differs from it; nothing without git or outside a checkout."""

    def ask(*words: str) -> str:
        done = subprocess.run(("git", *words), cwd=_FOLDER.parent, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        commit = ask("rev-parse", "HEAD")
        return commit, bool(ask("status", "--porcelain", "--", "reproductions", *_NOT_CODE))
    except (OSError, subprocess.CalledProcessError):
        return None, None


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def processor() -> str:
    """The processor's name as the system gives it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


@cache
def code_digest(modules: tuple[str, ...]) -> str:
    """SHA-256 over the files of these modules of `reproductions` and of all of it that they import."""
    sha = hashlib.sha256()
    for name in sorted(closure(modules)):
        sha.update(name.encode() + b"\n" + _file(name).read_bytes())
    return sha.hexdigest()


def closure(modules: tuple[str, ...]) -> set[str]:
    """Dotted names below `reproductions` that are reached by imports, those themselves included."""
    reached: set[str] = set()
    todo = list(modules)
    while todo:
        name = todo.pop()
        if name in reached or name in _NO_SCORE or not _file(name).is_file():
            continue
        reached.add(name)
        todo += _imports(_file(name))
    return reached


def _file(name: str) -> Path:
    return _FOLDER / f"{name.replace('.', '/')}.py"


@cache
def _imports(path: Path) -> tuple[str, ...]:
    """Modules of `reproductions` that a file names in its imports; names that are no module do no harm."""
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "reproductions":
            base = node.module.partition(".")[2]
            found += [base, *(f"{base}.{alias.name}".lstrip(".") for alias in node.names)]
        elif isinstance(node, ast.Import):
            found += [alias.name.partition(".")[2] for alias in node.names if alias.name.startswith("reproductions.")]
    return tuple(name for name in found if name)
