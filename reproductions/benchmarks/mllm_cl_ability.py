"""MLLM-CL, abilities: reading text, mathematics, visual perception, graphical interfaces, one after the other.

Zhao et al. 2025, arXiv:2506.05453. Evaluation comes from other sources than training. The release judges mathematics
with a language model and interfaces on a server of its own; CEM and F1 here are not those numbers.
"""

from __future__ import annotations

from reproductions.data import published
from reproductions.data.released import Released

BENCHMARK = Released(
    "mllm-cl-ability",
    "MLLM-CL/MLLM-CL",
    lambda folder, _: published.ability_files(folder),
    size=1_000_000,
)
