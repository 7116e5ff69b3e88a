"""Full fine-tuning: every weight of the language model and the projector learns, the vision tower stays.

The baseline of every injection paper (KORE, arXiv:2510.19316, table 1). Its result hangs on the learning rate more
than any other row's (arXiv:2603.14493): read the two together.
"""

from __future__ import annotations

from reproductions.method import Context, Method
from reproductions.vlm import VLM


class FullFT(Method):
    """Plain fine-tuning of the weights themselves; `tuning.kind` says of which part."""

    def prepare(self, vlm: VLM, context: Context) -> None:
        """Refuse adapters: the name on the leaderboard says what learns."""
        if context.tuning.kind == "lora":
            raise ValueError(
                "method full-ft: tuning.kind is 'lora'; set it to 'full' (or 'language-model', 'projector')"
            )
        super().prepare(vlm, context)


METHOD = FullFT
