"""Plug-ins are files; nobody keeps a list."""

from __future__ import annotations

import subprocess
import sys

import pytest

from reproductions import plugins


def test_unknown_names_get_the_nearest():
    assert plugins.nearest("ewcc", ("ewc", "lora")) == "did you mean 'ewc'?"
    assert plugins.nearest("zzz", ("ewc", "lora")) == "there are: ewc, lora"
    with pytest.raises(LookupError, match="no method named 'no-such-method'"):
        plugins.check("methods", "no-such-method")


def test_listing_methods_does_not_import_torch():
    code = "import sys; from reproductions import plugins; plugins.names('methods'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
