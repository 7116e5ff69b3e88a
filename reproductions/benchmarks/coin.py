"""CoIN: eight visual instruction tasks, one after the other, each scored by its own rule beside CEM and F1.

Chen et al. 2024, arXiv:2403.08350. Images come from their original sources, below the same folder. Option
`instructions`: `Instruction_Original` (the default) or `Instruction_Type2`, the same tasks in other wordings.
"""

from __future__ import annotations

from reproductions.data import published
from reproductions.data.released import Released

BENCHMARK = Released(
    "coin",
    "Zacks-Chen/CoIN",
    lambda folder, options: published.coin_files(folder, str(options.get("instructions", "Instruction_Original"))),
    size=1_000_000,
)
