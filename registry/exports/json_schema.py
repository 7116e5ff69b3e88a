"""JSON Schema (draft 2020-12) of the JSON export, made from the types themselves."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from registry.exports import DATA_LICENCE, NAME, Selection
from registry.schema import KINDS, Taxonomy


def render(selection: Selection) -> str:
    """The schema."""
    return json.dumps(schema(), ensure_ascii=False, indent=1) + "\n"


def schema() -> dict[str, Any]:
    """The schema as data."""
    models: list[type[BaseModel]] = [*KINDS.values(), Taxonomy]
    _, definitions = models_json_schema([(model, "validation") for model in models])
    names = {kind: model.__name__ for kind, model in KINDS.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": NAME,
        "type": "object",
        "properties": {
            "$schema": {"type": "string"},
            "name": {"const": NAME},
            "licence": {"const": DATA_LICENCE},
            "taxonomy": {"$ref": "#/$defs/Taxonomy"},
            **{kind: {"type": "array", "items": {"$ref": f"#/$defs/{name}"}} for kind, name in names.items()},
        },
        "required": ["name", "licence", "taxonomy"],
        "additionalProperties": False,
        "$defs": definitions["$defs"],
    }
