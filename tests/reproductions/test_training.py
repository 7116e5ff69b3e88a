"""The one loop: what it reads, how it steps, when it stops."""

import math
from dataclasses import replace
from itertools import islice

import pytest
import torch

from reproductions import training, tuning
from reproductions.spec import Training, Tuning
from reproductions.vlm import random_lab_vlm


def settings(**changes):
    return Training(**{"learning_rate": 1e-2, "steps": 6, "batch_size": 4, **changes})


def run(make_task, penalty=lambda *_: None, **changes):
    vlm = random_lab_vlm(0)
    tuning.apply(vlm, Tuning(rank=4), seed=0)
    options = settings(**changes)
    stream = training.batches(make_task("a").train, options.batch_size, seed=0)
    return vlm, training.train(vlm, stream, options, penalty=penalty)


def test_every_batch_is_full_and_every_example_comes_once_per_pass(make_task):
    examples = make_task("a", 10).train
    drawn = list(islice(training.batches(examples, 5, seed=1), 4))
    assert [len(batch) for batch in drawn] == [5, 5, 5, 5]
    for one_pass in (drawn[:2], drawn[2:]):
        assert sorted(one.id for batch in one_pass for one in batch) == sorted(one.id for one in examples)


def test_a_batch_larger_than_the_data_is_filled_by_repetition(make_task):
    batch = next(training.batches(make_task("a", 3).train, 8, seed=0))
    assert len(batch) == 8


def test_the_order_is_the_seeds(make_task):
    examples = make_task("a", 10).train
    first, again, other = (list(islice(training.batches(examples, 5, seed), 4)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_nothing_to_learn_is_refused():
    with pytest.raises(ValueError, match="without training examples"):
        next(training.batches([], 4, seed=0))


def test_the_learning_rate_warms_up_and_falls_to_zero():
    options = settings(steps=100, warmup_fraction=0.1)
    rates = [training.learning_rate(options, step) for step in range(100)]
    assert rates[0] == pytest.approx(1e-3)
    assert max(rates) == pytest.approx(rates[9])
    assert rates[-1] < 1e-5
    assert rates[54] == pytest.approx(1e-2 * 0.5 * (1 + math.cos(math.pi * 0.54)))


def gradient(examples, accumulation=1):
    vlm = random_lab_vlm(0)
    tuning.apply(vlm, Tuning(rank=4), seed=0)
    encoded = [vlm.encode(example) for example in examples]
    vlm.autocast = lambda: torch.autocast("cpu", enabled=False)
    training._backward(vlm, encoded, accumulation, lambda _, __, logits: logits.square().mean())
    return torch.cat([weight.grad.flatten() for weight in tuning.learning(vlm).values()])


def test_accumulation_does_not_change_the_gradient(make_task):
    examples = make_task("a", 6).train

    torch.testing.assert_close(gradient(examples, 3), gradient(examples, 1), rtol=1e-4, atol=1e-7)


def stretched(make_task):
    """Five short conversations and one that is many times as long, in the middle."""
    *short, long = make_task("a", 6).train[:6]
    return [*short[:2], replace(long, turns=long.turns * 12), *short[2:]]


def test_a_batch_that_would_be_mostly_padding_is_read_in_two_parts_without_a_change_of_the_gradient(
    make_task, monkeypatch
):
    examples = stretched(make_task)
    apart = gradient(examples)
    monkeypatch.setattr(training, "LEAST_FILLED", 0)

    torch.testing.assert_close(gradient(examples), apart, rtol=1e-4, atol=1e-7)


def test_the_two_parts_hold_every_conversation_and_less_padding(make_task):
    vlm = random_lab_vlm(0)
    encoded = [vlm.encode(example) for example in stretched(make_task)]

    short, long = training._alike(encoded)

    assert len(long) == 1
    assert sorted(map(id, [*short, *long])) == sorted(map(id, encoded))
    assert training._alike(short) == [short]


def test_the_loss_falls_and_the_trace_counts_what_was_read(make_task):
    vlm, trace = run(make_task, steps=20)
    assert trace.losses[-1] < 0.7 * trace.losses[0]
    assert trace.steps == len(trace.losses) == 20
    assert trace.samples == 80
    encoded = [len(vlm.encode(example).ids) for example in make_task("a").train]
    assert trace.tokens == 10 * sum(encoded)


def test_two_runs_with_one_seed_are_equal_to_the_bit(make_task):
    (first, trace), (second, again) = run(make_task), run(make_task)
    assert trace == again
    assert first.digest() == second.digest()


def test_a_penalty_is_recorded_beside_the_loss_not_in_it(make_task):
    _, plain = run(make_task)
    _, punished = run(make_task, penalty=lambda _, __, logits: logits.sum() * 0 + 7)
    assert punished.penalties == pytest.approx([7.0] * 6)
    assert punished.losses == pytest.approx(plain.losses)


def test_a_loss_that_is_no_number_stops_the_run(make_task):
    with pytest.raises(FloatingPointError, match="lower the learning rate"):
        run(make_task, penalty=lambda _, __, logits: logits.sum() * float("nan"))


def test_zero_steps_change_nothing(make_task):
    vlm, trace = run(make_task, steps=0)
    assert trace.steps == 0
    assert torch.equal(next(iter(tuning.adapter(vlm).values())).up, torch.zeros(128, 4))


def test_gradient_checkpointing_gives_the_same_losses(make_task):
    _, plain = run(make_task)
    _, saving = run(make_task, gradient_checkpointing=True)
    assert saving.losses == pytest.approx(plain.losses, rel=1e-3)
