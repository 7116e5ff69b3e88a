"""Ask everything, score everything: one step of a run. The base model and every method are asked in the same way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from reproductions import metrics, ranks, rules
from reproductions.benchmark import Retention
from reproductions.examples import Example, Task
from reproductions.records import AdaptationScore, Answer, Step

LONGEST_ANSWER = 32
"""Tokens: a caption of four facts and some room to go on, so that reciting shows."""
LONGEST_SHORT_ANSWER = 16

Part = Literal["adaptation", "reliability", "probe", "retention"]
Ask = Callable[[Sequence[Example], int], list[str]]
"""Examples, most new tokens → answers to their last questions."""


@dataclass(frozen=True)
class Evaluated:
    """Scores and the answers that they come from."""

    step: Step
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class _Asked:
    part: Part
    group: str
    example: Example


def evaluate(
    ask: Ask, tasks: Sequence[Task], retention: Mapping[str, tuple[Retention, Sequence[Example]]], *, after: int
) -> Evaluated:
    """Scores after learning task `after` (−1: the base model). `retention`: dimension → benchmark and its questions."""
    asked = [one for task in tasks for one in _questions(task)]
    kept = [_Asked("retention", name, one) for name, (_, questions) in retention.items() for one in questions]
    answers = _answers(ask, asked, LONGEST_ANSWER, after) + _answers(ask, kept, LONGEST_SHORT_ANSWER, after)
    said = {(one.part, one.group, one.id): one.output for one in answers}

    def kept_score(name: str) -> float:
        benchmark, questions = retention[name]
        return fmean(benchmark.score(one, said["retention", name, one.id]) for one in questions)

    step = Step(
        after=after,
        adaptation={task.id: _with_rule(_adaptation(task.id, answers), task, said) for task in tasks},
        retention={name: kept_score(name) for name in retention},
        n_retention={name: len(questions) for name, (_, questions) in retention.items()},
    )
    return Evaluated(step, tuple(answers))


def _questions(task: Task) -> list[_Asked]:
    asked = [_Asked("adaptation", task.id, one) for one in task.questions]
    asked += [_Asked("reliability", task.id, one) for one in task.reliability]
    return asked + [_Asked("probe", f"{task.id}/{name}", one) for name, probe in task.probes.items() for one in probe]


def _answers(ask: Ask, asked: Sequence[_Asked], longest: int, after: int) -> list[Answer]:
    outputs = ranks.answers(ask, [one.example for one in asked], longest)
    return [
        Answer(
            step=after,
            part=one.part,
            group=one.group,
            id=one.example.id,
            entity=one.example.entity,
            kind=one.example.kind,
            gold=one.example.answer,
            output=output,
        )
        for one, output in zip(asked, outputs, strict=True)
    ]


def _adaptation(task: str, answers: Sequence[Answer]) -> AdaptationScore:
    mine = [one for one in answers if one.part == "adaptation" and one.group == task]
    told = [one for one in answers if one.part == "reliability" and one.group == task]
    probes = sorted({one.group for one in answers if one.part == "probe" and one.group.startswith(f"{task}/")})
    kinds = dict.fromkeys(one.kind for one in mine)
    return AdaptationScore(
        cem=_mean_cem(mine),
        f1=fmean(metrics.f1(one.output, one.gold) for one in mine),
        first_words_cem=fmean(metrics.first_words_cem(one.output, one.gold) for one in mine),
        reliability=fmean(metrics.exact(one.output, one.gold) for one in told) if told else 0.0,
        by_kind={kind: _mean_cem([one for one in mine if one.kind == kind]) for kind in kinds},
        by_probe={
            group.removeprefix(f"{task}/"): _mean_cem([one for one in answers if one.group == group])
            for group in probes
        },
        n=len(mine),
    )


def _with_rule(score: AdaptationScore, task: Task, said: Mapping[tuple[str, str, str], str]) -> AdaptationScore:
    """Also by the task's own rule, if it has one."""
    if not task.rule:
        return score
    outputs = [said["adaptation", task.id, one.id] for one in task.questions]
    mean = fmean(rules.score(task.rule, one, output) for one, output in zip(task.questions, outputs, strict=True))
    return score.model_copy(update={"rule": task.rule, "by_rule": mean})


def _mean_cem(answers: Sequence[Answer]) -> float:
    return fmean(metrics.cem(one.output, one.gold) for one in answers)
