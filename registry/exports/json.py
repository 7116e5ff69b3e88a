"""JSON: the whole registry as it is typed, with the address of its JSON Schema (`json-schema`)."""

from __future__ import annotations

import json

from registry.exports import DATA_LICENCE, NAME, Selection
from registry.schema import KINDS


def render(selection: Selection) -> str:
    """Everything, or the selected entries of one kind when facets were given."""
    catalog = selection.catalog
    whole = not selection.wanted
    kinds = {kind: list(catalog.kind(kind).values()) for kind in KINDS} if whole else {}
    kinds |= {selection.kind: list(selection.entries)} if not whole else {}
    document = {
        "$schema": "registry.schema.json",
        "name": NAME,
        "licence": DATA_LICENCE,
        "taxonomy": catalog.taxonomy.model_dump(mode="json", exclude_defaults=True),
        **{
            kind: [entry.model_dump(mode="json", exclude_defaults=True) for entry in entries]
            for kind, entries in kinds.items()
        },
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"
