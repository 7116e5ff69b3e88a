"""The laboratory's vision-language models: LLaVA's own classes, small enough for a laptop.

One recipe in two sizes. `lab-tiny` (about 1 M parameters) is shipped pretrained; `lab-base` (GPU) is a configuration.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import (
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    PreTrainedTokenizerFast,
)

from reproductions.lab import vocabulary as v

CHECKPOINTS = Path(__file__).parent / "checkpoints"
PIXEL_MEAN, PIXEL_STD = 110 / 255, 70 / 255
"""How pixels in [0, 1] are normalised; the same for the three channels."""


@dataclass(frozen=True)
class Size:
    """Widths and depths of one laboratory model. Attention heads are 32 wide."""

    width: int
    layers: int
    mlp: int
    vision_width: int
    vision_layers: int
    vision_mlp: int
    patch: int = 16
    """Pixels; an image of `image` pixels gives (image / patch)² tokens."""
    image: int = 64
    initial_std: float = 0.05


SIZES = {
    "lab-tiny": Size(width=128, layers=3, mlp=320, vision_width=128, vision_layers=2, vision_mlp=256),
    "lab-base": Size(width=512, layers=10, mlp=1408, vision_width=384, vision_layers=6, vision_mlp=1536, patch=8),
}


def tokenizer() -> PreTrainedTokenizerFast:
    """One token per word of the laboratory, split at white space; anything else becomes `<unk>`."""
    table = {word: index for index, word in enumerate(v.words())}
    words = Tokenizer(WordLevel(table, unk_token=v.UNKNOWN))
    words.pre_tokenizer = WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token=v.PAD,
        bos_token=v.OPENING,
        eos_token=v.CLOSING,
        unk_token=v.UNKNOWN,
        additional_special_tokens=[v.IMAGE, v.USER, v.ASSISTANT],
        clean_up_tokenization_spaces=False,
    )


def configuration(size: Size) -> LlavaConfig:
    """LLaVA with a CLIP vision tower, a two-layer projector and a Llama of the given size.

    The projector reads the tower's last layer, without its class token.
    """
    ids = {word: index for index, word in enumerate(v.words())}
    vision = CLIPVisionConfig(
        hidden_size=size.vision_width,
        intermediate_size=size.vision_mlp,
        num_hidden_layers=size.vision_layers,
        num_attention_heads=size.vision_width // 32,
        projection_dim=size.vision_width,
        image_size=size.image,
        patch_size=size.patch,
        hidden_act="gelu",
        initializer_range=size.initial_std,
    )
    text = LlamaConfig(
        vocab_size=len(ids),
        hidden_size=size.width,
        intermediate_size=size.mlp,
        num_hidden_layers=size.layers,
        num_attention_heads=size.width // 32,
        num_key_value_heads=size.width // 32,
        max_position_embeddings=512,
        pad_token_id=ids[v.PAD],
        bos_token_id=ids[v.OPENING],
        eos_token_id=ids[v.CLOSING],
        tie_word_embeddings=True,
        initializer_range=size.initial_std,
    )
    rest: dict[str, Any] = {"image_token_id": ids[v.IMAGE], "pad_token_id": ids[v.PAD]}
    both = LlavaConfig(
        **rest,
        vision_config=vision,
        text_config=text,
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
        image_seq_length=(size.image // size.patch) ** 2,
        tie_word_embeddings=True,
    )
    both.initializer_range = size.initial_std
    return both


def build(size: str, seed: int) -> LlavaForConditionalGeneration:
    """A model with random weights, the same for the same seed; the global random state is left as it was.

    Raises:
        ValueError: no such size.
    """
    if size not in SIZES:
        raise ValueError(f"no laboratory model named {size!r}; there are: {', '.join(SIZES)}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlavaForConditionalGeneration(configuration(SIZES[size]))
    ids = {word: index for index, word in enumerate(v.SPECIAL)}
    model.generation_config.update(pad_token_id=ids[v.PAD], bos_token_id=ids[v.OPENING], eos_token_id=ids[v.CLOSING])
    return model.eval()


def preprocessing(side: int) -> dict[str, Any]:
    """`preprocessor_config.json`: how transformers' own processors read this model's pictures (already at its size)."""
    return {
        "image_processor_type": "CLIPImageProcessor",
        "processor_class": "LlavaProcessor",
        "do_resize": False,
        "do_center_crop": False,
        "do_convert_rgb": True,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [PIXEL_MEAN] * 3,
        "image_std": [PIXEL_STD] * 3,
        "crop_size": {"height": side, "width": side},
    }
