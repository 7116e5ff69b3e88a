"""How many requests a visit needs for 300 papers, 120 repositories and 60 assets. Exit code 1 when it is too many.

    python tests/performance/agent.py [--scattered]

The registry is made from the real one, varied; the world answers over real HTTP on loopback in the formats of arXiv,
GitHub and the Hub, with abstracts and descriptions of true length. The clock does not wait, so spacing is counted and
not sat through. `--scattered` gives every asset another owner, the worst case: there is no batch by id on the Hub.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import random
import shutil
import sys
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from types import ModuleType

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[2])  # this file is called as the package is

import registry
from agent import config, run
from agent.clocks import PatientClock
from agent.fetch import Transport
from agent.hosts import DEFAULT_POLICIES
from agent.rehearsal.server import Asked, Loopback
from agent.rehearsal.world import Asset, Page, Preprint, Repo, World
from agent.workspaces import Workspace
from registry import textyaml
from registry.catalog import Catalog
from registry.schema import KINDS, Benchmark, Dataset, Entry

PAPERS, REPOSITORIES, ASSETS = 300, 120, 60
BAR = 70
SHARE = 0.05
"""Most of the first visit's bytes that a second one may receive within the sources' windows."""
AT = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
ABSTRACT = "We study how models learn new entities without losing what they could do before. " * 15


def sibling(name: str) -> ModuleType:
    """Another script of this folder."""
    place = importlib.util.spec_from_file_location(f"performance_{name}", Path(__file__).with_name(f"{name}.py"))
    assert place is not None
    assert place.loader is not None
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    return module


def write(folder: Path, entry: Entry, kind: str) -> None:
    (folder / kind / f"{entry.id}.yaml").write_text(textyaml.dump(entry), encoding="utf-8")


def generate(folder: Path, *, scattered: bool = False) -> None:
    """A registry of that size; assets have a few owners, as in the real one, or each its own."""
    real, dice, varied = registry.load(), random.Random(0), sibling("registry").varied
    for kind in KINDS:
        (folder / kind).mkdir(parents=True)
    shutil.copy(real.root / "taxonomy.yaml", folder / "taxonomy.yaml")
    for number, entry in zip(range(PAPERS), itertools.cycle(real.papers.values()), strict=False):
        made = varied(entry, number, dice, REPOSITORIES)
        write(folder, made.model_copy(update={"relations": (), "status": entry.status[-1:]}), "papers")
    hosted = [entry for entry in real.repositories.values() if entry.host == "github"]
    for number, entry in zip(range(REPOSITORIES), itertools.cycle(hosted), strict=False):
        made = varied(entry, number, dice, REPOSITORIES)
        full_name = f"owner{number}/code"
        changes = {"full_name": full_name, "url": f"https://github.com/{full_name}", "relations": ()}
        write(folder, made.model_copy(update=changes), "repositories")
    shape = next(iter(real.benchmarks.values()))
    for number in range(ASSETS):
        name = f"lab{number if scattered else number // 4}/set-{number}"
        dataset = Dataset(name=f"S{number}", url=f"https://huggingface.co/datasets/{name}", huggingface=name)
        changes = {"id": f"bench-{number}", "name": f"Bench {number}", "datasets": (dataset,), "list_order": None}
        benchmark = shape.model_copy(update={**changes, "paper": None, "code": None, "relations": (), "aliases": ()})
        assert isinstance(benchmark, Benchmark)
        write(folder, benchmark.model_copy(update={"implementation": None, "list_section": None}), "benchmarks")


def world_of(catalog: Catalog) -> World:
    """Everything as the registry says, with grown stars and some venues."""
    world, dice = World(moment=AT), Random(7)
    for index, paper in enumerate(catalog.papers.values()):
        comment = "Accepted to ICML 2026" if index % 10 == 0 else f"{dice.randrange(8, 40)} pages"
        world.add(Preprint(str(paper.ids.arxiv), paper.title, ABSTRACT, comment=comment))
    for index, repository in enumerate(catalog.repositories.values()):
        world.add(Repo(repository.full_name, 1000 + index, stars=(repository.stars.known or 0) + dice.randrange(40)))
    for benchmark in catalog.benchmarks.values():
        world.add(*(Asset("datasets", str(dataset.huggingface)) for dataset in benchmark.datasets))
    for page in config.load().sources["pages"].pages:
        feed = page.endswith(".xml")
        text = "<rss/>" if feed else f"<html><body><main><p>{ABSTRACT}</p></main></body></html>"
        world.pages[page] = Page(text, content_type="application/rss+xml" if feed else "text/html")
    return world


@dataclass(frozen=True)
class Visit:
    """What one visit cost and brought."""

    asked: Counter[str]
    """Host → requests that arrived at the server."""
    bytes: int
    revalidated: int
    reused: int
    """Questions not asked, as the answer kept was young enough."""
    seconds: float
    """Of the clock that does not wait: what the spacing would have taken."""
    nearest: dict[str, float]
    """Host → least seconds between two of its requests."""
    open: int
    fresh: int
    partial: bool


class Watching(PatientClock):
    """Notes when each host is asked, in the time of this clock."""

    def __init__(self, moment: datetime) -> None:
        super().__init__(moment)
        self.times: dict[str, list[datetime]] = defaultdict(list)


def visit(root: Path, space: Path, state: Path, world: World, clock: Watching) -> Visit:
    """One refresh with the project's own configuration and tokens, over HTTP."""
    settings, catalog = config.load(), registry.load(root)
    hosts = sorted({page.split("/")[2] for page in settings.sources["pages"].pages} - set(Loopback.HOSTS))
    loopback, begun = Loopback(world, tuple(hosts)), clock.now()
    clock.times.clear()
    answer = loopback.answer

    def noted(asked: Asked):
        clock.times[asked.host].append(clock.now())
        return answer(asked)

    loopback.answer = noted
    try:
        transport = Transport(
            contact=settings.contact, state_folder=state, endpoints=loopback.endpoints, clock=clock, chance=Random(0),
            tokens={"github": "rehearsal-token-0001", "huggingface": "rehearsal-token-0002"},
            fresh=settings.windows(run.chosen(settings)),
        )  # fmt: skip
        planned = run.plan(catalog, settings, run.chosen(settings), set(transport.tokens))
        report = run.propose(run.fetch(planned, transport), catalog, settings, Workspace(space))
    finally:
        loopback.close()
    usage = transport.usage.values()
    gaps = {
        host: min((b - a).total_seconds() for a, b in itertools.pairwise(times))
        for host, times in clock.times.items()
        if len(times) > 1
    }
    return Visit(
        asked=Counter(one.host for one in loopback.log),
        bytes=sum(one.bytes for one in usage),
        revalidated=sum(one.revalidated for one in usage),
        reused=sum(one.reused for one in usage),
        seconds=(clock.now() - begun).total_seconds(),
        nearest=gaps,
        open=len(report.outcome.operations),
        fresh=len(report.outcome.fresh),
        partial=report.partial,
    )


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a workspace."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def measure(scratch: Path, *, scattered: bool) -> tuple[Visit, Visit, Visit, set[str]]:
    """Three visits to an unchanged world, the first, an hour and a week later; which files the later ones changed."""
    root, space, clock = scratch / "data", scratch / "workspace", Watching(AT)
    generate(root, scattered=scattered)
    world = world_of(registry.load(root))
    first = visit(root, space, scratch / "state", world, clock)
    before = content(space)
    clock.sleep(timedelta(hours=1).total_seconds())
    second = visit(root, space, scratch / "state", world, clock)
    clock.sleep(timedelta(days=7).total_seconds())
    third = visit(root, space, scratch / "state", world, clock)
    after = content(space)
    return first, second, third, {name for name in {*before, *after} if before.get(name) != after.get(name)}


def spacing_holds(one: Visit) -> bool:
    """Whether no host was asked more often than its policy allows."""
    return all(
        gap >= DEFAULT_POLICIES[host].spacing_seconds for host, gap in one.nearest.items() if host in DEFAULT_POLICIES
    )


def table(name: str, one: Visit) -> str:
    """The figures of a visit."""
    hosts = ", ".join(f"{host} {count}" for host, count in sorted(one.asked.items()))
    gaps = ", ".join(f"{host} {gap:g}" for host, gap in sorted(one.nearest.items()))
    return (
        f"{name}: {sum(one.asked.values())} requests ({hosts})\n"
        f"    {one.bytes / 1000:.0f} kB, {one.revalidated} not modified, {one.reused} not asked again, "
        f"{one.seconds:.0f} s with the hosts' spacing\n"
        f"    least seconds between two requests: {gaps}\n"
        f"    {one.open} proposals open, {one.fresh} of them new" + (" (partial)" if one.partial else "")
    )


def main() -> int:
    """Measure and print; exit code 1 when a bar is missed."""
    options = argparse.ArgumentParser()
    options.add_argument("--scattered", action="store_true", help="every asset has another owner")
    scattered = options.parse_args().scattered
    with tempfile.TemporaryDirectory() as scratch:
        first, second, third, changed = measure(Path(scratch), scattered=scattered)
    owners = ASSETS if scattered else ASSETS // 4
    print(f"{PAPERS} papers, {REPOSITORIES} repositories, {ASSETS} assets of {owners} owners")
    print(table("first visit", first))
    print(table("an hour later, nothing changed", second))
    print(table("a week later, nothing changed", third))
    print(f"    files of the workspace that changed: {', '.join(sorted(changed)) or 'none'}")
    print(f"bytes against the first visit: {second.bytes / first.bytes:.1%} and {third.bytes / first.bytes:.1%}")
    held = sum(first.asked.values()) <= BAR and second.fresh == third.fresh == 0 and changed <= {"visits.json"}
    held = held and all(map(spacing_holds, (first, second, third))) and not first.partial
    held = held and second.bytes < SHARE * first.bytes
    print(
        f"bars: at most {BAR} requests, spacing kept, nothing new later, second visit under {SHARE:.0%} of the bytes: "
        + ("met" if held else "MISSED")
    )
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
