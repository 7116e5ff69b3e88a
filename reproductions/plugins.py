"""Methods and benchmarks, found by their file names; listing them imports none of them. Light.

The id of `methods/o_lora.py` is `o-lora`, as in the registry. The file ends in `METHOD = …`, that of a benchmark in
`BENCHMARK = …`.
"""

from __future__ import annotations

import importlib
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

Kind = Literal["methods", "benchmarks"]

_FOLDER = Path(__file__).parent
_CONSTANT: dict[Kind, str] = {"methods": "METHOD", "benchmarks": "BENCHMARK"}


def names(kind: Kind) -> tuple[str, ...]:
    """Ids of everything of a kind, sorted."""
    files = (_FOLDER / kind).glob("*.py")
    return tuple(sorted(file.stem.replace("_", "-") for file in files if not file.stem.startswith("_")))


def check(kind: Kind, name: str) -> None:
    """Raises LookupError that names the nearest id, if there is nothing of that name."""
    known = names(kind)
    if name not in known:
        raise LookupError(f"no {kind[:-1]} named '{name}'; {nearest(name, known)}")


def nearest(name: str, known: tuple[str, ...]) -> str:
    """What to write instead of an unknown name: the nearest one, or all of them."""
    near = get_close_matches(name, known, n=1)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"there are: {', '.join(known)}" if known else "there are none"


def load(kind: Kind, name: str) -> Any:  # noqa: ANN401 - a Method class or a Benchmark, by kind
    """The class or object that the file offers. Imports the file, so torch for methods. Raises LookupError."""
    check(kind, name)
    module = importlib.import_module(f"reproductions.{kind}.{name.replace('-', '_')}")
    return getattr(module, _CONSTANT[kind])
