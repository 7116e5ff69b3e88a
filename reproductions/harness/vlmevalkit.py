"""Result files of VLMEvalKit, read into scores: `<model>_<dataset>_acc.csv` and its relatives. Light.

VLMEvalKit writes one small table per model and data set. Its columns differ: `Overall`, `acc`, `perception` and
`reasoning` (MME), `aAcc` (HallusionBench), nested JSON for judged ones. Scores are brought to [0, 1] by what is
stated in `dimensions`.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from reproductions.harness.dimensions import KEPT, Kept

_ENDING = re.compile(r"(?P<stem>.+?)_(?:acc|score|rating|result)(?:_[\w.-]+)?\.(?:csv|json)$")
_COLUMNS = ("Overall", "overall", "aAcc", "acc", "Final Score Norm", "avg", "Accuracy", "score")


def read_folder(folder: Path, model: str) -> dict[str, float]:
    """Benchmark id → score in [0, 1], of every result file of one model below a folder.

    Raises:
        FileNotFoundError: no such folder, or no result file of that model in it.
        ValueError: a file holds no score that we know.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder}")
    found: dict[str, float] = {}
    for path in sorted(folder.rglob(f"{model}_*")):
        kept = _kept(path.name, model)
        if kept is not None and kept.id not in found:
            found[kept.id] = read_file(path, kept)
    if not found:
        raise FileNotFoundError(f"no result file of '{model}' below {folder}; expected {model}_<data set>_acc.csv")
    return found


def _kept(name: str, model: str) -> Kept | None:
    match = _ENDING.match(name)
    if match is None:
        return None
    dataset = match["stem"].removeprefix(f"{model}_")
    for kept in KEPT:
        if any(dataset == known or dataset.startswith(f"{known}_") for known in kept.vlmeval):
            return kept
    return None


def read_file(path: Path, kept: Kept) -> float:
    """The score of one file, in [0, 1].

    Raises:
        ValueError: no score that we know, or one above what is possible.
    """
    try:
        rows = _rows(path)
    except (OSError, ValueError, csv.Error) as error:
        raise ValueError(f"{path}: cannot be read as a table: {error}") from None
    number = _mme(rows) if kept.id == "mme" else _single(rows)
    if number is None:
        known = ", ".join(_COLUMNS)
        raise ValueError(f"{path}: none of the columns {known}; it has: {', '.join(rows[0]) if rows else 'no row'}")
    fraction = number if number <= 1 and kept.id != "mme" else number / kept.vlmeval_full
    if not 0 <= fraction <= 1:
        raise ValueError(f"{path}: {number} is not between 0 and {kept.vlmeval_full:g}")
    return fraction


def _rows(path: Path) -> list[dict[str, str]]:
    if path.suffix == ".json":
        whole = json.loads(path.read_text(encoding="utf-8"))
        listed = whole if isinstance(whole, list) else [whole]
        return [{str(key): str(value) for key, value in row.items()} for row in listed if isinstance(row, Mapping)]
    with path.open(encoding="utf-8-sig", newline="") as source:
        rows = list(csv.DictReader(source))
    first = next(iter(rows[0]), "") if rows else ""
    # Some tables stand on their side: one metric per row.
    if rows and first and all(len(row) == 2 for row in rows):
        name, value = list(rows[0])
        return [{row[name]: row[value] for row in rows} | rows[0]]
    return rows


def _single(rows: Iterable[Mapping[str, str]]) -> float | None:
    rows = list(rows)
    # The row that stands for all splits, where there are several.
    chosen = [row for row in rows if "overall" in " ".join(str(value) for value in row.values()).lower()] or rows
    for column in _COLUMNS:
        for row in chosen:
            number = _number(row.get(column))
            if number is not None:
                return number
    return None


def _mme(rows: Iterable[Mapping[str, str]]) -> float | None:
    for row in rows:
        parts = [_number(row.get(name)) for name in ("perception", "reasoning")]
        if parts[0] is not None and parts[1] is not None:
            return parts[0] + parts[1]
    return None


def _number(text: str | None) -> float | None:
    try:
        return float(str(text).strip().rstrip("%")) if text not in {None, ""} else None
    except ValueError:
        return None
