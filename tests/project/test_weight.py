"""Rule 3 of the design: nothing but running a method needs torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "transformers", "peft", "accelerate")
LIGHT_CALLS = [
    ["--help"],
    ["registry", "--help"],
    ["registry", "check"],
    ["registry", "list", "papers", "--json"],
    ["agent", "--help"],
    ["agent", "plan"],
    ["reproduce", "--help"],
    ["reproduce", "list"],
    ["reproduce", "run", "--help"],
    ["reproduce", "table"],
    ["site", "--help"],
]


@pytest.mark.parametrize("call", LIGHT_CALLS, ids=" ".join)
def test_light_call_succeeds_without_importing_torch(call):
    script = (
        "import sys, aki\n"
        f"code = aki.main({call!r})\n"
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "sys.exit(f'imported {heavy}' if heavy else code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_unknown_group_gets_one_line_and_code_2():
    done = subprocess.run(
        [sys.executable, "-m", "aki", "registri"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert done.stderr == "aki: no group named 'registri'; did you mean 'registry'?\n"


@pytest.mark.parametrize("group", ["registry", "agent", "reproduce", "site"])
def test_unknown_option_gets_code_2_and_no_traceback(group):
    done = subprocess.run(
        [sys.executable, "-m", "aki", group, "--nonsense"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
