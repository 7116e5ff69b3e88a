"""A toy registry on disk, small and complete, and the real one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import registry
from registry import textyaml

sys.path.insert(0, str(Path(__file__).parent))

from registry_samples import entries, put, taxonomy


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A registry of five entries without problems."""
    root = tmp_path / "data"
    root.mkdir()
    (root / "taxonomy.yaml").write_text(textyaml.dump(taxonomy()), encoding="utf-8")
    for kind, entry in entries():
        put(root, kind, entry)
    return root


@pytest.fixture(scope="session")
def real() -> registry.Catalog:
    """The registry that ships with the project."""
    return registry.load()
