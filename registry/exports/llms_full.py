"""llms-full.txt: llms.txt with facets and known issues of every entry."""

from __future__ import annotations

from registry.exports import Selection
from registry.exports.llms import lines


def render(selection: Selection) -> str:
    """The lines of llms.txt with their details."""
    return "\n".join(lines(selection, full=True)) + "\n"
