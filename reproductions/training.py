"""The one training loop. Every method learns through it, so that rows differ in the method and in nothing else.

AdamW, linear warm-up, cosine to zero, clipped gradients, bfloat16 where the processor has it. The loss is the mean
cross entropy over the answer tokens of a batch, plus the method's penalty.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
import torch.nn.functional as F
from torch import Tensor

from reproductions import ranks, tuning
from reproductions.examples import Example
from reproductions.spec import Training
from reproductions.vlm import NO_LOSS, VLM, Batch, Encoded

POOL = 16
"""Batches that are sorted by length together: little padding, and the order stays nearly random."""
IMAGE_WORDS = 16
"""What one image counts for when lengths are compared; only the order matters."""
LEAST_FILLED = 0.5
"""A batch with more padding than this is read in two parts. Batches of one stream are fuller; of two often not."""


@dataclass(frozen=True)
class Progress:
    """Where training stands."""

    step: int
    steps: int
    loss: float


@dataclass(frozen=True)
class TrainingTrace:
    """What one task took. `losses` are cross entropies in nats per answer token, one per step, without penalties."""

    losses: tuple[float, ...] = ()
    penalties: tuple[float, ...] = ()
    """What the method added to the loss, one per step."""
    samples: int = 0
    tokens: int = 0
    """Real tokens read, padding not counted."""
    steps: int = 0


Penalty = Callable[[VLM, Batch, Tensor], Tensor | None]
"""Model, batch, logits of its answer tokens (answer tokens × vocabulary) → scalar to add to the loss, or nothing."""


@dataclass(frozen=True)
class Watch:
    """Places where a method can look on, e.g. to add up the path integral of synaptic intelligence."""

    after_backward: Callable[[], None] = lambda: None
    """Gradients of loss and penalty are there, not yet clipped."""
    after_step: Callable[[], None] = lambda: None


def length(example: Example) -> int:
    """Words of a conversation, its images counted in words; a proxy for tokens that needs no tokenizer."""
    words = sum(len(turn.question.split()) + len(turn.answer.split()) for turn in example.turns)
    return words + IMAGE_WORDS * len(example.images)


def batches(examples: Sequence[Example], batch_size: int, seed: int | str) -> Iterator[list[Example]]:
    """Batches without end: shuffled passes through the examples, lengths alike within a batch; the order is the seed's.

    Every batch is full; one that does not fit into a pass begins the next.

    Raises:
        ValueError: nothing to learn from.
    """
    if not examples:
        raise ValueError("a task without training examples cannot be learned")
    rng = random.Random(seed)
    stream = _passes(examples, rng)
    pool = max(1, min(POOL, len(examples) // batch_size)) * batch_size
    while True:
        drawn = sorted(islice(stream, pool), key=length)
        chunks = [drawn[start : start + batch_size] for start in range(0, pool, batch_size)]
        rng.shuffle(chunks)
        yield from chunks


def _passes(examples: Sequence[Example], rng: random.Random) -> Iterator[Example]:
    while True:
        order = list(examples)
        rng.shuffle(order)
        yield from order


def learning_rate(training: Training, step: int) -> float:
    """Learning rate of a step, counted from 0: linear warm-up, then the schedule down to zero at the end."""
    warmup = min(1.0, (step + 1) / max(1.0, training.warmup_fraction * training.steps))
    decay = 0.5 * (1 + math.cos(math.pi * step / training.steps)) if training.schedule == "cosine" else 1.0
    return training.learning_rate * warmup * decay


def train(
    vlm: VLM,
    stream: Iterator[list[Example]],
    training: Training,
    *,
    penalty: Penalty,
    progress: Callable[[Progress], None] = lambda _: None,
    watch: Watch = Watch(),
) -> TrainingTrace:
    """Take `training.steps` gradient steps on the weights of `vlm` that are trainable.

    Raises:
        ValueError: no weight is trainable.
        FloatingPointError: the loss is no longer a number.
    """
    if training.steps == 0:
        return TrainingTrace()
    with ranks.sharded(vlm):
        return _train(vlm, stream, training, penalty, progress, watch)


def _train(
    vlm: VLM,
    stream: Iterator[list[Example]],
    training: Training,
    penalty: Penalty,
    progress: Callable[[Progress], None],
    watch: Watch,
) -> TrainingTrace:
    weights = list(tuning.learning(vlm).values())
    if not weights:
        raise ValueError("training: no weight learns; choose another tuning")
    optimizer = torch.optim.AdamW(
        weights, lr=training.learning_rate, betas=training.betas, weight_decay=training.weight_decay, fused=True
    )
    if training.gradient_checkpointing:
        vlm.model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    encode = Encoder(vlm)
    losses: list[float] = []
    penalties: list[float] = []
    samples = tokens = 0
    vlm.model.train()
    for step in range(training.steps):
        optimizer.param_groups[0]["lr"] = learning_rate(training, step)
        encoded = [encode(example) for example in next(stream)]
        loss, extra = _backward(vlm, encoded, training.accumulation, penalty)
        ranks.add_up_gradients(weights)
        if not math.isfinite(loss + extra):
            raise FloatingPointError(f"loss is {loss} at step {step + 1} of {training.steps}; lower the learning rate")
        watch.after_backward()
        if training.clip > 0:
            torch.nn.utils.clip_grad_norm_(weights, training.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        watch.after_step()
        losses.append(loss)
        penalties.append(extra)
        samples += len(encoded)
        tokens += sum(len(one.ids) for one in encoded)
        progress(Progress(step + 1, training.steps, loss))
    vlm.model.eval()
    return TrainingTrace(tuple(losses), tuple(penalties), samples, tokens, training.steps)


def _backward(vlm: VLM, encoded: Sequence[Encoded], accumulation: int, penalty: Penalty) -> tuple[float, float]:
    """Add up gradients of one step in `accumulation` parts, weighted so that the result is that of a single batch.

    Of several processes each takes its share of every batch.
    """
    mine = ranks.share(encoded)
    size = max(1, math.ceil(len(mine) / accumulation))
    chunks = (mine[start : start + size] for start in range(0, len(mine), size))
    parts = [vlm.collate(part) for chunk in chunks for part in _alike(chunk)]
    total = ranks.total(sum(_answer_tokens(part) for part in parts))
    loss_sum = extra_sum = 0.0
    for part in parts:
        share = _answer_tokens(part) / total
        with vlm.autocast():
            logits, labels = vlm.answer_logits(part)
            loss = F.cross_entropy(logits, labels)
        extra = penalty(vlm, part, logits)
        objective = loss if extra is None else loss + extra
        (share * objective).backward()
        loss_sum += share * loss.item()
        extra_sum += 0.0 if extra is None else share * extra.item()
    return ranks.total(loss_sum), ranks.total(extra_sum)


def _alike(encoded: Sequence[Encoded]) -> list[Sequence[Encoded]]:
    """The same conversations, in two parts of like lengths where one would be padding for the most part.

    So that a few long remembered examples do not stretch all short new ones. Several processes must take equally many
    parts, so they take one.
    """
    lengths = [len(one.ids) for one in encoded]
    if ranks.together() or sum(lengths) >= LEAST_FILLED * len(lengths) * max(lengths):
        return [encoded]
    ordered = sorted(encoded, key=lambda one: len(one.ids))
    cut = min(range(1, len(ordered)), key=lambda at: at * len(ordered[at - 1].ids) + (len(ordered) - at) * max(lengths))
    return [ordered[:cut], ordered[cut:]]


def _answer_tokens(batch: Batch) -> int:
    return int((batch.labels[:, 1:] != NO_LOSS).sum())


class Encoder:
    """Token ids of examples, each computed once."""

    def __init__(self, vlm: VLM) -> None:
        self.vlm = vlm
        self.known: dict[int, tuple[Example, Encoded]] = {}

    def __call__(self, example: Example) -> Encoded:
        """Ids and labels of a whole conversation."""
        if id(example) not in self.known:
            # The example is kept too: its identity must not be taken over by another one.
            self.known[id(example)] = (example, self.vlm.encode(example))
        return self.known[id(example)][1]
