"""The agent's configuration, `agent/config.yaml`: what to visit, how politely, and whether to run at all.

Read as text like every YAML here; unknown keys are refused with the nearest known one. `aki agent plan --schema` prints
the JSON Schema for editors.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from agent.hosts import HostPolicy
from agent.messages import Model
from agent.propose import Limits
from agent.source import Settings, Source
from registry import textyaml

DEFAULT = Path(__file__).parent / "config.yaml"


class ConfigError(ValueError):
    """The configuration cannot be used; says where and how to mend it."""


class SourceConfig(Model):
    """One source."""

    enabled: bool = True
    queries: tuple[str, ...] = ()
    """Saved searches for new papers, in the source's own query language."""
    query_results: int = Field(default=100, ge=1, le=2000)
    pages: tuple[str, ...] = ()
    """Company and benchmark pages, or their feeds."""
    options: dict[str, int] = Field(default_factory=dict)
    fresh_hours: float | None = Field(default=None, ge=0, le=24 * 60)
    """For so long an answer is not asked for again; the source's own number when it is not given."""


class ModelConfig(Model):
    """An optional language model behind an OpenAI-compatible address; off unless someone turns it on."""

    enabled: bool = False
    endpoint: str = Field(default="", pattern=r"^(https?://[^\s]+)?$")
    """Base address, `https://host/v1`; `/chat/completions` is added."""
    name: str = ""
    most: int = Field(default=10, ge=0, le=100)
    """Most candidates it is asked about in one run."""


class Thresholds(Model):
    """When a found paper becomes a candidate."""

    relevance: float = Field(default=0.5, ge=0, le=1)
    most: int = Field(default=20, ge=0, le=200)
    """Most new candidates of one run, likeliest first."""


class Most(Model):
    """Most open proposals."""

    judged: int = Field(default=50, ge=1)
    mechanical: int = Field(default=250, ge=1)


class Config(Model):
    """Everything that can be set."""

    enabled: bool = True
    """The kill switch: false makes every verb that would fetch or write stop at once."""
    contact: str = "https://github.com/ant-research/Awesome-Knowledge-Injection"
    """Put into the User-Agent."""
    repository: str = Field(default="", pattern=r"^([\w.-]+/[\w.-]+)?$")
    """Where pull requests go, owner/name."""
    sources: dict[str, SourceConfig] = Field(default_factory=dict)
    hosts: dict[str, HostPolicy] = Field(default_factory=dict)
    endpoints: dict[str, str] = Field(default_factory=dict)
    """Origin → other origin: mirrors and rehearsals. Only addresses named here may be on loopback."""
    candidates: Thresholds = Thresholds()
    most_open: Most = Most()
    model: ModelConfig = ModelConfig()
    version: Literal["1"] = "1"

    def settings(self, name: str, credentials: set[str], turn: int = 0) -> Settings:
        """What a source is told; `turn` numbers the visits."""
        chosen = self.sources.get(name, SourceConfig())
        return Settings(
            queries=chosen.queries,
            query_results=chosen.query_results,
            pages=chosen.pages,
            credentials=frozenset(credentials),
            options=chosen.options,
            turn=turn,
        )

    def windows(self, sources: Sequence[Source]) -> dict[str, float]:
        """Source → for how many hours an answer is not asked for again."""
        chosen = {one.name: self.sources.get(one.name, SourceConfig()).fresh_hours for one in sources}
        return {one.name: own if (own := chosen[one.name]) is not None else one.fresh_hours for one in sources}

    def limits(self) -> Limits:
        """How much a reviewer is given at once."""
        return Limits(judged=self.most_open.judged, mechanical=self.most_open.mechanical)


def load(path: Path = DEFAULT) -> Config:
    """Read a configuration.

    Raises:
        ConfigError: unreadable, or a key or value that is not known; one line with the nearest name.
    """
    try:
        return Config.model_validate(textyaml.load(path.read_bytes()))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except textyaml.UnreadableError as error:
        raise ConfigError(f"{path}: {error}") from None
    except ValidationError as error:
        raise ConfigError(f"{path}: {explained(error)}") from None


def explained(error: ValidationError) -> str:
    """The first problem in one line, with the nearest known key when it is a misspelled one."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] != "extra_forbidden":
        return f"{place}: {first['msg']}"
    key, known = str(first["loc"][-1]), set()
    for model in (Config, SourceConfig, HostPolicy, Thresholds, Most, ModelConfig):
        known.update(model.model_fields)
    near = get_close_matches(key, sorted(known), n=1)
    return f"{place}: no setting of that name" + (f"; did you mean '{near[0]}'?" if near else "")
