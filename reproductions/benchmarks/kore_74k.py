"""KORE-74K: EVOKE's facts after KORE's augmentation, asked with EVOKE's questions.

Jiang et al. 2025, arXiv:2510.19316. 9,422 dialogues, 9,422 recognitions (all answered "Yes"), 9,422 captions and 46,468
short questions. A row trained on it is another treatment than one trained on raw EVOKE, whatever the method. Needs both
folders: `data.options.folder` and, for the questions, `data.options.evoke`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reproductions.data import published
from reproductions.data.folders import locate
from reproductions.data.released import Released
from reproductions.data.streams import TaskFiles


def files(folder: Path, options: Mapping[str, Any]) -> Sequence[TaskFiles]:
    """Training conversations here, questions from EVOKE."""
    evoke = locate("evoke", options, option="evoke", repository="kailinjiang/EVOKE")
    return published.kore_74k_files(folder, evoke)


BENCHMARK = Released(
    "kore-74k",
    "kailinjiang/KORE-74K",
    files,
    size=published.N_FACTS,
    forms=("knowledge-tree",),
    kind_of=published.kore_kind,
)
