"""Where data sets lie: in the folder that the experiment names, else below `$AKI_DATA`, else below `data/`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT_VARIABLE = "AKI_DATA"


def data_root() -> Path:
    """The folder that holds one folder per data set."""
    return Path(os.environ.get(ROOT_VARIABLE) or "data").expanduser()


def locate(name: str, options: Mapping[str, Any], *, option: str = "folder", repository: str | None = None) -> Path:
    """The data set's folder.

    Raises:
        FileNotFoundError: it is not there; the message says how to get it.
    """
    written = options.get(option)
    folder = Path(str(written)).expanduser() if written else data_root() / name
    if folder.is_dir():
        return folder
    told = f"set data.options.{option} or {ROOT_VARIABLE}"
    how = f"; get it with: hf download {repository} --repo-type dataset --local-dir {folder}" if repository else ""
    raise FileNotFoundError(f"no folder {folder} for {name}: {told}{how}")


def first_file(folder: Path, *names: str) -> Path:
    """The first of several names that exists; the first of them where none does, for the error message."""
    found = (folder / name for name in names if (folder / name).is_file())
    return next(found, folder / names[0])
