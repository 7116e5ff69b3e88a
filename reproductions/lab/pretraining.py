"""Pretrain a laboratory model: the recipe that takes a tiny LLaVA from nothing to seven abilities in minutes.

The obstacle is the plateau before query-conditional attention ("the colour *of the circle*"). Three things break it: a
vision warm-up, an initialisation that imitates trained attention (Trockman & Kolter 2023, "Mimetic initialization of
self-attention layers", arXiv:2305.09828), and scenes with lookup captions before everything else.
"""

from __future__ import annotations

import hashlib
import json
import platform
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from reproductions.examples import Example
from reproductions.lab import lessons, tiny_vlm
from reproductions.lab.chance import Questions, blind, exact_match
from reproductions.lab.schedule import cosine
from reproductions.lab.warmup import WarmUp, warm_up
from reproductions.lab.world import retention_questions
from reproductions.vlm import VLM, Encoded, lab_vlm

Progress = Callable[[str, int, int, float], None]
"""Told after every step: stage, step, steps of the stage, loss."""
MIXTURES = {
    "scenes-first": lessons.SCENES_FIRST,
    "everything": lessons.EVERYTHING,
    "more-reading": lessons.MORE_READING,
}
ITEMS_PER_DIMENSION = 200


@dataclass(frozen=True)
class Stage:
    """One training phase with its own learning-rate cycle."""

    name: str
    """Also the name of its mixture of lessons."""
    samples: int
    steps: int
    learning_rate: float
    horizon: float = 1.0
    """The cosine is cut off at 1 / horizon of its length: the rate has not fallen all the way yet."""


@dataclass(frozen=True)
class Recipe:
    """Everything that determines a checkpoint, but for the seed and the processor."""

    size: str
    warm_up: WarmUp = field(default_factory=WarmUp)
    stages: tuple[Stage, ...] = ()
    batch_size: int = 32
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = 0.01
    clip: float = 1.0
    warmup_steps: int = 50


RECIPES = {
    "lab-tiny": Recipe(
        size="lab-tiny",
        stages=(
            Stage("scenes-first", samples=9_000, steps=600, learning_rate=8e-4, horizon=1.3),
            Stage("everything", samples=20_000, steps=1_400, learning_rate=8e-4),
            Stage("more-reading", samples=20_000, steps=1_500, learning_rate=8e-4),
        ),
    ),
    # The same curriculum for one GPU. Not run yet: sizes and steps are extrapolated from lab-tiny.
    "lab-base": Recipe(
        size="lab-base",
        warm_up=WarmUp(steps=2_000, learning_rate=1e-3, batch_size=256, scenes=100_000),
        stages=(
            Stage("scenes-first", samples=200_000, steps=3_000, learning_rate=4e-4, horizon=1.3),
            Stage("everything", samples=600_000, steps=8_000, learning_rate=4e-4),
            Stage("more-reading", samples=400_000, steps=5_000, learning_rate=4e-4),
        ),
        batch_size=256,
        warmup_steps=500,
    ),
}


def pretrain(
    name: str,
    seed: int,
    out: Path,
    progress: Progress | None = None,
    *,
    device: str = "cpu",
    recipe: Recipe | None = None,
    items: int = ITEMS_PER_DIMENSION,
) -> Path:
    """Pretrain and save a model in `out`: weights, tokenizer, `recipe.json` with parameters, figures and cost.

    Every finished stage is kept in `out` + `.stages`; a second call goes on from there. `out` appears only when all is
    done. `recipe` replaces the named one, for tests; `items` is the number of questions per dimension in its report.

    Raises:
        ValueError: no recipe of that name.
        FileExistsError: `out` is there already.
    """
    if name not in RECIPES:
        raise ValueError(f"no recipe named {name!r}; there are: {', '.join(RECIPES)}")
    if out.exists():
        raise FileExistsError(f"{out} is already there; remove it or name another folder")
    recipe = recipe or RECIPES[name]
    vlm = lab_vlm(tiny_vlm.build(recipe.size, seed))
    vlm.to(device)
    kept = _Stages(out.with_name(out.name + ".stages"), _identity(name, seed, recipe))
    costs: dict[str, dict[str, float]] = {}
    for index, stage in enumerate((recipe.warm_up, *recipe.stages)):
        stage_name = stage.name if isinstance(stage, Stage) else "vision-warm-up"
        done = kept.load(index, stage_name, vlm)
        if done is None:
            questions = retention_questions(min(60, items), world="validation", seed=0)
            done = _run_stage(vlm, recipe, stage, stage_name, f"{name}/{seed}", seed, questions, progress)
            kept.save(index, stage_name, vlm, done)
        costs[stage_name] = done
    _save(vlm, out, _report(vlm, name, seed, recipe, costs, items))
    kept.remove()
    return out


def _run_stage(
    vlm: VLM,
    recipe: Recipe,
    stage: Stage | WarmUp,
    name: str,
    data_seed: str,
    seed: int,
    questions: Questions,
    progress: Progress | None,
) -> dict[str, float]:
    """Train one stage in place; what it cost and how well the model then answers the questions."""
    wall, cpu = time.perf_counter(), time.process_time()
    losses: list[float] = []

    def tell(step: int, steps: int, loss: float) -> None:
        losses.append(loss)
        if progress:
            progress(name, step, steps, loss)

    if isinstance(stage, WarmUp):
        warm_up(vlm, stage, seed, tell)
        imitate_trained_attention(vlm, seed)
        facts = {}
    else:
        examples = lessons.teach(stage.samples, MIXTURES[stage.name], f"pretraining/{data_seed}/{stage.name}")
        _train(vlm, recipe, stage, examples, seed, tell)
        facts = {"retention_validation": _mean(exact_match(vlm, questions))}
    return {
        "seconds": round(time.perf_counter() - wall, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "loss": round(_mean_of(losses[-100:]), 4),
        **facts,
    }


def _train(
    vlm: VLM,
    recipe: Recipe,
    stage: Stage,
    examples: Sequence[Example],
    seed: int,
    tell: Callable[[int, int, float], None],
) -> None:
    encoded = [vlm.encode(example) for example in examples]
    learned = list(vlm.model.parameters())
    groups = [
        {"params": [p for p in learned if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in learned if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=stage.learning_rate, betas=recipe.betas, fused=True)
    rng = Random(f"batches/{seed}/{stage.name}")
    vlm.model.train()
    step = 0
    while step < stage.steps:
        for chosen in batches_of_similar_length(encoded, recipe.batch_size, rng)[: stage.steps - step]:
            horizon = int(stage.horizon * stage.steps)
            cosine(optimizer, stage.learning_rate, step, horizon, warmup=recipe.warmup_steps)
            batch = vlm.collate([encoded[index] for index in chosen])
            with vlm.autocast():
                loss = vlm.loss(batch)
            loss.backward()
            nn.utils.clip_grad_norm_(learned, recipe.clip)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            step += 1
            tell(step, stage.steps, float(loss.detach()))
    vlm.model.eval()


def batches_of_similar_length(encoded: Sequence[Encoded], size: int, rng: Random, pool: int = 16) -> list[list[int]]:
    """One epoch of batches, as indices; within pools of `pool` batches sorted by length, to save padding."""
    order = list(range(len(encoded)))
    rng.shuffle(order)
    batches: list[list[int]] = []
    for start in range(0, len(order), size * pool):
        pooled = sorted(
            order[start : start + size * pool], key=lambda index: (len(encoded[index].ids), len(encoded[index].images))
        )
        batches += [pooled[first : first + size] for first in range(0, len(pooled), size)]
    rng.shuffle(batches)
    return batches


@torch.no_grad()
def imitate_trained_attention(vlm: VLM, seed: int) -> None:
    """Mimetic initialisation: queries look for keys like themselves, and values pass through (W_O = ½ W_Vᵀ)."""
    dice = torch.Generator().manual_seed(seed)
    for layer in vlm.base.model.language_model.layers:
        attention = layer.self_attn
        width = attention.k_proj.weight.shape[0]
        noise = torch.randn(2, width, width, generator=dice) * width**-0.5
        attention.k_proj.weight.copy_(noise[0])
        attention.q_proj.weight.copy_(noise[0] + 0.3 * noise[1])
        orthogonal = torch.linalg.qr(torch.randn(width, width, generator=dice))[0]
        attention.v_proj.weight.copy_(orthogonal)
        attention.o_proj.weight.copy_(0.5 * orthogonal.T)


# What is kept


@dataclass(frozen=True)
class _Stages:
    """Weights and cost after each finished stage."""

    folder: Path
    identity: str
    """What the stages belong to; those of another seed or recipe are not taken up."""

    def load(self, index: int, name: str, vlm: VLM) -> dict[str, float] | None:
        """Take over the weights of a finished stage; None: it has to be run."""
        facts = self.folder / f"{index}-{name}.json"
        if not facts.is_file():
            return None
        found = json.loads(facts.read_text(encoding="utf-8"))
        if found["identity"] != self.identity:
            return None
        vlm.model.load_state_dict(load_file(facts.with_suffix(".safetensors")), strict=False)
        vlm.base.tie_weights()
        return dict(found["cost"])

    def save(self, index: int, name: str, vlm: VLM, cost: dict[str, float]) -> None:
        """The cost is written last: its presence says that the stage is complete."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{index}-{name}.safetensors"
        weights = {
            key: tensor.contiguous() for key, tensor in vlm.model.state_dict().items() if key != "lm_head.weight"
        }
        save_file(weights, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)
        path.with_suffix(".json.part").write_text(
            json.dumps({"identity": self.identity, "cost": cost}), encoding="utf-8"
        )
        path.with_suffix(".json.part").replace(path.with_suffix(".json"))

    def remove(self) -> None:
        """All of it."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _identity(name: str, seed: int, recipe: Recipe) -> str:
    """SHA-256 of everything that the weights after a stage depend on, but for the code."""
    mixtures = {stage.name: dict(MIXTURES[stage.name]) for stage in recipe.stages}
    text = json.dumps([name, seed, asdict(recipe), mixtures, asdict(tiny_vlm.SIZES[recipe.size])], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _report(
    vlm: VLM, name: str, seed: int, recipe: Recipe, costs: dict[str, dict[str, float]], items: int
) -> dict[str, Any]:
    """`recipe.json`: what was done, what it reached, what it took, and how to do it again."""
    questions = retention_questions(items, world="test", seed=0)
    seeing, not_seeing = exact_match(vlm, questions), blind(vlm, questions, seed=0)
    return {
        "name": name,
        "seed": seed,
        "command": f"aki reproduce pretrain {name} --seed {seed}",
        "parameters": sum(parameter.numel() for parameter in vlm.model.parameters()),
        "architecture": asdict(tiny_vlm.SIZES[recipe.size]),
        "recipe": asdict(recipe),
        "mixtures": {stage.name: dict(MIXTURES[stage.name]) for stage in recipe.stages},
        "reached": {
            "metric": f"exact match, {items} questions per dimension, test world, seed 0",
            "retention": seeing,
            "mean": _mean(seeing),
            "with_images_shuffled": not_seeing,
        },
        "stages": costs,
        "cost": {
            "seconds": round(sum(cost["seconds"] for cost in costs.values()), 1),
            "cpu_seconds": round(sum(cost["cpu_seconds"] for cost in costs.values()), 1),
            "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        },
        "environment": {
            "python": platform.python_version(),
            "packages": {package: version(package) for package in ("torch", "transformers", "numpy", "pillow")},
            "device": _processor() if vlm.device.type == "cpu" else torch.cuda.get_device_name(vlm.device),
            "threads": torch.get_num_threads(),
            "autocast": "bfloat16" if vlm.is_fast_in_bfloat16 else "none",
        },
        "weights_digest": vlm.digest(),
    }


def _save(vlm: VLM, out: Path, report: dict[str, Any]) -> None:
    """All files at once, by renaming a finished folder."""
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        vlm.base.save_pretrained(draft)
        vlm.tokenizer.save_pretrained(draft)
        facts = tiny_vlm.preprocessing(vlm.base.config.vision_config.image_size)
        (draft / "preprocessor_config.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        (draft / "recipe.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        draft.chmod(0o755)
        for path in draft.iterdir():
            path.chmod(0o644)  # safetensors writes for the owner alone
        draft.replace(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _processor() -> str:
    return str(getattr(torch.cpu, "get_capabilities", dict)().get("cpu_name") or platform.processor() or "CPU")


def _mean(scores: dict[str, float]) -> float:
    return _mean_of(list(scores.values()))


def _mean_of(values: Sequence[float]) -> float:
    return sum(values) / len(values)
