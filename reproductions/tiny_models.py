"""Randomly initialised miniatures of real families: their exact architectures, processors and file layouts, two layers.

They know nothing and answer noise. They are for walking a path end to end before a night on a GPU is spent on it:
every method, save and load, distributed launches, the harness. The tokenizer has one token per byte, so any text works.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, processors
from tokenizers.pre_tokenizers import ByteLevel
from transformers import PreTrainedTokenizerFast

from reproductions.vlm import Untyped

hf: Untyped = transformers
PADDING = "<pad>"
WIDTH, HEADS, LAYERS, SIDE, PATCH = 64, 4, 2, 28, 14
CHATML_TEMPLATE = """\
{% for message in messages %}<|im_start|>{{ message.role }}
{% for part in message.content %}{% if part.type == 'image' %}IMAGE{% else %}{{ part.text }}{% endif %}{% endfor %}\
<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
LLAVA_TEMPLATE = """\
{% for message in messages %}{{ message.role.upper() + ': ' }}{% for part in message.content %}\
{% if part.type == 'image' %}<image>
{% elif message.role == 'user' %}{{ part.text + ' ' }}{% else %}{{ part.text + ' ' }}{% endif %}{% endfor %}\
{% endfor %}{% if add_generation_prompt %}ASSISTANT:{% endif %}"""
QWEN_SYSTEM = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
IDEFICS_TEMPLATE = """\
OPENING{% for message in messages %}{{ message.role.capitalize() }}{% if message.content[0].type == 'image' %}:\
{% else %}: {% endif %}{% for part in message.content %}{% if part.type == 'image' %}<image>{% else %}{{ part.text }}\
{% endif %}{% endfor %}<end_of_utterance>
{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"""
GEMMA_TEMPLATE = """\
<bos>{% for message in messages %}<start_of_turn>{{ 'model' if message.role == 'assistant' else message.role }}
{% for part in message.content %}{% if part.type == 'image' %}<start_of_image>{% else %}{{ part.text | trim }}\
{% endif %}{% endfor %}<end_of_turn>
{% endfor %}{% if add_generation_prompt %}<start_of_turn>model
{% endif %}"""


@dataclass(frozen=True)
class Miniature:
    """How to build one family in miniature."""

    model_type: str
    config: Callable[[dict[str, int]], Untyped]
    """Token → id, to the model's configuration."""
    image_processor: Callable[[], Untyped]
    template: str
    closing: str
    processor: str
    named: dict[str, str] = field(default_factory=dict)
    """Special tokens with names, as attributes of the tokenizer."""
    others: tuple[str, ...] = ()
    """Special tokens without names."""
    opening: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    """Of the processor."""


def _text(**more: Untyped) -> dict[str, Any]:
    shape = {"hidden_size": WIDTH, "intermediate_size": 2 * WIDTH, "num_hidden_layers": LAYERS}
    heads = {"num_attention_heads": HEADS, "num_key_value_heads": HEADS // 2, "max_position_embeddings": 4096}
    return {**shape, **heads, "vocab_size": 320, "initializer_range": 0.05, **more}


def _vision(**more: Untyped) -> dict[str, Any]:
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    return {**shape, "image_size": SIDE, "patch_size": PATCH, **more}


def _rope() -> dict[str, Any]:
    return {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [2, 3, 3]}


def _llava(ids: dict[str, int]) -> Untyped:
    return hf.LlavaConfig(
        vision_config=hf.CLIPVisionConfig(**_vision()),
        text_config=hf.LlamaConfig(**_text()),
        image_token_index=ids["<image>"],
        image_seq_length=4,
    )


def _llava_onevision(ids: dict[str, int]) -> Untyped:
    return hf.LlavaOnevisionConfig(
        vision_config=hf.SiglipVisionConfig(**_vision(vision_use_head=False)),
        text_config=hf.Qwen2Config(**_text()),
        image_token_index=ids["<image>"],
        video_token_index=ids["<video>"],
        image_grid_pinpoints=[[SIDE, SIDE], [SIDE, 2 * SIDE], [2 * SIDE, SIDE], [2 * SIDE, 2 * SIDE]],
    )


def _qwen_ids(ids: dict[str, int]) -> dict[str, int]:
    names = {"image": "<|image_pad|>", "video": "<|video_pad|>"}
    ends = {"vision_start": "<|vision_start|>", "vision_end": "<|vision_end|>"}
    return {f"{name}_token_id": ids[token] for name, token in {**names, **ends}.items()}


def _qwen2_5_vl(ids: dict[str, int]) -> Untyped:
    vision = {"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": WIDTH}
    return hf.Qwen2_5_VLConfig(
        text_config=_text(rope_parameters=_rope(), bos_token_id=None, eos_token_id=ids["<|im_end|>"]),
        vision_config={**vision, "patch_size": PATCH, "window_size": 4 * PATCH, "fullatt_block_indexes": [1]},
        **_qwen_ids(ids),
    )


def _qwen3_vl(ids: dict[str, int]) -> Untyped:
    vision = {"depth": 3, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": WIDTH}
    return hf.Qwen3VLConfig(
        text_config=_text(rope_parameters=_rope(), head_dim=16, bos_token_id=None, eos_token_id=ids["<|im_end|>"]),
        vision_config={**vision, "patch_size": 16, "deepstack_visual_indexes": [0, 1], "num_position_embeddings": 64},
        **_qwen_ids(ids),
    )


def _internvl(ids: dict[str, int]) -> Untyped:
    return hf.InternVLConfig(
        vision_config=_vision(image_size=[SIDE, SIDE], patch_size=[PATCH, PATCH]),
        text_config=hf.Qwen2Config(**_text()),
        image_token_id=ids["<IMG_CONTEXT>"],
        image_seq_length=1,
        downsample_ratio=0.5,
    )


def _idefics3(ids: dict[str, int]) -> Untyped:
    return hf.Idefics3Config(
        vision_config=_vision(image_size=2 * SIDE),
        text_config=hf.LlamaConfig(**_text()),
        image_token_id=ids["<image>"],
        scale_factor=2,
        pad_token_id=ids["<pad>"],
    )


def _smolvlm(ids: dict[str, int]) -> Untyped:
    return hf.SmolVLMConfig(
        vision_config=_vision(image_size=2 * SIDE),
        text_config=hf.LlamaConfig(**_text()),
        image_token_id=ids["<image>"],
        scale_factor=2,
        pad_token_id=ids["<pad>"],
    )


def _gemma3(ids: dict[str, int]) -> Untyped:
    return hf.Gemma3Config(
        vision_config=hf.SiglipVisionConfig(**_vision(vision_use_head=False)),
        text_config=hf.Gemma3TextConfig(**_text(head_dim=16, sliding_window=512)),
        image_token_index=ids["<image_soft_token>"],
        boi_token_index=ids["<start_of_image>"],
        eoi_token_index=ids["<end_of_image>"],
        mm_tokens_per_image=4,
    )


def _square(kind: str, side: int = SIDE, **more: Untyped) -> Callable[[], Untyped]:
    def make() -> Untyped:
        return getattr(hf, kind)(size={"height": side, "width": side}, **more)

    return make


def _clip() -> Untyped:
    side = {"height": SIDE, "width": SIDE}
    return hf.CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size=side)


def _onevision_images() -> Untyped:
    pinpoints = [[SIDE, SIDE], [SIDE, 2 * SIDE], [2 * SIDE, SIDE], [2 * SIDE, 2 * SIDE]]
    return hf.LlavaOnevisionImageProcessor(size={"height": SIDE, "width": SIDE}, image_grid_pinpoints=pinpoints)


def _qwen_images(patch: int) -> Callable[[], Untyped]:
    def make() -> Untyped:
        size = {"shortest_edge": (2 * patch) ** 2, "longest_edge": (4 * patch) ** 2}
        return hf.Qwen2VLImageProcessor(patch_size=patch, merge_size=2, temporal_patch_size=2, size=size)

    return make


def _tiled(kind: str) -> Callable[[], Untyped]:
    def make() -> Untyped:
        side = {"longest_edge": 2 * SIDE}
        return getattr(hf, kind)(size=side, max_image_size=side, do_image_splitting=False)

    return make


_QWEN_NAMED = {
    "image_token": "<|image_pad|>",
    "video_token": "<|video_pad|>",
    "vision_start_token": "<|vision_start|>",
    "vision_end_token": "<|vision_end|>",
}
_QWEN_TEMPLATE = CHATML_TEMPLATE.replace("IMAGE", "<|vision_start|><|image_pad|><|vision_end|>")


def _qwen(
    model_type: str, config: Callable[[dict[str, int]], Untyped], patch: int, processor: str, *, opening: str = ""
) -> Miniature:
    return Miniature(
        model_type=model_type,
        config=config,
        image_processor=_qwen_images(patch),
        template=opening + _QWEN_TEMPLATE,
        closing="<|im_end|>",
        processor=processor,
        named=_QWEN_NAMED,
        others=("<|im_start|>",),
    )


_IDEFICS_SPECIAL = {
    "image_token": "<image>",
    "fake_image_token": "<fake_token_around_image>",
    "global_image_token": "<global-img>",
    "end_of_utterance_token": "<end_of_utterance>",
}
MINIATURES = {
    one.model_type: one
    for one in (
        Miniature(
            model_type="llava",
            config=_llava,
            image_processor=_clip,
            template=LLAVA_TEMPLATE,
            closing="</s>",
            processor="LlavaProcessor",
            named={"image_token": "<image>"},
            opening="<s>",
            settings={
                "patch_size": PATCH,
                "vision_feature_select_strategy": "default",
                "num_additional_image_tokens": 1,
            },
        ),
        Miniature(
            model_type="llava_onevision",
            config=_llava_onevision,
            image_processor=_onevision_images,
            template=CHATML_TEMPLATE.replace("IMAGE", "<image>\n"),
            closing="<|im_end|>",
            processor="LlavaOnevisionProcessor",
            named={"image_token": "<image>", "video_token": "<video>"},
            others=("<|im_start|>",),
            settings={"num_image_tokens": 4, "vision_feature_select_strategy": "full"},
        ),
        _qwen("qwen2_5_vl", _qwen2_5_vl, PATCH, "Qwen2_5_VLProcessor", opening=QWEN_SYSTEM),
        _qwen("qwen3_vl", _qwen3_vl, 16, "Qwen3VLProcessor"),
        Miniature(
            model_type="internvl",
            config=_internvl,
            image_processor=_square("GotOcr2ImageProcessor", max_patches=2),
            template=CHATML_TEMPLATE.replace("IMAGE", "<IMG_CONTEXT>\n"),
            closing="<|im_end|>",
            processor="InternVLProcessor",
            named={
                "start_image_token": "<img>",
                "end_image_token": "</img>",
                "context_image_token": "<IMG_CONTEXT>",
                "video_token": "<video>",
            },
            others=("<|im_start|>",),
            settings={"image_seq_length": 1},
        ),
        Miniature(
            model_type="idefics3",
            config=_idefics3,
            image_processor=_tiled("Idefics3ImageProcessor"),
            template=IDEFICS_TEMPLATE.replace("OPENING", "<|begin_of_text|>"),
            closing="<end_of_utterance>",
            processor="Idefics3Processor",
            named=_IDEFICS_SPECIAL,
            opening="<|begin_of_text|>",
            settings={"image_seq_len": 4},
        ),
        Miniature(
            model_type="smolvlm",
            config=_smolvlm,
            image_processor=_tiled("SmolVLMImageProcessor"),
            template=IDEFICS_TEMPLATE.replace("OPENING", "<|im_start|>"),
            closing="<end_of_utterance>",
            processor="SmolVLMProcessor",
            named=_IDEFICS_SPECIAL | {"video_token": "<video>"},
            others=("<|im_start|>",),
            settings={"image_seq_len": 4},
        ),
        Miniature(
            model_type="gemma3",
            config=_gemma3,
            image_processor=_square("Gemma3ImageProcessor"),
            template=GEMMA_TEMPLATE,
            closing="<end_of_turn>",
            processor="Gemma3Processor",
            named={
                "boi_token": "<start_of_image>",
                "eoi_token": "<end_of_image>",
                "image_token": "<image_soft_token>",
            },
            others=("<start_of_turn>",),
            opening="<bos>",
            settings={"image_seq_length": 4},
        ),
    )
}
"""`model_type` → miniature; the same keys as `families.FAMILIES`."""


def build(model_type: str, folder: Path, *, seed: int = 0) -> Path:
    """Write a miniature in the layout of a checkpoint on the hub; the same for the same seed.

    Raises:
        LookupError: no miniature of that family.
    """
    if model_type not in MINIATURES:
        raise LookupError(f"no miniature of '{model_type}'; there are: {', '.join(sorted(MINIATURES))}")
    mini = MINIATURES[model_type]
    tokens = tokenizer(mini)
    ids = {token: index for token, index in tokens.get_vocab().items() if index >= 256}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: Untyped = hf.AutoModelForImageTextToText.from_config(mini.config(ids))
        for weight in model.parameters():
            # Gemma 3's projection starts at zero, through which no image would be seen.
            if weight.ndim > 1 and not weight.any():
                torch.nn.init.normal_(weight, std=0.05)
    generation = model.generation_config
    generation.eos_token_id, generation.pad_token_id, generation.bos_token_id = (
        ids[mini.closing],
        tokens.pad_token_id,
        tokens.bos_token_id,
    )
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokens.save_pretrained(folder)
    mini.image_processor().save_pretrained(folder)
    (folder / "chat_template.jinja").write_text(mini.template, encoding="utf-8")
    facts = {"processor_class": mini.processor, **mini.settings}
    (folder / "processor_config.json").write_text(json.dumps(facts, indent=2), encoding="utf-8")
    return folder


def tokenizer(mini: Miniature) -> PreTrainedTokenizerFast:
    """One token per byte, and the family's special tokens."""
    alphabet = {character: index for index, character in enumerate(sorted(ByteLevel.alphabet()))}
    plain = Tokenizer(models.BPE(vocab=alphabet, merges=[]))
    plain.pre_tokenizer = ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    tokens = PreTrainedTokenizerFast(
        tokenizer_object=plain,
        bos_token=mini.opening,
        eos_token=mini.closing,
        pad_token=PADDING,
        extra_special_tokens=dict(mini.named),
    )
    tokens.add_special_tokens({"additional_special_tokens": list(mini.others)})
    if mini.opening:
        opening = (mini.opening, tokens.convert_tokens_to_ids(mini.opening))
        tokens.backend_tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{mini.opening} $A", special_tokens=[opening]
        )
    return tokens
