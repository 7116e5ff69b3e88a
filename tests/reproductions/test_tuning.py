"""Which weights learn, how far they moved, and what is left behind."""

import pytest
import torch

from reproductions import tuning
from reproductions.spec import Tuning
from reproductions.vlm import random_lab_vlm


def prepared(**settings):
    vlm = random_lab_vlm(0)
    tuning.apply(vlm, Tuning(**settings), seed=0)
    return vlm


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("full", {"language_model", "multi_modal_projector"}),
        ("language-model", {"language_model"}),
        ("projector", {"multi_modal_projector"}),
    ],
)
def test_a_tuning_trains_its_parts_and_never_the_vision_tower(kind, parts):
    names = tuning.learning(prepared(kind=kind))
    assert {part for name in names for part in (*parts, "vision_tower") if part in name} == parts
    assert all(any(part in name for part in parts) for name in names)


def test_lora_trains_two_factors_in_each_of_the_21_linear_layers():
    vlm = prepared(rank=4)
    assert len(tuning.learning(vlm)) == 2 * 21
    assert all("lora_" in name for name in tuning.learning(vlm))
    assert {factors.scale for factors in tuning.adapter(vlm).values()} == {1.0}


def test_attention_only_leaves_the_feed_forward_layers_alone():
    layers = tuning.adapter(prepared(rank=4, targets="attention"))
    assert len(layers) == 12
    assert all("self_attn" in name for name in layers)


def test_the_projector_can_learn_beside_the_adapter():
    names = [name for name in tuning.learning(prepared(rank=4, projector=True)) if "lora_" not in name]
    assert names
    assert all("multi_modal_projector" in name for name in names)


def test_a_rank_that_no_layer_has_is_refused():
    with pytest.raises(ValueError, match="rank 129 is more than the narrowest layer has"):
        prepared(rank=129)


def test_adapters_start_the_same_for_the_same_seed_and_leave_the_global_state_alone():
    torch.manual_seed(5)
    before = torch.rand(1)
    torch.manual_seed(5)
    first, second = prepared(rank=4), prepared(rank=4)
    assert torch.equal(torch.rand(1), before)
    assert first.digest() == second.digest()


def test_drift_of_directly_learned_weights_is_their_difference_from_the_start():
    vlm = prepared(kind="full")
    drift = tuning.Drift(vlm)
    assert all(not change.any() for change in drift().values())
    start = {name: linear.weight.detach().clone() for name, linear in vlm.language_linears().items()}
    with torch.no_grad():
        for weight in tuning.learning(vlm).values():
            weight.add_(0.01)
    assert len(drift()) == len(start)
    for name, change in drift().items():
        torch.testing.assert_close(change, vlm.language_linears()[name].weight - start[name])


def test_drift_of_an_adapter_is_what_merging_adds():
    vlm = prepared(rank=4, alpha=8)
    with torch.no_grad():
        for factors in tuning.adapter(vlm).values():
            factors.up.normal_(generator=torch.Generator().manual_seed(0))
    start = {name: linear.weight.detach().clone() for name, linear in vlm.language_linears().items()}
    change = {name: one.detach() for name, one in tuning.Drift(vlm)().items()}
    merged = vlm.model.merge_and_unload()
    for name, module in merged.named_modules():
        if name in start:
            torch.testing.assert_close(change[name], module.weight - start[name], atol=1e-5, rtol=1e-4)


def test_the_model_of_a_snapshot_can_be_asked_between_forward_and_backward(make_task):
    vlm = prepared(rank=4)
    batch = vlm.collate([vlm.encode(example) for example in make_task("a").train])
    at_start = tuning.snapshot(vlm)
    original = vlm.answer_logits(batch)[0].detach()
    with torch.no_grad():
        for weight in tuning.learning(vlm).values():
            weight.add_(0.05)
    loss = vlm.loss(batch)
    reference = torch.autograd.grad(vlm.loss(batch), list(tuning.learning(vlm).values()))
    with tuning.weights_of(vlm, at_start):
        assert torch.equal(vlm.answer_logits(batch)[0], original)
    for mine, other in zip(torch.autograd.grad(loss, list(tuning.learning(vlm).values())), reference, strict=True):
        torch.testing.assert_close(mine, other)
    tuning.restore(vlm, at_start)
    assert torch.equal(vlm.answer_logits(batch)[0], original)


def test_a_second_adapter_adds_to_the_first_which_is_frozen():
    vlm = prepared(rank=4)
    tuning.add_adapter(vlm, tuning.lora_config(vlm, Tuning(rank=4)), seed=1, name="second")
    assert tuning.adapters(vlm) == ["default", "second"]
    assert all(".second." in name for name in tuning.learning(vlm))
