"""Facts in the prompt: nothing is learned, what is to be known is read out each time.

The reference for injection without training, in the line of IKE (Zheng et al. 2023, arXiv:2305.12740). When a
question is about an entity of a task, that entity's training texts stand before it as earlier turns of the
conversation.

Variant: retrieval is an oracle (the question's entity is known), so this bounds any retriever from above; there are
no demonstrations, only facts; images are those of the question. Questions about no injected entity are asked as they
are, so retention is exactly the base model's. Whether a model can use earlier turns is an ability of its own: a small
model that never learned to look back gains little.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from pydantic import Field, PrivateAttr

from reproductions.examples import Example, Task, Turn
from reproductions.method import Context, Method
from reproductions.training import TrainingTrace
from reproductions.vlm import VLM


class InContext(Method):
    """The base model, with an entity's facts before each question about it."""

    plain_export: ClassVar[bool] = False

    turns: int = Field(1, ge=1)
    """Most turns of an entity's training texts that are put before a question."""

    _facts_of: dict[str, list[Turn]] = PrivateAttr(default_factory=dict)

    def prepare(self, vlm: VLM, context: Context) -> None:
        """Nothing learns, nothing is known yet."""
        self._context = context
        self._facts_of = {}
        vlm.model.requires_grad_(False)

    def learn(self, vlm: VLM, task: Task) -> TrainingTrace:
        """Remember each entity's first training texts."""
        for example in task.train:
            if example.entity:
                known = self._facts_of.setdefault(example.entity, [])
                known.extend(example.turns[: self.turns - len(known)])
        return TrainingTrace()

    def with_facts(self, example: Example) -> Example:
        """The question after what is known of its entity."""
        return replace(example, turns=(*self._facts_of.get(example.entity, ()), *example.turns))

    def answer(
        self, vlm: VLM, examples: Sequence[Example], *, max_new_tokens: int = 24, batch_size: int = 128
    ) -> list[str]:
        """Greedy answers, facts first."""
        asked = [self.with_facts(example) for example in examples]
        return super().answer(vlm, asked, max_new_tokens=max_new_tokens, batch_size=batch_size)

    def export(self, vlm: VLM, folder: Path) -> None:
        """Write the facts, as `facts.json`: they are all there is beside the base model."""
        folder.mkdir(parents=True, exist_ok=True)
        facts = {
            entity: [{"question": turn.question, "answer": turn.answer} for turn in turns]
            for entity, turns in sorted(self._facts_of.items())
        }
        (folder / "facts.json").write_text(json.dumps(facts, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


METHOD = InContext
