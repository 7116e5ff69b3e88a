"""From words on the command line to experiments: ids, globs, suites, and one-off variations of a spec. Light."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from reproductions import plugins, spec
from reproductions.spec import EXPERIMENTS, Experiment, SpecError, digest

BASE_SUITES = ("quick", "kore", "ablations", "two-phase")
"""Where the base spec of a method is looked for, in this order."""
PAPER_FORM = {"kore": "knowledge-tree"}
"""The data a paper trains its method on, where it is not the raw data: KORE alone learns from augmented data there."""


@dataclass(frozen=True)
class Changes:
    """What differs from the spec."""

    model: str | None = None
    form: str | None = None
    seeds: tuple[int, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    """Dotted field → value as text: `training.steps` → `50`."""

    @property
    def of_the_experiment(self) -> bool:
        """Whether it is another experiment, not only other seeds."""
        return bool(self.model or self.form or self.settings)


def experiments(words: Sequence[str], changes: Changes, root: Path = EXPERIMENTS) -> tuple[Experiment, ...]:
    """The experiments that are meant. Raises SpecError."""
    chosen = [one for word in words for one in _of_word(word, changes, root)]
    changed = [vary(one, changes) for one in chosen] if changes.of_the_experiment else chosen
    unique = {one.id: one for one in changed}
    if changes.seeds:
        return tuple(one.model_copy(update={"seeds": changes.seeds}) for one in unique.values())
    return tuple(unique.values())


def _of_word(word: str, changes: Changes, root: Path) -> tuple[Experiment, ...]:
    is_method = word in plugins.names("methods")
    if is_method and (changes.of_the_experiment or not _is_suite(word, root)):
        return (base_spec(word, changes.form, root),)
    return spec.select([word], root)


def _is_suite(word: str, root: Path) -> bool:
    return word in spec.load_suites(root) or (root / word).is_dir()


def base_spec(method: str, form: str | None = None, root: Path = EXPERIMENTS) -> Experiment:
    """The spec that one-off runs of a method start from: in the form asked for if there is one, else the paper's."""
    known = [one for one in spec.load_all(root).values() if one.method == method]
    forms = (form, PAPER_FORM.get(method, "raw"))

    def order(one: Experiment) -> tuple[int, int, int, str]:
        suite = one.id.split("/")[0]
        place = BASE_SUITES.index(suite) if suite in BASE_SUITES else len(BASE_SUITES)
        wanted = forms.index(one.data.form) if one.data.form in forms else len(forms)
        return wanted, place, len(one.method_config), one.id

    if not known:
        raise SpecError(f"method '{method}' has no experiment to start from; write reproductions/experiments/…/*.yaml")
    return min(known, key=order)


def vary(experiment: Experiment, changes: Changes) -> Experiment:
    """A one-off variation; it gets an id below `adhoc/`, unless nothing changed. Raises SpecError."""
    data = experiment.model_dump(mode="json")
    if changes.model:
        data["model"] = {**data["model"], "id": changes.model, "revision": None}
    if changes.form:
        data["data"]["form"] = changes.form
    for name, value in changes.settings.items():
        _put(data, name, value)
    data["note"] = None
    try:
        varied = Experiment.model_validate(data)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise SpecError(f"--set {where}: {problem['msg']}, got {problem['input']!r}") from None
    if digest(varied) == digest(experiment):
        return experiment
    name = f"{varied.method}-{varied.data.form}-{digest(varied)[:8]}"
    return varied.model_copy(update={"id": f"adhoc/{name}"})


def _put(data: dict[str, Any], dotted: str, text: str) -> None:
    """Set a field; free settings such as `method_config.strength` may be new."""
    *parents, last = dotted.split(".")
    place: Any = data
    for depth, parent in enumerate(parents):
        place = place.get(parent) if isinstance(place, dict) else None
        if not isinstance(place, dict):
            raise SpecError(f"--set {dotted}: there is no field '{'.'.join(parents[: depth + 1])}'")
    if last not in place and parents[:1] != ["method_config"] and parents[-1:] != ["options"]:
        raise SpecError(f"--set {dotted}: there is no such field; {plugins.nearest(last, tuple(place))}")
    place[last] = yaml.load(text, Loader=spec.PlainLoader)  # noqa: S506 - a SafeLoader of ours


def parse_settings(texts: Sequence[str]) -> dict[str, str]:
    """`name=value` texts as a mapping. Raises SpecError."""
    pairs = [text.partition("=") for text in texts]
    for name, equals, _ in pairs:
        if not equals or not name:
            raise SpecError(f"--set wants NAME=VALUE, for example --set training.steps=50; got '{name}'")
    return {name.strip(): value.strip() for name, _, value in pairs}
