"""The decision log can be signed with an SSH key; verify says how far, by whom, and what does not fit."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from agent.cli import main
from agent.pulls.content import workspace_files
from agent.signing import SigningError, check, sign

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs OpenSSH")


def make_key(path: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True)
    return path


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("keys")
    return {name: make_key(folder / name) for name in ("ada", "eve")}


@pytest.fixture
def allowed(keys, tmp_path) -> Path:
    """A list with Ada in it and not Eve."""
    path = tmp_path / "allowed"
    public = keys["ada"].with_suffix(".pub").read_text()
    path.write_text(f'ada@example.org namespaces="aki-agent" {public}')
    return path


@pytest.fixture
def decided(desk):
    """A workspace with one verdict."""
    desk.session.decide(desk.session.operations()[0], "approve")
    return desk


def seen(desk, allowed: Path | None):
    return check(desk.workspace, desk.workspace.ledger.events(), allowed)


def test_a_signature_reaches_as_far_as_the_line_it_was_made_for(decided, keys, allowed):
    sign(decided.workspace, keys["ada"])
    decided.session.decide(decided.session.operations()[1], "approve")
    signed = seen(decided, allowed)
    assert (signed.upto, signed.by, signed.problems) == (1, ("ada@example.org",), ())
    sign(decided.workspace, keys["ada"])
    assert seen(decided, allowed).upto == 2


def test_signing_twice_changes_nothing(decided, keys):
    first = sign(decided.workspace, keys["ada"])
    content = first.read_bytes()
    assert sign(decided.workspace, keys["ada"]) == first
    assert first.read_bytes() == content
    assert len(list(first.parent.iterdir())) == 1


def test_somebody_who_is_not_on_the_list_does_not_count(decided, keys, allowed):
    sign(decided.workspace, keys["eve"])
    signed = seen(decided, allowed)
    assert signed.upto == 0
    assert "not a signature for line 1 by somebody in allowed" in signed.problems[0]


def test_a_signature_for_another_log_does_not_count(decided, keys, allowed, tmp_path):
    path = sign(decided.workspace, keys["ada"])
    decided.workspace.ledger.path.unlink()
    decided.session.decide(decided.session.operations()[1], "approve")
    assert path.exists()
    assert seen(decided, allowed).problems


def test_a_signature_made_for_another_purpose_does_not_count(decided, keys, allowed):
    path = sign(decided.workspace, keys["ada"])
    from agent.signing import statement

    text = statement(decided.workspace.ledger.events()[0])
    words = ["ssh-keygen", "-Y", "sign", "-q", "-f", str(keys["ada"]), "-n", "git"]
    path.write_text(subprocess.run(words, input=text, capture_output=True, text=True, check=True).stdout)
    assert seen(decided, allowed).upto == 0


def test_a_signature_for_a_line_that_the_log_lost_is_a_problem(decided, keys, allowed):
    path = sign(decided.workspace, keys["ada"])
    path.rename(path.with_name("000009.00000000.sig"))
    assert "the log has no such line" in seen(decided, allowed).problems[0]


def test_signatures_travel_with_the_workspace(decided, keys):
    path = sign(decided.workspace, keys["ada"])
    assert f"agent/workspace/signed/{path.name}" in workspace_files(decided.workspace)


def test_the_command_signs_and_verify_says_how_far(decided, keys, allowed, capsys):
    options = ["--workspace", str(decided.workspace.folder)]
    history = [*options, "--root", str(decided.root)]
    main(["verify", *history])
    assert "decisions are unsigned" in capsys.readouterr().out
    assert main(["sign", "--key", str(keys["ada"]), *options]) == 0
    main(["verify", *history, "--allowed-signers", str(allowed)])
    assert "signatures: lines 1 to 1 by ada@example.org; 0 later lines unsigned" in capsys.readouterr().out
    main(["verify", *history])
    assert "signatures: 1, not checked" in capsys.readouterr().out


def test_what_cannot_be_signed_or_checked_is_one_line(desk, keys, tmp_path, capsys):
    options = ["--workspace", str(desk.workspace.folder)]
    assert main(["sign", "--key", str(keys["ada"]), *options]) == 2
    assert "nothing is decided yet" in capsys.readouterr().err
    desk.session.decide(desk.session.operations()[0], "approve")
    assert main(["sign", "--key", str(tmp_path / "none"), *options]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    with pytest.raises(SigningError, match="no list of allowed signers"):
        seen(desk, tmp_path / "none")
