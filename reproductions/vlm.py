"""One vision-language model behind a narrow door: encode, collate, loss, answer. All facts per model family are here.

Everything else (methods, training, evaluation) speaks in examples and batches and never sees a chat template.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from peft import PeftModel
from torch import Tensor, nn
from transformers import AutoTokenizer, LlavaForConditionalGeneration
from transformers.modeling_utils import PreTrainedModel
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from reproductions.examples import Example, Image
from reproductions.lab import tiny_vlm, vocabulary
from reproductions.spec import ModelRef

Untyped = Any
"""An object of transformers, whose types say less than the code."""
NO_LOSS = -100
"""Label of a token that is read but not learned."""
HUB_ID = re.compile(r"[\w-][\w.-]*/[\w.-]+")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Family:
    """What differs between model families. Module names are relative to the base model, without PEFT's wrapping."""

    name: str
    language_linears: str
    """Regular expression for the full names of the language model's linear layers; also PEFT's `target_modules`."""
    attention_linears: str
    projector: str
    """Prefix of the names of the projector's parameters; `vision` likewise."""
    vision: str
    image_token: str
    opening: str
    user: str
    assistant: str
    closing: str
    """Ends every answer, and is learned with it."""
    after_image: str
    name_images: bool
    """Two images are introduced as `first` and `second`."""


_LLAMA_LAYER = r"model\.language_model\.layers\.\d+\."
_ATTENTION = r"self_attn\.(q_proj|k_proj|v_proj|o_proj)"
LLAVA_15 = Family(
    name="llava-1.5",
    language_linears=_LLAMA_LAYER + rf"({_ATTENTION}|mlp\.(gate_proj|up_proj|down_proj))",
    attention_linears=_LLAMA_LAYER + _ATTENTION,
    projector="model.multi_modal_projector.",
    vision="model.vision_tower.",
    image_token=vocabulary.IMAGE,
    opening="<s>",
    user="USER: ",
    assistant=" ASSISTANT: ",
    closing="</s>",
    after_image="\n",
    name_images=False,
)
LAB = replace(
    LLAVA_15,
    name="lab",
    opening=vocabulary.OPENING,
    user=vocabulary.USER,
    assistant=vocabulary.ASSISTANT,
    closing=vocabulary.CLOSING,
    after_image="",
    name_images=True,
)


@dataclass(frozen=True)
class Encoded:
    """One conversation as token ids. `labels[i]` is `ids[i]` where loss is taken, else `NO_LOSS`."""

    ids: list[int]
    labels: list[int]
    images: tuple[Image, ...]


@dataclass(frozen=True)
class Batch:
    """Conversations of one length after padding."""

    inputs: dict[str, Tensor]
    """Keyword arguments of the model: `input_ids` (batch × length), `pixel_values` (images × 3 × height × width), and
    `attention_mask` where padding is on the left. On the right it needs none: causal attention never looks there."""
    labels: Tensor
    """Batch × length, `NO_LOSS` where nothing is learned."""
    mask: Tensor
    """Batch × length, true where a token is real."""

    def to(self, device: torch.device) -> Batch:
        """The same batch elsewhere."""
        moved = {name: tensor.to(device) for name, tensor in self.inputs.items()}
        return Batch(moved, self.labels.to(device), self.mask.to(device))


@dataclass(frozen=True)
class Pixels:
    """How images become numbers: already at the model's size, so only scaled and normalised."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    size: tuple[int, int]

    def __call__(self, images: Sequence[Image]) -> Tensor:
        """Images × 3 × height × width, float32.

        Raises:
            ValueError: an image has another size than the model reads.
        """
        for image in images:
            if image.shape != (*self.size, 3):
                raise ValueError(f"an image is {image.shape}, the model reads {(*self.size, 3)}; resize it first")
        return self.normalise(torch.from_numpy(np.stack(images)))

    def normalise(self, images: Tensor) -> Tensor:
        """The same for images in one tensor (images × height × width × 3, uint8)."""
        channels_first = images.permute(0, 3, 1, 2).float() / 255
        return (channels_first - torch.tensor(self.mean).view(3, 1, 1)) / torch.tensor(self.std).view(3, 1, 1)


@dataclass
class VLM:
    """A model with its tokenizer, on one device. Methods may replace `model`, for example by a PEFT wrapping of it."""

    model: PreTrainedModel | PeftModel
    tokenizer: PreTrainedTokenizerBase
    family: Family
    pixels: Pixels
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    attention: str = "auto"
    """Implementation by transformers' name; `auto`: the fastest for the device."""

    def to(self, device: torch.device | str) -> None:
        """Move the weights. Plain attention on a CPU: a training step with the fused one takes half as long again."""
        self.device = torch.device(device)
        self.base.to(self.device)
        automatic = "eager" if self.device.type == "cpu" else "sdpa"
        self.base.set_attn_implementation(automatic if self.attention == "auto" else self.attention)

    @property
    def base(self) -> Untyped:
        """The model without PEFT's wrapping; its linear layers may still be PEFT's."""
        return self.model.get_base_model() if isinstance(self.model, PeftModel) else self.model

    # Examples → tensors

    def encode(self, example: Example, *, ask: bool = False) -> Encoded:
        """Token ids of the conversation; with `ask`, the last answer is left open for the model to give.

        Raises:
            ValueError: a word is not in the model's vocabulary.
        """
        text, learned = self._conversation(example, ask=ask)
        coded = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        ids, offsets = list(coded["input_ids"]), list(coded["offset_mapping"])
        if self.tokenizer.unk_token_id is not None and self.tokenizer.unk_token_id in ids:
            start, end = offsets[ids.index(self.tokenizer.unk_token_id)]
            raise ValueError(f"{example.id}: {text[start:end]!r} is not a word of this model's vocabulary")
        labels = [NO_LOSS] * len(ids)
        spans = iter(learned)
        span = next(spans, None)
        for index, (start, end) in enumerate(offsets):
            while span is not None and span[1] <= start:
                span = next(spans, None)
            if span is not None and end > span[0] and end > start:
                labels[index] = ids[index]
        return Encoded(ids, labels, example.images)

    def _conversation(self, example: Example, *, ask: bool) -> tuple[str, list[tuple[int, int]]]:
        """The conversation as text, with the places (start, end) that are learned, in order."""
        family = self.family
        text = family.opening
        learned: list[tuple[int, int]] = []
        for index, turn in enumerate(example.turns):
            text += family.user + (self._image_places(len(example.images)) if index == 0 else "") + turn.question
            text += family.assistant
            if ask and index == len(example.turns) - 1:
                return text.rstrip(" "), learned
            for position, word in enumerate(turn.answer.split(" ")):
                text += " " if position else ""
                if not turn.learned or turn.learned[position]:
                    learned.append((len(text), len(text) + len(word)))
                text += word
            learned.append((len(text), len(text) + len(family.closing)))
            text += family.closing
        return text, learned

    def _image_places(self, number: int) -> str:
        """Placeholders for all image tokens."""
        one = self.family.image_token * int(self.base.config.image_seq_length) + self.family.after_image
        if number < 2 or not self.family.name_images:
            return one * number
        return "".join(f"{vocabulary.ORDINALS[index]}{one}" for index in range(number))

    def collate(self, encoded: Sequence[Encoded], *, side: Literal["left", "right"] = "right") -> Batch:
        """Pad to the longest. Right for training, left for generation."""
        length = max(len(one.ids) for one in encoded)
        padding: Untyped = self.tokenizer.convert_tokens_to_ids(str(self.tokenizer.pad_token))
        ids = torch.full((len(encoded), length), padding)
        labels = torch.full((len(encoded), length), NO_LOSS)
        mask = torch.zeros((len(encoded), length), dtype=torch.bool)
        for row, one in enumerate(encoded):
            place = slice(length - len(one.ids), length) if side == "left" else slice(0, len(one.ids))
            ids[row, place] = torch.tensor(one.ids)
            labels[row, place] = torch.tensor(one.labels)
            mask[row, place] = True
        inputs = {"input_ids": ids}
        images = [image for one in encoded for image in one.images]
        if images:
            inputs["pixel_values"] = self.pixels(images).to(self.base.dtype)
        if side == "left":
            inputs["attention_mask"] = mask.long()
        return Batch(inputs, labels, mask).to(self.device)

    # Learning

    def answer_logits(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Predictions of the answer tokens: logits (answer tokens × vocabulary, float32) and labels (answer tokens)."""
        hidden = self.base.model(**batch.inputs).last_hidden_state[:, :-1]
        targets = batch.labels[:, 1:]
        here = targets != NO_LOSS
        return self.base.lm_head(hidden[here]).float(), targets[here]

    def loss(self, batch: Batch) -> Tensor:
        """Mean cross entropy over the answer tokens of the batch, in nats."""
        logits, labels = self.answer_logits(batch)
        return F.cross_entropy(logits, labels)

    @contextmanager
    def autocast(self) -> Iterator[None]:
        """Forward in bfloat16 where the processor computes in it (autodetected), else in the weights' own precision."""
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.is_fast_in_bfloat16):
            yield

    @property
    def is_fast_in_bfloat16(self) -> bool:
        """Whether `autocast` computes in bfloat16 here."""
        return self.device.type != "cpu" or cpu_has_bfloat16()

    # Answering

    @torch.inference_mode()
    def answer(self, examples: Sequence[Example], *, max_new_tokens: int = 24, batch_size: int = 128) -> list[str]:
        """Greedy answers to the last question of each example, the earlier turns given with their gold answers.

        Batches are padded on the left and sorted by length; answers are the same as one by one.
        """
        encoded = [self.encode(example, ask=True) for example in examples]
        order = sorted(range(len(encoded)), key=lambda index: (len(encoded[index].ids), index))
        answers = [""] * len(encoded)
        was_training = self.model.training
        self.model.eval()
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            batch = self.collate([encoded[index] for index in chosen], side="left")
            generate: Any = self.model.generate
            output = generate(**batch.inputs, max_new_tokens=max_new_tokens, do_sample=False)
            fresh = output[:, batch.labels.shape[1] :].tolist()
            for index, tokens in zip(chosen, fresh, strict=True):
                answers[index] = self._decode(tokens)
        self.model.train(was_training)
        return answers

    def _decode(self, tokens: list[int]) -> str:
        """Text up to the end of the answer."""
        stop = self.tokenizer.convert_tokens_to_ids(self.family.closing)
        if stop in tokens:
            tokens = tokens[: tokens.index(stop)]
        return str(self.tokenizer.decode(tokens, skip_special_tokens=True)).strip()

    # Weights

    def language_linears(self) -> dict[str, nn.Linear]:
        """The language model's linear layers by name; below PEFT's wrapping, the frozen layers themselves."""
        pattern = re.compile(self.family.language_linears)
        found: dict[str, nn.Linear] = {}
        for name, module in self.base.named_modules():
            plain = name.removesuffix(".base_layer")
            if isinstance(module, nn.Linear) and pattern.fullmatch(plain):
                found[plain] = module
        return found

    def digest(self) -> str:
        """SHA-256 over names, types, shapes and bytes of all weights, in the order of their names."""
        sha = hashlib.sha256()
        for name, tensor in sorted(self.model.state_dict().items()):
            sha.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            sha.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
        return sha.hexdigest()

    def save_processor(self, folder: Path) -> None:
        """Write what turns text and images into the model's input."""
        self.tokenizer.save_pretrained(folder)

    def copy(self) -> VLM:
        """An independent model with the same weights; the tokenizer is shared."""
        return replace(self, model=copy.deepcopy(self.model))


# Loading


def load_vlm(ref: ModelRef) -> VLM:
    """A shipped laboratory model (`lab-tiny@seed-0`), a folder in the format of `save_pretrained`, or a hub id.

    Raises:
        FileNotFoundError: none of them, or a hub id that cannot be downloaded from here.
        ValueError: a model of an unknown family, or an option that this machine cannot serve.
    """
    folder = _folder(ref.id)
    if folder is None or not _is_lab(folder):
        from reproductions import processing  # imports this module

        return processing.load(ref, local_only=folder is not None)
    tokens = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = LlavaForConditionalGeneration.from_pretrained(folder, dtype=DTYPES[ref.dtype], local_files_only=True)
    return _wrap(model, tokens, _pixels(folder), ref.attention)


def random_lab_vlm(seed: int) -> VLM:
    """`lab-tiny` with random weights: knows nothing, has every part."""
    return lab_vlm(tiny_vlm.build("lab-tiny", seed))


def lab_vlm(model: Untyped) -> VLM:
    """A laboratory model that is already in memory."""
    side = int(model.config.vision_config.image_size)
    pixels = Pixels((tiny_vlm.PIXEL_MEAN,) * 3, (tiny_vlm.PIXEL_STD,) * 3, (side, side))
    return _wrap(model, tiny_vlm.tokenizer(), pixels)


def _wrap(model: Untyped, tokens: PreTrainedTokenizerBase, pixels: Pixels, attention: str = "auto") -> VLM:
    is_lab = vocabulary.ASSISTANT in tokens.get_vocab()
    if torch.get_num_threads() != 1 and not torch.cuda.is_available():
        # One thread per process: reproducible to the bit, and faster than two that wait for each other.
        torch.set_num_threads(1)
    vlm = VLM(model.eval(), tokens, LAB if is_lab else LLAVA_15, pixels, attention=attention)
    vlm.to(vlm.device)
    return vlm


def _folder(id_: str) -> Path | None:
    """Where the model lies; None for a hub id, `owner/name`."""
    name, at, version = id_.partition("@")
    shipped = tiny_vlm.CHECKPOINTS / name / version
    folder = shipped if at and name in tiny_vlm.SIZES else Path(id_)
    if (folder / "config.json").is_file():
        return folder
    if HUB_ID.fullmatch(id_) and not folder.exists():
        return None
    known = sorted(
        f"{path.parent.parent.name}@{path.parent.name}" for path in tiny_vlm.CHECKPOINTS.glob("*/*/config.json")
    )
    raise FileNotFoundError(
        f"no model {id_!r}: neither shipped ({', '.join(known) or 'none'}), nor a folder with config.json, nor a hub id"
    )


def _is_lab(folder: Path) -> bool:
    """Whether its tokenizer speaks the laboratory's language."""
    tokens = folder / "tokenizer.json"
    return tokens.is_file() and f'"{vocabulary.ASSISTANT}"' in tokens.read_text(encoding="utf-8")


def _pixels(folder: Path) -> Pixels:
    facts = json.loads((folder / "preprocessor_config.json").read_text(encoding="utf-8"))
    size = facts["crop_size"]
    return Pixels(tuple(facts["image_mean"]), tuple(facts["image_std"]), (int(size["height"]), int(size["width"])))


# What the processor can do


def cpu_has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 matrices in hardware; elsewhere autocast would only be slower."""
    facts = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(facts.get("avx512_bf16") or facts.get("amx_bf16") or facts.get("bf16"))
