"""The pages about the registry name every command, and the commands they show work."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from registry import cli, exports

PAGES = Path(__file__).parents[2] / "docs" / "pages"
COMMANDS = re.findall(r"^\$ aki registry (.+)$", (PAGES / "registry.md").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("page", ["registry.md", "registry.zh.md"])
def test_every_verb_and_every_format_is_documented(page):
    text = (PAGES / page).read_text(encoding="utf-8")
    for verb in {command.name or command.callback.__name__ for command in cli.app.registered_commands}:
        assert f"aki registry {verb}" in text, verb
    for form in exports.forms():
        assert f"`{form}`" in text, form


@pytest.mark.parametrize(
    "command", [words for words in COMMANDS if words.split()[0] in {"list", "search", "show", "check"}]
)
def test_a_command_that_the_page_shows_does_what_it_shows(command, capsys):
    code = cli.main(shlex.split(command))
    captured = capsys.readouterr()
    assert code == (2 if "korre" in command else 0)
    assert captured.out or "did you mean" in captured.err
