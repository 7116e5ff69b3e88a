"""A whole site, built once from the real registry, one hostile paper and synthetic results; and a browser."""

from __future__ import annotations

import functools
import http.server
import shutil
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import toy_site

from docs import build as building
from docs.sources import Sources
from registry import catalog, textyaml
from registry.schema import Fact, Paper, Remark, StatusChange, Text

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def hostile_paper() -> Paper:
    """Every text of it tries to become markup."""
    title = toy_site.HOSTILE
    text = Text(en=f"# Not a heading\n\n{title}\n\n## Nor this", zh=title)
    return Paper(
        id=toy_site.HOSTILE_ID,
        title=title,
        aliases=("zzhostile", title),
        date="2026-06",
        links=("https://example.org/a?b='x'&c=<d>".replace("<", "%3C").replace(">", "%3E"),),
        venue=Fact(value=title, source="https://example.org/", checked=date(2026, 6, 1)),
        direction="replay",
        position=text,
        model_types=("VLM",),
        summary=text,
        tasks=text,
        datasets=(title,),
        authors=(title,),
        status=(StatusChange(state="recorded", since=date(2026, 6, 1), reason=Remark(en=title, zh=title)),),
        formerly=("a-retired-id",),
        note=Remark(en=f"{title}\n\n# heading", zh=title),
    )


@pytest.fixture(scope="session")
def toy_registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real registry with the hostile paper beside the others."""
    folder = tmp_path_factory.mktemp("registry") / "data"
    shutil.copytree(catalog.DATA, folder)
    (folder / "papers" / f"{toy_site.HOSTILE_ID}.yaml").write_text(textyaml.dump(hostile_paper()), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def toy_results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_site.write_results(tmp_path_factory.mktemp("results"), checkpoints=2, seeds=2, methods=6)


@pytest.fixture(scope="session")
def sources(toy_registry: Path, toy_results: Path) -> Sources:
    return building.gather(registry=toy_registry, results=toy_results, repository_url="https://github.com/example/list")


@pytest.fixture(scope="session")
def empty(toy_registry: Path, tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """The same registry, and nothing measured."""
    return building.gather(registry=toy_registry, results=tmp_path_factory.mktemp("nothing"))


@pytest.fixture(scope="session")
def site(sources: Sources, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    folder = tmp_path_factory.mktemp("site")
    return building.build(sources, folder / "site", work=folder / "src").folder


@dataclass(frozen=True)
class Reader:
    """A browser in front of the served site."""

    browser: Any
    address: str

    def open(self, path: str, *, width: int = 1440, dark: bool = False, script: bool = True) -> Any:
        """A page at `path`, with what the console and the network said in `page.said`."""
        context = self.browser.new_context(
            viewport={"width": width, "height": 900 if width > 600 else 740},
            color_scheme="dark" if dark else "light",
            java_script_enabled=script,
            accept_downloads=True,
        )
        page = context.new_page()
        page.said = []
        page.asked = []
        page.on(
            "console", lambda message: page.said.append(message.text) if message.type in {"error", "warning"} else None
        )
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("dialog", lambda dialog: (page.said.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.goto(self.address + path)
        return page


@pytest.fixture(scope="session")
def reader(site: Path) -> Iterator[Reader]:
    """Skips where there is no Chromium."""
    program = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip(f"no Chromium on this machine (looked for {', '.join(BROWSERS)}); Debian: apt-get install chromium")
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install playwright"
    )

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield Reader(browser, f"http://127.0.0.1:{server.server_port}/")
        browser.close()
    server.shutdown()
