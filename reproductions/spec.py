"""What to run, as data: an immutable experiment, read from `reproductions/experiments/<suite>/<name>.yaml`. Light."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Hashable, Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reproductions import plugins

EXPERIMENTS = Path(__file__).parent / "experiments"


class Spec(BaseModel):
    """Frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelRef(Spec):
    """A base model: `lab-tiny@seed-0`, a local path, or a hub id, with its revision."""

    id: str
    revision: str | None = None
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    quantisation: Literal["none", "4bit", "8bit"] = "none"
    attention: Literal["auto", "eager", "sdpa", "flash_attention_2"] = "auto"


class Tuning(Spec):
    """Which weights learn. Methods do not care, except those that are a tuning themselves."""

    kind: Literal["lora", "full", "projector", "language-model"] = "lora"
    rank: int = Field(default=32, ge=1)
    alpha: float | None = None
    """None: equal to the rank, so that the scale is 1."""
    targets: Literal["all-linear", "attention"] = "all-linear"
    projector: bool = False
    """Also train the projector, as LLaVA-derived code does."""


class Training(Spec):
    """How the loop runs; the same for every method that it is compared with."""

    learning_rate: float = Field(gt=0)
    steps: int = Field(ge=0)
    batch_size: int = Field(ge=1)
    warmup_fraction: float = Field(default=0.03, ge=0, le=1)
    schedule: Literal["cosine", "constant"] = "cosine"
    weight_decay: float = 0.0
    clip: float = 1.0
    betas: tuple[float, float] = (0.9, 0.98)
    gradient_checkpointing: bool = False
    accumulation: int = 1


class Data(Spec):
    """What is injected and what is asked."""

    injection: str = "lab-injection"
    """Benchmark id below `reproductions/benchmarks/`."""
    retention: tuple[str, ...] = ("lab-retention",)
    form: str = "raw"
    """`raw`, `knowledge-tree` (KORE's augmentation), `raw-qa`, `raw-views`, `text-augmented`, `image-augmented`."""
    n_entities: int = Field(default=120, ge=1)
    n_tasks: int = Field(default=1, ge=1)
    n_retention_per_dimension: int = Field(default=200, ge=1)
    world: Literal["test", "validation"] = "test"
    """The validation world shares no entity, seed or item with the test world; tuning sees only it."""
    prior: Literal["pretraining", "proxy"] = "pretraining"
    """Where replay, Fisher and covariance samples come from."""
    options: dict[str, Any] = {}


class Experiment(Spec):
    """One row of a leaderboard before it has numbers. Never edited once it has results: copy it under a new name."""

    id: str = Field(pattern=r"^[a-z0-9-]+/[a-z0-9-]+$")
    """`<suite>/<name>`, as its file is called."""
    protocol: Literal["injection", "continual", "editing"] = "injection"
    method: str
    method_config: dict[str, Any] = {}
    tuning: Tuning = Tuning()
    model: ModelRef
    data: Data = Data()
    training: Training
    seeds: tuple[int, ...] = (0,)
    tier: Literal["smoke", "cpu", "gpu"] = "cpu"
    note: str | None = None
    """Why this row exists, when the name does not say it."""


class Suite(Spec):
    """A named selection of experiments, from `experiments/suites.yaml`; every folder is a suite of its own besides."""

    title: str | None = None
    title_zh: str | None = None
    about: str
    about_zh: str | None = None
    caveats: str | None = None
    """What a reader must know before comparing its rows."""
    caveats_zh: str | None = None
    board: bool = True
    """False: its rows were made to choose settings; they are published and never ranked."""
    experiments: tuple[str, ...] = Field(min_length=1)
    """Ids or globs."""
    seeds: tuple[int, ...] | None = None
    """None: the seeds of each experiment."""


class SpecError(ValueError):
    """What is wrong with a spec, where, and how to mend it: one line."""


class PlainLoader(yaml.SafeLoader):
    """YAML 1.2's plain values: `5e-3` is a number, `no` is a word, and no key may occur twice."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012 - the library's own way

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """As the library does, but refuses a key that occurs twice."""
        keys = [key.value for key, _ in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            line = node.start_mark.line + 1
            raise SpecError(f"line {line}: the key '{twice.pop()}' occurs twice; keep one")
        return super().construct_mapping(node, deep=deep)


for _tag, _pattern in {
    "null": r"null|~|",
    "bool": r"true|false",
    "int": r"[-+]?[0-9]+",
    "float": r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?",
}.items():
    PlainLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), None)


def identity(experiment: Experiment) -> dict[str, Any]:
    """What makes two runs the same experiment: everything but its name, its note and its seeds.

    Values that equal their default are left out, so that a field added later changes no digest of today.
    """
    return experiment.model_dump(mode="json", exclude={"id", "note", "seeds"}, exclude_defaults=True)


def digest(experiment: Experiment) -> str:
    """SHA-256 of the canonical JSON of `identity`."""
    return hashlib.sha256(canonical_json(identity(experiment)).encode()).hexdigest()


def canonical_json(data: Any) -> str:  # noqa: ANN401 - any JSON value
    """One text for one value: sorted keys, no spaces, UTF-8, no NaN."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def load_experiment(path: Path, root: Path | None = None) -> Experiment:
    """One spec. Raises SpecError: `<file>: <field>: <what is wrong>`."""
    data = read_yaml(path)
    try:
        experiment = Experiment.model_validate(data)
    except ValidationError as error:
        raise SpecError(f"{path}: {first_problem(error)}") from None
    expected = path.relative_to(root or path.parents[1]).with_suffix("").as_posix()
    if experiment.id != expected:
        raise SpecError(f"{path}: id: '{experiment.id}' does not match the file; write '{expected}'")
    check(experiment, where=str(path))
    return experiment


def check(experiment: Experiment, *, where: str) -> None:
    """Raises SpecError if the method or a benchmark does not exist."""
    wanted = [("method", "methods", experiment.method), ("data.injection", "benchmarks", experiment.data.injection)]
    wanted += [("data.retention", "benchmarks", name) for name in experiment.data.retention]
    for field, kind, name in wanted:
        try:
            plugins.check(kind, name)  # pyright: ignore[reportArgumentType]
        except LookupError as error:
            raise SpecError(f"{where}: {field}: {error}") from None


def load_all(root: Path = EXPERIMENTS) -> dict[str, Experiment]:
    """All specs by id, sorted. Raises SpecError for the first that is wrong."""
    paths = sorted(path for path in root.glob("*/*.yaml"))
    return {experiment.id: experiment for experiment in (load_experiment(path, root) for path in paths)}


def load_suites(root: Path = EXPERIMENTS) -> dict[str, Suite]:
    """The named selections of `suites.yaml`; empty without that file. Raises SpecError."""
    path = root / "suites.yaml"
    if not path.exists():
        return {}
    data = read_yaml(path)
    try:
        return {name: Suite.model_validate(value) for name, value in data.items()}
    except ValidationError as error:
        raise SpecError(f"{path}: {first_problem(error)}") from None


def select(words: Iterable[str], root: Path = EXPERIMENTS) -> tuple[Experiment, ...]:
    """Experiments by id, glob (`kore/*-raw*`), folder or suite, in order, each once. Raises SpecError."""
    known, suites = load_all(root), load_suites(root)
    chosen: dict[str, Experiment] = {}
    for word in words:
        found = _matches(word, known, suites)
        if not found:
            folders = {name.split("/")[0] for name in known}
            if word in suites:
                raise SpecError(f"suite '{word}' selects nothing; its globs are {', '.join(suites[word].experiments)}")
            hint = plugins.nearest(word, (*sorted(folders | set(suites)), *known))
            raise SpecError(f"no experiment, glob or suite '{word}'; {hint}")
        for experiment in found:
            chosen.setdefault(experiment.id, experiment)
    return tuple(chosen.values())


def dump(experiment: Experiment) -> str:
    """Canonical YAML: fields in order, defaults left out."""
    data = experiment.model_dump(mode="json", exclude_defaults=True)
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110)


def save(experiment: Experiment, root: Path = EXPERIMENTS) -> Path:
    """Write a spec where it belongs, atomically."""
    path = root / f"{experiment.id}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(dump(experiment), encoding="utf-8")
    fresh.replace(path)
    return path


def _matches(word: str, known: Mapping[str, Experiment], suites: Mapping[str, Suite]) -> list[Experiment]:
    if word in known:
        return [known[word]]
    if word in suites:
        suite = suites[word]
        found = [known[name] for pattern in suite.experiments for name in known if fnmatchcase(name, pattern)]
        return [one.model_copy(update={"seeds": suite.seeds}) for one in found] if suite.seeds else found
    pattern = word if set(word) & set("*?[") else f"{word}/*"
    return [experiment for name, experiment in known.items() if fnmatchcase(name, pattern)]


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file that holds a mapping, with YAML 1.2's plain values. Raises SpecError."""
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=PlainLoader)  # noqa: S506 - a SafeLoader of ours
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{path}: cannot be read: {error}") from None
    except SpecError as error:
        raise SpecError(f"{path}: {error}") from None
    except yaml.YAMLError as error:
        raise SpecError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(data, dict):
        raise SpecError(f"{path}: expected `key: value` lines at the top, found {type(data).__name__}")
    return data


def first_problem(error: ValidationError) -> str:
    """`<field>: <what is wrong>` of the first problem that pydantic found."""
    problem = error.errors()[0]
    field = ".".join(str(part) for part in problem["loc"]) or "(whole file)"
    if problem["type"] == "extra_forbidden":
        return f"{field}: unknown field; remove it or correct its spelling"
    return f"{field}: {problem['msg']}, got {problem['input']!r}"
