"""The one command: `aki registry | agent | reproduce | site`. Each group is imported only when it is called."""

from __future__ import annotations

import importlib
import sys

GROUPS = {
    "registry": ("registry.cli", "check, format, list, show, search, audit, import and export what is known"),
    "agent": ("agent.cli", "revisit the sources, review proposals, apply what was approved"),
    "reproduce": ("reproductions.cli", "run the methods, record and compare their results"),
    "site": ("docs.cli", "build and serve the static site"),
}

USAGE = """\
Usage: aki GROUP COMMAND [OPTIONS]

Awesome Knowledge Injection: the living, reproducible map of one research field.

Groups:
{groups}

Examples:
  aki registry check
  aki reproduce list
  aki agent refresh --replay agent/recorded/demo
  aki site serve

`aki GROUP --help` lists the commands of a group.
"""


def usage() -> str:
    """The help page of the whole command."""
    rows = [f"  {name:<10} {purpose}" for name, (_, purpose) in GROUPS.items()]
    return USAGE.format(groups="\n".join(rows))


def main(arguments: list[str] | None = None) -> int:
    """Hand over to a group; exit code 0 fine, 1 problems found, 2 wrong usage or bad input, 3 partial."""
    words = sys.argv[1:] if arguments is None else arguments
    if not words or words[0] in {"-h", "--help", "help"}:
        sys.stdout.write(usage())
        return 0
    if words[0] not in GROUPS:
        from difflib import get_close_matches

        near = get_close_matches(words[0], GROUPS, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"one of: {', '.join(GROUPS)}"
        sys.stderr.write(f"aki: no group named '{words[0]}'; {hint}\n")
        return 2
    module, _ = GROUPS[words[0]]
    return int(importlib.import_module(module).main(words[1:]))


if __name__ == "__main__":
    raise SystemExit(main())
