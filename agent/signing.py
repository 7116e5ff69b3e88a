"""Signatures under the decision log: whoever signs its last line vouches for every line before, as they are chained.

OpenSSH's own `ssh-keygen -Y` does the work, with a key that a maintainer has for git anyway, also one in an agent or on
a hardware token. Unsigned decisions are allowed and shown as such.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.files import write_text
from agent.ledger import Event
from agent.messages import sha256
from agent.workspaces import Workspace

NAMESPACE = "aki-agent"
"""A signature made for another purpose, a git commit, does not count here."""
ALLOWED = Path(__file__).parent / "allowed_signers"
"""Who may sign, as OpenSSH writes it: `ada@example.org namespaces="aki-agent" ssh-ed25519 AAAA…`, one a line."""


class SigningError(ValueError):
    """The log cannot be signed, or signatures cannot be checked; one line with the way to mend it."""


@dataclass(frozen=True)
class Signed:
    """What the signatures say."""

    checked: bool = False
    """Whether there is a list of those who may sign."""
    signatures: int = 0
    upto: int = 0
    """Last line that somebody who may has signed for; 0 when none."""
    by: tuple[str, ...] = ()
    """Who has signed for that line."""
    problems: tuple[str, ...] = ()


def statement(event: Event) -> str:
    """What is signed: the number and the hash of a line."""
    return f"decision log of the update agent\nline {event.number}\nhash {event.hash}\n"


def sign(workspace: Workspace, key: Path) -> Path:
    """Sign the last line of the log; signing it again with the same key changes nothing.

    Args:
        workspace: whose log; the signature is put beside it, `signed/<line>.<digest>.sig`.
        key: private key, or a public one whose private part an agent has.

    Raises:
        SigningError: nothing is decided yet, or ssh-keygen refuses.
    """
    events = workspace.ledger.events()
    if not events:
        raise SigningError("nothing is decided yet, so there is nothing to sign; decide: aki agent review")
    made = keygen(["-Y", "sign", "-q", "-f", str(key.expanduser()), "-n", NAMESPACE], statement(events[-1]))
    if made.returncode != 0:
        raise SigningError(f"{key}: ssh-keygen could not sign with it: {last_line(made.stderr)}")
    path = workspace.folder / "signed" / f"{events[-1].number:06d}.{sha256(made.stdout)[:8]}.sig"
    write_text(path, made.stdout)
    return path


def check(workspace: Workspace, events: Sequence[Event], allowed: Path | None = None) -> Signed:
    """Check every signature against the log and the list of those who may sign.

    Args:
        workspace: with the signatures.
        events: its log, whole.
        allowed: the list; by default `agent/allowed_signers` where there is one, else nothing is checked.

    Raises:
        SigningError: the list that was named does not exist, or there is no ssh-keygen.
    """
    if allowed is not None and not allowed.is_file():
        raise SigningError(f"{allowed}: no list of allowed signers there (see man ssh-keygen, ALLOWED SIGNERS)")
    trusted = allowed or ALLOWED
    files = sorted((workspace.folder / "signed").glob("*.sig"))
    if not trusted.is_file():
        return Signed(signatures=len(files))
    problems: list[str] = []
    signers: dict[int, list[str]] = {}
    for path in files:
        number = int(path.name.partition(".")[0]) if path.name[:6].isdigit() else 0
        if not 1 <= number <= len(events):
            problems.append(f"signed/{path.name}: the log has no such line")
        elif who := signer(path, statement(events[number - 1]), trusted):
            signers.setdefault(number, []).append(who)
        else:
            problems.append(f"signed/{path.name}: not a signature for line {number} by somebody in {trusted.name}")
    upto = max(signers, default=0)
    return Signed(True, len(files), upto, tuple(sorted(set(signers.get(upto, ())))), tuple(problems))


def signer(signature: Path, text: str, allowed: Path) -> str:
    """Whose signature under the text it is; empty when it is nobody's who may sign."""
    place = ["-f", str(allowed), "-s", str(signature), "-n", NAMESPACE]
    found = keygen(["-Y", "find-principals", *place], text)
    for name in found.stdout.splitlines() if found.returncode == 0 else []:
        if keygen(["-Y", "verify", *place, "-I", name], text).returncode == 0:
            return name
    return ""


def keygen(words: Sequence[str], text: str) -> subprocess.CompletedProcess[str]:
    """Run ssh-keygen on a text.

    Raises:
        SigningError: it is not installed.
    """
    try:
        return subprocess.run(["ssh-keygen", *words], input=text, capture_output=True, text=True, check=False)
    except OSError:
        raise SigningError("ssh-keygen is not installed; signatures need OpenSSH 8.2 or later") from None


def last_line(text: str) -> str:
    """The end of what a program complained about."""
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip()[:200] if lines else "no reason given"
