"""What methods cost, as ratios of one run: step time ÷ plain LoRA, KORE's start ÷ the paper's route, batched ÷ single.

    OMP_NUM_THREADS=1 python tests/performance/methods.py [--quick] [--repeats 3] [PART ...]

Times are processor seconds of this process, so that other work on the machine matters little. Every method learns a
second task, so that no mechanism is idle, between two runs of plain LoRA over the same batches; the whole round is
repeated, and the median of the ratios counts. The model is of lab-tiny's size with random weights: cost does not depend
on what it knows. Beside the time of a step stands that per token read: replayed examples are longer. Exit code 1
if a bar is missed.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean as mean
from statistics import median

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


@dataclass(frozen=True)
class Learned:
    """What a second task took, in processor seconds."""

    step: float
    """One step, mean."""
    prepare: float
    tokens: float
    """Real tokens read in one step, mean."""


def learn_second(id_: str, steps: int) -> Learned:
    """A second task, so that no mechanism is idle."""
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
    trace = method.learn(vlm, second)
    return Learned(mean(clock.steps()), prepared, trace.tokens / trace.steps)


@dataclass(frozen=True)
class Cost:
    """A method against plain LoRA, of each round."""

    ratios: tuple[float, ...]
    tokens: float
    """Tokens read per step ÷ plain LoRA's."""
    prepare: float


def costs(ids: list[str], steps: int, repeats: int) -> dict[str, Cost]:
    """Method → step time ÷ that of plain LoRA right before and after it, once a round."""
    rounds: dict[str, list[tuple[float, Learned, Learned]]] = {id_: [] for id_ in ids}
    before = learn_second("lora", steps)
    for _ in range(repeats):
        for id_ in ids:
            ours = learn_second(id_, steps)
            after = learn_second("lora", steps)
            rounds[id_].append((2 * ours.step / (before.step + after.step), ours, after))
            before = after
    return {
        id_: Cost(
            tuple(ratio for ratio, _, _ in found),
            found[0][1].tokens / found[0][2].tokens,
            median(ours.prepare for _, ours, _ in found),
        )
        for id_, found in rounds.items()
    }


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


Report = Callable[[str, str, bool | None], None]


def main(arguments: list[str]) -> int:
    """Measure what is named, or everything, and print it."""
    known = [id_ for id_ in plugins.names("methods") if id_ not in {"base", "in-context"}]
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("only", nargs="*", metavar="PART", help="methods, `start`, `answers`; default: all")
    parser.add_argument("--quick", action="store_true", help="few steps, small matrices")
    parser.add_argument("--repeats", type=int, default=3, help="rounds of step times")
    parser.add_argument("--steps", type=int, default=36, help="steps of a round")
    options = parser.parse_args(arguments)
    if wrong := [name for name in options.only if name not in {*known, "start", "answers"}]:
        parser.error(f"no part named {wrong[0]!r}; there are: {', '.join(known)}, start, answers")
    wanted = options.only or [*known, "start", "answers"]
    torch.set_num_threads(1)
    missed: list[str] = []

    def report(what: str, value: str, met: bool | None) -> None:
        print(f"{what:<42} {value}" + ("" if met is None else "  ok" if met else "  MISSED"), flush=True)
        if met is False:
            missed.append(what)

    if ids := [name for name in wanted if name in known]:
        rounds = (8, 1) if options.quick else (options.steps, options.repeats)
        report_steps(ids, *rounds, report)
    if "start" in wanted:
        print("KORE's start: the paper's route ÷ the thin one, float64")
        for width in (256, 512) if options.quick else (1024, 2048):
            ratio, difference = start_of_kore(width)
            met = ratio >= 5 and difference <= 1e-6
            report(f"  d = {width}, max difference {difference:.0e}", f"{ratio:6.1f}x", met)
    if "answers" in wanted:
        ratio, same = batched_answers(35 if options.quick else 140)
        print("answering: one by one ÷ in batches")
        report(f"  answers {'equal' if same else 'DIFFER'}", f"{ratio:6.1f}x", ratio >= 5 and same)
    return 1 if missed else 0


def report_steps(ids: list[str], steps: int, repeats: int, report: Report) -> None:
    """Step times against their bars."""
    print(f"step time ÷ plain LoRA, lab-tiny, rank {RANK}, batches of {BATCH}: median of {repeats} (range)")
    for id_, cost in costs(ids, steps, repeats).items():
        bar, ratio = BARS.get(id_), median(cost.ratios)
        shown = f"{ratio:6.3f} ({min(cost.ratios):.3f}–{max(cost.ratios):.3f}), per token {ratio / cost.tokens:6.3f}"
        report(f"  {id_} (prepare {cost.prepare:.1f} s)", shown, None if bar is None else ratio <= bar + 0.005)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
