"""The mathematics of each method, not its accuracy: what must be zero, equal, orthogonal or frozen."""

import dataclasses
from itertools import islice

import pytest
import torch

from reproductions import covariance, frozen_a, tuning
from reproductions.method import Context, build_method
from reproductions.spec import Training, Tuning
from reproductions.vlm import random_lab_vlm

BASE = Context(Tuning(rank=8), Training(learning_rate=1e-2, steps=10, batch_size=4), 0, lambda n, seed: [])


def prepared(id_, prior, config=None, **changes):
    vlm, method = random_lab_vlm(0), build_method(id_, config)
    method.prepare(vlm, dataclasses.replace(BASE, prior=prior, **changes))
    return method, vlm


def learned(id_, prior, tasks, config=None, **changes):
    method, vlm = prepared(id_, prior, config, **changes)
    traces = []
    for task in tasks:
        traces.append(method.learn(vlm, task))
        method.consolidate(vlm, task)
    return method, vlm, traces


def batch_of(vlm, examples):
    return vlm.collate([vlm.encode(example) for example in examples])


# Full fine-tuning, LoRA


def test_full_ft_changes_every_weight_of_the_language_model_and_none_of_the_vision_tower(prior, make_task):
    before = {name: weight.clone() for name, weight in random_lab_vlm(0).model.named_parameters()}
    _, vlm, _ = learned("full-ft", prior, [make_task("a")], tuning=Tuning(kind="full"))
    for name, weight in vlm.model.named_parameters():
        assert torch.equal(weight, before[name]) == ("vision_tower" in name)


def test_lora_starts_exactly_at_the_base_and_first_moves_b_alone(prior, make_task):
    _, vlm = prepared("lora", prior)
    batch = batch_of(vlm, make_task("a").train)
    assert torch.equal(vlm.answer_logits(batch)[0], random_lab_vlm(0).answer_logits(batch)[0])
    vlm.loss(batch).backward()
    for factors in tuning.adapter(vlm).values():
        assert not factors.down.grad.any()
        assert factors.up.grad.any()


# Replay


def test_replay_adds_a_tenth_of_the_new_data_the_same_for_the_same_seed(prior, make_task):
    task = make_task("a", 40)
    first, _ = prepared("replay", prior)
    second, _ = prepared("replay", prior)
    ids = [example.id for example in first.memory(task)]
    assert len(ids) == 4
    assert ids == [example.id for example in second.memory(task)]


def test_replay_of_a_batch_fills_every_batch_to_its_share(prior, make_task):
    method, _ = prepared("replay", prior, {"of": "batch", "fraction": 0.25, "samples": 10})
    for batch in islice(method.batches(make_task("a")), 6):
        assert sum(example.id.startswith("prior") for example in batch) == 1
        assert len(batch) == 4


def test_replay_of_nothing_is_plain_lora(prior, make_task):
    _, plain, _ = learned("lora", prior, [make_task("a")])
    _, nothing, _ = learned("replay", prior, [make_task("a")], {"fraction": 0})
    assert plain.digest() == nothing.digest()


def test_replay_remembers_finished_tasks(prior, make_task):
    method, vlm = prepared("replay", prior, {"fraction": 0.5})
    method.consolidate(vlm, make_task("a"))
    remembered = [example.entity.split("-")[0] for example in method.memory(make_task("b"))]
    assert remembered.count("a") == 4
    assert method.stored_parameters() == 8 * 64 * 64 * 3


# KORE's constraint


def published_route(weight, moment, rank):
    """The paper's initialisation, step by step: SVD of C, projector, SVD of the whole W P. Returns B, A."""
    left, _, _ = torch.linalg.svd(moment)
    null = left[:, -rank:]
    u, s, vh = torch.linalg.svd(weight @ (null @ null.T))
    root = s[:rank].sqrt()
    return u[:, :rank] * root, root[:, None] * vh[:rank]


@pytest.mark.parametrize(("outputs", "inputs"), [(40, 64), (64, 64), (96, 64)])
def test_the_thin_route_gives_the_published_update(outputs, inputs):
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(outputs, inputs, generator=generator, dtype=torch.float64)
    x = torch.randn(500, inputs, generator=generator, dtype=torch.float64) * torch.logspace(0, -2, inputs).double()
    basis, _ = frozen_a.directions(x.T @ x, 16, "null", generator)
    up, down = frozen_a.project(weight, basis)
    reference_up, reference_down = published_route(weight, x.T @ x, 16)
    torch.testing.assert_close(up @ down, reference_up @ reference_down, atol=1e-6, rtol=0)
    # The same factors too, up to the sign of each pair.
    torch.testing.assert_close(down.abs(), reference_down.abs(), atol=1e-6, rtol=0)


def moments_of(prior, n=64):
    return covariance.second_moments(random_lab_vlm(0), prior(n, 0))


def annihilation(vlm, moments):
    """‖A C‖ / (‖A‖ ‖C‖), mean over layers."""
    ratios = [
        (one.down.detach().double() @ moments[layer]).norm()
        / (one.down.detach().double().norm() * moments[layer].norm())
        for layer, one in tuning.adapter(vlm).items()
    ]
    return torch.stack(ratios).mean().item()


def test_kore_starts_exactly_at_the_base(prior, make_task):
    _, vlm = prepared("kore", prior)
    batch = batch_of(vlm, make_task("a").train)
    assert torch.equal(vlm.answer_logits(batch)[0], random_lab_vlm(0).answer_logits(batch)[0])


def test_kores_a_lies_in_the_null_space_and_hardly_sees_old_inputs(prior):
    moments = moments_of(prior)
    method, vlm = prepared("kore", prior, {"samples": 64})
    generator = torch.Generator()
    for layer, one in tuning.adapter(vlm).items():
        basis, _ = frozen_a.directions(moments[layer], 8, "null", generator)
        a = one.down.detach().double()
        assert ((a - a @ basis @ basis.T).norm() / a.norm()).item() <= 1e-5
    _, plain = prepared("lora", prior)
    _, top = prepared("kore", prior, {"samples": 64, "subspace": "top"})
    assert annihilation(vlm, moments) <= 0.1 * annihilation(plain, moments)
    assert annihilation(top, moments) > annihilation(plain, moments)
    assert method.facts["energy_in_learned_directions"] < 0.01


def test_kores_a_never_moves_and_its_update_keeps_clear_of_old_inputs(prior, make_task):
    moments = moments_of(prior)
    method, vlm = prepared("kore", prior, {"samples": 64})
    start = {layer: one.down.detach().clone() for layer, one in tuning.adapter(vlm).items()}
    method.learn(vlm, make_task("a"))
    _, plain, _ = learned("lora", prior, [make_task("a")])

    def seen(model):
        changes = tuning.Drift(model)()
        return sum(
            ((change.detach().double() @ moments[layer]).norm() / (change.norm() * moments[layer].norm())).item()
            for layer, change in changes.items()
        ) / len(changes)

    assert all(torch.equal(one.down, start[layer]) for layer, one in tuning.adapter(vlm).items())
    assert len(tuning.learning(vlm)) == 21
    assert seen(vlm) < 0.1 * seen(plain)


def test_kore_equals_the_published_residual_form(prior, make_task):
    """Base weight W − B₀A, B from B₀, A frozen: the same function after the same steps, to rounding."""
    task = make_task("a")
    method, ours = prepared("kore", prior)
    published = random_lab_vlm(0)
    tuning.apply(published, BASE.tuning, seed=0)
    with torch.no_grad():
        for layer, one in tuning.adapter(published).items():
            a = tuning.adapter(ours)[layer].down.detach()
            base = published.language_linears()[layer].weight
            # W Aᵀ (A Aᵀ)⁻¹ is the B₀ that goes with A: both come from one SVD.
            b0 = (base.double() @ a.double().T @ torch.linalg.inv(a.double() @ a.double().T)).float()
            one.down.copy_(a).requires_grad_(False)
            one.up.copy_(b0)
            base.sub_(b0 @ a)
    for vlm in (ours, published):
        vlm.autocast = lambda: torch.autocast("cpu", enabled=False)
        method.learn(vlm, task)
    batch = batch_of(ours, task.train)
    torch.testing.assert_close(ours.answer_logits(batch)[0], published.answer_logits(batch)[0], atol=2e-3, rtol=1e-3)


def test_kore_without_freezing_trains_both_factors_from_the_published_start(prior, make_task):
    _, vlm = prepared("kore", prior, {"freeze_a": False})
    assert all(one.down.requires_grad and one.up.any() for one in tuning.adapter(vlm).values())
    change = tuning.Drift(vlm)()
    assert max(one.abs().max().item() for one in change.values()) < 1e-6
    linears = random_lab_vlm(0).language_linears()
    layer, one = next(iter(tuning.adapter(vlm).items()))
    assert (one.product().norm() / linears[layer].weight.norm()).item() > 0.01


def test_kore_without_constraint_is_plain_lora(prior, make_task):
    _, plain, _ = learned("lora", prior, [make_task("a")])
    _, free, _ = learned("kore", prior, [make_task("a")], {"constrain": False})
    assert plain.digest() == free.digest()


def test_kores_specific_constraint_reads_only_the_named_dimensions(prior, make_task):
    asked = []

    def by_dimension(dimension, n, seed):
        asked.append((dimension, n))
        return prior(n, seed)

    prepared("kore", prior, {"dimensions": ["OCR", "HAL"], "samples": 9}, dimension_prior=by_dimension)
    assert asked == [("OCR", 5), ("HAL", 4)]
    with pytest.raises(ValueError, match="no examples by dimension"):
        prepared("kore", prior, {"dimensions": ["OCR"]})


# Covariance


def test_the_moment_does_not_depend_on_batches_or_padding(prior):
    vlm = random_lab_vlm(0)
    examples = prior(10, 0)
    one, many = (covariance.second_moments(vlm, examples, batch_size=size) for size in (1, 7))
    for layer in one:
        torch.testing.assert_close(one[layer], many[layer], rtol=1e-4, atol=1e-3)


def test_layers_that_read_the_same_input_share_one_moment(prior):
    moments = moments_of(prior, 4)
    prefix = "model.language_model.layers.0."
    assert moments[prefix + "self_attn.q_proj"] is moments[prefix + "self_attn.v_proj"]
    assert moments[prefix + "self_attn.q_proj"] is not moments[prefix + "mlp.up_proj"]


def test_the_moment_is_that_of_the_real_tokens(prior):
    vlm = random_lab_vlm(0)
    seen = []
    name, linear = next(iter(vlm.language_linears().items()))
    handle = linear.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    encoded = [vlm.encode(example, ask=True) for example in prior(3, 0)]
    for one in encoded:
        vlm.base.model(**vlm.collate([one]).inputs)
    handle.remove()
    x = torch.cat([one[0] for one in seen]).double()
    torch.testing.assert_close(covariance.second_moments(vlm, prior(3, 0))[name], x.T @ x, rtol=1e-4, atol=1e-3)
