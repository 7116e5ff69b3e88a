"""Our models inside lmms-eval: its tasks, its prompts, its metrics; our door to the model, with whatever was injected.

Works with lmms-eval 0.7. The base model and the injected one are asked in the same process by the same harness.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from reproductions.examples import Example, Turn
from reproductions.harness.dimensions import Kept
from reproductions.vlm import VLM, Untyped

PLACEHOLDER = "<image>"
DEFAULT_NEW_TOKENS = 128
BATCH = 8


def version() -> str:
    """Of the installed harness.

    Raises:
        ValueError: it is not installed.
    """
    try:
        return importlib.metadata.version("lmms-eval")
    except importlib.metadata.PackageNotFoundError:
        raise ValueError(
            "lmms-eval is not installed; pip install lmms-eval (best in an environment of its own)"
        ) from None


def results(
    vlm: VLM,
    tasks: Sequence[str],
    *,
    limit: int | None = None,
    include: Path | None = None,
    answer: Callable[[Sequence[Example], int], list[str]] | None = None,
) -> dict[str, dict[str, float]]:
    """Task → metric → number, as the harness says it. `include` is a folder with tasks of one's own.

    `answer` replaces the model's own way of answering, for methods that answer differently.
    """
    version()
    evaluator: Untyped = importlib.import_module("lmms_eval.evaluator")
    manager: Untyped = importlib.import_module("lmms_eval.tasks").TaskManager(
        include_path=str(include) if include else None
    )
    found = evaluator.simple_evaluate(
        model=adapter(vlm, answer),
        tasks=list(tasks),
        task_manager=manager,
        limit=limit,
        batch_size=1,
        log_samples=False,
        bootstrap_iters=0,
        cli_args=_Options(),
        process_docs_parallel=1,
    )
    return {name: _numbers(metrics) for name, metrics in found["results"].items()}


class _Options:
    """The harness asks its command line's options for things that do not matter here."""

    def __getattr__(self, name: str) -> None:
        if name.startswith("__"):
            raise AttributeError(name)


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Metric names come as `accuracy,none`; what is no number is left out."""
    plain = {name.partition(",")[0]: value for name, value in metrics.items() if "stderr" not in name}
    return {name: float(value) for name, value in plain.items() if isinstance(value, int | float) and name != "samples"}


def scores(found: Mapping[str, Mapping[str, float]], kept: Sequence[Kept]) -> dict[str, float]:
    """Benchmark id → score in [0, 1], of those that the harness has measured."""
    measured: dict[str, float] = {}
    for one in kept:
        numbers = [found.get(metric.task, {}).get(metric.metric) for metric in one.lmms]
        if numbers and all(number is not None for number in numbers):
            total = sum(number for number in numbers if number is not None)
            measured[one.id] = total / sum(metric.full for metric in one.lmms)
    return measured


def adapter(vlm: VLM, answer: Callable[[Sequence[Example], int], list[str]] | None = None) -> Untyped:
    """The model as lmms-eval wants it: an object that answers requests."""
    base: Untyped = importlib.import_module("lmms_eval.api.model").lmms

    class Injected(base):
        """Answers through our door."""

        is_simple = True
        device = vlm.device
        eot_token_id = vlm.tokenizer.eos_token_id

        @property
        def rank(self) -> int:
            return 0

        @property
        def world_size(self) -> int:
            return 1

        def generate_until(self, requests: Sequence[Untyped]) -> list[str]:
            return _generate(vlm, answer, [self._asked(request) for request in requests])

        def loglikelihood(self, requests: Sequence[Untyped]) -> list[tuple[float, bool]]:
            return [self._likelihood(request) for request in requests]

        def generate_until_multi_round(self, requests: Sequence[Untyped]) -> list[str]:
            raise NotImplementedError("tasks of several rounds are not supported; take a task of one round")

        def _asked(self, request: Untyped) -> tuple[Example, Mapping[str, Any]]:
            context, options, to_visual, document, task, split = request.args
            found = to_visual(self.task_dict[task][split][document])
            return example(f"{task}/{document}", context, found or []), options

        def _likelihood(self, request: Untyped) -> tuple[float, bool]:
            context, target, to_visual, document, task, split = request.args
            record = self.task_dict[task][split][document]
            gold = target if isinstance(target, str) else str(target(record))
            return likelihood(vlm, example(f"{task}/{document}", context, to_visual(record) or [], gold))

    return Injected()


def example(identity: str, context: str, visuals: Sequence[Untyped], answer: str = "") -> Example:
    """A request as a conversation of one turn; the harness's own places for images go, the family's come."""
    images = tuple(np.asarray(visual.convert("RGB")) for visual in visuals)
    return Example(identity, images, (Turn(context.replace(PLACEHOLDER, "").strip(), answer),))


def _generate(
    vlm: VLM,
    answer: Callable[[Sequence[Example], int], list[str]] | None,
    asked: Sequence[tuple[Example, Mapping[str, Any]]],
) -> list[str]:
    """Answers in the order of the requests, asked in groups of the same length limit."""
    told = [""] * len(asked)
    limits = [int(options.get("max_new_tokens") or DEFAULT_NEW_TOKENS) for _, options in asked]
    for limit in sorted(set(limits)):
        places = [place for place, own in enumerate(limits) if own == limit]
        examples = [asked[place][0] for place in places]
        if answer is not None:
            outputs = answer(examples, limit)
        else:
            outputs = vlm.answer(examples, max_new_tokens=limit, batch_size=BATCH)
        for place, output in zip(places, outputs, strict=True):
            told[place] = _until(output, asked[place][1].get("until"))
    return told


def _until(output: str, stops: str | Sequence[str] | None) -> str:
    for stop in [stops] if isinstance(stops, str) else stops or []:
        if stop:
            output = output.partition(stop)[0]
    return output.strip()


@torch.no_grad()
def likelihood(vlm: VLM, asked: Example) -> tuple[float, bool]:
    """Log-probability of the answer in nats, its end included, and whether greedy decoding would say it."""
    logits, labels = vlm.answer_logits(vlm.collate([vlm.encode(asked)]))
    chosen: Tensor = logits.log_softmax(-1).gather(1, labels[:, None])
    return float(chosen.sum()), bool((logits.argmax(-1) == labels).all())
