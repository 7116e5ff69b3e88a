"""How long the site takes and what its pages weigh: `python tests/performance/site.py [--papers N]`.

One run, two builds of the same number of pages in two languages: ours, and plain Markdown of the same length through
stock Material (the floor that any MkDocs site pays). Times on a shared machine vary; compare the two of one run.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "site")]

import toy_site  # noqa: E402 (the path stands above)

from docs import api, build, checks  # noqa: E402
from registry import catalog  # noqa: E402


def floor(pages: int, folder: Path) -> tuple[float, float]:
    """Wall and CPU seconds for plain Markdown through stock Material, both languages at once."""
    configs = []
    for language in ("en", "zh"):
        source = folder / f"floor-{language}"
        (source / "papers").mkdir(parents=True)
        for paper in toy_site.synthetic_papers(pages):
            summary = paper.summary.en if language == "en" else paper.summary.zh
            table = "\n".join(f"| {name} | {value} |" for name, value in (("Date", paper.date), ("Venue", "arXiv")) * 4)
            parts = (f"# {paper.title}", summary, "## Facts", f"| a | b |\n| --- | --- |\n{table}", "## Cite", paper.id)
            text = "\n\n".join(parts)
            (source / "papers" / f"{paper.id}.md").write_text(text, encoding="utf-8")
        (source / "index.md").write_text("# Index\n", encoding="utf-8")
        config = folder / f"floor-{language}.yml"
        settings = {
            "site_name": "floor",
            "docs_dir": str(source),
            "site_dir": str(folder / f"floor-site-{language}"),
            "theme": {"name": "material", "language": language, "font": False},
            "plugins": ["search"],
            "nav": [{"Index": "index.md"}],
            "validation": {"nav": {"omitted_files": "ignore"}},
        }
        config.write_text(json.dumps(settings), encoding="utf-8")
        configs.append(config)
    return timed(lambda: in_parallel(configs))


def in_parallel(configs: list[Path]) -> None:
    """One MkDocs process per language."""

    def run(config: Path) -> None:
        command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--config-file", str(config)]
        subprocess.run(command, check=True, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, configs))


def timed(act) -> tuple[float, float]:
    """Wall and CPU seconds (of this process and its children)."""

    def cpu() -> float:
        return sum(
            u.ru_utime + u.ru_stime for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        )

    wall, spent = time.perf_counter(), cpu()
    act()
    return time.perf_counter() - wall, cpu() - spent


def board_of(rows: int) -> int:
    """Gzipped bytes of the compact leaderboard with this many rows."""
    with tempfile.TemporaryDirectory() as folder:
        results = toy_site.write_results(Path(folder), checkpoints=1, seeds=3)
        some = [row for row in build.gather(results=results).rows if row.average]
    many = [
        some[index % len(some)].model_copy(update={"id": f"synthetic/{some[index % len(some)].method}-{index}"})
        for index in range(rows)
    ]
    shifted = [toy_site.shifted(row, index) for index, row in enumerate(many)]
    return len(gzip.compress(api.compact(shifted).encode(), 9))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--papers", type=int, default=1000)
    count = parser.parse_args().papers
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        registry = toy_site.write_registry(
            folder / "registry", toy_site.synthetic_papers(count), catalog.DATA / "taxonomy.yaml"
        )
        built: list[build.Built] = []
        sources = build.gather(registry=registry, results=folder / "none")

        def ours() -> None:
            built.append(build.build(sources, folder / "site", work=folder / "src"))

        wall, cpu = timed(ours)
        floor_wall, floor_cpu = floor(built[0].n_pages // 2, folder)
        site = folder / "site"
        known = checks.pages(site)
        disk = sum(file.stat().st_size for file in site.rglob("*") if file.is_file())
        parts = ", ".join(f"{part} {seconds:.1f} s" for part, seconds in built[0].seconds.items())
        print(f"{count} synthetic papers, {built[0].n_pages} pages in two languages, {disk / 1e6:.0f} MB")
        print(f"build           {wall:6.1f} s wall, {cpu:6.1f} s CPU ({parts})")
        print(f"MkDocs' floor   {floor_wall:6.1f} s wall, {floor_cpu:6.1f} s CPU")
        print(f"beyond it       {wall - floor_wall:6.1f} s wall, {cpu - floor_cpu:6.1f} s CPU    bar: 30 s wall")
        for path, budget in (("index.html", checks.HOME_BUDGET), ("papers/index.html", checks.BROWSE_BUDGET)):
            for place in (path, f"zh/{path}"):
                size = checks.weight(known[place], site)
                print(f"{place:24} {size / 1000:6.1f} kB gzipped with assets    bar: {budget // 1000} kB")
        for place in ("search", "zh/search"):
            size = len(gzip.compress((site / place / "search_index.json").read_bytes(), 9))
            print(f"{place + ' index':24} {size / 1000:6.1f} kB gzipped, on demand")
    print(f"{'leaderboard, 1,000 rows':24} {board_of(1000) / 1000:6.1f} kB gzipped    bar: 50 kB")


if __name__ == "__main__":
    main()
