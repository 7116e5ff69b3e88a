"""A made-up world on loopback, a transport that talks to it, and a clock that does not wait."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

import registry
from agent import run
from agent.clocks import PatientClock
from agent.config import Config, SourceConfig
from agent.fetch import Transport
from agent.rehearsal.server import Loopback
from agent.rehearsal.world import Asset, Preprint, Repo, World
from agent.review.session import Session
from agent.run import Report
from agent.workspaces import Workspace
from registry import textyaml
from registry.catalog import DATA, Catalog
from registry.schema import KINDS

NOW = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)


@pytest.fixture
def world() -> World:
    return World(moment=NOW)


@pytest.fixture
def clock() -> PatientClock:
    return PatientClock(NOW)


@pytest.fixture
def loopback(world: World) -> Iterator[Loopback]:
    server = Loopback(world, ("example.org", "other.example.org"))
    yield server
    server.close()


@pytest.fixture
def transport_to(loopback: Loopback, clock: PatientClock, tmp_path: Path) -> Callable[..., Transport]:
    def build(**options: object) -> Transport:
        defaults = {
            "contact": "https://example.org/contact",
            "state_folder": tmp_path / "state",
            "endpoints": loopback.endpoints,
            "clock": clock,
            "chance": Random(0),
        }
        return Transport(**(defaults | options))

    return build


@pytest.fixture
def transport(transport_to: Callable[..., Transport]) -> Transport:
    return transport_to()


TEXT = {"en": "Says what the paper does in one sentence.", "zh": "一句话说明论文做了什么。"}
LIST = {
    "source": "https://github.com/ant-research/Awesome-Knowledge-Injection",
    "checked": "2026-05-19",
    "confidence": "list",
}
RECORDED = [{"state": "recorded", "since": "2026-05-19", "reason": "recorded in the public list"}]


def toy_paper(name: str, number: str | None, **more: object) -> dict[str, object]:
    return {
        "id": name,
        "title": f"The {name} method: injecting knowledge",
        "date": "2026-01",
        "ids": {"arxiv": number} if number else {},
        "links": [f"https://arxiv.org/abs/{number}"] if number else [f"https://openreview.net/forum?id={name}xyz"],
        "venue": {"value": "arXiv", **LIST},
        "direction": "replay",
        "model_types": ["VLM"],
        "summary": TEXT,
        "status": RECORDED,
    } | more


def toy_repository(name: str, full_name: str, **more: object) -> dict[str, object]:
    return {
        "id": name, "name": name, "host": "github", "full_name": full_name, "url": f"https://github.com/{full_name}",
        "role": "official", "stars": {"value": "100", **LIST}, "status": RECORDED,
    } | more  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A miniature registry: three papers, two repositories, one benchmark."""
    data = tmp_path / "data"
    entries = {
        "papers": [toy_paper("alpha", "2601.00001"), toy_paper("beta", "2601.00002"), toy_paper("gamma", None)],
        "repositories": [toy_repository("lab-alpha", "lab/alpha"), toy_repository("lab-beta", "lab/beta")],
        "benchmarks": [
            {
                "id": "bench", "name": "Bench", "type": {"en": "data set", "zh": "数据集"}, "summary": TEXT,
                "datasets": [
                    {"name": "B", "url": "https://huggingface.co/datasets/lab/bench", "huggingface": "lab/bench"}
                ],
                "status": RECORDED,
            }
        ],
    }  # fmt: skip
    for kind in KINDS:
        (data / kind).mkdir(parents=True)
        for tree in entries.get(kind, []):
            entry = KINDS[kind].model_validate(tree)
            (data / kind / f"{entry.id}.yaml").write_text(textyaml.dump(entry))
    shutil.copy(DATA / "taxonomy.yaml", data / "taxonomy.yaml")
    return data


@pytest.fixture
def catalog(root: Path) -> Catalog:
    loaded = registry.load(root)
    assert not [problem for problem in loaded.problems if problem.severity == "error"]
    return loaded


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def toy_world(world: World) -> World:
    """The miniature registry's things as they are today: stars moved, a venue, a licence, an archived repository."""
    world.add(
        Preprint("2601.00001", "The alpha method: injecting knowledge", comment="Accepted to ICML 2026"),
        Preprint("2601.00002", "The beta method: injecting knowledge"),
        Repo("lab/alpha", 11, stars=150, licence="MIT"),
        Repo("lab/beta", 12, stars=101, licence="Apache-2.0", archived=True),
        Asset("datasets", "lab/bench"),
    )
    return world


@pytest.fixture
def settings(loopback: Loopback) -> Config:
    return Config(
        endpoints=loopback.endpoints,
        sources={
            "links": SourceConfig(enabled=False),
            "pages": SourceConfig(enabled=False),
            "semantic_scholar": SourceConfig(enabled=False),
        },
    )


@pytest.fixture
def visit(
    toy_world: World, root: Path, workspace: Workspace, settings: Config, transport_to: Callable[..., Transport]
) -> Callable[[], Report]:
    """One refresh of the miniature registry against today's world."""

    def once() -> Report:
        transport = transport_to(tokens={"github": "test-token-0001"})
        now = registry.load(root)
        planned = run.plan(now, settings, run.chosen(settings), set(transport.tokens))
        return run.propose(run.fetch(planned, transport), now, settings, workspace)

    return once


@dataclass
class Desk:
    """Open proposals for the miniature registry, and a reviewer."""

    workspace: Workspace
    root: Path
    session: Session


@pytest.fixture(scope="session")
def prepared() -> dict[str, Path]:
    """Where the first visit's workspace is kept, so that later tests copy it instead of visiting again."""
    return {}


@pytest.fixture
def desk(
    request: pytest.FixtureRequest, prepared: dict[str, Path], tmp_path_factory: pytest.TempPathFactory,
    workspace: Workspace, root: Path, clock: PatientClock,
) -> Desk:  # fmt: skip
    if "workspace" in prepared:
        shutil.copytree(prepared["workspace"], workspace.folder)
    else:
        request.getfixturevalue("visit")()
        prepared["workspace"] = tmp_path_factory.mktemp("prepared") / "workspace"
        shutil.copytree(workspace.folder, prepared["workspace"])
    return Desk(workspace, root, Session(workspace, registry.load(root), "Ada", clock=clock.now))
