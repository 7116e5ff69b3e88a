"""MLLM-CL, domains: remote sensing, medicine, driving, science, finance, one after the other.

Zhao et al. 2025, arXiv:2506.05453. Training and evaluation come from the same sources. Scored by CEM and F1 for all
domains alike, and by each domain's own rule; the release takes substrings where we take words ("1" is not in "10").
"""

from __future__ import annotations

from reproductions.data import published
from reproductions.data.released import Released

BENCHMARK = Released(
    "mllm-cl-domain",
    "MLLM-CL/MLLM-CL",
    lambda folder, _: published.domain_files(folder),
    size=1_000_000,
)
