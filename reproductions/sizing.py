"""Memory, hours and disk of a run on a real model, worked out before they are spent, and what makes it fit.

Shapes are exact: the model is laid out without weights. Bytes of weights, gradients and optimiser follow from them;
activations are counted layer by layer; hours assume a share of the accelerator's peak that is stated. What is assumed
rather than counted is said in `Estimate.assumptions`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForImageTextToText

from reproductions.families import family_for
from reproductions.processing import read_configuration
from reproductions.spec import Experiment, ModelRef, Training, Tuning
from reproductions.vlm import Untyped

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
ADAM_STATES = 2
CONTEXT_BYTES = 10**9
"""What a process takes on an accelerator before any tensor."""
SLACK = 1.1
"""Fragmentation of the allocator."""
MFU = 0.4
"""Share of the peak that training reaches; the goal, not a measurement."""
CHECKPOINT_FORWARDS = 1
QUANTISED_BYTES = {"none": 0.0, "8bit": 1.0, "4bit": 0.5 + 1 / 8}
"""Per weight of a language layer; 4 bits carry their scales."""
LOGIT_COPIES = 4
"""Of the answer tokens' logits in float32: logits, their gradient, log-softmax and its gradient."""
ADAPTERS_ONLY = frozenset({"full-ft", "osf", "corda", "keeplora"})
"""Methods that need the weights themselves, unquantised."""
IN_PASSES = frozenset({"kore", "lora-null"})
"""Methods that can measure covariances in parts."""


@dataclass(frozen=True)
class Accelerator:
    """Where it would run."""

    name: str
    memory: int
    """Bytes."""
    flops: float
    """Peak of dense bfloat16, per second."""
    bandwidth: float
    """Bytes per second."""


ACCELERATORS = {
    one.name: one
    for one in (
        Accelerator("h200", 141 * 10**9, 989e12, 4.8e12),
        Accelerator("h100", 80 * 10**9, 989e12, 3.35e12),
        Accelerator("a100-80", 80 * 10**9, 312e12, 2.0e12),
        Accelerator("a100-40", 40 * 10**9, 312e12, 1.6e12),
        Accelerator("l40s", 48 * 10**9, 362e12, 0.86e12),
        Accelerator("rtx-4090", 24 * 10**9, 165e12, 1.0e12),
    )
}
"""Data sheet values."""


@dataclass(frozen=True)
class Shape:
    """A model without its weights. Numbers are parameters."""

    language: int
    projector: int
    vision: int
    other: int
    """Embeddings' output side and what belongs to no part."""
    linears: tuple[tuple[int, int], ...]
    """Inputs × outputs of the language model's linear layers that adapters go to."""
    attention_linears: tuple[tuple[int, int], ...]
    layers: int
    hidden: int
    mlp: int
    key_value: int
    heads: int
    vocabulary: int

    @property
    def total(self) -> int:
        """All parameters."""
        return self.language + self.projector + self.vision + self.other


@dataclass(frozen=True)
class Load:
    """How much is learned and asked."""

    tokens: int
    """Of one conversation, its image's included."""
    answer_tokens: int
    conversations: int
    """That are read in training, over all tasks and epochs."""
    questions: int = 0
    prior: int = 0
    """Conversations of the past that the method measures on."""


@dataclass(frozen=True)
class Estimate:
    """What a run takes. Bytes per accelerator."""

    weights: int
    """While learning."""
    whole: int
    """All weights, which each accelerator holds before and after learning, when it measures and answers."""
    trainable: int
    """Parameters that learn."""
    training_state: int
    """Gradients and optimiser, and the adapters' own weights."""
    activations: int
    method: int
    """What the method keeps on the accelerator while it learns."""
    preparing: int
    """What the method needs before it learns, instead of activations and optimiser: covariances."""
    hours: float
    disk: int
    assumptions: tuple[str, ...]

    @property
    def peak(self) -> int:
        """Most bytes at once."""
        learning = self.weights + self.training_state + self.activations + self.method
        return round(max(learning, self.whole + self.preparing) * SLACK) + CONTEXT_BYTES


@dataclass(frozen=True)
class Verdict:
    """Whether it fits, and if not, with which settings it would."""

    fits: bool
    estimate: Estimate
    accelerator: Accelerator
    change: str | None = None
    """Options to add to the command; None if it fits, or if nothing that we know makes it fit."""
    changed: Estimate | None = None


# Shapes


def shape_of(ref: ModelRef, *, local_only: bool = False) -> Shape:
    """Read the configuration alone and lay the model out without weights.

    Raises:
        FileNotFoundError: no configuration of that name here or on the hub.
        ValueError: an unknown family, or a configuration that cannot be read.
    """
    if ref.id in KNOWN:
        return lay_out(known_configuration(ref.id))
    return lay_out(read_configuration(ref, local_only=local_only))


_CLIP = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16}
_CLIP |= {"image_size": 336, "patch_size": 14, "projection_dim": 768, "model_type": "clip_vision_model"}


def _llama(hidden: int, mlp: int, layers: int, heads: int) -> dict[str, Any]:
    shape = {"hidden_size": hidden, "intermediate_size": mlp, "num_hidden_layers": layers}
    return {**shape, "num_attention_heads": heads, "vocab_size": 32_064, "model_type": "llama"}


KNOWN: dict[str, dict[str, Any]] = {
    "llava-hf/llava-1.5-7b-hf": {
        "model_type": "llava",
        "vision_config": _CLIP,
        "text_config": _llama(4096, 11_008, 32, 32),
    },
    "llava-hf/llava-1.5-13b-hf": {
        "model_type": "llava",
        "vision_config": _CLIP,
        "text_config": _llama(5120, 13_824, 40, 40),
    },
    "Qwen/Qwen2.5-VL-7B-Instruct": {
        "model_type": "qwen2_5_vl",
        "vision_config": {"hidden_size": 1280, "intermediate_size": 3420, "out_hidden_size": 3584},
        "text_config": {
            "hidden_size": 3584,
            "intermediate_size": 18_944,
            "num_hidden_layers": 28,
            "num_attention_heads": 28,
            "num_key_value_heads": 4,
            "vocab_size": 152_064,
        },
    },
}
"""Published shapes of the models in KORE's tables, so that planning needs no network."""


def known_configuration(id_: str) -> Untyped:
    """The configuration of a model whose shape we know."""
    facts = dict(KNOWN[id_])
    return AutoConfig.for_model(facts.pop("model_type"), **facts)


def lay_out(config: Untyped) -> Shape:
    """The shape of a configuration."""
    with torch.device("meta"):
        model: Any = AutoModelForImageTextToText.from_config(config)
    family = family_for(config.model_type, [name for name, _ in model.named_parameters()])
    numbers = {"projector": 0, "vision": 0, "language": 0, "other": 0}
    for name, weight in model.named_parameters():
        numbers[_part(name, family.projector, family.vision)] += weight.numel()
    text = config.get_text_config()
    head = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return Shape(
        **numbers,
        linears=tuple(_linears(model, family.language_linears)),
        attention_linears=tuple(_linears(model, family.attention_linears)),
        layers=text.num_hidden_layers,
        hidden=text.hidden_size,
        mlp=text.intermediate_size,
        key_value=(getattr(text, "num_key_value_heads", None) or text.num_attention_heads) * head,
        heads=text.num_attention_heads,
        vocabulary=text.vocab_size,
    )


def _part(name: str, projector: str, vision: str) -> str:
    if name.startswith(projector):
        return "projector"
    if name.startswith(vision):
        return "vision"
    return "language" if ".language_model." in name or ".text_model." in name or name.startswith("lm_head") else "other"


def _linears(model: Untyped, pattern: str) -> Iterator[tuple[int, int]]:
    wanted = re.compile(pattern)
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and wanted.fullmatch(name):
            yield module.in_features, module.out_features


# Counting


def lora_parameters(shape: Shape, rank: int, *, targets: str = "all-linear", frozen_a: bool = False) -> int:
    """Parameters of adapters that learn: rank × (in + out) per layer, rank × out where A is frozen."""
    linears = shape.attention_linears if targets == "attention" else shape.linears
    return sum(rank * (outputs if frozen_a else inputs + outputs) for inputs, outputs in linears)


def trainable(shape: Shape, tuning: Tuning, *, frozen_a: bool = False) -> int:
    """Parameters that learn under a tuning."""
    if tuning.kind == "lora":
        adapters = lora_parameters(shape, tuning.rank, targets=tuning.targets, frozen_a=frozen_a)
        return adapters + (shape.projector if tuning.projector else 0)
    parts = {
        "full": shape.language + shape.projector + shape.other,
        "language-model": shape.language + shape.other,
        "projector": shape.projector,
    }
    return parts[tuning.kind]


def covariance_numbers(shape: Shape) -> int:
    """Entries of all second moments: one matrix per distinct input; query, key, value share, and gate and up."""
    heads = shape.linears[3][0] if len(shape.linears) > 3 else shape.hidden
    return shape.layers * (2 * shape.hidden**2 + heads**2 + shape.mlp**2)


def activation_bytes(shape: Shape, tokens: int, training: Training, *, bytes_each: int, lora_rank: int = 0) -> int:
    """What the backward pass needs of one micro-batch of that many tokens."""
    layer = tokens * _layer_bytes(shape, bytes_each, lora_rank)
    if training.gradient_checkpointing:
        return layer + shape.layers * tokens * shape.hidden * bytes_each
    return shape.layers * layer


def _layer_bytes(shape: Shape, bytes_each: int, lora_rank: int) -> int:
    """Bytes per token that a decoder layer keeps: norms, query, key, value, attention, and the gated MLP's parts.

    Adapters are kept in float32: below a model in half precision, they keep each layer's input once more, in float32.
    """
    plain = (8 * shape.hidden + 4 * shape.key_value + 4 * shape.mlp) * bytes_each
    if not lora_rank:
        return plain
    inputs = 6 * shape.hidden + shape.mlp if bytes_each < 4 else 0
    return plain + 4 * (inputs + 7 * 2 * lora_rank)


def estimate(
    shape: Shape, experiment: Experiment, load: Load, accelerator: Accelerator, n_devices: int = 1
) -> Estimate:
    """What a run of this experiment takes on each of `n_devices`, sharded fully if there are several."""
    training, tuning, model = experiment.training, experiment.tuning, experiment.model
    each = BYTES[model.dtype]
    frozen_a = experiment.method in {"kore", "keeplora"} or experiment.method_config.get("freeze_a") is True
    learns = trainable(shape, tuning, frozen_a=frozen_a)
    micro = max(1, -(-training.batch_size // training.accumulation // n_devices))
    tokens = micro * load.tokens
    rank = tuning.rank if tuning.kind == "lora" else 0
    logits = micro * load.answer_tokens * shape.vocabulary * 4 * LOGIT_COPIES
    twice = 2 if experiment.method in {"lwf", "sdft"} else 1
    measures = experiment.method in {"kore", "corda", "lora-null", "osf", "keeplora"} and load.prior > 0
    return Estimate(
        weights=round(_weight_bytes(shape, model) / n_devices),
        whole=round(_weight_bytes(shape, model)),
        trainable=learns,
        training_state=round(_state_bytes(shape, tuning, learns, each, frozen_a=frozen_a) / n_devices),
        activations=activation_bytes(shape, tokens, training, bytes_each=each, lora_rank=rank) + logits * twice,
        method=round(_method_numbers(experiment, learns) * 4 / n_devices),
        preparing=covariance_numbers(shape) * 8 // _passes(experiment, shape) if measures else 0,
        hours=_seconds(shape, experiment, load, accelerator, n_devices) / 3600,
        disk=2 * shape.total + (4 * learns if tuning.kind == "lora" else each * shape.total),
        assumptions=(
            f"{load.tokens} tokens per conversation, {load.answer_tokens} of them answers",
            f"{MFU:.0%} of {accelerator.name}'s peak in training; nobody has measured it here",
            "flash or fused attention: no matrix of scores is kept",
            f"{SLACK - 1:.0%} for fragmentation, {CONTEXT_BYTES / 1e9:.0f} GB for the process",
        ),
    )


def _passes(experiment: Experiment, shape: Shape) -> int:
    """Into how many parts the measuring of covariances is split; a part has at least one decoder layer."""
    return min(int(experiment.method_config.get("passes", 1)), shape.layers)


def _weight_bytes(shape: Shape, model: ModelRef) -> float:
    each = BYTES[model.dtype]
    if model.quantisation == "none":
        return each * shape.total
    packed = sum(inputs * outputs for inputs, outputs in shape.linears)
    return QUANTISED_BYTES[model.quantisation] * packed + each * (shape.total - packed)


def _state_bytes(shape: Shape, tuning: Tuning, learns: int, each: int, *, frozen_a: bool) -> float:
    """Adapters are kept in float32, with gradient and two moments; weights that learn directly in their own type."""
    if tuning.kind != "lora":
        return learns * each * (1 + ADAM_STATES)
    held = lora_parameters(shape, tuning.rank, targets=tuning.targets) if frozen_a else learns
    return 4 * (held + learns * (1 + ADAM_STATES))


def _method_numbers(experiment: Experiment, learns: int) -> float:
    """Float32 numbers that a method keeps beside the model: importances and anchors, or earlier adapters."""
    per_weight = {"ewc": 2, "mas": 2, "si": 3, "l2-sp": 1, "lwf": 1, "sdft": 1, "agem": 1}
    earlier = {"o-lora": experiment.data.n_tasks - 1, "inc-moelora": experiment.data.n_tasks - 1}
    return learns * (per_weight.get(experiment.method, 0) + earlier.get(experiment.method, 0))


def _seconds(shape: Shape, experiment: Experiment, load: Load, accelerator: Accelerator, n_devices: int) -> float:
    """Floating-point operations over the assumed speed; answers at the memory's bandwidth."""
    language, speed = shape.language, accelerator.flops * MFU * n_devices
    passes = 1 + (1 if experiment.tuning.kind == "lora" else 2)
    passes += CHECKPOINT_FORWARDS if experiment.training.gradient_checkpointing else 0
    passes += 1 if experiment.method in {"lwf", "sdft"} else 0
    learning = 2 * language * load.tokens * passes * load.conversations / speed
    measuring = 2 * language * load.tokens * load.prior * _passes(experiment, shape) / speed
    steps = load.questions * 2 * (1 + experiment.data.n_tasks) * 24 / 32
    asking = steps * BYTES[experiment.model.dtype] * shape.total / (accelerator.bandwidth * 0.5) / n_devices
    return learning + measuring + asking


# Fitting


def verdict(shape: Shape, experiment: Experiment, load: Load, accelerator: Accelerator, n_devices: int = 1) -> Verdict:
    """Whether it fits; if not, the mildest change that makes it fit, as options of the command."""
    plain = estimate(shape, experiment, load, accelerator, n_devices)
    if plain.peak <= accelerator.memory:
        return Verdict(True, plain, accelerator)
    for options, changed, devices in _changes(experiment, n_devices, _passes_that_fit(plain, experiment, accelerator)):
        found = estimate(shape, changed, load, accelerator, devices)
        if found.peak <= accelerator.memory:
            return Verdict(False, plain, accelerator, options, found)
    return Verdict(False, plain, accelerator)


def _passes_that_fit(plain: Estimate, experiment: Experiment, accelerator: Accelerator) -> int | None:
    """The fewest passes of measuring for which covariances fit beside the weights; None if they do or cannot."""
    if experiment.method not in IN_PASSES or plain.preparing == 0:
        return None
    now = int(experiment.method_config.get("passes", 1))
    room = (accelerator.memory - CONTEXT_BYTES) / SLACK - plain.whole
    if plain.preparing <= room:
        return None
    return next((n for n in (2, 4, 8, 16, 32) if n > now and plain.preparing * now / n <= room), None)


def _changes(experiment: Experiment, n_devices: int, passes: int | None) -> Iterator[tuple[str, Experiment, int]]:
    """Mildest first; each contains the ones before it."""
    training = experiment.training
    options: list[str] = []
    if passes is not None:
        options.append(f"--set method_config.passes={passes}")
        config = {**experiment.method_config, "passes": passes}
        experiment = experiment.model_copy(update={"method_config": config})
        yield " ".join(options), experiment, n_devices
    if experiment.model.dtype == "float32":
        options.append("--set model.dtype=bfloat16")
        experiment = experiment.model_copy(update={"model": experiment.model.model_copy(update={"dtype": "bfloat16"})})
        yield " ".join(options), experiment, n_devices
    for accumulation in sorted({n for n in (2, 4, 8, 16, 32, training.batch_size) if n <= training.batch_size}):
        changed = training.model_copy(update={"accumulation": accumulation})
        said = [*options, f"--set training.accumulation={accumulation}"]
        yield " ".join(said), experiment.model_copy(update={"training": changed}), n_devices
    least = training.model_copy(update={"accumulation": training.batch_size, "gradient_checkpointing": True})
    options += [f"--set training.accumulation={training.batch_size}", "--set training.gradient_checkpointing=true"]
    experiment = experiment.model_copy(update={"training": least})
    yield " ".join(options), experiment, n_devices
    if experiment.tuning.kind == "lora" and experiment.method not in ADAPTERS_ONLY:
        packed = experiment.model_copy(update={"model": experiment.model.model_copy(update={"quantisation": "4bit"})})
        yield " ".join([*options, "--set model.quantisation=4bit"]), packed, n_devices
    for devices in (2, 4, 8):
        if devices > n_devices:
            yield (
                " ".join([*options, f"(as: aki reproduce launch together … --processes {devices} --shard)"]),
                experiment,
                devices,
            )


def here() -> Accelerator | None:
    """The accelerator of this machine; None on a CPU."""
    if not torch.cuda.is_available():
        return None
    facts = torch.cuda.get_device_properties(0)
    spelled = facts.name.lower().replace(" ", "-")
    known = [one for name, one in ACCELERATORS.items() if name.partition("-")[0] in spelled]
    base = known[0] if known else ACCELERATORS["a100-40"]
    return replace(base, name=facts.name, memory=facts.total_memory)


# For the command line


@dataclass(frozen=True)
class Report:
    """One experiment on one accelerator."""

    experiment: str
    verdict: Verdict
    n_devices: int
    passes: int = 1
    """Over the samples that covariances are measured on."""

    def lines(self) -> list[str]:
        """What a person reads."""
        found, where = self.verdict.estimate, self.verdict.accelerator
        times = f"{self.n_devices} × " if self.n_devices > 1 else ""
        fits = "fits" if self.verdict.fits else "does not fit"
        said = [
            (
                f"{self.experiment}: {fits} on {times}{where.name} "
                f"({_gigabytes(found.peak)} of {_gigabytes(where.memory)}), about {found.hours:.1f} h, "
                f"{_gigabytes(found.disk)} of disk, {found.trainable / 1e6:.1f} M parameters learn"
            ),
            (
                f"  weights {_gigabytes(found.weights)}, training state {_gigabytes(found.training_state)}, "
                f"activations {_gigabytes(found.activations)}, method {_gigabytes(found.method)}, "
                f"before learning {_gigabytes(found.preparing)}{self._passes()}"
            ),
        ]
        if self.verdict.change and self.verdict.changed:
            changed = _gigabytes(self.verdict.changed.peak)
            said.append(f"  it would fit ({changed}) with: {self.verdict.change}")
        elif not self.verdict.fits:
            said.append("  nothing that we know makes it fit; take a larger accelerator or a smaller model")
        return said

    def _passes(self) -> str:
        return f" (covariances in {self.passes} passes)" if self.passes > 1 else ""

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        from dataclasses import asdict

        facts = {"experiment": self.experiment, "devices": self.n_devices, "passes": self.passes}
        return {**facts, **asdict(self.verdict)}


def _gigabytes(number: int) -> str:
    return f"{number / 1e9:.1f} GB"


def report(experiment: Experiment, accelerator: Accelerator, n_devices: int = 1, tokens: int | None = None) -> Report:
    """Size one experiment; conversations are counted in its data if they are on this machine."""
    shape = shape_of(experiment.model)
    return Report(
        experiment.id,
        verdict(shape, experiment, _load(experiment, tokens), accelerator, n_devices),
        n_devices,
        _passes(experiment, shape),
    )


def _load(experiment: Experiment, tokens: int | None) -> Load:
    training, data = experiment.training, experiment.data
    read = training.steps * training.batch_size * data.n_tasks
    measured, questions = _data_facts(experiment)
    prior = int(experiment.method_config.get("samples", PRIOR_SAMPLES))
    return Load(tokens or measured or TOKENS, ANSWER_TOKENS, read, questions, prior)


TOKENS = 800
"""Of a conversation with one image of 576 tokens, where the data are not there to be counted."""
ANSWER_TOKENS = 80
PRIOR_SAMPLES = 256
IMAGE_TOKENS = 576
TOKENS_PER_WORD = 1.4


def _data_facts(experiment: Experiment) -> tuple[int | None, int]:
    """Tokens of a mean training conversation (None if the data are not here), and the number of questions."""
    from reproductions import plugins

    data = experiment.data
    try:
        tasks = plugins.load("benchmarks", data.injection).tasks(data, 0)
    except (OSError, ValueError):
        return None, data.n_entities * data.n_tasks
    examples = [example for task in tasks for example in task.train]
    words = sum(len(f"{turn.question} {turn.answer}".split()) for one in examples for turn in one.turns)
    images = sum(len(one.images) for one in examples)
    mean = (TOKENS_PER_WORD * words + IMAGE_TOKENS * images) / max(1, len(examples))
    return round(mean), sum(len(task.questions) for task in tasks)


def accelerator_named(name: str | None) -> Accelerator:
    """By name, or this machine's; an H100 where there is none and none is named.

    Raises:
        LookupError: no such accelerator.
    """
    if name is None:
        return here() or ACCELERATORS["h100"]
    if name not in ACCELERATORS:
        raise LookupError(f"no accelerator named '{name}'; there are: {', '.join(ACCELERATORS)}")
    return ACCELERATORS[name]
