"""How far a student's answers are from a teacher's, token by token."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def divergence(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T² KL(teacher ‖ student) at temperature T, mean over tokens; logits are (tokens × vocabulary).

    The factor keeps gradients of the same size at every temperature (Hinton et al. 2015, arXiv:1503.02531).
    """
    return temperature**2 * F.kl_div(
        F.log_softmax(student / temperature, -1),
        F.log_softmax(teacher / temperature, -1),
        log_target=True,
        reduction="batchmean",
    )
