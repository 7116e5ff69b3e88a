"""CSV: one row per entry, one column per scalar field; lists are joined by ` | `, texts stand in both languages."""

from __future__ import annotations

import csv
import io

from registry.exports import Selection
from registry.schema import KINDS, Entry, ExternalIds, Fact, Remark


def render(selection: Selection) -> str:
    """All entries of a selection."""
    columns = header(KINDS[selection.kind])
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    for entry in selection.entries:
        writer.writerow({column: value for column, value in row(entry).items() if column in columns})
    return out.getvalue()


def header(kind: type[Entry]) -> list[str]:
    """The columns of a kind, the same for every selection."""
    columns = ["id", "status"]
    for name, info in kind.model_fields.items():
        annotation = str(info.annotation)
        if name in {"id", "status", "relations", "known_issues", "columns", "rows", "comparisons"}:
            continue
        if "Text" in annotation or "Remark" in annotation:
            columns += [f"{name}.en", f"{name}.zh"]
        elif "Fact" in annotation:
            columns += [name, f"{name}.source", f"{name}.checked"]
        elif name == "ids":
            columns += [f"ids.{scheme}" for scheme in ExternalIds.model_fields]
        else:
            columns.append(name)
    return columns


def row(entry: Entry) -> dict[str, str]:
    """The cells of an entry by column; absent values are empty, unknown ones say `not-checked`."""
    cells = {"id": entry.id, "status": entry.stage}
    for name in type(entry).model_fields:
        value = getattr(entry, name)
        if name in cells or name == "status" or value is None:
            continue
        if isinstance(value, Remark):
            cells |= {f"{name}.en": value.en, f"{name}.zh": value.zh or ""}
        elif isinstance(value, Fact):
            cells |= {name: str(value.value), f"{name}.source": value.source or "", f"{name}.checked": _day(value)}
        elif isinstance(value, ExternalIds):
            cells |= {f"ids.{scheme}": number for scheme, number in value.items()}
        elif isinstance(value, tuple):
            cells[name] = " | ".join(item if isinstance(item, str) else getattr(item, "name", "") for item in value)
        else:
            cells[name] = str(value)
    return cells


def _day(fact: Fact[str]) -> str:
    return fact.checked.isoformat() if fact.checked else ""
