"""Writes the specs of the suites from one table of methods, so that rows differ in what they say they differ in.

    python -m reproductions.suites

Specs stay YAML files that anybody may add to or write by hand. A spec that has results is never rewritten.
Settings are chosen from the recorded trials and written to `experiments/settings.yaml`; nobody chooses them by hand.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, Literal

import yaml

from reproductions import records, search, spec
from reproductions.records import RESULTS
from reproductions.spec import EXPERIMENTS, Data, Experiment, ModelRef, Training, Tuning

CHECKPOINTS = (0, 1, 2)
SEEDS = (0, 1, 2)
VALIDATION_SEEDS = (1000,)
STEPS, BATCH = 500, 32
"""Gradient steps and batch size of every row, on every form: 16,000 samples are read."""
RANK = 32
FORMS = {"raw": "raw", "tree": "knowledge-tree"}
"""Short name in experiment ids → form of the data."""
PHASE_ENTITIES = 60
"""Per task of the two-phase protocol, so that both together are as many as in one shot."""


@dataclass(frozen=True)
class Recipe:
    """A method as it enters the main product."""

    method: str
    config: dict[str, Any] = field(default_factory=dict)
    kind: Literal["lora", "full", "language-model"] = "lora"
    targets: Literal["all-linear", "attention"] = "all-linear"
    trains: bool = True
    """False: a reference whose steps and learning rate mean nothing; it is not tuned."""
    knob: str | None = None
    """The setting, besides the learning rate, that tuning varies, in the same number of trials."""
    values: tuple[float, ...] = ()


RECIPES: dict[str, Recipe] = {
    "base": Recipe("base", trains=False),
    "in-context": Recipe("in-context", trains=False),
    "joint": Recipe("joint"),
    "full-ft": Recipe("full-ft", kind="full"),
    "lora": Recipe("lora"),
    "lora-attention": Recipe("lora", targets="attention"),
    "replay": Recipe("replay", {"fraction": 0.1, "of": "batch", "samples": 128}),
    "ewc": Recipe("ewc", knob="strength", values=(0.01, 0.1)),
    "lwf": Recipe("lwf", knob="strength", values=(0.1, 0.5)),
    "l2-sp": Recipe("l2-sp", knob="strength", values=(0.01, 0.1)),
    "si": Recipe("si", knob="strength", values=(0.01, 0.1)),
    "mas": Recipe("mas", knob="strength", values=(0.01, 0.1)),
    "moelora": Recipe("moelora"),
    "o-lora": Recipe("o-lora"),
    "sefe": Recipe("sefe", {"restyled": 0.2}),
    "corda": Recipe("corda"),
    "lora-null": Recipe("lora-null"),
    "keeplora": Recipe("keeplora"),
    "osf": Recipe("osf", kind="language-model"),
    "kore": Recipe("kore"),
    "anchored": Recipe("anchored", {"replayed": 8}),
}
"""Row of the main suite → how it is run."""

LEARNING_RATES: dict[str, tuple[float, ...]] = {
    "full": (1e-4, 3e-4, 1e-3, 2e-3),
    "lora": (1e-3, 2e-3, 4e-3, 8e-3),
    "frozen-a": (4e-3, 8e-3, 1.2e-2, 1.6e-2),
}
"""What tuning tries, by what learns. With a second knob the middle two, so that the number of trials is the same."""
FURTHER: dict[str, tuple[tuple[float, dict[str, Any]], ...]] = {
    "lora-tree": ((5e-4, {}), (2.5e-4, {})),
    "full-ft-tree": ((2e-4, {}), (5e-4, {})),
    "ewc-tree": ((8e-3, {"strength": 0.01}), (4e-3, {"strength": 0.003})),
    "lwf-tree": ((4e-3, {"strength": 2.0}), (1e-3, {"strength": 0.5})),
    "kore-tree": ((6e-3, {}), (1e-2, {})),
}
"""The two more trials of the rows that were compared first. All other rows get theirs by a rule, `search.further`."""
OWN: dict[str, tuple[tuple[float, dict[str, Any]], ...]] = {
    "anchored": (
        (8e-3, {"strength": 0.01, "distillation": 1.0}),
        (8e-3, {"strength": 0.01, "distillation": 3.0}),
        (1.2e-2, {"strength": 0.01, "distillation": 1.0}),
        (8e-3, {"strength": 0.003, "distillation": 1.0}),
        (8e-3, {"strength": 0.01, "distillation": 1.0, "replayed": 16}),
        (1.2e-2, {"strength": 0.01, "distillation": 1.0, "null_space": True}),
    ),
}
"""Rows whose six trials were written down before the first of them ran, from what tuning the other rows had shown."""
FROZEN_A = ("kore",)
"""Rows in which half of the adapter learns; they take larger steps."""

STARTING_RATES = {"full": 1e-3, "lora": 4e-3, "frozen-a": 8e-3}
STARTING: dict[str, dict[str, Any]] = {
    "kore-tree": {"learning_rate": 1.2e-2},
    "ewc-tree": {"learning_rate": 4e-3, "strength": 0.03},
    "mas-tree": {"learning_rate": 4e-3, "strength": 0.03},
}
"""Where a first look on the validation world found that the facts are learned, if not at `STARTING_RATES`.

The suite `quick` keeps these; the others use them until a row has been tuned, and their specs say so.
"""
TRIALS = 6
"""Of every row and form: a grid of four, and two that the best of the four places."""
SETTINGS_HEAD = """\
# What tuning chose on the validation world, by row and form: of six trials the one with the highest average. Written
# by `python -m reproductions.suites` from `results/tuning`. Rows that are missing here have not been tuned yet; their
# specs hold the starting settings and say so.
"""
NOT_TUNED = "Starting settings; this row has not been tuned on the validation world yet."


def main() -> int:
    """Write what tuning chose, and every spec that has no results yet."""
    _write_settings(choose())
    settings = load_settings()
    written = kept = 0
    for experiment in specs(settings):
        if records.find(RESULTS, experiment.id):
            records.check_unchanged(experiment)
            kept += 1
        else:
            spec.save(experiment)
            written += 1
    sys.stdout.write(f"{written} specs written, {kept} left alone because they have results\n")
    return 0


def load_settings(root: Path = EXPERIMENTS) -> dict[str, dict[str, Any]]:
    """`<row>-<form>` → `learning_rate` and settings of the method, as chosen on the validation world."""
    text = (root / "settings.yaml").read_text(encoding="utf-8")
    return yaml.load(text, Loader=spec.PlainLoader) or {}  # noqa: S506 - a SafeLoader of ours


def specs(settings: dict[str, dict[str, Any]]) -> Iterator[Experiment]:
    """All specs of all suites."""
    yield from tuning()
    yield from quick()
    yield from kore(settings)
    yield from two_phase(settings)
    yield from ablations(settings)


def tuning() -> Iterator[Experiment]:
    """Six trials for every row and form, on the validation world: four of a grid, two where the best of them says."""
    for (row, recipe), form in product(RECIPES.items(), FORMS):
        data = Data(form=FORMS[form], world="validation")
        grid = _trials(row, recipe)
        for place, (rate, config) in enumerate((*grid, *_further(f"{row}-{form}", grid, recipe.knob))):
            yield experiment(
                f"tuning/{row}-{form}-{place}", recipe, data, rate=rate, config=config, seeds=VALIDATION_SEEDS
            )


def _further(
    name: str, grid: list[tuple[float, dict[str, Any]]], knob: str | None
) -> Sequence[tuple[float, dict[str, Any]]]:
    """The fifth and sixth trial of a row, once the first four have results."""
    if name in FURTHER or len(grid) == TRIALS:
        return FURTHER.get(name, ())
    found = _recorded(name, len(grid))
    return search.further(found, grid, knob) if found else ()


def _recorded(name: str, trials: int) -> search.Choice | None:
    """The best of a row's first trials, once all of them have results."""
    paths = [path for place in range(trials) for path in records.find(RESULTS, f"tuning/{name}-{place}")]
    if not paths or len(paths) < trials:
        return None
    return search.choose(records.load(path) for path in paths)[0]


def choose() -> dict[str, dict[str, Any]]:
    """`<row>-<form>` → what tuning chose, for the rows whose trials all have results."""
    complete = (_recorded(f"{row}-{form}", TRIALS) for row, form in product(RECIPES, FORMS) if RECIPES[row].trains)
    return search.chosen_settings(choice for choice in complete if choice)


def _write_settings(settings: dict[str, dict[str, Any]]) -> None:
    rows = (yaml.safe_dump({row: found}, default_flow_style=None, sort_keys=False) for row, found in settings.items())
    records.write_atomically(EXPERIMENTS / "settings.yaml", (SETTINGS_HEAD + "".join(rows)).encode())


def _trials(row: str, recipe: Recipe) -> list[tuple[float, dict[str, Any]]]:
    if not recipe.trains:
        return []
    if row in OWN:
        return list(OWN[row])
    rates = LEARNING_RATES["full" if recipe.kind != "lora" else "frozen-a" if row in FROZEN_A else "lora"]
    if recipe.knob is None:
        return [(rate, {}) for rate in rates]
    return [(rate, {recipe.knob: value}) for rate, value in product(rates[1:3], recipe.values)]


def quick() -> Iterator[Experiment]:
    """Four methods, and what tells KORE's two parts apart."""
    for row, form in (
        ("full-ft", "raw"),
        ("lora", "raw"),
        ("replay", "raw"),
        ("kore", "tree"),
        ("lora", "tree"),
        ("kore", "raw"),
    ):
        yield main_row("quick", row, form, {}, note=None)


def kore(settings: dict[str, dict[str, Any]]) -> Iterator[Experiment]:
    """The full product of data, method and checkpoint."""
    for row, form, checkpoint in product(RECIPES, FORMS, CHECKPOINTS):
        if row in {"base", "in-context"} and form == "tree":
            continue  # nothing is learned from the data, so its form does not matter
        yield main_row("kore", row, form, settings, checkpoint=checkpoint, suffix=f"-seed-{checkpoint}")


TWO_PHASE = ("full-ft", "lora", "replay", "ewc", "lwf", "moelora", "o-lora", "sefe", "keeplora", "osf", "kore")


def two_phase(settings: dict[str, dict[str, Any]]) -> Iterator[Experiment]:
    """Inject one world, then another: where methods that need an earlier task have one."""
    for row, form in product(TWO_PHASE, FORMS):
        yield main_row("two-phase", row, form, settings, n_tasks=2)


def main_row(
    suite: str,
    row: str,
    form: str,
    settings: dict[str, dict[str, Any]],
    *,
    checkpoint: int = 0,
    n_tasks: int = 1,
    suffix: str = "",
    note: str | None = NOT_TUNED,
) -> Experiment:
    """A method with the settings chosen for it on this form of the data."""
    rate, config = chosen(settings, row, form)
    data = Data(form=FORMS[form], n_tasks=n_tasks, n_entities=120 if n_tasks == 1 else PHASE_ENTITIES)
    return experiment(
        f"{suite}/{row}-{form}{suffix}",
        RECIPES[row],
        data,
        rate=rate,
        config=config,
        checkpoint=checkpoint,
        note=note if RECIPES[row].trains and f"{row}-{form}" not in settings else None,
    )


def chosen(settings: dict[str, dict[str, Any]], row: str, form: str) -> tuple[float, dict[str, Any]]:
    """Learning rate and settings of a row: those that tuning chose, else those to start from."""
    name, recipe = f"{row}-{form}", RECIPES[row]
    group = "full" if recipe.kind != "lora" else "frozen-a" if row in FROZEN_A else "lora"
    found = dict(settings.get(name) or STARTING.get(name) or {})
    return float(found.pop("learning_rate", STARTING_RATES[group])), found


def experiment(
    id_: str,
    recipe: Recipe,
    data: Data,
    *,
    rate: float,
    config: dict[str, Any],
    checkpoint: int = 0,
    seeds: tuple[int, ...] = SEEDS,
    rank: int = RANK,
    note: str | None = None,
) -> Experiment:
    """One spec."""
    return Experiment(
        id=id_,
        protocol="continual" if data.n_tasks > 1 else "injection",
        method=recipe.method,
        method_config={**recipe.config, **config},
        tuning=Tuning(kind=recipe.kind, rank=rank, targets=recipe.targets),
        model=ModelRef(id=f"lab-tiny@seed-{checkpoint}"),
        data=data,
        training=Training(learning_rate=rate, steps=STEPS, batch_size=BATCH),
        seeds=seeds,
        note=note,
    )


def ablations(settings: dict[str, dict[str, Any]]) -> Iterator[Experiment]:
    """What a row is made of, on the first checkpoint."""
    yield from _forms(settings)
    yield from _kores_parts(settings)
    yield from _priors(settings)
    yield from _learning_rates(settings)


def _variant(
    settings: dict[str, dict[str, Any]],
    name: str,
    row: str,
    form: str,
    *,
    data: dict[str, Any] | None = None,
    config: dict[str, Any] | None = None,
    rank: int = RANK,
    factor: float = 1.0,
) -> Experiment:
    rate, own = chosen(settings, row, form)
    return experiment(
        f"ablations/{name}",
        RECIPES[row],
        Data.model_validate({"form": FORMS[form], **(data or {})}),
        rate=rate * factor,
        config={**own, **(config or {})},
        rank=rank,
        note=None if f"{row}-{form}" in settings else NOT_TUNED,
    )


def _forms(settings: dict[str, dict[str, Any]]) -> Iterator[Experiment]:
    """Is it structure, or just more text and more views? With the settings of the knowledge tree."""
    for form in ("raw-qa", "raw-views", "text-augmented", "text-agnostic", "image-augmented", "image-agnostic"):
        for row in ("lora", "kore"):
            yield _variant(settings, f"{row}-{form}", row, "tree", data={"form": form})


def _kores_parts(settings: dict[str, dict[str, Any]]) -> Iterator[Experiment]:
    """KORE's switches, each alone, at KORE's learning rate."""
    for form in FORMS:
        for subspace in ("random", "top"):
            yield _variant(settings, f"kore-{form}-{subspace}", "kore", form, config={"subspace": subspace})
        yield _variant(settings, f"kore-{form}-a-learns", "kore", form, config={"freeze_a": False})
        yield _variant(settings, f"kore-{form}-no-constraint", "kore", form, config={"constrain": False})
    for rank in (8, 16, 48, 64):
        yield _variant(settings, f"kore-tree-rank-{rank}", "kore", "tree", rank=rank)
    for samples in (16, 64, 1024):
        yield _variant(settings, f"kore-tree-samples-{samples}", "kore", "tree", config={"samples": samples})
    for dimension in ("COM", "OCR", "MAT", "HAL"):
        name = f"kore-tree-only-{dimension.lower()}"
        yield _variant(settings, name, "kore", "tree", config={"dimensions": [dimension]})


def _priors(settings: dict[str, dict[str, Any]]) -> Iterator[Experiment]:
    """Where old knowledge is sampled from: a proxy that differs from the pretraining data, as in practice."""
    for row in ("replay", "ewc", "mas", "lora-null", "corda", "kore"):
        yield _variant(settings, f"{row}-tree-proxy", row, "tree", data={"prior": "proxy"})
    for fraction in (0.05, 0.25, 0.5):
        yield _variant(
            settings, f"replay-tree-{round(100 * fraction)}", "replay", "tree", config={"fraction": fraction}
        )


def _learning_rates(settings: dict[str, dict[str, Any]]) -> Iterator[Experiment]:
    """Mild and harsh: a quarter, half, double and four times the chosen learning rate."""
    for row, form in product(("full-ft", "lora", "replay", "ewc", "kore"), FORMS):
        for name, factor in (("quarter", 0.25), ("half", 0.5), ("double", 2.0), ("fourfold", 4.0)):
            yield _variant(settings, f"{row}-{form}-{name}-rate", row, form, factor=factor)


if __name__ == "__main__":
    raise SystemExit(main())
