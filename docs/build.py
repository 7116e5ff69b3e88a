"""From the registry and the records to a folder of HTML: Markdown to disk, two plain MkDocs builds, data files."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docs import analyses, api, changes, pages, people, redirects, releases
from docs.sources import ROOT, Sources, commit, github_remote
from docs.words import LANGUAGES, Language, Words
from reproductions.spec import Suite

ASSETS = Path(__file__).with_name("assets")
SHARED = ("stylesheets", "javascripts")
"""Folders below assets/ that the Chinese pages take from the English root."""
PICTURES = frozenset({".png", ".svg", ".jpg", ".webp"})
SECTIONS = ("leaderboard", "papers", "methods", "benchmarks", "repositories", "claims", "audit")


class BuildError(RuntimeError):
    """The site cannot be built; one line that says why."""


@dataclass(frozen=True)
class Built:
    """What a build made and how long it took."""

    folder: Path
    n_pages: int
    seconds: Mapping[str, float]


def gather(
    *, site_url: str = "", repository_url: str = "", results: Path | None = None, registry: Path | None = None
) -> Sources:
    """Everything that is known and measured, read from this checkout.

    Raises BuildError if the registry has errors or a record is damaged: a site never shows half of what there is.
    """
    from agent.ledger import LedgerError
    from agent.workspaces import WorkspaceError
    from registry import load
    from registry.audit import audit
    from reproductions import claims, leaderboard, questions, records, spec

    catalog = load(registry)
    errors = [problem for problem in catalog.problems if problem.severity == "error"]
    if errors:
        raise BuildError(f"the registry has {len(errors)} problems, first: {errors[0]} (see `aki registry check`)")
    root = results or records.RESULTS
    try:
        found = tuple(records.load_all(root))
        suites = spec.load_suites()
        ranked = {one.experiment.id for one in found if _is_board(one.experiment.id, suites)}
        rows = leaderboard.load_rows(root, only=ranked)
        verdicts = {one.id: claims.decide_one(one, rows, root) for one in catalog.claims.values()}
        gaps = leaderboard.gap(catalog, rows, root)
        experiments, asked = spec.load_all(), questions.load_questions()
        answers = {name: questions.answer(one, experiments, found, root) for name, one in asked.items()}
    except (records.RecordError, spec.SpecError) as error:
        raise BuildError(str(error)) from None
    try:
        approved, heard = changes.applied(), changes.heartbeats()
    except (LedgerError, WorkspaceError) as error:
        raise BuildError(str(error)) from None
    snapshots = releases.load()
    return Sources(
        catalog=catalog,
        rows=rows,
        records=found,
        gaps=gaps,
        verdicts=verdicts,
        findings=audit(catalog),
        experiments=experiments,
        suites=suites,
        questions=asked,
        asked=answers,
        changes=approved,
        heartbeats=heard,
        releases=releases.history(snapshots),
        snapshots=snapshots,
        commit=commit(),
        site_url=site_url and site_url.rstrip("/") + "/",
        repository_url=(repository_url or github_remote()).rstrip("/"),
        results=root,
    )


def _is_board(experiment: str, suites: Mapping[str, Suite]) -> bool:
    suite = experiment.split("/")[0]
    return suite not in suites or suites[suite].board


def build(sources: Sources, target: Path, *, work: Path, say: Callable[[str], None] = lambda _: None) -> Built:
    """The whole site below `target`; `work` holds the Markdown. An old site gives way only to a whole one."""
    marks: dict[str, float] = {}
    started = time.perf_counter()

    def mark(name: str) -> None:
        nonlocal started
        now = time.perf_counter()
        marks[name], started = now - started, now

    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        _empty(work)
        _empty(fresh)
        say("writing the pages")
        n_pages = sum(write_language(sources, language, work) for language in LANGUAGES)
        mark("pages")
        say(f"building {n_pages} pages in {len(LANGUAGES)} languages")
        configs = {language: write_config(sources, language, work, fresh) for language in LANGUAGES}
        with ThreadPoolExecutor(len(LANGUAGES)) as pool:
            list(pool.map(run_mkdocs, configs.values()))
        mark("mkdocs")
        say("writing data files")
        finish(sources, fresh)
        mark("data")
        replace_folder(fresh, target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return Built(target, n_pages, marks)


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def replace_folder(fresh: Path, target: Path) -> None:
    """Put `fresh` in the place of `target`."""
    old = target.with_name(f".{target.name}.old.{os.getpid()}")
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        target.rename(old)
    fresh.rename(target)
    shutil.rmtree(old, ignore_errors=True)


# ── Markdown ────────────────────────────────────────────────────────────────────────────────────────────────────────


def write_language(sources: Sources, language: Language, work: Path) -> int:
    """All pages of one language below `work/<language>`; returns how many."""
    folder, count = work / language, 0
    for page in pages.every(sources, Words(language)):
        file = folder / page.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(page.text(), encoding="utf-8")
        count += 1
    copy_assets(folder)
    return count


def copy_assets(folder: Path) -> None:
    """Our style sheet, script and pictures, as MkDocs will serve them."""
    for source, place in assets().items():
        file = folder / place
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, file)


def assets() -> dict[Path, str]:
    """Our files → where they go; names carry a digest so that a browser never mixes versions."""
    named = {ASSETS / "site.css": "stylesheets", ASSETS / "site.js": "javascripts"}
    found = {}
    for file, folder in named.items():
        digest = hashlib.sha256(file.read_bytes()).hexdigest()[:8]
        found[file] = f"assets/{folder}/{file.stem}.{digest}{file.suffix}"
    found[ASSETS / "iframe-worker.js"] = "assets/javascripts/iframe-worker.js"
    found[ASSETS / "favicon.svg"] = "assets/images/favicon.svg"
    for file in sorted(ASSETS.iterdir()):
        if file.suffix in PICTURES and file not in found:
            found[file] = f"assets/{file.name}"  # where written pages expect theirs
    return found


# ── configuration of MkDocs ─────────────────────────────────────────────────────────────────────────────────────────


def write_config(sources: Sources, language: Language, work: Path, site: Path) -> Path:
    """MkDocs' configuration for one language: the project's mkdocs.yml and what differs."""
    words = Words(language)
    own = assets()
    config: dict[str, Any] = {
        "INHERIT": str(ROOT / "mkdocs.yml"),
        "site_description": words("site.description"),
        "docs_dir": str(work / language),
        "site_dir": str(site if language == "en" else site / "zh"),
        "extra_css": [own[ASSETS / "site.css"]],
        "extra_javascript": [own[ASSETS / "site.js"]],
        "theme": {"language": language, "custom_dir": str(ROOT / "docs/templates/theme"), "palette": palette(words)},
        "plugins": {"search": search(language)},
        "nav": navigation(words),
        "extra": extra(sources, words),
    }
    if sources.site_url:
        config["site_url"] = sources.site_url + ("" if language == "en" else "zh/")
    if sources.repository_url:
        config["repo_url"] = sources.repository_url
        config["repo_name"] = "GitHub"
    file = work / f"mkdocs.{language}.yml"
    file.write_text(json.dumps(config, ensure_ascii=False, indent=1), encoding="utf-8")
    return file


def search(language: Language) -> dict[str, Any]:
    """Search for one language. The zero-width space separates the words that jieba finds in Chinese text."""
    separator = r"""[\s\u200b\u3000\-_,:;!?"'`()\[\]{}/@=、。，．？！；：（）「」“”《》]+|\.(?!\d)"""
    return {
        "lang": ["en"] if language == "en" else ["en", "zh"],
        "separator": separator,
        "pipeline": ["stopWordFilter"] if language == "en" else [],
    }


def palette(words: Words) -> list[dict[str, Any]]:
    """Three states: as the system says, light, dark."""
    states = (
        ("(prefers-color-scheme)", "default", "material/theme-light-dark", "palette.auto"),
        ("(prefers-color-scheme: light)", "default", "material/weather-sunny", "palette.light"),
        ("(prefers-color-scheme: dark)", "slate", "material/weather-night", "palette.dark"),
    )
    return [
        {
            "media": media,
            "scheme": scheme,
            "primary": "custom",
            "accent": "custom",
            "toggle": {"icon": icon, "name": words(name)},
        }
        for media, scheme, icon, name in states
    ]


def navigation(words: Words) -> list[dict[str, Any]]:
    """Lists and guides only: an entry in the navigation costs a line on every page."""
    written = [{guide.title: f"guides/{guide.name}.md"} for guide in people.guides(words)]
    guides: list[Any] = [{words("guides.overview"): "guides/index.md"}, *written]
    guides += [
        {words("notrun.title"): "about/not-run.md"},
        {words("guides.data"): "reference/data.md"},
        {words("guides.reference"): "reference/index.md"},
    ]
    lists = [{words(f"nav.{section}"): f"{section}/index.md"} for section in SECTIONS]
    return [{words("nav.home"): "index.md"}, *lists, {words("nav.guides"): guides}, {words("nav.new"): "new/index.md"}]


def extra(sources: Sources, words: Words) -> dict[str, Any]:
    """What the theme's templates need."""
    up = "" if words.language == "en" else "../"
    commit_word = f" ({sources.commit})" if sources.commit else ""
    return {
        "tag": words.tag,
        "alternate": [{"name": "English", "link": "./", "lang": "en"}],  # only so that Material's header has the place
        "site_root": sources.site_url,
        "generator": False,
        "languages": [
            {"tag": "en", "name": "English", "short": "EN", "root": up, "absolute": ""},
            {
                "tag": "zh-Hans",
                "name": "简体中文",
                "short": "中文",
                "root": f"{up}zh/" if words.language == "en" else "",
                "absolute": "zh/",
            },
        ],
        "feeds": [
            {"type": "application/rss+xml", "title": words("nav.papers"), "path": "feeds/papers.xml"},
            {"type": "application/feed+json", "title": words("nav.papers"), "path": "feeds/papers.json"},
            {"type": "application/rss+xml", "title": words("nav.new"), "path": "feeds/new.xml"},
        ],
        "colophon": words("site.colophon", commit=commit_word, date=sources.today.isoformat()),
        "not_found": words("site.not_found"),
        "copied": words("entry.copied"),
    }


def run_mkdocs(config: Path) -> None:
    """One strict build. Raises BuildError with MkDocs' own first complaint."""
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "DISABLE_MKDOCS_2_WARNING": "true", "PYTHONHASHSEED": "0"}
    answer = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--config-file", str(config)],
        capture_output=True,
        text=True,
        env=environment,
        cwd=ROOT,
        check=False,
    )
    if answer.returncode != 0:
        lines = [line for line in (answer.stderr + answer.stdout).splitlines() if line.strip()]
        complaint = next(
            (line for line in lines if "WARNING" in line or "ERROR" in line or "Error" in line),
            lines[-1] if lines else "no reason given",
        )
        raise BuildError(f"MkDocs refused {config.name}: {complaint.strip()}")


# ── after MkDocs ────────────────────────────────────────────────────────────────────────────────────────────────────


def finish(sources: Sources, site: Path) -> None:
    """Data files, records, the search index for reading from disk, one set of assets for both languages."""
    for path, text in api.files(sources):
        file = site / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    redirects.write(sources, site)
    copy_records(sources, site / "records")
    analyses.copy_results(sources, site / "records" / "analyses")
    for root in (site, site / "zh"):
        index = (root / "search/search_index.json").read_text(encoding="utf-8")
        (root / "search/search_index.js").write_text(f"var __index = {index}", encoding="utf-8")
    polish(site)


def copy_records(sources: Sources, folder: Path) -> None:
    """Every record and its answers, at the path that its experiment's name says."""
    if sources.results is None:
        return
    for record in sources.records:
        for file in sources.results.glob(f"{record.experiment.id}/seed-{record.seed}.*"):
            place = folder / record.experiment.id / file.name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)


UP = re.compile(r'((?:href|src)="|"search":\s*")((?:\.\./)*|\./)assets/(' + "|".join(SHARED) + ")/")
SEARCH = '<div class="md-search" data-md-component="search" role="dialog">'
"""Material's search dialog has no name for screen readers."""


def polish(site: Path) -> None:
    """What Material's templates leave open: names for screen readers, one set of assets, which Chinese it is."""
    for file in site.rglob("*.html"):
        chinese = file.is_relative_to(site / "zh")
        words = Words("zh" if chinese else "en")
        text = file.read_text(encoding="utf-8")
        text = text.replace(SEARCH, SEARCH.replace(">", f' aria-label="{words("nav.search")}">'), 1)
        if chinese:
            text = UP.sub(lambda found: f"{found[1]}{'' if found[2] == './' else found[2]}../assets/{found[3]}/", text)
            text = text.replace('<html lang="zh"', '<html lang="zh-Hans"', 1)
        file.write_text(text, encoding="utf-8")
    for folder in SHARED:
        shutil.rmtree(site / "zh" / "assets" / folder, ignore_errors=True)
