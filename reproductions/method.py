"""What a method is: six verbs with defaults, and settings that are checked before anything runs.

    prepare(vlm, context)     once, before the first task: add adapters, measure what must be kept
    learn(vlm, task)          one task; by default the training loop over the next two
      batches(task)             what is read, step by step
      penalty(vlm, batch, …)    what is added to the loss
    consolidate(vlm, task)    after a task: what is kept for the next
    answer(vlm, examples)     at evaluation

Settings are the public fields of the class (pydantic, frozen); what a method remembers are its private attributes.
A method is one file `reproductions/methods/<name>.py` that ends in `METHOD = TheClass`; its id is the file's name with
hyphens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError
from torch import Tensor

from reproductions import plugins, training, tuning
from reproductions.examples import Example, Task
from reproductions.importance import Pull
from reproductions.spec import Training, Tuning
from reproductions.training import Progress, TrainingTrace
from reproductions.vlm import VLM, Batch


@dataclass(frozen=True)
class Context:
    """What the experiment says, as far as a method may know it."""

    tuning: Tuning
    training: Training
    seed: int
    prior: Callable[[int, int], list[Example]]
    """Number, seed → examples of what the base model learned before: for replay, Fisher and covariance."""
    n_tasks: int = 1
    dimension_prior: Callable[[str, int, int], list[Example]] | None = None
    """Retention dimension, number, seed → examples of that ability alone; never the items that are scored."""
    restyle: Callable[[Example, int], Example | None] | None = None
    """Example, seed → the same knowledge in another answer style, or nothing where there is none."""
    progress: Callable[[Progress], None] = lambda _: None

    def dimensions(self, names: Sequence[str], n: int) -> list[Example]:
        """`n` examples, shared out evenly over the named dimensions; over the whole prior if none is named.

        Raises:
            ValueError: dimensions are named, but this data does not know any.
        """
        if not names:
            return self.prior(n, self.seed)
        if self.dimension_prior is None:
            raise ValueError(f"this data has no examples by dimension ({', '.join(names)}); leave the setting empty")
        shares = [n // len(names) + (index < n % len(names)) for index in range(len(names))]
        sample = self.dimension_prior
        return [one for name, share in zip(names, shares, strict=True) for one in sample(name, share, self.seed)]


class Method(BaseModel):
    """Fine-tuning on one task after the other; every method is a change to this."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    degenerate_one_shot: ClassVar[bool] = False
    """Its mechanism needs an earlier task: in one-shot injection it does nothing beyond plain fine-tuning."""
    plain_export: ClassVar[bool] = True
    """What it leaves behind is a PEFT adapter or plain weights that compute the same without this package."""

    _context: Context = PrivateAttr()
    _facts: dict[str, float] = PrivateAttr(default_factory=dict)

    @property
    def facts(self) -> Mapping[str, float]:
        """Measured properties of the last run, e.g. the share of energy in the null space."""
        return self._facts

    def prepare(self, vlm: VLM, context: Context) -> None:
        """Get ready for a stream of tasks; makes the tuning's weights trainable. Overriding methods call this first."""
        self._context = context
        tuning.apply(vlm, context.tuning, seed=context.seed)

    def learn(self, vlm: VLM, task: Task) -> TrainingTrace:
        """Inject one task."""
        context = self._context
        return training.train(
            vlm, self.batches(task), context.training, penalty=self.penalty, progress=context.progress
        )

    def batches(self, task: Task) -> Iterator[list[Example]]:
        """What is read, one list per gradient step, without end; the order follows from the seed."""
        return self.shuffled(task.train, task)

    def shuffled(self, examples: Sequence[Example], task: Task) -> Iterator[list[Example]]:
        """Endless batches of the experiment's size; all methods see the same order of the same examples."""
        return training.batches(examples, self._context.training.batch_size, f"{self._context.seed} {task.id}")

    def penalty(self, vlm: VLM, batch: Batch, logits: Tensor) -> Tensor | None:
        """What is added to the loss of a batch. `logits` are the model's (answer tokens × vocabulary), float32."""
        return None

    def consolidate(self, vlm: VLM, task: Task) -> None:
        """Keep what the next task needs to know of this one."""

    def answer(
        self, vlm: VLM, examples: Sequence[Example], *, max_new_tokens: int = 24, batch_size: int = 128
    ) -> list[str]:
        """Greedy answers to the last question of each example."""
        return vlm.answer(examples, max_new_tokens=max_new_tokens, batch_size=batch_size)

    def export(self, vlm: VLM, folder: Path) -> None:
        """Write what was learned, relative to the original base model.

        Raises:
            ValueError: nothing that loads without this package computes the same (see `plain_export`).
        """
        tuning.export(vlm, folder)

    def stored_parameters(self) -> int:
        """Numbers that the method keeps beside the model: importances, anchors, bases, remembered images."""
        return _numbers(list((self.__pydantic_private__ or {}).values()))


def _numbers(value: object) -> int:
    """Numbers in tensors and images, however they are nested."""
    if isinstance(value, Tensor):
        return value.numel()
    if isinstance(value, Example):
        return sum(image.size for image in value.images)
    if isinstance(value, (Pull, tuning.Drift, tuning.Factors)):
        return _numbers(list(vars(value).values()))
    if isinstance(value, Mapping):
        return _numbers(list(value.values()))
    if isinstance(value, (list, tuple)):
        return sum(_numbers(one) for one in value)
    return 0


def build_method(id_: str, config: Mapping[str, Any] | None = None) -> Method:
    """A fresh method with these settings.

    Raises:
        LookupError: no such method.
        ValueError: a setting is unknown or out of range; the message names all of them, on one line.
    """
    cls: type[Method] = plugins.load("methods", id_)
    try:
        return cls(**dict(config or {}))
    except ValidationError as error:
        raise ValueError("; ".join(_complaint(id_, cls, dict(one)) for one in error.errors())) from None


def _complaint(id_: str, cls: type[Method], error: Mapping[str, Any]) -> str:
    name = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"method {id_} has no setting '{name}'; {plugins.nearest(name, tuple(cls.model_fields))}"
    return f"method {id_}: {name} is {error['input']!r}: {error['msg']}"
