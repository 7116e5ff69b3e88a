"""MLLM-CL, domains: remote sensing, medicine, driving, science, finance, one after the other.

Zhao et al. 2025, arXiv:2506.05453. Training and evaluation come from the same sources. Scored here by CEM and F1 for
all domains alike; the release scores each with rules of its own, so compare with printed numbers only loosely.
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
