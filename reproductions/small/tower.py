"""EfficientNet-Lite0 as a vision tower of transformers: 16 image tokens of 320 numbers, frozen.

Tan and Le 2019, arXiv:1905.11946; the Lite variant has no squeeze-and-excitation and ReLU6 throughout. Normalisation is
folded into the convolutions, so there is nothing whose running means training could change. Importing this module
registers the tower, and `from_pretrained` then knows it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedConfig
from transformers.modeling_outputs import BaseModelOutputWithPooling
from transformers.modeling_utils import PreTrainedModel

MODEL_TYPE = "efficientnet_lite0"
STEM, WIDTH = 32, 320
STAGES = (
    # expansion, kernel, stride, channels, blocks
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, WIDTH, 1),
)
NORM_EPSILON = 1e-3


class Lite0Config(PreTrainedConfig):
    """What of the tower can be chosen."""

    model_type: ClassVar[str] = MODEL_TYPE  # pyright: ignore[reportIncompatibleVariableOverride]
    hidden_size: int = WIDTH
    """Channels of the last block, one number each per image token."""
    image_size: int = 224
    grid: int = 4
    """Image tokens per side: the last map, 7 × 7 at 224 pixels, is averaged down to this."""


class SameConv(nn.Conv2d):
    """A convolution that pads as TensorFlow does: more at the end where the padding is odd."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, depthwise: bool = False) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=inputs if depthwise else 1)

    def forward(self, input: Tensor) -> Tensor:
        """Batch × channels × height × width."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        lacking = [max((math.ceil(side / stride) - 1) * stride + kernel - side, 0) for side in input.shape[:1:-1]]
        sides = [part for one in lacking for part in (one // 2, one - one // 2)]
        return super().forward(F.pad(input, sides) if any(sides) else input)


class Block(nn.Module):
    """Expand, look around in each channel, project; added to the input where shapes allow."""

    def __init__(self, inputs: int, outputs: int, *, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expand = SameConv(inputs, inner, 1) if expansion > 1 else None
        self.depthwise = SameConv(inner, inner, kernel, stride=stride, depthwise=True)
        self.project = SameConv(inner, outputs, 1)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Batch × channels × height × width."""
        inner = x if self.expand is None else F.relu6(self.expand(x))
        out = self.project(F.relu6(self.depthwise(inner)))
        return out + x if self.adds else out


class Lite0Tower(PreTrainedModel):
    """Images (batch × 3 × 224 × 224, scaled by (x − 127) / 128) → tokens (batch × grid² × 320)."""

    config_class = Lite0Config
    main_input_name = "pixel_values"
    input_modalities = "image"
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_attention_backend = True

    def __init__(self, config: Lite0Config) -> None:
        super().__init__(config)
        self.stem = SameConv(3, STEM, 3, stride=2)
        blocks, inputs = [], STEM
        for expansion, kernel, stride, outputs, repeats in STAGES:
            for place in range(repeats):
                first = stride if place == 0 else 1
                blocks.append(Block(inputs, outputs, expansion=expansion, kernel=kernel, stride=first))
                inputs = outputs
        self.blocks = nn.ModuleList(blocks)
        self.post_init()

    def forward(self, pixel_values: Tensor, **_: Any) -> BaseModelOutputWithPooling:  # noqa: ANN401 - as the library calls
        """Tokens row by row, as the only hidden state."""
        x = F.relu6(self.stem(pixel_values))
        for block in self.blocks:
            x = block(x)
        grid = self.config.grid
        tokens = F.adaptive_avg_pool2d(x, grid).flatten(2).transpose(1, 2)
        return BaseModelOutputWithPooling(
            last_hidden_state=tokens, pooler_output=tokens.mean(1), hidden_states=(tokens,)
        )


def folded(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The published weights as this tower's, each convolution with the normalisation after it folded in."""
    weights: dict[str, Tensor] = {}
    for index in range(sum(repeats for *_, repeats in STAGES)):
        there, here = f"_blocks.{index}", f"blocks.{index}"
        parts = {"expand": ("_expand_conv", "_bn0"), "depthwise": ("_depthwise_conv", "_bn1")}
        for name, (conv, norm) in {**parts, "project": ("_project_conv", "_bn2")}.items():
            if f"{there}.{conv}.weight" in published:
                weights |= _folded_one(published, f"{there}.{conv}", f"{there}.{norm}", f"{here}.{name}")
    return weights | _folded_one(published, "_conv_stem", "_bn0", "stem")


def _folded_one(published: Mapping[str, Tensor], conv: str, norm: str, name: str) -> dict[str, Tensor]:
    deviation = torch.sqrt(published[f"{norm}.running_var"].double() + NORM_EPSILON)
    scale = published[f"{norm}.weight"].double() / deviation
    weight = published[f"{conv}.weight"].double() * scale[:, None, None, None]
    bias = published[f"{norm}.bias"].double() - published[f"{norm}.running_mean"].double() * scale
    return {f"{name}.weight": weight.float(), f"{name}.bias": bias.float()}


AutoConfig.register(MODEL_TYPE, Lite0Config, exist_ok=True)
AutoModel.register(Lite0Config, Lite0Tower, exist_ok=True)
