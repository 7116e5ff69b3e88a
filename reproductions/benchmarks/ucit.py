"""UCIT: six tasks that LLaVA's own instruction data does not contain, one after the other.

Guo et al. 2025, arXiv:2503.12941. The two captioning tasks are scored in the release by the mean of Bleu, METEOR,
ROUGE-L and CIDEr; here by ROUGE-L beside CEM and F1, so printed numbers of those two do not compare.
"""

from __future__ import annotations

from reproductions.data import published
from reproductions.data.released import Released

BENCHMARK = Released("ucit", "MLLM-CL/UCIT", lambda folder, _: published.ucit_files(folder), size=1_000_000)
