"""The narrow door: encoding, collating, loss, answering, weights."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from peft import LoraConfig, get_peft_model

from reproductions.examples import Example, Turn
from reproductions.lab import world
from reproductions.spec import ModelRef
from reproductions.vlm import NO_LOSS, VLM, load_vlm, random_lab_vlm


@pytest.fixture(scope="module")
def vlm() -> VLM:
    return random_lab_vlm(0)


@pytest.fixture(scope="module")
def mixed() -> list[Example]:
    asked = world.retention_questions(6, seed=3)
    return [example for examples in asked.values() for example in examples]


def picture(seed: int = 0):
    return np.random.default_rng(seed).integers(0, 255, (64, 64, 3), dtype=np.uint8)


def words_with_loss(vlm: VLM, example: Example, **options) -> list[str]:
    encoded = vlm.encode(example, **options)
    assert all(label in (NO_LOSS, token) for token, label in zip(encoded.ids, encoded.labels, strict=True))
    return [str(vlm.tokenizer.decode([label])) for label in encoded.labels if label != NO_LOSS]


def test_every_answer_word_and_its_end_is_learned(vlm):
    example = Example("x", (picture(),), (Turn("where does it live ?", "old harbor"), Turn("what color ?", "red")))
    assert words_with_loss(vlm, example) == ["old", "harbor", "<eos>", "red", "<eos>"]


def test_words_that_are_only_looked_up_carry_no_loss(vlm):
    turn = Turn("what color ?", "circle red square blue", (False, True, False, True))
    assert words_with_loss(vlm, Example("x", (picture(),), (turn,))) == ["red", "blue", "<eos>"]


def test_an_asked_example_ends_where_the_last_answer_begins(vlm):
    example = Example("x", (picture(),), (Turn("where does it live ?", "old harbor"), Turn("what color ?", "red")))
    asked = vlm.encode(example, ask=True)
    whole = vlm.encode(example)
    assert asked.ids == whole.ids[: len(asked.ids)]
    assert vlm.tokenizer.decode([asked.ids[-1]]) == "<asst>"
    assert words_with_loss(vlm, example, ask=True) == ["old", "harbor", "<eos>"]


def test_an_image_takes_its_tokens_and_two_images_are_introduced_by_number(vlm):
    example = Example("x", (picture(0), picture(1)), (Turn("which image has more objects ?", "same"),))
    text = str(vlm.tokenizer.decode(vlm.encode(example).ids)).split()
    assert text.count("<image>") == 32
    assert text[:3] == ["<bos>", "<user>", "first"]
    assert text[19] == "second"


def test_a_word_outside_the_vocabulary_is_named(vlm):
    with pytest.raises(ValueError, match=r"x: 'elephant' is not a word"):
        vlm.encode(Example("x", (picture(),), (Turn("where is the elephant ?", "old harbor"),)))


def test_an_image_of_another_size_is_refused(vlm):
    small = Example("x", (picture()[:32],), (Turn("what color ?", "red"),))
    with pytest.raises(ValueError, match="resize it first"):
        vlm.collate([vlm.encode(small)])


def test_padding_changes_neither_loss_nor_gradient(vlm, mixed):
    encoded = [vlm.encode(example) for example in mixed[:8]]
    logits, labels = vlm.answer_logits(vlm.collate(encoded))
    alone = [vlm.answer_logits(vlm.collate([one])) for one in encoded]
    assert torch.equal(labels, torch.cat([one for _, one in alone]))
    torch.testing.assert_close(logits, torch.cat([one for one, _ in alone]), atol=1e-5, rtol=1e-5)


def test_loss_is_the_one_transformers_computes(vlm, mixed):
    batch = vlm.collate([vlm.encode(example) for example in mixed[:8]])
    theirs = vlm.model(**batch.inputs, labels=batch.labels).loss
    torch.testing.assert_close(vlm.loss(batch), theirs, atol=1e-5, rtol=1e-5)


def test_batch_says_which_tokens_are_real(vlm, mixed):
    encoded = [vlm.encode(example) for example in mixed]
    for side in ("left", "right"):
        batch = vlm.collate(encoded, side=side)
        assert batch.mask.sum(1).tolist() == [len(one.ids) for one in encoded]
        assert (batch.inputs["input_ids"][~batch.mask] == vlm.tokenizer.pad_token_id).all()


def test_batched_answers_equal_answers_one_by_one(vlm, mixed):
    assert vlm.answer(mixed, max_new_tokens=8) == vlm.answer(mixed, max_new_tokens=8, batch_size=1)


def test_answering_leaves_training_mode_as_it_was(vlm, mixed):
    vlm.model.train()
    vlm.answer(mixed[:2], max_new_tokens=2)
    assert vlm.model.training
    vlm.model.eval()


def test_bfloat16_training_gives_nearly_the_same_loss(vlm, mixed):
    batch = vlm.collate([vlm.encode(example) for example in mixed])
    with vlm.autocast():
        fast = vlm.loss(batch)
    torch.testing.assert_close(fast, vlm.loss(batch), atol=0.05, rtol=0.02)


def test_same_seed_same_weights_other_seed_others(vlm):
    before = torch.get_rng_state()
    assert random_lab_vlm(0).digest() == vlm.digest()
    assert random_lab_vlm(1).digest() != vlm.digest()
    assert torch.equal(before, torch.get_rng_state())


def test_a_copy_is_independent(vlm):
    twin = vlm.copy()
    assert twin.digest() == vlm.digest()
    with torch.no_grad():
        next(iter(twin.language_linears().values())).weight.add_(1)
    assert twin.digest() != vlm.digest()
    assert random_lab_vlm(0).digest() == vlm.digest()


def test_linear_layers_have_the_same_names_and_weights_below_a_peft_wrapping(vlm, mixed):
    twin = vlm.copy()
    plain = vlm.language_linears()
    twin.model = get_peft_model(twin.model, LoraConfig(r=4, target_modules=twin.family.language_linears))
    wrapped = twin.language_linears()
    assert list(wrapped) == list(plain)
    assert len(plain) == 3 * 7
    assert all(torch.equal(wrapped[name].weight, plain[name].weight) for name in plain)
    batch = vlm.collate([vlm.encode(example) for example in mixed[:4]])
    torch.testing.assert_close(twin.loss(batch), vlm.loss(batch))
    assert twin.answer(mixed[:4], max_new_tokens=4) == vlm.answer(mixed[:4], max_new_tokens=4)


def test_attention_linears_are_a_part_of_the_language_linears(vlm):
    attention = replace(vlm, family=replace(vlm.family, language_linears=vlm.family.attention_linears))
    assert len(attention.language_linears()) == 3 * 4
    assert set(attention.language_linears()) < set(vlm.language_linears())


def test_prefixes_divide_the_parameters(vlm):
    names = [name for name, _ in vlm.base.named_parameters()]
    for prefix in (vlm.family.vision, vlm.family.projector):
        assert any(name.startswith(prefix) for name in names)


def test_training_one_batch_lowers_its_loss_and_is_repeatable(mixed):
    def learn() -> tuple[float, float, str]:
        vlm = random_lab_vlm(5)
        batch = vlm.collate([vlm.encode(example) for example in mixed[:8]])
        optimizer = torch.optim.AdamW(vlm.model.parameters(), lr=1e-3)
        losses = []
        for _ in range(4):
            with vlm.autocast():
                loss = vlm.loss(batch)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            losses.append(float(loss.detach()))
        return losses[0], losses[-1], vlm.digest()

    first, last, digest = learn()
    assert last < first
    assert learn() == (first, last, digest)


def test_an_unknown_model_is_refused_with_what_there_is():
    with pytest.raises(FileNotFoundError, match="no model 'lab-tiny@seed-99'"):
        load_vlm(ModelRef(id="lab-tiny@seed-99"))


def test_a_saved_model_loads_as_the_same_model(vlm, mixed, tmp_path):
    import json

    from reproductions.lab.tiny_vlm import preprocessing

    vlm.base.save_pretrained(tmp_path)
    vlm.tokenizer.save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(preprocessing(64)))
    again = load_vlm(ModelRef(id=str(tmp_path)))
    assert again.digest() == vlm.digest()
    assert again.family.name == "lab"
    assert again.answer(mixed[:4], max_new_tokens=4) == vlm.answer(mixed[:4], max_new_tokens=4)


def test_the_world_needs_no_torch():
    code = "import sys, reproductions.lab.world; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_cross_entropy_is_over_answer_tokens_only(vlm):
    example = Example("x", (picture(),), (Turn("where does it live ?", "old harbor"),))
    logits, labels = vlm.answer_logits(vlm.collate([vlm.encode(example)]))
    assert logits.shape == (3, len(vlm.tokenizer))
    assert logits.dtype == torch.float32
    torch.testing.assert_close(vlm.loss(vlm.collate([vlm.encode(example)])), F.cross_entropy(logits, labels))
