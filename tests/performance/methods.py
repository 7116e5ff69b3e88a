"""What methods cost, as ratios of one run: step time ÷ plain LoRA, KORE's start ÷ the paper's route, batched ÷ single.

    OMP_NUM_THREADS=1 python tests/performance/methods.py [--quick]

Times are processor seconds of this process, so that other work on the machine matters little. Every method learns a
second task, so that no mechanism is idle, between two runs of plain LoRA over the same batches. The model is of
lab-tiny's size with random weights: cost does not depend on what it knows. Exit code 1 if a bar is missed.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable
from itertools import pairwise

import torch

from reproductions import frozen_a, plugins
from reproductions.examples import Example, Task
from reproductions.lab import world
from reproductions.method import Context, build_method
from reproductions.spec import Training, Tuning
from reproductions.training import Progress
from reproductions.vlm import random_lab_vlm

BARS = {"kore": 1.0, "ewc": 1.05, "replay": 1.1, "moelora": 1.3, "lwf": 1.5}
TUNINGS = {"full-ft": Tuning(kind="full"), "osf": Tuning(kind="language-model")}
RANK = 32
BATCH = 32


def prior(n: int, seed: int) -> list[Example]:
    """Samples of the laboratory's pretraining distribution."""
    return world.prior_examples(n, seed=seed)


def tasks() -> tuple[Task, Task]:
    """Two tasks in KORE's knowledge-tree form."""
    strangers = world.entities(40, seed=0)
    first, second = (
        world.injection_task(part, seed=0, form="knowledge-tree") for part in (strangers[:20], strangers[20:])
    )
    return first, second


class Clock:
    """Processor time at each step of training."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def __call__(self, _: Progress) -> None:
        self.times.append(time.process_time())

    def steps(self) -> list[float]:
        """Seconds of each step but the first two, which warm up."""
        return [after - before for before, after in pairwise(self.times)][1:]


def learn_second(id_: str, steps: int) -> tuple[list[float], float]:
    """Seconds of each step on a second task, so that no mechanism is idle, and seconds to prepare."""
    clock = Clock()
    first, second = tasks()
    training = Training(learning_rate=1e-3, steps=2, batch_size=BATCH)
    context = Context(TUNINGS.get(id_, Tuning(rank=RANK)), training, seed=0, prior=prior, n_tasks=2)
    vlm, method = random_lab_vlm(0), build_method(id_)
    start = time.process_time()
    method.prepare(vlm, context)
    prepared = time.process_time() - start
    method.learn(vlm, first)
    method.consolidate(vlm, first)
    longer = training.model_copy(update={"steps": steps})
    method._context = dataclasses.replace(context, training=longer, progress=clock)
    method.learn(vlm, second)
    return clock.steps(), prepared


def steps_against_lora(steps: int) -> dict[str, tuple[float, float]]:
    """Method → (step time ÷ plain LoRA's before and after it, processor seconds to prepare)."""
    found = {}
    before = learn_second("lora", steps)[0]
    for id_ in plugins.names("methods"):
        if id_ in {"base", "in-context"}:
            continue
        ours, prepared = learn_second(id_, steps)
        after = learn_second("lora", steps)[0]
        found[id_] = (2 * sum(ours) / (sum(before) + sum(after)), prepared)
        before = after
    return found


def published_route(weight: torch.Tensor, moment: torch.Tensor, rank: int) -> torch.Tensor:
    """B A by the paper's steps: SVD of C, projector, SVD of the whole W P."""
    null = torch.linalg.svd(moment)[0][:, -rank:]
    left, values, right = torch.linalg.svd(weight @ (null @ null.T))
    return (left[:, :rank] * values[:rank]) @ right[:rank]


def thin_route(weight: torch.Tensor, moment: torch.Tensor, rank: int) -> torch.Tensor:
    """B A by ours."""
    basis, _ = frozen_a.directions(moment, rank, "null", torch.Generator())
    up, down = frozen_a.project(weight, basis)
    return up @ down


def seconds(call: Callable[[], torch.Tensor]) -> tuple[float, torch.Tensor]:
    """Processor seconds and result."""
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


def start_of_kore(width: int) -> tuple[float, float]:
    """How many times faster the thin route is, and the largest difference of an entry of the update."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(width, width, generator=generator, dtype=torch.float64) / width**0.5
    x = torch.randn(2 * width, width, generator=generator, dtype=torch.float64)
    x *= torch.logspace(0, -3, width, dtype=torch.float64)
    moment = x.T @ x
    thin, ours = seconds(lambda: thin_route(weight, moment, width // 16))
    slow, theirs = seconds(lambda: published_route(weight, moment, width // 16))
    return slow / thin, (ours - theirs).abs().max().item()


def batched_answers(n: int) -> tuple[float, bool]:
    """How many times more items per second in batches than one by one, and whether the answers are the same."""
    vlm = random_lab_vlm(0)
    asked = [one for items in world.retention_questions(n // 7, seed=1).values() for one in items]
    vlm.answer(asked[:4])
    one, single = _timed(lambda: vlm.answer(asked, batch_size=1))
    many, batched = _timed(lambda: vlm.answer(asked))
    return one / many, single == batched


def _timed(call: Callable[[], list[str]]) -> tuple[float, list[str]]:
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


def main(arguments: list[str]) -> int:
    """Measure everything once and print it."""
    torch.set_num_threads(1)
    quick = "--quick" in arguments
    missed: list[str] = []

    def report(what: str, value: str, met: bool | None = None) -> None:
        print(f"{what:<34} {value:>10}" + ("" if met is None else "  ok" if met else "  MISSED"), flush=True)
        if met is False:
            missed.append(what)

    print(f"step time ÷ plain LoRA, lab-tiny, rank {RANK}, batches of {BATCH}")
    for id_, (ratio, prepare) in steps_against_lora(steps=8 if quick else 36).items():
        bar = BARS.get(id_)
        report(f"  {id_} (prepare {prepare:.1f} s)", f"{ratio:.3f}", None if bar is None else ratio <= bar + 0.005)
    print("KORE's start: the paper's route ÷ the thin one, float64")
    for width in (256, 512) if quick else (1024, 2048):
        ratio, difference = start_of_kore(width)
        report(f"  d = {width}, max difference {difference:.0e}", f"{ratio:.1f}x", ratio >= 5 and difference <= 1e-6)
    ratio, same = batched_answers(35 if quick else 140)
    print("answering: one by one ÷ in batches")
    report(f"  answers {'equal' if same else 'DIFFER'}", f"{ratio:.1f}x", ratio >= 5 and same)
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
