"""The learning rate of pretraining."""

from __future__ import annotations

import math

import torch

FLOOR = 0.05
"""Fraction of the rate that the cosine ends at."""


def cosine(optimizer: torch.optim.Optimizer, rate: float, step: int, steps: int, *, warmup: int) -> None:
    """Set the rate for a step: linear warm-up, then half a cosine down to a twentieth."""
    rising = min(1.0, (step + 1) / max(1, warmup))
    falling = FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps)))
    for group in optimizer.param_groups:
        group["lr"] = rate * rising * falling
