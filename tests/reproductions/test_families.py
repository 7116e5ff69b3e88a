"""Real families in miniature: exact architectures and processors, random weights. Every method must walk each one."""

from __future__ import annotations

import dataclasses
import importlib.util
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForImageTextToText

from reproductions import cli, families, plugins, processing, state, tiny_models, tuning
from reproductions.examples import Example, Task, Turn
from reproductions.method import Context, build_method
from reproductions.spec import ModelRef, Training, Tuning
from reproductions.vlm import NO_LOSS, load_vlm

FAMILIES = sorted(families.FAMILIES)
METHODS = plugins.names("methods")
DIRECT = {"full-ft": Tuning(kind="full"), "osf": Tuning(kind="language-model")}
SETTINGS = {id_: {"samples": 8} for id_ in METHODS if "samples" in plugins.load("methods", id_).model_fields}
FIRST_FOUR = ("lora", "full-ft", "replay", "kore")


def picture(seed: int, height: int = 40, width: int = 32) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def example(index: int, world: str = "new") -> Example:
    said = Turn("Who is this?", f"{world} person {index}")
    return Example(f"{world}-{index}", (picture(index),), (said,), "name", f"{world}-{index}", {"name": said.answer})


def task(world: str) -> Task:
    trained = tuple(example(index, world) for index in range(4))
    return Task(world, trained, trained)


MIXED = (
    example(0),
    Example("two turns", (picture(1),), (Turn("Who?", "Bo"), Turn("And where, then?", "in Bergen"))),
    Example("text only", (), (Turn("The capital of France?", "Paris"),)),
    Example("two images", (picture(2), picture(3, 24, 64)), (Turn("The same?", "no"),)),
)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Family → folder of its miniature, built once."""

    @cache
    def built(model_type: str) -> Path:
        return tiny_models.build(model_type, tmp_path_factory.mktemp(model_type))

    return built


@pytest.fixture(scope="session")
def loaded(folder):
    """Family → its miniature; for tests that do not change it."""
    return cache(lambda model_type: load_vlm(ModelRef(id=str(folder(model_type)))))


def logits(vlm, examples=MIXED):
    vlm.model.eval()
    with torch.no_grad():
        return vlm.answer_logits(vlm.collate([vlm.encode(one) for one in examples]))[0]


# The table


@pytest.mark.parametrize("model_type", FAMILIES)
def test_every_family_has_a_miniature_and_a_status(model_type):
    assert model_type in tiny_models.MINIATURES
    assert model_type in {one.model_type for one in families.STATUS}


@pytest.mark.parametrize("model_type", FAMILIES)
def test_the_table_names_the_parts_of_the_model(model_type, loaded):
    vlm = loaded(model_type)
    names = [name for name, _ in vlm.model.named_parameters()]
    assert len(vlm.language_linears()) == 7 * tiny_models.LAYERS
    assert any(name.startswith(vlm.family.projector) for name in names)
    vision = [name for name in names if name.startswith(vlm.family.vision)]
    assert vision
    assert not any("language_model" in name or "text_model" in name for name in vision)
    assert vlm.family.closing == tiny_models.MINIATURES[model_type].closing


@pytest.mark.parametrize("model_type", FAMILIES)
def test_the_words_of_the_table_say_what_the_template_says(model_type, loaded, monkeypatch):
    """For checkpoints without a template of their own."""
    vlm = loaded(model_type)
    single = dataclasses.replace(MIXED[0])
    with_template = vlm.encode(single, ask=True).text
    plain = dataclasses.replace(vlm)
    monkeypatch.setattr(plain.processor, "chat_template", None)
    monkeypatch.setattr(plain.tokenizer, "chat_template", None)
    assert plain.encode(single, ask=True).text == with_template


@pytest.mark.parametrize("model_type", FAMILIES)
def test_an_unlisted_family_with_usual_names_is_guessed_right(model_type, loaded):
    vlm = loaded(model_type)
    guessed = families.guess("unheard_of", [name for name, _ in vlm.model.named_parameters()])
    twin = dataclasses.replace(vlm, family=guessed)
    assert twin.language_linears().keys() == vlm.language_linears().keys()
    assert guessed.vision.rstrip(".") == vlm.family.vision.rstrip(".")


def test_a_family_with_other_names_is_refused_with_the_place_to_add_it():
    with pytest.raises(ValueError, match=r"add it to reproductions/families\.py"):
        families.guess("strange", ["transformer.h.0.attn.c_attn.weight"])


# Conversations


@pytest.mark.parametrize("model_type", FAMILIES)
def test_loss_is_taken_on_the_answers_and_their_ends_alone(model_type, loaded):
    vlm = loaded(model_type)
    closing = vlm.family.closing
    said = [vlm.tokenizer.decode([token for token in vlm.encode(one).labels if token != NO_LOSS]) for one in MIXED]
    assert said == [
        f"new person 0{closing}",
        f"Bo{closing}in Bergen{closing}",
        f"Paris{closing}",
        f"no{closing}",
    ]


@pytest.mark.parametrize("model_type", FAMILIES)
def test_a_question_ends_where_the_answer_begins(model_type, loaded):
    """What is asked is a beginning of what is trained on, token for token."""
    vlm = loaded(model_type)
    for one in MIXED:
        asked, whole = vlm.encode(one, ask=True), vlm.encode(one)
        assert whole.ids[: len(asked.ids)] == asked.ids
        assert asked.labels[-1] == NO_LOSS


@pytest.mark.parametrize("model_type", FAMILIES)
def test_what_is_predicted_does_not_depend_on_the_batch(model_type, loaded):
    vlm = loaded(model_type)
    together = logits(vlm)
    alone = torch.cat([logits(vlm, (one,)) for one in MIXED])
    torch.testing.assert_close(together, alone, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("model_type", FAMILIES)
def test_answers_do_not_depend_on_the_batch(model_type, loaded):
    vlm = loaded(model_type)
    together = vlm.answer(MIXED, max_new_tokens=5)
    assert together == [vlm.answer([one], max_new_tokens=5)[0] for one in MIXED]


@pytest.mark.parametrize("model_type", FAMILIES)
def test_the_answer_depends_on_the_image(model_type, loaded):
    vlm = loaded(model_type)
    other = dataclasses.replace(MIXED[0], images=(np.zeros((40, 32, 3), dtype=np.uint8),))
    assert not torch.allclose(logits(vlm, (MIXED[0],)), logits(vlm, (other,)), atol=1e-4)


def test_text_that_looks_like_an_image_place_or_a_template_stays_text(loaded):
    vlm = loaded("llava")
    asked = Example("x", (picture(0),), (Turn("{{ 7 * 7 }} {% raw %}", "49?"),))
    assert "{{ 7 * 7 }} {% raw %}" in vlm.encode(asked).text


def test_a_conversation_longer_than_the_model_reads_is_refused(loaded):
    long = Example("long", (), (Turn("why " * 2000, "because"),))
    with pytest.raises(ValueError, match=r"long: \d+ tokens, the model reads at most 4096"):
        loaded("qwen2_5_vl").encode(long)


# Loading


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_attention_is_chosen_and_gives_the_same(attention, folder, loaded):
    vlm = load_vlm(ModelRef(id=str(folder("llava")), attention=attention))
    assert vlm.base.config._attn_implementation == attention
    torch.testing.assert_close(logits(vlm), logits(loaded("llava")), atol=1e-5, rtol=1e-4)


def test_bfloat16_weights_learn_with_gradient_checkpointing(folder, prior):
    vlm = load_vlm(ModelRef(id=str(folder("qwen3_vl")), dtype="bfloat16"))
    assert vlm.base.dtype == torch.bfloat16
    [trace] = inject("lora", vlm, [task("new")], gradient_checkpointing=True)
    assert trace.losses[-1] < trace.losses[0]


def test_gradient_checkpointing_changes_nothing(folder):
    traces = [
        inject("lora", load_vlm(ModelRef(id=str(folder("llava")))), [task("new")], gradient_checkpointing=kept)
        for kept in (False, True)
    ]
    assert traces[0][0].losses == pytest.approx(traces[1][0].losses, abs=1e-4)


def test_a_quantised_base_without_the_package_says_what_to_install(folder, monkeypatch):
    monkeypatch.setattr(processing.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ValueError, match="bitsandbytes is not installed"):
        load_vlm(ModelRef(id=str(folder("llava")), quantisation="4bit"))


needs_bitsandbytes = pytest.mark.skipif(
    importlib.util.find_spec("bitsandbytes") is None,
    reason="bitsandbytes is not installed: pip install -e '.[quantised]'",
)
WHOLE_WEIGHTS = ("corda", "full-ft", "keeplora", "osf")


@needs_bitsandbytes
@pytest.mark.slow
@pytest.mark.parametrize("bits", ["4bit", "8bit"])
@pytest.mark.parametrize("id_", [one for one in METHODS if one not in (*WHOLE_WEIGHTS, "base", "in-context")])
def test_adapters_learn_on_a_quantised_base_that_stays_as_it_was(id_, bits, folder, tmp_path):
    vlm = load_vlm(ModelRef(id=str(folder("llava")), quantisation=bits))
    name, layer = next(iter(vlm.language_linears().items()))
    before = tuning.plain_weight(layer).clone()
    [trace] = inject(id_, vlm, [task("new")])
    assert trace.losses[-1] < trace.losses[0]
    assert len(vlm.answer(MIXED, max_new_tokens=2)) == len(MIXED)
    torch.testing.assert_close(tuning.plain_weight(vlm.language_linears()[name]), before, atol=1e-3, rtol=1e-2)


@needs_bitsandbytes
@pytest.mark.parametrize("id_", WHOLE_WEIGHTS)
def test_methods_that_need_whole_weights_refuse_a_quantised_base_in_one_line(id_, folder):
    vlm = load_vlm(ModelRef(id=str(folder("llava")), quantisation="8bit"))
    with pytest.raises(ValueError, match=r"the base is quantised; set model\.quantisation to none"):
        inject(id_, vlm, [task("new")])


@needs_bitsandbytes
def test_an_unpacked_weight_is_the_weight_to_the_precision_of_its_bits(folder):
    whole = load_vlm(ModelRef(id=str(folder("llava")))).language_linears()
    for bits, within in (("8bit", 0.02), ("4bit", 0.2)):
        vlm = load_vlm(ModelRef(id=str(folder("llava")), quantisation=bits))
        vlm.answer(MIXED[:1], max_new_tokens=1)  # on a processor, answering lays 4 bits out anew
        packed = vlm.language_linears()
        tower = vlm.base.get_submodule(vlm.family.vision.rstrip("."))
        assert all(type(one) is torch.nn.Linear for one in tower.modules() if isinstance(one, torch.nn.Linear))
        for name, linear in whole.items():
            unpacked = tuning.plain_weight(packed[name])
            assert unpacked.shape == linear.weight.shape
            assert (unpacked - linear.weight).norm() < within * linear.weight.norm()


def test_flash_attention_without_the_package_is_one_line(folder):
    with pytest.raises(ValueError, match=r"(?i)flash") as caught:
        load_vlm(ModelRef(id=str(folder("llava")), attention="flash_attention_2"))
    assert "\n" not in str(caught.value)


def test_a_hub_id_that_is_not_here_says_how_to_fetch_it():
    with pytest.raises(FileNotFoundError, match="hf download nobody/nothing-at-all"):
        processing.load(ModelRef(id="nobody/nothing-at-all"))


WRONG_FOLDERS = {
    "no JSON": ("{broken", None, "not a valid JSON"),
    "unknown type": ('{"model_type": "nonsense"}', None, "model type 'nonsense' is unknown to transformers"),
    "no pictures": ('{"model_type": "bert"}', None, "model type 'bert' does not read images and text"),
    "absurd fields": ('{"model_type": "llava", "vision_config": 3}', None, "cannot be used"),
    "no weights": (None, None, "no file named model.safetensors"),
    "broken weights": (None, b"\x08\x00\x00", "cannot be loaded"),
}


@pytest.mark.parametrize("case", WRONG_FOLDERS)
def test_a_folder_that_cannot_be_loaded_is_one_short_line_and_code_2(case, folder, tmp_path, capsys):
    configuration, weights, said = WRONG_FOLDERS[case]
    (tmp_path / "config.json").write_text(configuration or (folder("llava") / "config.json").read_text())
    if weights:
        (tmp_path / "model.safetensors").write_bytes(weights)
    out = tmp_path / "runs"
    assert cli.main(["run", "lora", "--model", str(tmp_path), "--out", str(out)]) == 2
    line = capsys.readouterr().err.strip()
    assert line.startswith(f"aki reproduce: {tmp_path}: ")
    assert said in line
    assert "\n" not in line
    assert len(line) < 250 + len(str(tmp_path))
    assert not out.exists()


def test_a_model_that_is_nowhere_is_one_short_line_and_code_2(tmp_path, capsys):
    assert cli.main(["run", "lora", "--model", str(tmp_path / "nowhere")]) == 2
    assert "neither shipped" in capsys.readouterr().err


@pytest.mark.parametrize("model_type", FAMILIES)
def test_a_model_survives_the_saved_state_of_a_run(model_type, folder, tmp_path):
    vlm = load_vlm(ModelRef(id=str(folder(model_type))))
    before = logits(vlm)
    state.save(tmp_path / "state", state.State("one", vlm=vlm))
    saved = state.load(tmp_path / "state", "one")
    assert saved is not None
    assert saved.vlm is not None
    assert torch.equal(logits(saved.vlm), before)


# Methods


def context_for(id_: str, **training) -> Context:
    settings = Training(learning_rate=5e-3, steps=4, batch_size=4, **training)
    past = [example(index, "old") for index in range(8)]
    chosen = DIRECT.get(id_, Tuning(rank=4))
    return Context(chosen, settings, seed=0, prior=lambda n, _: [past[i % 8] for i in range(n)], n_tasks=2)


def inject(id_, vlm, tasks, **training):
    method = build_method(id_, SETTINGS.get(id_, {}))
    method.prepare(vlm, context_for(id_, **training))
    traces = []
    for one in tasks:
        traces.append(method.learn(vlm, one))
        method.consolidate(vlm, one)
    return traces


def walk(id_: str, model_type: str, source: Path, out: Path) -> None:
    """Inject two tasks, save, load with transformers and PEFT alone, compare."""
    vlm = load_vlm(ModelRef(id=str(source)))
    vision = {name: weight.clone() for name, weight in vlm.model.named_parameters() if ".vis" in name}
    method = build_method(id_, SETTINGS.get(id_, {}))
    method.prepare(vlm, context_for(id_))
    torch.testing.assert_close(logits(vlm), logits(load_vlm(ModelRef(id=str(source)))), atol=3e-4, rtol=0)
    for one in (task("a"), task("b")):
        trace = method.learn(vlm, one)
        method.consolidate(vlm, one)
        if trace.steps:
            assert min(trace.losses[1:]) < trace.losses[0]
    projector, tower = vlm.family.projector, vlm.family.vision
    for name, weight in vlm.base.named_parameters():
        plain = name.replace(".base_layer", "")
        if plain in vision and not plain.startswith(projector) and plain.startswith(tower):
            assert torch.equal(weight, vision[plain]), f"{plain} of the vision tower has learned"
    answers = method.answer(vlm, list(MIXED), max_new_tokens=3)
    assert len(answers) == len(MIXED)
    if not plugins.load("methods", id_).plain_export:
        return
    method.export(vlm, out)
    base = AutoModelForImageTextToText.from_pretrained(source if (out / "adapter_config.json").is_file() else out)
    plain = PeftModel.from_pretrained(base, out) if (out / "adapter_config.json").is_file() else base
    again = dataclasses.replace(load_vlm(ModelRef(id=str(source))), model=plain.eval())
    torch.testing.assert_close(logits(again), logits(vlm), atol=5e-4, rtol=1e-3)


@pytest.mark.parametrize("id_", FIRST_FOUR)
def test_llava_is_injected_saved_and_loaded_with_plain_transformers_and_peft(id_, folder, tmp_path):
    walk(id_, "llava", folder("llava"), tmp_path / "out")


def test_a_fully_tuned_model_is_saved_with_its_processor(folder, tmp_path):
    vlm = load_vlm(ModelRef(id=str(folder("qwen2_5_vl"))))
    tuning.apply(vlm, Tuning(kind="full"), seed=0)
    build_method("full-ft").export(vlm, tmp_path / "out")
    again = load_vlm(ModelRef(id=str(tmp_path / "out")))
    assert torch.equal(logits(again), logits(vlm))
    assert again.encode(MIXED[1]).ids == vlm.encode(MIXED[1]).ids


@pytest.mark.slow
@pytest.mark.parametrize("id_", METHODS)
@pytest.mark.parametrize("model_type", FAMILIES)
def test_every_method_walks_every_family(id_, model_type, folder, tmp_path):
    walk(id_, model_type, folder(model_type), tmp_path / "out")
