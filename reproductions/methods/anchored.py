"""Anchored injection: our own recipe, put together from the parts that tuning and analyses point to.

Old knowledge is held twice. In the weights: a pull `λ/2 Σ F ΔW²` with the Fisher information of the prior, as in EWC.
In the answers: every step also reads a few examples of the prior, and the model must answer them as softly as the
base model does, `α T² KL(base ‖ model)`; their true answers are not used. Optionally A is computed in the null space
of old inputs and frozen, as in KORE. Each part can be switched off, so the ablations are settings.

Why these, on the knowledge tree and the validation world:
    augmentation  is a form of the data (`data.form`); every method learns what generalises from it.
    Fisher pull   weak, under a large learning rate: EWC's best trial was at its largest rate and smallest λ. It kept
                  every ability but one: known entities, which are asked about just as new ones are, fell to 7 %.
    distillation  is for that one. Distilling on new data (LwF) holds known entities too, but what it holds them with
                  also keeps new facts out; on old questions it does not touch new facts.
    null space    off by default. To every layer the inputs of known entities look unlike those of all other abilities
                  (`aki reproduce analyse covariance-similarity`), so one null space for the whole prior protects them
                  least; and with A frozen half as much learns.
    replay        of true answers is left out: the same examples say more as soft targets.

Not from a paper. The parts are EWC (arXiv:1612.00796), distillation on replayed inputs (as in DER, arXiv:2004.07211,
with soft targets recomputed instead of stored) and KORE (arXiv:2510.19316). Settings are chosen on the validation
world only. Old examples are read beside the batch, not in place of new ones: `replayed` more in every step. In a
stream both anchors move on: finished tasks add their Fisher information and are replayed, with the model at the end
of the last task as the teacher.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from pydantic import Field, PrivateAttr
from torch import Tensor

from reproductions import frozen_a, importance, training, tuning
from reproductions.covariance import second_moments
from reproductions.distillation import divergence
from reproductions.examples import Example, Task
from reproductions.method import Context, Method
from reproductions.training import TrainingTrace
from reproductions.vlm import VLM, Batch


class Anchored(Method):
    """Fine-tuning, held in weights and in answers."""

    strength: float = Field(0.05, ge=0)
    """λ, for a Fisher information of mean 1."""
    distillation: float = Field(1.0, ge=0)
    """α."""
    temperature: float = Field(1.0, gt=0)
    replayed: int = Field(8, ge=1)
    """Old examples per step that answers are held on."""
    memory: int = Field(256, ge=1)
    """Distinct old examples: for replay, the Fisher information and the covariance alike."""
    null_space: bool = False
    """Also keep off the directions that old inputs use."""

    _pull: importance.Pull = PrivateAttr(default_factory=importance.Pull)
    _drift: tuning.Drift = PrivateAttr()
    _old: list[Example] = PrivateAttr(default_factory=list)
    _teacher: tuning.Snapshot = PrivateAttr(default_factory=dict)
    _stream: Iterator[list[Example]] | None = PrivateAttr(None)

    def prepare(self, vlm: VLM, context: Context) -> None:
        """Draw old examples once; measure what they depend on."""
        self._old = context.prior(self.memory, context.seed)
        moments = second_moments(vlm, self._old, tokens="conversation") if self.null_space else {}
        super().prepare(vlm, context)
        if self.null_space:
            tuning.require(context.tuning, "lora", "anchored")
            rank, layers = context.tuning.rank, tuning.adapter(vlm)
            provided = frozen_a.from_moments(vlm, layers, moments, rank, subspace="null", seed=context.seed)
            frozen_a.install(vlm, provided.factors, context.tuning, freeze=True, seed=context.seed)
        self._drift = tuning.Drift(vlm)
        self._teacher = tuning.snapshot(vlm)
        self._pull = importance.Pull()
        if self.strength:
            self._pull.add(importance.normalised(importance.importance(vlm, self._old)))

    def learn(self, vlm: VLM, task: Task) -> TrainingTrace:
        """Train on the task, old examples beside it."""
        self._stream = training.batches(self._old, self.replayed, f"{self._context.seed} old {task.id}")
        trace = super().learn(vlm, task)
        self._stream = None
        self._facts["old_examples_read"] = float(trace.steps * self.replayed) if self.distillation else 0.0
        return trace

    def penalty(self, vlm: VLM, batch: Batch, logits: Tensor) -> Tensor | None:
        """Pull on the weights, plus distance of old answers from the teacher's."""
        terms: list[Tensor] = []
        if self.strength:
            terms.append(self.strength * self._pull(self._drift()))
        if self.distillation and self._stream is not None:
            terms.append(self.distillation * self.forgotten(vlm, next(self._stream)))
        return terms[0] + sum(terms[1:]) if terms else None

    def forgotten(self, vlm: VLM, examples: list[Example]) -> Tensor:
        """How far the model's answers to these examples are from the teacher's."""
        batch = vlm.collate([vlm.encode(example) for example in examples])
        with vlm.autocast():
            logits, _ = vlm.answer_logits(batch)
        with tuning.weights_of(vlm, self._teacher), vlm.autocast():
            target, _ = vlm.answer_logits(batch)
        return divergence(logits, target, self.temperature)

    def consolidate(self, vlm: VLM, task: Task) -> None:
        """From now on, hold this task too."""
        rng = random.Random(f"{self._context.seed} memory {task.id}")
        kept = rng.sample(task.train, min(len(task.train), self.memory))
        if self.strength:
            self._pull.add(importance.normalised(importance.importance(vlm, kept)), self._drift())
        self._old = [*self._old, *kept]
        self._teacher = tuning.snapshot(vlm)


METHOD = Anchored
