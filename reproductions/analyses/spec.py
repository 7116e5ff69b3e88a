"""What an analysis is asked and what it leaves behind: settings, results, and where the file lies. Light.

A result is one JSON file per analysis and base model, `reproductions/results/analyses/<analysis>/<model>.json`, with
the settings and the surroundings that it comes from. Fractions in [0, 1], angles in degrees; never edited by hand.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from reproductions import records
from reproductions.records import Environment, Part
from reproductions.spec import Data, ModelRef, Spec

FOLDER = records.RESULTS / "analyses"
MODELS = ("lab-tiny@seed-0", "lab-tiny@seed-1", "lab-tiny@seed-2")
"""The shipped base models, which the published results are of."""
Tokens = Literal["prompt", "conversation"]


# Discard-rank curves


class DiscardSettings(Spec):
    """Drop the smallest components of every linear layer of the language model; ask what is still known."""

    data: Data = Data()
    samples: int = Field(default=256, ge=1)
    """Examples of the prior behind the inputs' statistics."""
    tokens: Tokens = "conversation"
    shares: tuple[float, ...] = (0, 1 / 64, 1 / 32, 1 / 16, 1 / 8, 3 / 16, 1 / 4, 3 / 8, 1 / 2, 5 / 8, 3 / 4, 7 / 8)
    """Of each layer's components, that are discarded: layers differ in size, so one number for all would not do."""
    asvd_alpha: float = Field(default=0.5, gt=0)
    """Exponent of the mean absolute input in ASVD (arXiv:2312.05821)."""
    damping: float = Field(default=0.01, ge=0)
    """Added to the diagonal of C, in units of its mean, so that it can be inverted; as PEFT does."""
    source_shares: tuple[float, ...] = (1 / 4, 1 / 2)
    """Where C is also taken from one dimension alone."""


Decomposition = Literal["svd", "asvd", "co-svd", "whitened"]


class DiscardPoint(Part):
    """What is left after discarding."""

    share: float
    rank: int
    """Components discarded in the layer that has fewest."""
    retention: dict[str, float]
    """Dimension → accuracy."""
    output_error: float
    """‖(W − W′) X‖² ÷ ‖W X‖² on the inputs of the prior, mean over layers."""

    @property
    def overall(self) -> float:
        """Mean over dimensions."""
        return sum(self.retention.values()) / len(self.retention)


class DiscardCurve(Part):
    """One way of decomposing."""

    decomposition: Decomposition
    points: tuple[DiscardPoint, ...]


class SourcePoint(Part):
    """CO-SVD with C from one dimension: what is left of each."""

    source: str
    share: float
    retention: dict[str, float]


class DiscardResult(Part):
    """Retention as components are discarded."""

    kind: Literal["discard-rank"] = "discard-rank"
    settings: DiscardSettings
    curves: tuple[DiscardCurve, ...]
    by_source: tuple[SourcePoint, ...]


# Similarity of covariances


class SimilaritySettings(Spec):
    """Compare second moments of layer inputs between dimensions."""

    data: Data = Data()
    samples: int = Field(default=256, ge=1)
    """Questions per dimension in each of two halves, drawn apart from those that are scored."""
    tokens: Tokens = "prompt"
    rank: int = Field(default=32, ge=1)
    """Of the null spaces; at most a quarter of a layer's inputs."""


class SimilarityOfLayers(Part):
    """Matrices (dimension × dimension), means over the layers of one kind. The diagonal: one half with the other."""

    layers: str
    """`q_proj, k_proj, v_proj`: those that share their input."""
    n_layers: int
    width: int
    cosine: tuple[tuple[float, ...], ...]
    """⟨C_a, C_b⟩ ÷ ‖C_a‖ ‖C_b‖, Frobenius."""
    correlation: tuple[tuple[float, ...], ...]
    """The same of the centred inputs' covariance: without the direction of the mean that all tasks share."""
    null_overlap: tuple[tuple[float, ...], ...]
    """‖U_aᵀ U_b‖² ÷ r: the share that two null spaces have in common; r ÷ width by chance."""
    rank: int


class SimilarityResult(Part):
    """How alike the dimensions are, as the layers see them."""

    kind: Literal["covariance-similarity"] = "covariance-similarity"
    settings: SimilaritySettings
    dimensions: tuple[str, ...]
    by_layers: tuple[SimilarityOfLayers, ...]
    average: SimilarityOfLayers
    """Mean over all layers."""


# Samples of the covariance


class SamplesSettings(Spec):
    """How many examples the null space needs."""

    data: Data = Data()
    numbers: tuple[int, ...] = (4, 8, 16, 32, 64, 128, 256, 512, 1024)
    draws: int = Field(default=5, ge=1)
    """Independent draws of each number."""
    reference: int = Field(default=4096, ge=1)
    """Examples that the null space to converge to comes from; none of them is in a draw."""
    tokens: Tokens = "prompt"
    rank: int = Field(default=32, ge=1)
    """At most a quarter of a layer's inputs."""


class SamplesPoint(Part):
    """The null space from n examples against the reference; one value per draw, each the mean over layers."""

    samples: int
    overlap: tuple[float, ...]
    """‖Uᵀ U_ref‖² ÷ r: mean squared cosine of the principal angles."""
    largest_angle: tuple[float, ...]
    """Degrees."""
    energy: tuple[float, ...]
    """Share of the reference inputs' energy in the null space of n examples: what learning there would disturb."""


class SamplesOfLayers(Part):
    """One kind of layer."""

    layers: str
    n_layers: int
    width: int
    rank: int
    least_energy: float
    """The same share in the reference's own null space: no r directions hold less."""
    points: tuple[SamplesPoint, ...]


class SamplesResult(Part):
    """How the null space converges."""

    kind: Literal["covariance-samples"] = "covariance-samples"
    settings: SamplesSettings
    by_layers: tuple[SamplesOfLayers, ...]


# Convergence


class ConvergenceSettings(Spec):
    """Losses and scores while methods learn, with the settings of the main suite."""

    rows: tuple[str, ...] = ("full-ft-tree", "lora-tree", "ewc-tree", "kore-tree")
    """Rows of the suite `kore`: `<row>-seed-<checkpoint>`. The paper's figure has four such."""
    seed: int = 0
    asked_after: tuple[int, ...] = (25, 50, 100, 200, 350)
    """Gradient steps after which everything is asked, besides the beginning and the end."""
    window: int = Field(default=10, ge=1)
    """Steps that a printed loss is the mean of."""


class ConvergencePoint(Part):
    """Scores at one step."""

    step: int
    cem: float
    f1: float
    retention: dict[str, float]

    @property
    def adaptation(self) -> float:
        """Mean of CEM and F1, as in the leaderboard."""
        return (self.cem + self.f1) / 2

    @property
    def kept(self) -> float:
        """Mean over dimensions."""
        return sum(self.retention.values()) / len(self.retention)


class ConvergenceLine(Part):
    """One row while it learns."""

    row: str
    method: str
    form: str
    experiment_digest: str
    learning_rate: float
    method_config: dict[str, object]
    tuned: bool
    """Whether the settings are those that tuning chose; otherwise they are the starting ones."""
    losses: tuple[float, ...]
    """Cross entropy per answer token, nats; means over `window` steps."""
    points: tuple[ConvergencePoint, ...]


class ConvergenceResult(Part):
    """How methods get where they end."""

    kind: Literal["convergence"] = "convergence"
    settings: ConvergenceSettings
    steps: int
    lines: tuple[ConvergenceLine, ...]


# Files

Settings = DiscardSettings | SimilaritySettings | SamplesSettings | ConvergenceSettings
Result = Annotated[DiscardResult | SimilarityResult | SamplesResult | ConvergenceResult, Field(discriminator="kind")]


class AnalysisKind(Spec):
    """An analysis by name."""

    module: str
    """Below `reproductions.analyses`."""
    about: str
    settings: type[Spec]


ANALYSES = {
    "discard-rank": AnalysisKind(
        module="discard",
        about="what is still known when the smallest components of all layers are dropped: SVD, ASVD, CO-SVD",
        settings=DiscardSettings,
    ),
    "covariance-similarity": AnalysisKind(
        module="similarity",
        about="how alike the inputs of the layers are between dimensions, and their null spaces",
        settings=SimilaritySettings,
    ),
    "covariance-samples": AnalysisKind(
        module="samples",
        about="how many examples the null space needs until it stands still",
        settings=SamplesSettings,
    ),
    "convergence": AnalysisKind(
        module="convergence",
        about="losses, adaptation and retention while methods learn",
        settings=ConvergenceSettings,
    ),
}


class Analysis(Part):
    """One analysis of one base model."""

    schema_version: Literal[1] = 1
    model: ModelRef
    base_model_digest: str
    """SHA-256 over the base model's weights."""
    result: Result
    environment: Environment
    seconds: float
    started_at: datetime


class AnalysisError(ValueError):
    """What is wrong with a file, in one line."""


def path_of(name: str, model: str, root: Path = FOLDER) -> Path:
    """Where the result of an analysis of a model goes; folders are named by their last part and a digest."""
    if re.fullmatch(r"[\w-]+@[\w-]+", model):
        return root / name / f"{model}.json"
    short = re.sub(r"[^\w-]+", "-", Path(model).name).strip("-") or "model"
    return root / name / f"{short}-{hashlib.sha256(model.encode()).hexdigest()[:8]}.json"


def load(path: Path) -> Analysis:
    """One result. Raises AnalysisError if it cannot be read."""
    try:
        return Analysis.model_validate_json(path.read_bytes())
    except OSError as error:
        raise AnalysisError(f"{path}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(str(part) for part in problem["loc"]) or "(whole file)"
        raise AnalysisError(f"{path}: {field}: {problem['msg']}") from None


def load_all(root: Path = FOLDER, names: Iterable[str] = tuple(ANALYSES)) -> dict[str, tuple[Analysis, ...]]:
    """Analysis → its results by model name; analyses without results are left out. Raises AnalysisError."""
    found = {name: tuple(load(path) for path in sorted((root / name).glob("*.json"))) for name in names}
    return {name: results for name, results in found.items() if results}


def save(analysis: Analysis, root: Path = FOLDER) -> Path:
    """Write a result, whole or not at all."""
    path = path_of(analysis.result.kind, analysis.model.id, root)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(analysis.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False)
    records.write_atomically(path, (text + "\n").encode())
    return path
