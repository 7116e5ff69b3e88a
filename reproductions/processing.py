"""Real vision-language models behind the same narrow door: conversations through the checkpoint's own processor.

The processor says what a conversation looks like, into how many tokens an image unfolds, and what the model wants
besides tokens (grids, sizes, masks). This file only finds the answers again in what it makes, so that loss is taken on
them alone. Works for every family that transformers loads; the facts it needs per family are in `families`.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import inspect
import json
import logging
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image as Pillow
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModelForImageTextToText,
    AutoProcessor,
    AutoTokenizer,
    BitsAndBytesConfig,
    ProcessorMixin,
)

from reproductions.examples import Example, Image
from reproductions.families import FAMILIES, family_for
from reproductions.spec import ModelRef
from reproductions.vlm import DTYPES, NO_LOSS, VLM, Batch, Encoded, Family, Pixels, Untyped

PROCESSOR_FILES = (
    *("processor_config.json", "preprocessor_config.json", "video_preprocessor_config.json"),
    *("chat_template.jinja", "chat_template.json"),
)
LONGEST_COMPLAINT = 160
"""Characters of another library's words that we repeat."""
KEPT_WHOLE = tuple(
    rf"(?:.*\.)?{name}"
    for name in (
        *("vision_tower", "vision_model", "visual", "vision_encoder"),
        *("multi_modal_projector", "connector", "merger", "aligner", "lm_head"),
    )
)
"""Parts of a quantised model that stay whole, as patterns; language layers, most of its weights, are packed."""
_TOKEN_LEVEL = frozenset({"input_ids", "attention_mask", "offset_mapping", "text_replacement_offsets"})
_MARK = "\ue000{}\ue001"
"""Stands for a text of the conversation while the template is rendered; private characters that nobody types."""


@dataclass(frozen=True)
class Written(Encoded):
    """A conversation as the processor wrote it."""

    text: str = ""
    """Before images unfold into tokens."""
    streams: Mapping[str, list[int]] = field(default_factory=dict)
    """Further numbers per token that some families want, e.g. `mm_token_type_ids`."""


@dataclass
class ProcessorVLM(VLM):
    """A model with its processor."""

    processor: Any = None
    source: str = ""
    """Folder or hub id that the processor came from."""

    # Examples → tensors

    def encode(self, example: Example, *, ask: bool = False) -> Written:
        """Token ids of the conversation, the images unfolded; with `ask`, the last answer is left open.

        Raises:
            ValueError: the conversation is longer than the model can read.
        """
        text, learned = self._conversation(example, ask=ask)
        made = self._process(
            [text], [example.images], return_offsets_mapping=True, return_text_replacement_offsets=True
        )
        ids = [int(token) for token in made["input_ids"][0]]
        longest = getattr(self.base.config.get_text_config(), "max_position_embeddings", None)
        if longest is not None and len(ids) > longest:
            raise ValueError(
                f"{example.id}: {len(ids)} tokens, the model reads at most {longest}; shorten or shrink it"
            )
        replaced = (made.get("text_replacement_offsets") or [[]])[0]
        spans = [_unfolded(span, replaced) for span in learned]
        labels = _labels(ids, made["offset_mapping"][0], spans)
        streams = {name: [int(one) for one in made[name][0]] for name in self._streams(made, len(ids))}
        return Written(ids, labels, example.images, text, streams)

    def _conversation(self, example: Example, *, ask: bool) -> tuple[str, list[tuple[int, int]]]:
        """The conversation as text, one placeholder per image, with the places that are learned."""
        pieces = self._rendered(len(example.turns), len(example.images), ask)
        text, learned = pieces[0], []
        for index, turn in enumerate(example.turns):
            text += turn.question + pieces[2 * index + 1]
            if ask and index == len(example.turns) - 1:
                break
            learned += _words(turn.answer, turn.learned, len(text))
            text += turn.answer
            after = pieces[2 * index + 2]
            closing = self.family.closing
            if closing and not after.lstrip().startswith(closing):
                after = closing + after.lstrip(" ")
            end = after.index(closing) + len(closing) if closing else 0
            learned.append((len(text), len(text) + end))
            text += after
        return text, learned

    def _rendered(self, n_turns: int, n_images: int, ask: bool) -> list[str]:
        """What the template puts before, between and after the texts of a conversation, in order."""
        key = (n_turns, n_images, ask)
        if key not in self._templates:
            marks = [_MARK.format(index) for index in range(2 * n_turns)]
            text = self._render(marks, n_images, ask)
            self._templates[key] = _split(text, marks[: 2 * n_turns - 1] if ask else marks)
        return self._templates[key]

    @cached_property
    def _templates(self) -> dict[tuple[int, int, bool], list[str]]:
        return {}

    def _render(self, marks: Sequence[str], n_images: int, ask: bool) -> str:
        messages: list[dict[str, Any]] = []
        for index, mark in enumerate(marks[:-1] if ask else marks):
            content: list[dict[str, str]] = [{"type": "image"}] * n_images if index == 0 else []
            said = {"type": "text", "text": mark}
            messages.append({"role": "user" if index % 2 == 0 else "assistant", "content": [*content, said]})
        known = (getattr(owner, "chat_template", None) for owner in (self.processor, self.tokenizer))
        template = next((one for one in known if one), None)
        if template:
            # Overridden versions look at the part for videos, which may be missing; rendering needs none of it.
            named = {} if isinstance(template, dict) else {"chat_template": template}
            rendered = ProcessorMixin.apply_chat_template(
                self.processor, messages, add_generation_prompt=ask, tokenize=False, **named
            )
            return str(rendered)
        return _in_family_words(self.family, messages, ask=ask)

    def _process(self, texts: Sequence[str], images: Sequence[Sequence[Image]], **options: Untyped) -> Untyped:
        """What the processor makes of texts and their images."""
        opening = self.tokenizer.bos_token
        pictures = [[_pillow(image) for image in one] for one in images]
        return self.processor(
            text=list(texts),
            images=pictures if any(pictures) else None,
            add_special_tokens=not (opening and texts[0].startswith(str(opening))),
            **options,
        )

    @staticmethod
    def _streams(made: Untyped, length: int) -> list[str]:
        """Names of what the processor gives per token."""
        return [
            name
            for name, value in made.items()
            if name not in _TOKEN_LEVEL and name.endswith("token_type_ids") and len(value[0]) == length
        ]

    def collate(self, encoded: Sequence[Encoded], *, side: Literal["left", "right"] = "right") -> Batch:
        """Pad to the longest; images are read and resized here."""
        written = [one for one in encoded if isinstance(one, Written)]
        assert len(written) == len(encoded), "conversations of another model"
        length = max(len(one.ids) for one in written)

        def padded(rows: Sequence[Sequence[int]], filler: int) -> Tensor:
            out = torch.full((len(rows), length), filler)
            for index, row in enumerate(rows):
                place = slice(length - len(row), length) if side == "left" else slice(0, len(row))
                out[index, place] = torch.tensor(row)
            return out

        mask = padded([[1] * len(one.ids) for one in written], 0)
        inputs = {"input_ids": padded([one.ids for one in written], self._padding), "attention_mask": mask}
        for name in written[0].streams:
            inputs[name] = padded([one.streams.get(name, [0] * len(one.ids)) for one in written], 0)
        inputs |= self._features([one for one in written if one.images])
        return Batch(inputs, padded([one.labels for one in written], NO_LOSS), mask.bool()).to(self.device)

    def _features(self, written: Sequence[Written]) -> dict[str, Tensor]:
        """Everything but tokens that the model wants for these images."""
        if not written:
            return {}
        texts, images = [one.text for one in written], [one.images for one in written]
        made = self._process(texts, images, padding=True, return_tensors="pt")
        known = {
            name: value
            for name, value in made.items()
            if isinstance(value, Tensor) and name in self._accepted and not name.endswith("token_type_ids")
        }
        return {
            name: value.to(self.base.dtype) if value.is_floating_point() else value
            for name, value in known.items()
            if name not in _TOKEN_LEVEL
        }

    @cached_property
    def _accepted(self) -> frozenset[str]:
        """Arguments of the model's forward pass."""
        return frozenset(inspect.signature(type(self.base).forward).parameters)

    @property
    def _padding(self) -> int:
        known = (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id)
        return next((token for token in known if isinstance(token, int)), 0)

    # Learning

    def answer_logits(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Predictions of the answer tokens; capped where the family caps them (Gemma 2)."""
        logits, labels = super().answer_logits(batch)
        cap = getattr(self.base.config.get_text_config(), "final_logit_softcapping", None)
        return (logits if cap is None else torch.tanh(logits / cap) * cap), labels

    # Files

    def save_processor(self, folder: Path) -> None:
        """Tokenizer and processor as they came, so that the folder loads with transformers alone."""
        self.tokenizer.save_pretrained(folder)
        source = Path(self.source)
        if source.is_dir():
            for name in PROCESSOR_FILES:
                if (source / name).is_file():
                    shutil.copyfile(source / name, folder / name)
        else:
            self.processor.save_pretrained(folder)

    def __getstate__(self) -> dict[str, Any]:
        """Without what can be made again."""
        return {name: value for name, value in self.__dict__.items() if name not in {"_templates", "_accepted"}}


# Text


def _pillow(image: Image) -> Pillow.Image:
    return Pillow.fromarray(np.asarray(image))


def _words(answer: str, learned: Sequence[bool], start: int) -> list[tuple[int, int]]:
    """Places of the words that carry loss; of the whole answer if all do."""
    if not learned:
        return [(start, start + len(answer))]
    places, at = [], start
    for word, carries in zip(answer.split(" "), learned, strict=True):
        if carries:
            places.append((at, at + len(word)))
        at += len(word) + 1
    return places


def _split(text: str, marks: Sequence[str]) -> list[str]:
    """The pieces around the marks.

    Raises:
        ValueError: the template drops or repeats what somebody said.
    """
    pieces = []
    for mark in marks:
        if text.count(mark) != 1:
            raise ValueError("the chat template does not repeat every turn exactly once; it cannot be trained on")
        before, _, text = text.partition(mark)
        pieces.append(before)
    return [*pieces, text]


def _in_family_words(family: Family, messages: Sequence[Mapping[str, Any]], *, ask: bool) -> str:
    """The conversation in the words of the table, for checkpoints without a template of their own."""
    text = family.opening
    for message in messages:
        said = "".join(
            family.image_token + family.after_image if part["type"] == "image" else part["text"]
            for part in message["content"]
        )
        text += family.user + said + family.assistant if message["role"] == "user" else said + family.closing
    return text.rstrip(" ") if ask else text


def _unfolded(span: tuple[int, int], replaced: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """A place in the text after the images before it have unfolded."""
    shift = sum(
        (one["new_span"][1] - one["new_span"][0]) - (one["span"][1] - one["span"][0])
        for one in replaced
        if one["span"][0] < span[0]
    )
    return span[0] + shift, span[1] + shift


def _labels(ids: Sequence[int], offsets: Untyped, spans: Sequence[tuple[int, int]]) -> list[int]:
    """Ids of the tokens that overlap a learned place, `NO_LOSS` elsewhere."""
    labels = [NO_LOSS] * len(ids)
    remaining = iter(spans)
    span = next(remaining, None)
    for index, place in enumerate(offsets):
        start, end = int(place[0]), int(place[1])
        while span is not None and span[1] <= start:
            span = next(remaining, None)
        if span is not None and end > span[0] and end > start:
            labels[index] = ids[index]
    return labels


# Loading


def load(ref: ModelRef, *, local_only: bool = True) -> ProcessorVLM:
    """A model and its processor from a folder in the format of `save_pretrained`, or from the hub at a revision.

    Raises:
        FileNotFoundError: it is not on this machine and cannot be downloaded.
        ValueError: an unknown family, or an option that this machine cannot serve.
    """
    options: dict[str, Any] = {"revision": ref.revision, "local_files_only": local_only}
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    config = read_configuration(ref, local_only=local_only)
    quantisation = _quantisation(ref, device)
    try:
        model: Any = AutoModelForImageTextToText.from_pretrained(
            ref.id, dtype=DTYPES[ref.dtype], **_attention(ref), **quantisation, **options
        )
        processor = load_processor(ref.id, config.model_type, options)
    except OSError as error:
        raise _absent(ref.id, error) from None
    except Exception as error:  # each library has its own way to complain about a file
        raise ValueError(f"{ref.id}: cannot be loaded: {_in_short(error)}") from None
    return wrap(model, processor, ref.id, device, attention=ref.attention)


def wrap(
    model: Untyped,
    processor: Untyped,
    source: str,
    device: torch.device | None = None,
    *,
    attention: str = "auto",
) -> ProcessorVLM:
    """A model that is in memory already, with its processor."""
    tokens = processor.tokenizer
    family = family_for(model.config.model_type, [name for name, _ in model.named_parameters()])
    if not family.closing or tokens.convert_tokens_to_ids(family.closing) in {None, tokens.unk_token_id}:
        family = replace(family, closing=str(tokens.eos_token or ""))
    vlm = ProcessorVLM(
        model=model.eval(),
        tokenizer=tokens,
        family=family,
        pixels=_pixels(processor),
        device=device or torch.device("cpu"),
        attention=attention,
        processor=processor,
        source=source,
    )
    if vlm.device.type == "cpu" and torch.get_num_threads() != 1:
        # One thread per process: reproducible to the bit, and faster than two that wait for each other.
        torch.set_num_threads(1)
    if getattr(model, "quantization_method", None) is None:
        vlm.to(vlm.device)
    return vlm


def read_configuration(ref: ModelRef, *, local_only: bool = True) -> Untyped:
    """The configuration alone, of a model that is read as text and images.

    Raises:
        FileNotFoundError: there is none on this machine, and none can be downloaded.
        ValueError: it cannot be read, or is not of a vision-language model that transformers knows.
    """
    importlib.import_module("reproductions.small.tower")  # registers itself
    transformers_version = importlib.metadata.version("transformers")
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # five retries of each file would hide our line
    try:
        config = AutoConfig.from_pretrained(ref.id, revision=ref.revision, local_files_only=local_only)
    except OSError as error:
        raise _absent(ref.id, error) from None
    except Exception as error:  # a type that is not known, or fields that make no sense
        kind = _written_type(ref.id)
        if kind is None or kind in _known_types():
            raise ValueError(f"{ref.id}: config.json cannot be used: {_in_short(error)}") from None
        raise ValueError(
            f"{ref.id}: model type '{kind}' is unknown to transformers {transformers_version}; "
            f"upgrade transformers, or take a model of: {', '.join(sorted(FAMILIES))}"
        ) from None
    if type(config) not in AutoModelForImageTextToText._model_mapping:
        raise ValueError(
            f"{ref.id}: model type '{config.model_type}' does not read images and text; "
            f"take a model of: {', '.join(sorted(FAMILIES))}"
        )
    return config


def _known_types() -> Mapping[str, str]:
    """Model types that transformers knows, of any kind."""
    return importlib.import_module("transformers.models.auto.configuration_auto").CONFIG_MAPPING_NAMES


def _written_type(source: str) -> str | None:
    """The `model_type` that a folder's configuration states."""
    try:
        facts = json.loads((Path(source) / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return str(facts["model_type"]) if isinstance(facts, dict) and "model_type" in facts else None


def _absent(source: str, error: OSError) -> Exception:
    """A folder without something that loading needs, or a hub id that is not here."""
    if Path(source).is_dir():
        return ValueError(f"{source}: cannot be loaded: {_in_short(error)}")
    return FileNotFoundError(
        f"{source}: not on this machine and not to be had from the hub; "
        f"fetch it where there is a network: hf download {source}"
    )


def _in_short(error: Exception) -> str:
    """The first sentence of what a library says, at most 160 characters."""
    told = " ".join(str(error).split()) or type(error).__name__
    first = re.split(r"(?<=[a-z)'\]])\. (?=[A-Z])", told)[0]
    return first if len(first) <= LONGEST_COMPLAINT else f"{first[: LONGEST_COMPLAINT - 1]}…"


def _attention(ref: ModelRef) -> dict[str, str]:
    return {} if ref.attention == "auto" else {"attn_implementation": ref.attention}


def _quantisation(ref: ModelRef, device: torch.device) -> dict[str, Any]:
    """Options for a base in 4 or 8 bits (QLoRA, arXiv:2305.14314: nf4, doubly quantised)."""
    if ref.quantisation == "none":
        return {}
    if importlib.util.find_spec("bitsandbytes") is None:
        raise ValueError(
            f"model.quantisation {ref.quantisation}: bitsandbytes is not installed; pip install bitsandbytes"
        )
    if ref.quantisation == "8bit":
        config = BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=list(KEPT_WHOLE))
    else:
        config = BitsAndBytesConfig(
            load_in_4bit=True,
            llm_int8_skip_modules=list(KEPT_WHOLE),
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=DTYPES[ref.dtype],
        )
    return {"quantization_config": config, "device_map": {"": str(device)}}


def _pixels(processor: Untyped) -> Pixels:
    """For who asks; the processor resizes and normalises by itself."""
    images = processor.image_processor
    mean, std = (tuple(getattr(images, name, None) or (0.5, 0.5, 0.5)) for name in ("image_mean", "image_std"))
    return Pixels(mean, std, (0, 0))


class ImagesOnly:
    """Mixed into a processor class where torchvision is missing: its part for videos is left out."""

    def check_argument_for_proper_class(self, argument_name: str, argument: Untyped) -> Untyped:
        """Nothing is good enough for videos."""
        if argument_name == "video_processor" and argument is None:
            return type(None)
        return super().check_argument_for_proper_class(argument_name, argument)  # pyright: ignore[reportAttributeAccessIssue]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as its original class and its parts."""
        return _images_only, (type(self).__mro__[2], dict(self.__dict__))


def _images_only(kind: type, state: dict[str, Any]) -> Untyped:
    made: Any = object.__new__(_images_only_class(kind))
    made.__dict__.update(state)
    return made


def _images_only_class(kind: type) -> type:
    return type(kind.__name__, (ImagesOnly, kind), {"__module__": kind.__module__})


def load_processor(source: str, model_type: str, options: Mapping[str, Any]) -> Untyped:
    """The checkpoint's processor; its part for images alone where torchvision, which videos need, is missing."""
    try:
        return AutoProcessor.from_pretrained(source, **options)
    except (ImportError, ValueError) as error:
        if "torchvision" not in str(error).lower():
            raise
        table = importlib.import_module("transformers.models.auto.processing_auto").PROCESSOR_MAPPING_NAMES
        return _assembled(getattr(importlib.import_module("transformers"), table[model_type]), source, options)


def _assembled(kind: Untyped, source: str, options: Mapping[str, Any]) -> Untyped:
    """A processor from its parts, without the one for videos."""
    facts, _ = kind.get_processor_dict(source, **options)
    known = inspect.signature(kind.__init__).parameters
    settings = {name: facts[name] for name in known if name in facts}
    if "chat_template" in facts:
        settings["chat_template"] = facts["chat_template"]
    settings.pop("image_processor", None)
    settings.pop("tokenizer", None)
    settings.pop("video_processor", None)
    return _images_only_class(kind)(
        image_processor=AutoImageProcessor.from_pretrained(source, **options),
        tokenizer=AutoTokenizer.from_pretrained(source, **options),
        video_processor=None,
        **settings,
    )
