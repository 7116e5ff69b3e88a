"""SEFE: after each task, note the entries of ΔW that matter most, and keep the next task off them (RegLoRA).

Chen et al. 2025, arXiv:2505.02486. Against essential forgetting: the 2 % largest entries of `|B A|` of every layer
are noted, and the next task pays `λ · mean over layers of mean over noted entries |(B A)_ij|`. Against superficial
forgetting (the model loses the answer format): a share of the training examples is rewritten in other answer styles
(ASD).

Variant: the paper merges each adapter into the base and starts a fresh one; here earlier adapters stay in the sum,
frozen, which computes the same and leaves the base untouched. ASD needs data that can be restyled; without it, as in
MCITlib and so in KORE's table, this is RegLoRA alone. That needs an earlier task: in one-shot injection it is plain
LoRA.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import ClassVar

import torch
from pydantic import Field, PrivateAttr
from torch import Tensor

from reproductions import tuning
from reproductions.examples import Example, Task
from reproductions.method import Context, Method
from reproductions.training import TrainingTrace
from reproductions.vlm import VLM, Batch


class SEFE(Method):
    """One adapter per task, kept off the strongest entries of the earlier ones."""

    degenerate_one_shot: ClassVar[bool] = True

    strength: float = Field(2.5e3, ge=0)
    """λ."""
    noted: float = Field(0.02, gt=0, le=1)
    """Share of each layer's entries that is noted after a task."""
    restyled: float = Field(0.0, ge=0, le=1)
    """Share of the training examples that is rewritten in other answer styles; the paper's is 0.2."""

    _entries: dict[str, Tensor] = PrivateAttr(default_factory=dict)
    _finished: int = PrivateAttr(0)

    def prepare(self, vlm: VLM, context: Context) -> None:
        """The first adapter."""
        tuning.require(context.tuning, "lora", "sefe")
        if self.restyled and context.restyle is None:
            raise ValueError("method sefe: this data cannot be written in other answer styles; set restyled to 0")
        super().prepare(vlm, context)
        self._entries, self._finished = {}, 0

    def batches(self, task: Task) -> Iterator[list[Example]]:
        """The task's examples, exactly the chosen share of them restyled where the data has another style."""
        return self.shuffled(self.diversified(task), task)

    def diversified(self, task: Task) -> list[Example]:
        """Answer-style diversification."""
        examples = list(task.train)
        restyle = self._context.restyle
        if restyle is None or not self.restyled:
            return examples
        rng = random.Random(f"{self._context.seed} styles {task.id}")
        for index in rng.sample(range(len(examples)), round(self.restyled * len(examples))):
            examples[index] = restyle(examples[index], rng.randrange(2**31)) or examples[index]
        return examples

    def learn(self, vlm: VLM, task: Task) -> TrainingTrace:
        """Train this task's own adapter."""
        if self._finished:
            config = tuning.lora_config(vlm, self._context.tuning)
            seed = self._context.seed + self._finished
            tuning.add_adapter(vlm, config, seed=seed, name=f"task-{self._finished}")
        return super().learn(vlm, task)

    def penalty(self, vlm: VLM, batch: Batch, logits: Tensor) -> Tensor | None:
        """λ times the mean size of the new update on noted entries; nothing during the first task."""
        if not self._entries or not self.strength:
            return None
        current = tuning.adapter(vlm, tuning.adapters(vlm)[-1])
        sizes = []
        for layer, entries in self._entries.items():
            new = current[layer]
            rows = entries // new.down.shape[1]
            columns = entries % new.down.shape[1]
            # Only noted entries of B A are computed: on large layers the whole product would not fit.
            sizes.append((new.up[rows] * new.down.T[columns]).sum(-1).abs().mean())
        return self.strength * torch.stack(sizes).mean()

    @torch.no_grad()
    def consolidate(self, vlm: VLM, task: Task) -> None:
        """Note the strongest entries of this task's update; duplicates of earlier ones stay, as in the code."""
        for layer, one in tuning.adapter(vlm, tuning.adapters(vlm)[-1]).items():
            product = (one.up @ one.down).abs().flatten()
            entries = product.topk(math.ceil(self.noted * product.numel())).indices
            self._entries[layer] = torch.cat([self._entries[layer], entries]) if layer in self._entries else entries
        self._finished += 1


METHOD = SEFE
