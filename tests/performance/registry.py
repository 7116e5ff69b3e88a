"""How long ten thousand entries take: cold, warm, in memory, and against the naive way. Prints a table; tests nothing.

    python tests/performance/registry.py [--entries 10000] [--folder DIR]

The entries are the real ones, varied: as long, with as many fields, relations and references. Each figure is taken in a
process of its own. The naive way is PyYAML's SafeLoader and the same pydantic models, in one process.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pydantic
import yaml

sys.path[0] = str(Path(__file__).parents[2])  # this file is called as the package is

import registry  # noqa: E402
from registry import cache, ids, textyaml  # noqa: E402
from registry.schema import KINDS, Benchmark, Entry, ExternalIds, Fact, Method, Paper, Relation, Repository  # noqa: E402

SHARES = {"papers": 0.70, "repositories": 0.20, "methods": 0.06, "benchmarks": 0.04}
VOCABULARY = """
adaptive anchored balanced causal compact continual contrastive curvature decoupled distilled dual dynamic elastic
episodic expert factual frozen gated grounded hierarchical incremental isolated latent lifelong local masked memory
modular multimodal neural null orthogonal parallel parametric pruned regularized replayed residual retrieved robust
routed sparse spectral stable structured subspace symbolic temporal visual knowledge injection retention adapters
editing forgetting alignment transfer tuning reasoning perception grounding captioning video language models
"""
WORDS = tuple(VOCABULARY.split())


def varied(entry: Entry, number: int, dice: random.Random, repositories: int) -> Entry:
    """A real entry under another name, with ids of its own and references that exist."""
    name = f"{entry.id[:60].rstrip('-')}-{number}"
    changes: dict[str, object] = {"id": name, "relations": (), "list_order": None, "aliases": (f"ALIAS-{number}",)}
    match entry:
        case Paper():
            month = f"{dice.randint(15, 26):02d}{dice.randint(1, 12):02d}"
            arxiv = f"{month}.{number:05d}"
            code = f"repository-{dice.randrange(repositories)}" if dice.random() < 0.3 else None
            fact = Fact[str](value=code, source="https://example.org", checked=entry.status[0].since) if code else None
            changes |= {
                "title": " ".join(dice.sample(WORDS, 9)).capitalize(),
                "listed_as": None,
                "ids": ExternalIds(arxiv=arxiv),
                "links": (ids.address("arxiv", arxiv),),
                "code": fact or Fact[str](value="not-checked"),
                "relations": (Relation(kind="extends", target=f"papers/{PAPER}"),) if dice.random() < 0.3 else (),
            }
        case Repository():
            changes |= {"id": f"repository-{number}", "full_name": f"owner{number}/code", "list_section": None}
        case Method():
            changes |= {"paper": None}
        case Benchmark():
            changes |= {"paper": PAPER, "code": None}
        case _:
            pass
    fields = set(type(entry).model_fields)
    return entry.model_copy(update={key: value for key, value in changes.items() if key in fields})


PAPER = "paper-that-all-extend"


def generate(folder: Path, number: int) -> None:
    """Write so many entries into a folder."""
    real = registry.load()
    dice = random.Random(0)
    (folder / "taxonomy.yaml").write_bytes((real.root / "taxonomy.yaml").read_bytes())
    repositories = int(number * SHARES["repositories"])
    for kind, share in SHARES.items():
        (folder / kind).mkdir()
        models = itertools.cycle(real.kind(kind).values())
        for position, entry in zip(range(int(number * share)), models, strict=False):
            made = varied(entry, position, dice, repositories)
            if kind == "papers" and position == 0:
                made = made.model_copy(update={"id": PAPER, "relations": ()})
            (folder / kind / f"{made.id}.yaml").write_text(textyaml.dump(made), encoding="utf-8")


MEASURED = """
import json, resource, sys, time
start = time.perf_counter()
import registry
loaded_code = time.perf_counter()
start_cpu = time.process_time()
catalog = registry.load(sys.argv[1])
done = time.perf_counter()
used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
peak = max(one.ru_maxrss for one in used)
cpu = sum(one.ru_utime + one.ru_stime for one in used) - start_cpu
print(json.dumps({"import": loaded_code - start, "load": done - loaded_code, "cpu": cpu, "peak_mb": peak / 1024,
                  "problems": len(catalog.problems), "entries": sum(1 for _ in catalog.papers)}))
"""


def measured(folder: Path) -> dict[str, float]:
    """Load and check in a new process."""
    command = [sys.executable, "-c", MEASURED, str(folder)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def command_line(folder: Path) -> float:
    """Seconds of the whole command `aki registry check`, with the start of Python."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "registry", "check", "--root", str(folder)], capture_output=True, check=False)
    return time.perf_counter() - start


def naive(folder: Path) -> tuple[float, float]:
    """Seconds, and seconds of processor, of the same reading with PyYAML's own loader, one file after the other."""
    start, start_cpu = time.perf_counter(), time.process_time()
    for kind, model in KINDS.items():
        for path in sorted((folder / kind).glob("*.yaml")):
            tree = yaml.load(path.read_text(encoding="utf-8"), yaml.SafeLoader)
            model.model_validate(tree)
    return time.perf_counter() - start, time.process_time() - start_cpu


def wait_until_old(folder: Path) -> None:
    """Files written a moment ago are not cached as unchanged; wait until they are old enough."""
    newest = max(path.stat().st_ctime for path in folder.rglob("*.yaml"))
    time.sleep(max(0.0, newest + cache.RACY_NANOSECONDS / 1e9 + 0.1 - time.time()))


def main() -> None:
    """Generate, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, help="where to generate; default: a temporary folder")
    parser.add_argument("--repeats", type=int, default=3, help="best of so many")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["XDG_CACHE_HOME"] = str(Path(temporary) / "cache")
        folder = options.folder or Path(temporary) / "data"
        folder.mkdir(parents=True)
        generate(folder, options.entries)
        wait_until_old(folder)
        report(folder, options.repeats)


def report(folder: Path, repeats: int) -> None:
    """Take all figures and print them."""
    place = cache.location(folder)
    size = sum(path.stat().st_size for path in folder.rglob("*.yaml")) / 1e6
    colds = []
    for _ in range(repeats):
        place.unlink(missing_ok=True)
        colds.append(measured(folder))
    warms = [measured(folder) for _ in range(repeats)]
    cold, warm = (min(found, key=lambda one: one["load"]) for found in (colds, warms))
    command = min(command_line(folder) for _ in range(repeats))
    slow, slow_cpu = naive(folder)
    number = sum(1 for _ in folder.rglob("*.yaml")) - 1
    print(f"{number} entries, {size:.1f} MB of YAML, {cold['problems']:.0f} problems")
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, pydantic {pydantic.VERSION}"
    )
    print(f"{'':30}{'seconds':>9}{'× faster':>10}{'CPU s':>8}{'× less':>8}{'peak MB':>9}")
    print(f"{'naive (SafeLoader + pydantic)':30}{slow:9.2f}{1:10.1f}{slow_cpu:8.2f}{1:8.1f}")
    for name, found in (("cold: load + check", cold), ("warm: load + check", warm)):
        wall, cpu = found["load"], found["cpu"]
        print(f"{name:30}{wall:9.2f}{slow / wall:10.1f}{cpu:8.2f}{slow_cpu / cpu:8.1f}{found['peak_mb']:9.0f}")
    print(f"{'warm: whole command':30}{command:9.2f}{slow / command:10.1f}")
    print(f"cache: {place.stat().st_size / 1e6:.1f} MB; import of registry: {cold['import']:.2f} s")


if __name__ == "__main__":
    main()
