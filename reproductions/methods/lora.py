"""Low-rank adaptation: learn ΔW = (alpha / rank) · B A beside every frozen linear layer, task after task.

Hu et al. 2021, arXiv:2106.09685. A is Kaiming-uniform, B zero, so training starts at the base model. In a stream the
same adapter goes on learning, with a new optimiser per task, as the continual-tuning repositories do. Low learning
rates and attention-only adapters, the cheap baselines of arXiv:2603.14493, are this method with another `training` or
`tuning`.
"""

from __future__ import annotations

from reproductions import tuning
from reproductions.method import Context, Method
from reproductions.vlm import VLM


class LoRA(Method):
    """Plain fine-tuning of adapters."""

    def prepare(self, vlm: VLM, context: Context) -> None:
        """Refuse any other tuning: the name on the leaderboard says what learns."""
        tuning.require(context.tuning, "lora", "lora")
        super().prepare(vlm, context)


METHOD = LoRA
