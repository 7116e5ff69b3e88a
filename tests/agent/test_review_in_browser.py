"""The review page in a real browser, opened from disk: verdicts by keyboard, a decisions file, the same result."""

from __future__ import annotations

import shutil

import pytest

import registry
from agent.cli import main
from agent.review.page import page

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


@pytest.fixture(scope="module")
def chromium():
    program = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip(f"no Chromium on this machine (looked for {', '.join(BROWSERS)}); Debian: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.mark.slow
@pytest.mark.browser
def test_from_the_page_by_keyboard_to_a_written_entry(chromium, desk, tmp_path, capsys):
    file = tmp_path / "review.html"
    file.write_text(page(desk.session))
    window = chromium.new_page(viewport={"width": 1440, "height": 900})
    asked, wrong = [], []
    window.on("request", lambda request: asked.append(request.url))
    window.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    window.goto(file.as_uri())
    assert "ICML 2026" in window.locator("#card").inner_text()
    window.keyboard.press("a")
    window.keyboard.press("r")
    window.fill("#answer", "not this one")
    window.click("#ok")
    window.keyboard.press("b")
    window.keyboard.press("j")
    assert "of 13 decided" in window.locator("#progress").inner_text()
    window.fill("#reviewer", "Ada")
    with window.expect_download() as download:
        window.click("#download")
    decisions = tmp_path / "decisions.json"
    download.value.save_as(decisions)
    assert [url for url in asked if not url.startswith(("file:", "blob:"))] == []
    assert wrong == []
    where = ["--workspace", str(desk.workspace.folder), "--root", str(desk.root)]
    assert main(["decide", str(decisions), *where]) == 0
    assert main(["apply", *where]) == 0
    assert registry.load(desk.root).papers["alpha"].venue.value == "ICML 2026"
    assert {v.reviewer for _, v in desk.workspace.standing()} == {"Ada"}
    assert desk.workspace.rejections()[0].reason == "not this one"


@pytest.mark.slow
@pytest.mark.browser
def test_the_page_fits_a_phone(chromium, desk, tmp_path):
    file = tmp_path / "review.html"
    file.write_text(page(desk.session))
    window = chromium.new_page(viewport={"width": 360, "height": 740})
    window.goto(file.as_uri())
    assert window.evaluate("document.documentElement.scrollWidth") <= 360
    assert window.locator("#verdicts button").first.is_visible()
    window.locator("#verdicts button", has_text="Approve").click()
    assert "1 of 13 decided" in window.locator("#progress").inner_text()
