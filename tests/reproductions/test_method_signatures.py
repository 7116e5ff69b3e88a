"""The mathematics of each method, not its accuracy: what must be zero, equal, orthogonal or frozen."""

import dataclasses
from collections import Counter
from itertools import islice

import pytest
import torch

from reproductions import covariance, frozen_a, importance, tuning
from reproductions.distillation import divergence
from reproductions.lab import world
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


def test_replay_of_a_batch_reads_every_example_equally_often():
    """Whatever its length: batches are sorted by it."""
    task = world.injection_task(world.entities(10, seed=0), seed=0, form="knowledge-tree")
    settings = {"of": "batch", "fraction": 0.25, "samples": 40}
    eight = BASE.training.model_copy(update={"batch_size": 8})
    method, _ = prepared("replay", lambda n, seed: world.prior_examples(n, seed=seed), settings, training=eight)
    read = Counter(id(one) for batch in islice(method.batches(task), 100) for one in batch)
    remembered = {id(one) for one in method.memory(task)}
    old = [read[one] for one in remembered]
    new = [read[id(one)] for one in task.train]
    assert min(old) >= 4, "200 draws of 40"
    assert max(old) <= 6
    assert min(new) >= 7, "600 draws of 70"
    assert max(new) <= 10


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


def test_a_moment_of_few_tokens_still_gives_an_orthonormal_null_space():
    x = torch.randn(10, 64, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    basis, energy = frozen_a.directions(x.T @ x, 32, "null", torch.Generator())
    torch.testing.assert_close(basis.T @ basis, torch.eye(32).double(), atol=1e-10, rtol=0)
    assert abs(energy) < 1e-12


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


# Importance


def test_importance_is_per_example_and_does_not_depend_on_the_batch(prior):
    examples = prior(9, 0)
    one, many = (importance.importance(random_lab_vlm(0), examples, batch_size=size) for size in (1, 8))
    for name in one:
        torch.testing.assert_close(one[name], many[name], rtol=1e-3, atol=1e-6)


def test_importance_is_the_squared_gradient_of_each_answers_log_probability(prior):
    vlm = random_lab_vlm(0)
    examples = prior(3, 0)
    measured = importance.importance(vlm, examples)
    name, linear = next(iter(vlm.language_linears().items()))
    linear.weight.requires_grad_(True)
    squares = torch.zeros_like(linear.weight)
    for example in examples:
        logits, labels = vlm.answer_logits(batch_of(vlm, [example]))
        (gradient,) = torch.autograd.grad(importance.log_likelihood(logits, labels), linear.weight)
        squares += gradient.square()
    torch.testing.assert_close(measured[name], squares / 3, rtol=1e-4, atol=1e-7)


def test_importance_is_measured_at_the_merged_weight(prior):
    """With an adapter in place, the gradient is that of W + B A."""
    vlm = random_lab_vlm(0)
    tuning.apply(vlm, Tuning(rank=4), seed=0)
    with torch.no_grad():
        for one in tuning.adapter(vlm).values():
            one.up.normal_(std=0.05, generator=torch.Generator().manual_seed(0))
    merged = dataclasses.replace(vlm.copy())
    merged.model = merged.model.merge_and_unload()
    with_adapter, without = (importance.importance(one, prior(4, 0)) for one in (vlm, merged))
    for name in without:
        torch.testing.assert_close(with_adapter[name], without[name], rtol=1e-2, atol=1e-6)


def test_the_fisher_of_softmax_regression_has_its_closed_form():
    """E over labels of the squared gradient of the logits is p (1 − p): sampled labels must converge to it."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(5, generator=generator)
    logits = (torch.randn(7, 5, generator=generator) @ x).expand(40_000, 7).clone().requires_grad_(True)
    objective = importance.sampled_log_likelihood(generator)
    (gradient,) = torch.autograd.grad(objective(logits, torch.zeros(40_000, dtype=torch.long)), logits)
    p = logits[0].detach().softmax(-1)
    torch.testing.assert_close(gradient.square().mean(0), p * (1 - p), rtol=0.05, atol=1e-3)


def test_a_sum_of_pulls_is_one_pull_up_to_a_constant():
    generator = torch.Generator().manual_seed(0)
    f1, f2, c1, c2, at, other = (torch.rand(3, 4, generator=generator) for _ in range(6))
    pull = importance.Pull()
    pull.add({"w": f1}, {"w": c1})
    pull.add({"w": f2}, {"w": c2})

    def separate(x):
        return 0.5 * (f1 * (x - c1) ** 2 + f2 * (x - c2) ** 2).sum()

    torch.testing.assert_close(pull({"w": at}) - pull({"w": other}), separate(at) - separate(other))


# EWC, MAS, L2-SP


@pytest.mark.parametrize("id_", ["ewc", "mas", "l2-sp", "lwf"])
def test_strength_zero_is_plain_lora_to_the_bit(id_, prior, make_task):
    _, plain, _ = learned("lora", prior, [make_task("a")])
    _, nothing, _ = learned(id_, prior, [make_task("a")], {"strength": 0})
    assert plain.digest() == nothing.digest()


def moved(vlm, seed=0):
    with torch.no_grad():
        for one in tuning.adapter(vlm).values():
            one.up.normal_(std=0.1, generator=torch.Generator().manual_seed(seed))
    return vlm


@pytest.mark.parametrize("id_", ["ewc", "mas"])
def test_the_pulls_gradient_is_strength_times_importance_times_change(id_, prior, make_task):
    method, vlm = prepared(id_, prior, {"strength": 0.7, "samples": 8})
    moved(vlm)
    batch = batch_of(vlm, make_task("a").train)
    layer, one = next(iter(tuning.adapter(vlm).items()))
    gradient = torch.autograd.grad(method.penalty(vlm, batch, torch.empty(0)), one.up)[0]
    change = one.product().detach()
    by_weight = 0.7 * method._pull.importance[layer] * change  # ∂/∂ΔW
    torch.testing.assert_close(gradient, one.scale * by_weight @ one.down.detach().T, rtol=1e-4, atol=1e-6)


def test_importances_have_mean_one_and_are_never_negative(prior):
    for id_ in ("ewc", "mas"):
        method, _ = prepared(id_, prior, {"samples": 8})
        entries = torch.cat([one.flatten() for one in method._pull.importance.values()])
        assert entries.mean().item() == pytest.approx(1, abs=1e-3)
        assert entries.min() >= 0


def test_a_stronger_ewc_drifts_less_where_it_matters(prior, make_task):
    drifts = []
    for strength in (0, 0.01, 0.1, 1.0):
        method, vlm, _ = learned("ewc", prior, [], {"strength": strength, "samples": 8})
        weights = dict(method._pull.importance)
        method.learn(vlm, make_task("a"))
        drifts.append(
            sum((weights[name] * change.detach().square()).sum().item() for name, change in tuning.Drift(vlm)().items())
        )
    assert drifts == sorted(drifts, reverse=True)
    assert drifts[-1] < 0.1 * drifts[0]


def test_ewc_holds_a_finished_task_where_it_ended(prior, make_task):
    method, vlm, _ = learned("ewc", prior, [make_task("a")], {"samples": 8})
    batch = batch_of(vlm, make_task("a").train)
    here = method.penalty(vlm, batch, torch.empty(0))
    with torch.no_grad():
        for one in tuning.adapter(vlm).values():
            one.up.add_(0.05)
    assert method.penalty(vlm, batch, torch.empty(0)) > here
    assert method._pull.centre


def test_ewc_works_on_weights_that_learn_directly(prior, make_task):
    _, vlm, traces = learned("ewc", prior, [make_task("a")], {"samples": 8}, tuning=Tuning(kind="full"))
    assert traces[0].penalties[0] == 0
    assert traces[0].penalties[-1] > 0
    assert not any("lora_" in name for name in tuning.learning(vlm))


def test_mas_needs_no_labels():
    logits = torch.randn(6, 11, generator=torch.Generator().manual_seed(0))
    assert importance.output_norm(logits, torch.zeros(6)) == importance.output_norm(logits, torch.ones(6))


def test_mas_of_a_linear_model_has_its_closed_form():
    """f(x) = w·x: the importance of w is the mean of |2 (w·x) x|."""
    generator = torch.Generator().manual_seed(0)
    linear = torch.nn.Linear(4, 1, bias=False)
    x = torch.randn(10, 1, 4, generator=generator)
    reader = importance._PerExample({"w": linear}, torch.abs)
    with reader:
        importance.output_norm(linear(x), torch.empty(0)).backward()
    expected = (2 * (x @ linear.weight.T) * x).abs().sum(0)
    torch.testing.assert_close(reader.totals["w"], expected.detach(), rtol=1e-5, atol=1e-6)


def test_l2_sp_is_weight_decay_of_the_product(prior, make_task):
    method, vlm = prepared("l2-sp", prior, {"strength": 0.5})
    batch = batch_of(vlm, make_task("a").train)
    assert method.penalty(vlm, batch, torch.empty(0)) == 0
    moved(vlm)
    expected = sum(one.product().square().sum() for one in tuning.adapter(vlm).values())
    torch.testing.assert_close(method.penalty(vlm, batch, torch.empty(0)), 0.25 * expected)


# Synaptic intelligence


def test_si_is_plain_lora_during_the_first_task(prior, make_task):
    _, plain, _ = learned("lora", prior, [make_task("a")])
    _, first, _ = learned("si", prior, [make_task("a")])
    assert plain.digest() == first.digest()


def test_sis_path_integral_is_the_drop_in_loss(prior, make_task):
    """Small steps on one fixed batch, without clipping: Σ ω equals the loss at the start minus that at the end."""
    training = Training(learning_rate=2e-5, steps=40, batch_size=8, clip=0, schedule="constant", warmup_fraction=0)
    method, vlm = prepared("si", prior, training=training)
    vlm.autocast = lambda: torch.autocast("cpu", enabled=False)
    task = make_task("a", 8)
    batch = batch_of(vlm, task.train)
    before = vlm.loss(batch).item()
    method.learn(vlm, task)
    path = sum(one.sum().item() for one in method._path.values())
    assert path == pytest.approx(before - vlm.loss(batch).item(), rel=0.02)


def test_sis_penalty_leaves_its_own_gradient_out_of_the_account(prior, make_task):
    """With a huge pull and no learning rate to speak of, importance grows only by the task's gradient."""
    method, vlm, _ = learned("si", prior, [make_task("a")], {"strength": 5.0})
    assert method._importance
    assert all((one >= 0).all() for one in method._importance.values())
    batch = batch_of(vlm, make_task("b").train)
    weights = tuning.learning(vlm)
    with torch.no_grad():
        for one in tuning.adapter(vlm).values():
            one.up.add_(0.01)
    names, params = list(weights), list(weights.values())
    task_gradient = torch.autograd.grad(vlm.loss(batch), params)
    (vlm.loss(batch) + method.penalty(vlm, batch, torch.empty(0))).backward()
    method._note(weights)
    for name, gradient in zip(names, task_gradient, strict=True):
        torch.testing.assert_close(method._before[name][1], gradient, rtol=1e-3, atol=1e-5)


# LwF


def test_lwf_starts_at_zero_distance_and_zero_gradient(prior, make_task):
    method, vlm = prepared("lwf", prior)
    batch = batch_of(vlm, make_task("a").train)
    with vlm.autocast():
        logits, _ = vlm.answer_logits(batch)
    penalty = method.penalty(vlm, batch, logits)
    assert abs(penalty.item()) < 1e-6
    gradients = torch.autograd.grad(penalty, list(tuning.learning(vlm).values()))
    assert max(one.abs().max().item() for one in gradients) < 1e-5


def test_lwfs_teacher_is_the_model_before_the_task_and_gets_no_gradient(prior, make_task):
    method, vlm = prepared("lwf", prior)
    vlm.autocast = lambda: torch.autocast("cpu", enabled=False)
    batch = batch_of(vlm, make_task("a").train)
    original = vlm.answer_logits(batch)[0].detach()
    moved(vlm)
    logits, _ = vlm.answer_logits(batch)
    penalty = method.penalty(vlm, batch, logits)
    q, p = (original / 2).log_softmax(-1), (logits.detach() / 2).log_softmax(-1)
    expected = 0.3 * 4 * (q.exp() * (q - p)).sum(-1).mean()
    torch.testing.assert_close(penalty.detach(), expected, rtol=1e-4, atol=1e-6)
    assert not any(one.requires_grad for one in method._teacher.values())
    method.consolidate(vlm, make_task("a"))
    assert method.penalty(vlm, batch, logits).item() == pytest.approx(0, abs=1e-6)


def test_a_stronger_lwf_stays_closer_to_the_old_answers(prior, make_task):
    distances = []
    for strength in (0.001, 0.5, 5.0):
        _, vlm, _ = learned("lwf", prior, [make_task("a")], {"strength": strength})
        batch = batch_of(vlm, make_task("a").train)
        old = random_lab_vlm(0).answer_logits(batch)[0].detach().log_softmax(-1)
        new = vlm.answer_logits(batch)[0].detach().log_softmax(-1)
        distances.append((old.exp() * (old - new)).sum(-1).mean().item())
    assert distances == sorted(distances, reverse=True)


# MoELoRA


def test_moeloras_gates_sum_to_one_and_first_only_b_moves(prior, make_task):
    _, vlm = prepared("moelora", prior)
    layers = [module for module in vlm.model.modules() if type(module).__name__ == "ExpertLinear"]
    assert len(layers) == 21
    gates = layers[0].gates(torch.randn(3, 5, 128, generator=torch.Generator().manual_seed(0)))
    torch.testing.assert_close(gates.sum(-1), torch.ones(3, 5), atol=1e-6, rtol=0)
    vlm.loss(batch_of(vlm, make_task("a").train)).backward()
    for layer in layers:
        assert layer.up.grad.any()
        assert not layer.down.grad.any()
        assert not layer.router.weight.grad.any()


def test_a_moelora_layer_is_the_gated_sum_of_its_experts(prior):
    _, vlm = prepared("moelora", prior)
    layer = next(module for module in vlm.model.modules() if type(module).__name__ == "ExpertLinear")
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        layer.up.normal_(generator=generator)
    x = torch.randn(6, 128, generator=generator)
    gates, rank = layer.gates(x), 8 // 4
    expected = layer.base_layer(x)
    for i in range(4):
        part = slice(i * rank, (i + 1) * rank)
        expected = expected + gates[:, i : i + 1] * (x @ layer.down[part].T @ layer.up[:, part].T)
    torch.testing.assert_close(layer(x), expected, rtol=1e-4, atol=1e-5)


def test_moelora_alone_does_not_keep_its_routing(prior, make_task):
    method, vlm, _ = learned("moelora", prior, [make_task("a")])
    layer = [module for module in vlm.model.modules() if type(module).__name__ == "ExpertLinear"][-1]
    x = torch.randn(64, layer.base_layer.in_features, generator=torch.Generator().manual_seed(0))
    before = layer.gates(x).detach()
    method.learn(vlm, make_task("b"))
    assert (layer.gates(x).detach() - before).abs().max() > 1e-4


def test_moeloras_export_comes_back_in_this_package(prior, make_task, tmp_path):
    method, vlm, _ = learned("moelora", prior, [make_task("a")])
    method.export(vlm, tmp_path)
    again, fresh = prepared("moelora", prior)
    again.load(fresh, tmp_path)
    assert fresh.digest() == vlm.digest()


def test_a_rank_that_experts_cannot_share_is_refused(prior):
    with pytest.raises(ValueError, match="rank 8 cannot be shared out over 3 experts"):
        prepared("moelora", prior, {"experts": 3})


# O-LoRA, SEFE


@pytest.mark.parametrize("id_", ["o-lora", "sefe", "si"])
def test_methods_that_need_an_earlier_task_say_so_and_are_plain_lora_in_the_first(id_, prior, make_task):
    _, plain, _ = learned("lora", prior, [make_task("a")])
    method, first, traces = learned(id_, prior, [make_task("a")])
    assert method.degenerate_one_shot
    assert set(traces[0].penalties) == {0.0}
    assert plain.digest() == first.digest()


@pytest.mark.parametrize("id_", ["o-lora", "sefe"])
def test_a_second_task_leaves_the_first_adapter_as_it_was(id_, prior, make_task):
    method, vlm, _ = learned(id_, prior, [make_task("a")])
    before = {layer: one.product().detach().clone() for layer, one in tuning.adapter(vlm).items()}
    method.learn(vlm, make_task("b"))
    assert len(tuning.adapters(vlm)) == 2
    assert all(torch.equal(one.product(), before[layer]) for layer, one in tuning.adapter(vlm).items())


def test_o_loras_new_rows_turn_away_from_the_old_ones(prior, make_task):
    long = Training(learning_rate=1e-2, steps=80, batch_size=4)
    _, vlm, traces = learned("o-lora", prior, [make_task("a"), make_task("b")], training=long)
    assert traces[1].penalties[-1] < traces[1].penalties[0] / 20
    old, new = (tuning.adapter(vlm, name) for name in tuning.adapters(vlm))
    overlap = sum((old[layer].down @ new[layer].down.T).abs().sum().item() for layer in old)
    assert 0.5 * overlap == pytest.approx(traces[1].penalties[-1], rel=0.2)


def test_regloras_noted_entries_stay_small(prior, make_task):
    def ratio(strength):
        method, vlm, _ = learned("sefe", prior, [make_task("a")], {"strength": strength})
        noted = dict(method._entries)
        method.learn(vlm, make_task("b"))
        parts = []
        for layer, one in tuning.adapter(vlm, tuning.adapters(vlm)[-1]).items():
            product = one.product().detach().abs().flatten()
            parts.append((product[noted[layer]].mean() / product.mean()).item())
        return sum(parts) / len(parts)

    assert ratio(0.0) > 0.5
    assert ratio(2.5e3) < 0.25


def test_reglora_notes_two_per_cent_of_every_layer(prior, make_task):
    method, vlm, _ = learned("sefe", prior, [make_task("a")])
    for layer, linear in vlm.language_linears().items():
        assert len(method._entries[layer]) == -(-linear.weight.numel() * 2 // 100)


def test_regloras_penalty_is_the_mean_over_noted_entries(prior, make_task):
    method, vlm, _ = learned("sefe", prior, [make_task("a")], {"strength": 2.0})
    moved(vlm, seed=3)
    expected = torch.stack(
        [one.product().flatten()[method._entries[layer]].abs().mean() for layer, one in tuning.adapter(vlm).items()]
    ).mean()
    torch.testing.assert_close(method.penalty(vlm, batch_of(vlm, prior(1, 0)), torch.empty(0)), 2 * expected)


def test_sefe_restyles_exactly_its_share_and_refuses_data_without_styles(prior, make_task):
    def restyle(example, seed):
        return dataclasses.replace(example, id=f"{example.id} restyled")

    method, _ = prepared("sefe", prior, {"restyled": 0.2}, restyle=restyle)
    changed = [one.id for one in method.diversified(make_task("a", 20)) if one.id.endswith("restyled")]
    assert len(changed) == 4
    with pytest.raises(ValueError, match="set restyled to 0"):
        prepared("sefe", prior, {"restyled": 0.2})


# LoRA-Null, CorDA, KeepLoRA, OSF


@pytest.mark.parametrize(("version", "frozen"), [("v1", False), ("v2", True), ("v3", True)])
def test_lora_null_starts_in_the_null_space_and_v1_leaves_it(version, frozen, prior, make_task):
    method, vlm = prepared("lora-null", prior, {"version": version, "samples": 64})
    moments = covariance.second_moments(random_lab_vlm(0), prior(64, 0), tokens="conversation")
    start = annihilation(vlm, moments)
    assert start < 0.01
    assert all(one.down.requires_grad != frozen for one in tuning.adapter(vlm).values())
    method.learn(vlm, make_task("a"))
    assert (annihilation(vlm, moments) > 3 * start) != frozen
    if version == "v3":
        rows = next(iter(tuning.adapter(vlm).values())).down
        torch.testing.assert_close(rows @ rows.T, torch.eye(8), atol=1e-5, rtol=0)


def test_cordas_preserved_mode_starts_nearer_the_null_space_than_the_previewed_mode(prior):
    moments = covariance.second_moments(random_lab_vlm(0), prior(32, 0), tokens="conversation")
    kept, previewed = (prepared("corda", prior, {"mode": mode, "samples": 32})[1] for mode in ("kpm", "ipm"))
    assert annihilation(kept, moments) < 0.1 * annihilation(previewed, moments)


def test_keeploras_rows_are_orthonormal_and_outside_what_is_kept(prior, make_task):
    method, vlm = prepared("keeplora", prior)
    kept = dict(method._kept)
    method.learn(vlm, make_task("a"))
    for layer, one in tuning.adapter(vlm).items():
        a = one.down.detach()
        torch.testing.assert_close(a @ a.T, torch.eye(8), atol=1e-5, rtol=0)
        assert (a.double() @ kept[layer]).abs().max() <= 1e-4
        change = one.product().detach().double()
        assert (change @ kept[layer]).norm() / change.norm() <= 1e-4


def test_keeplora_keeps_more_after_every_task_and_learns_outside_it(prior, make_task):
    method, vlm = prepared("keeplora", prior, tuning=Tuning(rank=2))
    before = {layer: kept.shape[1] for layer, kept in method._kept.items()}
    method.learn(vlm, make_task("a"))
    method.consolidate(vlm, make_task("a"))
    assert all(kept.shape[1] >= before[layer] for layer, kept in method._kept.items())
    assert any(kept.shape[1] > before[layer] for layer, kept in method._kept.items())
    for kept in method._kept.values():
        torch.testing.assert_close(kept.T @ kept, torch.eye(kept.shape[1]).double(), atol=1e-6, rtol=0)


def test_keeplora_refuses_a_rank_that_is_no_longer_free():
    kept = torch.eye(10).double()[:, :7]
    with pytest.raises(ValueError, match="3 of 10 input directions are free; lower the rank"):
        frozen_a.complement_basis(torch.randn(10, 5).double(), kept, 4, "layer")


def test_osf_hardly_moves_in_the_directions_it_keeps(prior, make_task):
    _, vlm, _ = learned("osf", prior, [make_task("a")], tuning=Tuning(kind="language-model"))
    before = random_lab_vlm(0).language_linears()
    for name, module in vlm.model.named_modules():
        if name in before:
            left, _, right = torch.linalg.svd(before[name].weight.detach().double(), full_matrices=False)
            k = min(module.weight.shape) // 2
            change = (module.weight - before[name].weight).detach().double()
            assert change.norm() > 0
            assert (left[:, :k].T @ change @ right[:k].T).norm() <= 0.05 * change.norm()


# References


def test_the_base_model_learns_nothing(prior, make_task):
    _, vlm, traces = learned("base", prior, [make_task("a")])
    assert vlm.digest() == random_lab_vlm(0).digest()
    assert traces[0].steps == 0


def test_facts_in_the_prompt_come_before_questions_about_their_entity_only(prior, make_task):
    method, vlm, _ = learned("in-context", prior, [make_task("a")])
    question = make_task("a").questions[0]
    asked = method.with_facts(question)
    assert asked.turns[-1].question == f"{question.facts['name']} {question.turns[-1].question}"
    stranger = prior(1, 0)[0]
    assert method.with_facts(stranger) is stranger
    assert vlm.digest() == random_lab_vlm(0).digest()


def test_joint_begins_again_from_the_base_with_all_tasks_and_fresh_old_examples(prior, make_task):
    method, vlm, _ = learned("joint", prior, [make_task("a")])
    seen = [one.id for batch in islice(method.batches(make_task("a")), 6) for one in batch]
    old = [name for name in seen if name.startswith("prior")]
    assert len(old) == len(set(old)) == len(seen) // 2
    start = tuning.snapshot(random := prepared("joint", prior)[1])
    assert all(torch.equal(weight, start[name]) for name, weight in tuning.learning(random).items())
    method.learn(vlm, make_task("b"))
    assert {one.entity.split("-")[0] for one in method._seen} == {"a", "b"}


# Our own recipe


def test_anchored_with_everything_off_is_plain_lora_to_the_bit(prior, make_task):
    _, plain, _ = learned("lora", prior, [make_task("a")])
    _, nothing, _ = learned("anchored", prior, [make_task("a")], {"strength": 0, "distillation": 0, "memory": 8})
    assert plain.digest() == nothing.digest()


def test_anchored_with_the_fisher_alone_is_ewc_to_the_bit(prior, make_task):
    _, ewc, _ = learned("ewc", prior, [make_task("a")], {"strength": 0.1, "samples": 16})
    parts = {"strength": 0.1, "distillation": 0, "memory": 16}
    _, same, _ = learned("anchored", prior, [make_task("a")], parts)
    assert ewc.digest() == same.digest()


def test_anchored_keeps_old_answers_where_plain_lora_loses_them(prior, make_task):
    def forgotten(id_, config=None):
        _, vlm, _ = learned(id_, prior, [make_task("a")], config)
        batch = batch_of(vlm, prior(16, 0))
        old = random_lab_vlm(0).answer_logits(batch)[0].detach()
        return divergence(vlm.answer_logits(batch)[0].detach(), old, 1.0).item()

    held = forgotten("anchored", {"strength": 0, "distillation": 3.0, "replayed": 8, "memory": 16})
    assert held < 0.5 * forgotten("lora")


def test_anchored_in_the_null_space_never_moves_a(prior, make_task):
    method, vlm = prepared("anchored", prior, {"null_space": True, "memory": 16})
    start = {layer: one.down.detach().clone() for layer, one in tuning.adapter(vlm).items()}
    method.learn(vlm, make_task("a"))
    assert all(torch.equal(one.down, start[layer]) for layer, one in tuning.adapter(vlm).items())
    assert method.facts["old_examples_read"] == 80, "eight in each of ten steps"
