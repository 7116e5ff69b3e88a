"""Facts per model family, in one table: what the parts are called, what ends an answer, what it was verified on.

Layers are named as transformers 5 names them. The chat template is a checkpoint's own, read from its processor; the
words in this table stand in where a checkpoint has none. A model of another family is looked at: if its language model
has the usual names it is taken as it is, else there is one clear error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from reproductions.vlm import LLAVA_15, Family

_ATTENTION = r"self_attn\.(q_proj|k_proj|v_proj|o_proj)"
_MLP = r"mlp\.(gate_proj|up_proj|down_proj)"
_CHATML = {"user": "<|im_start|>user\n", "assistant": "<|im_end|>\n<|im_start|>assistant\n", "closing": "<|im_end|>"}


def _family(name: str, language: str, projector: str, vision: str, *, image: str, **words: str) -> Family:
    """A family whose decoder layers are called as Llama's."""
    layer = rf"model\.{language}\.layers\.\d+\."
    plain = {"opening": "", "user": "", "assistant": "", "closing": "", "after_image": "\n"}
    return replace(
        LLAVA_15,
        name=name,
        language_linears=layer + rf"({_ATTENTION}|{_MLP})",
        attention_linears=layer + _ATTENTION,
        projector=projector,
        vision=vision,
        image_token=image,
        name_images=False,
        **(plain | words),
    )


FAMILIES: dict[str, Family] = {
    "llava": _family(
        "llava-1.5",
        "language_model",
        "model.multi_modal_projector.",
        "model.vision_tower.",
        image="<image>",
        user="USER: ",
        assistant=" ASSISTANT: ",
        closing="</s>",
    ),
    "llava_onevision": _family(
        "llava-onevision",
        "language_model",
        "model.multi_modal_projector.",
        "model.vision_tower.",
        image="<image>",
        **_CHATML,
    ),
    "qwen2_5_vl": _family(
        "qwen2.5-vl",
        "language_model",
        "model.visual.merger.",
        "model.visual.",
        image="<|vision_start|><|image_pad|><|vision_end|>",
        **(_CHATML | {"opening": "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n", "after_image": ""}),
    ),
    "qwen3_vl": _family(
        "qwen3-vl",
        "language_model",
        "model.visual.merger.",
        "model.visual.",
        image="<|vision_start|><|image_pad|><|vision_end|>",
        **(_CHATML | {"after_image": ""}),
    ),
    "internvl": _family(
        "internvl",
        "language_model",
        "model.multi_modal_projector.",
        "model.vision_tower.",
        image="<IMG_CONTEXT>",
        **_CHATML,
    ),
    "idefics3": _family(
        "idefics3",
        "text_model",
        "model.connector.",
        "model.vision_model.",
        image="<image>",
        opening="<|begin_of_text|>",
        user="User:",
        assistant="<end_of_utterance>\nAssistant: ",
        closing="<end_of_utterance>",
        after_image="",
    ),
    "smolvlm": _family(
        "smolvlm",
        "text_model",
        "model.connector.",
        "model.vision_model.",
        image="<image>",
        opening="<|im_start|>",
        user="User:",
        assistant="<end_of_utterance>\nAssistant: ",
        closing="<end_of_utterance>",
        after_image="",
    ),
    "gemma3": _family(
        "gemma-3",
        "language_model",
        "model.multi_modal_projector.",
        "model.vision_tower.",
        image="<start_of_image>",
        opening="<bos>",
        user="<start_of_turn>user\n",
        assistant="<end_of_turn>\n<start_of_turn>model\n",
        closing="<end_of_turn>",
        after_image="",
    ),
}
"""`model_type` of the configuration → facts. Every one of them goes through every method in the contract tests."""


@dataclass(frozen=True)
class Status:
    """How far a family has been walked, for the documentation."""

    model_type: str
    example: str
    """A hub id of that family that the facts are meant for."""
    tiny: Literal["all methods"] = "all methods"
    real: Literal["not run"] = "not run"
    """On pretrained weights."""


STATUS = (
    Status("llava", "llava-hf/llava-1.5-7b-hf"),
    Status("llava_onevision", "llava-hf/llava-onevision-qwen2-7b-ov-hf"),
    Status("qwen2_5_vl", "Qwen/Qwen2.5-VL-7B-Instruct"),
    Status("qwen3_vl", "Qwen/Qwen3-VL-8B-Instruct"),
    Status("internvl", "OpenGVLab/InternVL3-8B-hf"),
    Status("idefics3", "HuggingFaceM4/Idefics3-8B-Llama3"),
    Status("smolvlm", "HuggingFaceTB/SmolVLM2-2.2B-Instruct"),
    Status("gemma3", "google/gemma-3-4b-it"),
)

_LANGUAGE = re.compile(rf"(?P<stem>(?:[\w.]+\.)?(?:language_model|text_model)\.(?:model\.)?layers)\.\d+\.{_ATTENTION}")
_PROJECTORS = ("multi_modal_projector", "connector", "merger", "aligner", "mm_projector")
_VISIONS = ("vision_tower", "vision_model", "visual", "vision_encoder")


def family_for(model_type: str, names: Iterable[str]) -> Family:
    """The family's facts; for an unknown one, what the names of the model's parameters tell.

    Raises:
        ValueError: the language model's layers cannot be told; the message says what to add where.
    """
    return FAMILIES.get(model_type) or guess(model_type, list(names))


def guess(model_type: str, names: list[str]) -> Family:
    """Facts of an unknown family, from its parameters' names."""
    found = next((match for name in names for match in [_LANGUAGE.match(name)] if match), None)
    if found is None:
        raise ValueError(
            f"model type '{model_type}' is unknown and its language layers are not called as usual; "
            f"add it to reproductions/families.py (known: {', '.join(sorted(FAMILIES))})"
        )
    layer = re.escape(found["stem"]) + r"\.\d+\."
    return replace(
        LLAVA_15,
        name=model_type.replace("_", "-"),
        language_linears=layer + rf"({_ATTENTION}|{_MLP})",
        attention_linears=layer + _ATTENTION,
        projector=_prefix(names, _PROJECTORS) or "no projector",
        vision=_prefix(names, _VISIONS) or "no vision tower",
        name_images=False,
    )


def _prefix(names: list[str], parts: tuple[str, ...]) -> str | None:
    """The shortest prefix of a parameter name that ends in one of the parts."""
    found = {
        ".".join(pieces[: index + 1]) + "."
        for name in names
        for pieces in [name.split(".")]
        for index, piece in enumerate(pieces[:-1])
        if piece in parts
    }
    return min(found, key=len) if found else None
