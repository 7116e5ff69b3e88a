"""Facts in the prompt: nothing is learned, what is to be known is read out each time.

The reference for injection without training, in the line of IKE (Zheng et al. 2023, arXiv:2305.12740). When a question
is about an entity of a task, the first training texts of that entity stand in front of it.

Variant: retrieval is an oracle (the question's entity is known), so this bounds any retriever from above; there are no
demonstrations, only facts. Questions about no injected entity are asked as they are, so retention is exactly the base
model's. What is gained depends on whether the model can read facts in its prompt at all.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from pydantic import Field, PrivateAttr

from reproductions.examples import Example, Task
from reproductions.method import Context, Method
from reproductions.training import TrainingTrace
from reproductions.vlm import VLM


class InContext(Method):
    """The base model, with an entity's texts before each question about it."""

    plain_export: ClassVar[bool] = False

    texts: int = Field(1, ge=1)
    """How many training answers of an entity are put before a question, in the order of the data."""

    _known: dict[str, list[str]] = PrivateAttr(default_factory=dict)

    def prepare(self, vlm: VLM, context: Context) -> None:
        """Nothing learns, nothing is known yet."""
        self._context = context
        self._known = {}
        vlm.model.requires_grad_(False)

    def learn(self, vlm: VLM, task: Task) -> TrainingTrace:
        """Remember each entity's first training texts."""
        for example in task.train:
            if example.entity:
                known = self._known.setdefault(example.entity, [])
                known.extend(turn.answer for turn in example.turns[: max(0, self.texts - len(known))])
        return TrainingTrace()

    def with_facts(self, example: Example) -> Example:
        """The question, what is known of its entity in front of it."""
        known = self._known.get(example.entity)
        if not known:
            return example
        *earlier, last = example.turns
        return replace(example, turns=(*earlier, replace(last, question=" ".join([*known, last.question]))))

    def answer(
        self, vlm: VLM, examples: Sequence[Example], *, max_new_tokens: int = 24, batch_size: int = 128
    ) -> list[str]:
        """Greedy answers, facts first."""
        asked = [self.with_facts(example) for example in examples]
        return super().answer(vlm, asked, max_new_tokens=max_new_tokens, batch_size=batch_size)

    def export(self, vlm: VLM, folder: Path) -> None:
        """Write the texts by entity, as `facts.json`: they are all there is beside the base model."""
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self._known, ensure_ascii=False, indent=1, sort_keys=True)
        (folder / "facts.json").write_text(text + "\n", encoding="utf-8")


METHOD = InContext
