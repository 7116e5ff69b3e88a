"""Pretraining: the recipe runs, resumes to the same weights, and leaves a complete checkpoint."""

import json
from dataclasses import replace
from random import Random
from typing import Any

import pytest
import torch

from reproductions.lab import lessons, tiny_vlm
from reproductions.lab.chance import blind, exact_match
from reproductions.lab.pretraining import (
    RECIPES,
    Recipe,
    Stage,
    batches_of_similar_length,
    imitate_trained_attention,
    pretrain,
)
from reproductions.lab.warmup import WarmUp, warm_up
from reproductions.lab.world import DIMENSIONS, retention_questions
from reproductions.spec import ModelRef
from reproductions.vlm import lab_vlm, load_vlm, random_lab_vlm

BRIEF = Recipe(
    size="lab-tiny",
    warm_up=WarmUp(steps=3, batch_size=8, scenes=24),
    stages=(
        Stage("scenes-first", samples=24, steps=4, learning_rate=8e-4, horizon=1.3),
        Stage("more-reading", samples=24, steps=4, learning_rate=8e-4),
    ),
    batch_size=8,
)


@pytest.fixture(scope="module")
def brief(tmp_path_factory):
    out = tmp_path_factory.mktemp("pretrained") / "model"
    said = []
    pretrain("lab-tiny", 0, out, lambda *told: said.append(told), recipe=BRIEF, items=2)
    return out, said


def test_a_checkpoint_is_complete_and_loads(brief):
    out, _ = brief
    assert {path.name for path in out.iterdir()} >= {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "preprocessor_config.json",
        "recipe.json",
    }
    assert load_vlm(ModelRef(id=str(out))).digest() == json.loads((out / "recipe.json").read_text())["weights_digest"]
    assert [path.name for path in out.parent.iterdir()] == ["model"]


def test_the_recipe_says_what_was_done_and_reached(brief):
    facts = json.loads((brief[0] / "recipe.json").read_text())
    assert facts["command"] == "aki reproduce pretrain lab-tiny --seed 0"
    assert tuple(facts["reached"]["retention"]) == DIMENSIONS
    assert list(facts["stages"]) == ["vision-warm-up", "scenes-first", "more-reading"]
    assert facts["recipe"]["stages"][0]["steps"] == 4
    assert facts["cost"]["cpu_seconds"] > 0


def test_progress_is_told_after_every_step(brief):
    _, said = brief
    assert [(name, step, steps) for name, step, steps, _ in said] == [
        *(("vision-warm-up", step, 3) for step in (1, 2, 3)),
        *(("scenes-first", step, 4) for step in (1, 2, 3, 4)),
        *(("more-reading", step, 4) for step in (1, 2, 3, 4)),
    ]


def test_after_an_interruption_the_next_call_goes_on_to_the_same_weights(brief, tmp_path):
    def stop(stage: str, step: int, _steps: int, _loss: float) -> None:
        if (stage, step) == ("more-reading", 2):
            raise KeyboardInterrupt

    out = tmp_path / "again"
    with pytest.raises(KeyboardInterrupt):
        pretrain("lab-tiny", 0, out, stop, recipe=BRIEF, items=2)
    assert not out.exists()
    said = []
    pretrain("lab-tiny", 0, out, lambda *told: said.append(told), recipe=BRIEF, items=2)
    assert {stage for stage, *_ in said} == {"more-reading"}
    digests = [json.loads((folder / "recipe.json").read_text())["weights_digest"] for folder in (out, brief[0])]
    assert digests[0] == digests[1]


def test_stages_of_another_recipe_are_not_taken_up(tmp_path):
    def stop(stage: str, _step: int, _steps: int, _loss: float) -> None:
        if stage == "scenes-first":
            raise KeyboardInterrupt

    out = tmp_path / "model"
    with pytest.raises(KeyboardInterrupt):
        pretrain("lab-tiny", 0, out, stop, recipe=BRIEF, items=1)
    said = []
    other = replace(BRIEF, clip=0.5, stages=())
    pretrain("lab-tiny", 0, out, lambda *told: said.append(told), recipe=other, items=1)
    assert {stage for stage, *_ in said} == {"vision-warm-up"}


def test_another_seed_gives_other_weights(tmp_path):
    hardly = replace(BRIEF, warm_up=WarmUp(steps=1, batch_size=4, scenes=6), stages=())
    for seed in (0, 1):
        pretrain("lab-tiny", seed, tmp_path / f"{seed}", recipe=hardly, items=1)
    digests = {json.loads((tmp_path / seed / "recipe.json").read_text())["weights_digest"] for seed in "01"}
    assert len(digests) == 2


def test_nothing_is_overwritten(brief):
    with pytest.raises(FileExistsError, match="already there"):
        pretrain("lab-tiny", 0, brief[0])


def test_an_unknown_recipe_is_refused(tmp_path):
    with pytest.raises(ValueError, match="there are: lab-tiny, lab-base"):
        pretrain("lab-huge", 0, tmp_path / "x")


def test_mimetic_attention_looks_for_what_is_like_itself():
    vlm = random_lab_vlm(0)
    imitate_trained_attention(vlm, 0)
    attention = vlm.base.model.language_model.layers[0].self_attn
    query, key = attention.q_proj.weight, attention.k_proj.weight
    assert torch.nn.functional.cosine_similarity(query.flatten(), key.flatten(), dim=0) > 0.9
    through = attention.o_proj.weight @ attention.v_proj.weight
    torch.testing.assert_close(through, 0.5 * torch.eye(128), atol=1e-5, rtol=0)


def test_batches_cover_every_sample_once_and_keep_lengths_together():
    vlm = random_lab_vlm(0)
    encoded = [vlm.encode(example) for example in lessons.teach(200, lessons.EVERYTHING, "x")]
    batches = batches_of_similar_length(encoded, 8, Random(0))
    assert sorted(index for batch in batches for index in batch) == list(range(200))
    padded = sum(len(batch) * max(len(encoded[index].ids) for index in batch) for batch in batches)
    assert padded < 1.15 * sum(len(one.ids) for one in encoded)


def test_warm_up_lowers_its_loss_also_where_patches_are_finer_than_the_grid(monkeypatch):
    small = replace(tiny_vlm.SIZES["lab-tiny"], patch=8, layers=1)
    monkeypatch.setitem(tiny_vlm.SIZES, "fine", small)
    losses = []
    warm_up(lab_vlm(tiny_vlm.build("fine", 0)), WarmUp(12, 2e-3, 16, 48), 0, lambda _s, _n, loss: losses.append(loss))
    assert losses[-1] < losses[0]


def test_lab_base_is_between_30_and_150_million_parameters():
    with torch.device("meta"):
        model = tiny_vlm.build("lab-base", 0)
    assert 30e6 < sum(parameter.numel() for parameter in model.parameters()) < 150e6
    assert RECIPES["lab-base"].size == "lab-base"


SHIPPED = sorted(tiny_vlm.CHECKPOINTS.glob("lab-tiny/seed-*"))


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_a_shipped_checkpoint_is_what_its_recipe_says(folder):
    facts = json.loads((folder / "recipe.json").read_text())
    vlm = load_vlm(ModelRef(id=f"lab-tiny@{folder.name}"))
    assert vlm.digest() == facts["weights_digest"]
    assert facts["reached"]["mean"] >= 0.85
    questions = retention_questions(20, world="validation", seed=5)
    assert sum(exact_match(vlm, questions).values()) / 7 > 0.8
    assert sum(blind(vlm, questions, seed=0).values()) / 7 < 0.35


def test_three_checkpoints_are_shipped():
    assert [folder.name for folder in SHIPPED] == ["seed-0", "seed-1", "seed-2"]


def test_a_shipped_checkpoint_answers_in_plain_transformers():
    from PIL import Image
    from transformers import AutoTokenizer, CLIPImageProcessorPil, LlavaForConditionalGeneration

    first = tiny_vlm.CHECKPOINTS / "lab-tiny" / "seed-0"
    model: Any = LlavaForConditionalGeneration.from_pretrained(first, attn_implementation="sdpa").eval()
    tokenizer = AutoTokenizer.from_pretrained(first)
    pictures = CLIPImageProcessorPil.from_pretrained(first)
    asked = retention_questions(2, seed=1)
    questions = [example for dimension in DIMENSIONS if dimension != "M-IDU" for example in asked[dimension]]
    ours = load_vlm(ModelRef(id=f"lab-tiny@{first.name}"))
    for example in questions:
        text = f"<bos><user>{'<image>' * 16}{example.turns[-1].question}<asst>"
        inputs = tokenizer(text, return_tensors="pt", add_special_tokens=False, return_token_type_ids=False)
        pixels = pictures(Image.fromarray(example.images[0]), return_tensors="pt")["pixel_values"]
        output = model.generate(**inputs, pixel_values=pixels, max_new_tokens=24, do_sample=False)
        answer = tokenizer.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        assert [answer] == ours.answer([example])
