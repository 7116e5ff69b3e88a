"""EVOKE / MMEVOKE: news and entities from after the models' training, injected as image and paragraph.

Jiang et al. 2025, arXiv:2505.24449. One conversation per fact is learned; the question is asked on another image. The
kind of a question is its sub-type (159 in the release), for the fine-grained tables of KORE (arXiv:2510.19316, table
9).
"""

from __future__ import annotations

from reproductions.data import published
from reproductions.data.released import Released

BENCHMARK = Released(
    "evoke", "kailinjiang/EVOKE", lambda folder, _: published.evoke_files(folder), size=published.N_FACTS
)
