"""What a run on a real model takes: exact where it can be, measured where it is estimated, with a way out."""

from __future__ import annotations

import dataclasses

import pytest
import torch
import transformers
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForImageTextToText

from reproductions import sizing, spec, tiny_models
from reproductions.cli import main
from reproductions.families import FAMILIES
from reproductions.sizing import ACCELERATORS, Load
from reproductions.spec import Experiment, ModelRef, Training, Tuning
from reproductions.vlm import load_vlm

LINEARS = FAMILIES["llava"].language_linears
LOAD = Load(tokens=700, answer_tokens=60, conversations=74_734 * 6, questions=9_422, prior=256)


def llava(text: dict) -> transformers.LlavaConfig:
    small = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    return transformers.LlavaConfig(
        vision_config=transformers.CLIPVisionConfig(**small, image_size=28, patch_size=14),
        text_config=transformers.LlamaConfig(**text),
        image_token_index=5,
    )


@pytest.fixture(scope="module")
def llava_7b() -> sizing.Shape:
    """LLaVA-1.5-7B, laid out without weights and without a network."""
    return sizing.shape_of(ModelRef(id="llava-hf/llava-1.5-7b-hf"))


def experiment(method: str = "lora", tuning: Tuning | None = None, **training) -> Experiment:
    return Experiment(
        id=f"size/{method}",
        method=method,
        tuning=tuning or Tuning(rank=128, projector=True),
        model=ModelRef(id="llava-hf/llava-1.5-7b-hf", dtype="bfloat16"),
        training=Training(**({"learning_rate": 2e-4, "steps": 8304, "batch_size": 54} | training)),
    )


# Exact


@pytest.mark.parametrize(
    ("rank", "frozen_a", "millions"), [(128, False, 319.8), (235, True, 319.6), (256, True, 348.1)]
)
def test_adapters_of_llava_7b_have_the_sizes_of_kores_table(rank, frozen_a, millions, llava_7b):
    assert sizing.lora_parameters(llava_7b, rank, frozen_a=frozen_a) / 1e6 == pytest.approx(millions, abs=0.05)


def test_with_the_projector_they_are_the_numbers_printed(llava_7b):
    assert sizing.trainable(llava_7b, Tuning(rank=128, projector=True)) / 1e6 == pytest.approx(340.8, abs=0.05)
    assert sizing.trainable(llava_7b, Tuning(rank=235, projector=True), frozen_a=True) / 1e6 == pytest.approx(
        340.6, abs=0.06
    )
    assert sizing.trainable(llava_7b, Tuning(kind="full")) / 1e6 == pytest.approx(6759, abs=1)


@pytest.mark.parametrize("model_type", sorted(FAMILIES))
def test_what_is_counted_is_what_the_model_has(model_type, tmp_path):
    folder = tiny_models.build(model_type, tmp_path)
    shape = sizing.shape_of(ModelRef(id=str(folder)), local_only=True)
    vlm = load_vlm(ModelRef(id=str(folder)))
    assert shape.total == sum(weight.numel() for weight in vlm.model.parameters())
    adapted = get_peft_model(vlm.model, LoraConfig(r=4, target_modules=vlm.family.language_linears))
    learning = sum(weight.numel() for weight in adapted.parameters() if weight.requires_grad)
    assert sizing.lora_parameters(shape, 4) == learning


def test_qwen_and_the_larger_llava_have_their_published_sizes():
    qwen = sizing.shape_of(ModelRef(id="Qwen/Qwen2.5-VL-7B-Instruct"))
    assert sizing.lora_parameters(qwen, 128) / 1e6 == pytest.approx(323, abs=0.5)
    assert sizing.lora_parameters(qwen, 274, frozen_a=True) / 1e6 == pytest.approx(381, abs=0.5)
    assert qwen.total / 1e9 == pytest.approx(8.29, abs=0.01)
    larger = sizing.shape_of(ModelRef(id="llava-hf/llava-1.5-13b-hf"))
    assert larger.total / 1e9 == pytest.approx(13.35, abs=0.02)


# Measured


def saved_bytes(config: transformers.LlavaConfig, tokens: int, rank: int, dtype: torch.dtype) -> int:
    """What autograd keeps of a forward pass, weights left out."""
    model = AutoModelForImageTextToText.from_config(config).to(dtype)
    model.set_attn_implementation("sdpa")
    if rank:
        model = get_peft_model(model, LoraConfig(r=rank, target_modules=LINEARS))
    weights = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    base = model.get_base_model() if rank else model
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        held = base.model(input_ids=torch.randint(10, 300, (2, tokens // 2))).last_hidden_state
    assert held.requires_grad
    return sum(kept.values())


@pytest.mark.parametrize("rank", [0, 8])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("key_value_heads", [8, 2])
def test_estimated_activations_are_within_a_third_of_what_autograd_keeps(rank, dtype, key_value_heads):
    text = {"vocab_size": 320, "hidden_size": 256, "intermediate_size": 704, "num_hidden_layers": 3}
    config = llava(text | {"num_attention_heads": 8, "num_key_value_heads": key_value_heads})
    training = Training(learning_rate=1, steps=1, batch_size=1)
    estimated = sizing.activation_bytes(
        sizing.lay_out(config), 256, training, bytes_each=dtype.itemsize, lora_rank=rank
    )
    assert 0.75 < estimated / saved_bytes(config, 256, rank, dtype) < 1.35


def test_training_state_is_what_the_optimiser_holds(tmp_path):
    folder = tiny_models.build("llava", tmp_path)
    vlm = load_vlm(ModelRef(id=str(folder)))
    adapted = get_peft_model(vlm.model, LoraConfig(r=4, target_modules=LINEARS))
    learning = [weight for weight in adapted.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(learning)
    for weight in learning:
        weight.grad = torch.zeros_like(weight)
    optimizer.step()
    states = [value for state in optimizer.state.values() for value in state.values() if value.ndim]
    held = sum(tensor.numel() * 4 for tensor in [*learning, *learning, *states])
    shape = sizing.shape_of(ModelRef(id=str(folder)), local_only=True)
    plain = experiment(tuning=Tuning(rank=4))
    found = sizing.estimate(shape, plain, Load(100, 10, 100), ACCELERATORS["h100"])
    assert found.training_state == held


# The way out


def test_what_fits_needs_no_change(llava_7b):
    small = experiment(batch_size=2, gradient_checkpointing=True)
    found = sizing.verdict(llava_7b, small, LOAD, ACCELERATORS["h100"])
    assert found.fits
    assert found.change is None


@pytest.mark.parametrize(
    ("accelerator", "wanted"),
    [
        ("h100", "--set training.accumulation="),
        ("rtx-4090", "--set training.gradient_checkpointing=true"),
    ],
)
def test_what_does_not_fit_says_the_mildest_change_and_that_change_fits(accelerator, wanted, llava_7b):
    found = sizing.verdict(llava_7b, experiment(), LOAD, ACCELERATORS[accelerator])
    assert not found.fits
    assert found.change is not None
    assert wanted in found.change
    assert found.changed is not None
    assert found.changed.peak <= ACCELERATORS[accelerator].memory


def test_full_fine_tuning_of_7b_does_not_fit_a_small_card_and_is_offered_more_of_them(llava_7b):
    found = sizing.verdict(llava_7b, experiment("full-ft", Tuning(kind="full")), LOAD, ACCELERATORS["rtx-4090"])
    assert found.change is not None
    assert "--shard" in found.change
    assert "4bit" not in found.change


def test_checkpointing_saves_memory_and_costs_time(llava_7b):
    plain, kept = (
        sizing.estimate(llava_7b, experiment(gradient_checkpointing=on), LOAD, ACCELERATORS["h100"])
        for on in (False, True)
    )
    assert kept.activations < plain.activations / 5
    assert kept.hours > plain.hours


def test_an_unknown_accelerator_is_refused_with_the_known_ones():
    with pytest.raises(LookupError, match="no accelerator named 'h1000'; there are: h200, h100"):
        sizing.accelerator_named("h1000")


def test_the_report_says_peak_hours_disk_and_the_way_out(llava_7b):
    found = sizing.Report("size/lora", sizing.verdict(llava_7b, experiment(), LOAD, ACCELERATORS["rtx-4090"]), 1)
    text = "\n".join(found.lines())
    assert "does not fit on rtx-4090" in text
    assert "340.8 M parameters learn" in text
    assert "it would fit" in text


def test_the_shipped_specs_for_llava_7b_fit_an_h100_and_the_plan_says_so(capsys):
    assert main(["plan", "llava-7b", "--gpu", "h100"]) == 0
    shown = capsys.readouterr().out
    assert "llava-7b/kore-tree: fits on h100" in shown
    assert "340.5 M parameters learn" in shown


def test_the_plan_refuses_what_cannot_fit_with_code_1_and_the_setting_that_helps(capsys):
    assert main(["plan", "llava-7b/lora-raw", "--gpu", "rtx-4090", "--set", "training.accumulation=1"]) == 1
    shown = capsys.readouterr().out
    assert "does not fit on rtx-4090" in shown
    assert "it would fit" in shown


# Covariances in passes


def test_the_plan_names_the_fewest_passes_in_which_covariances_fit_beside_the_weights():
    [kore] = spec.select(["llava-7b/kore-tree"])
    shape, load = sizing.shape_of(kore.model), Load(800, 80, 1000, prior=256)
    room = dataclasses.replace(ACCELERATORS["h100"], memory=60 * 10**9)
    whole = sizing.estimate(shape, kore, load, room)
    found = sizing.verdict(shape, kore, load, room)
    assert not found.fits
    assert found.change == "--set method_config.passes=2"
    assert found.changed is not None
    assert found.changed.preparing == whole.preparing // 2
    assert found.changed.hours > whole.hours


def test_methods_that_measure_nothing_are_offered_no_passes():
    [lora] = spec.select(["llava-7b/lora-raw"])
    shape = sizing.shape_of(lora.model)
    small = dataclasses.replace(ACCELERATORS["h100"], memory=20 * 10**9)
    found = sizing.verdict(shape, lora, Load(800, 80, 1000, prior=256), small)
    assert "passes" not in (found.change or "")
