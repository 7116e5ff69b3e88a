"""`aki site`: one line for what is wrong, the right exit code, nothing half-written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from docs import build as building
from docs import checks, cli
from docs.checks import Html


def test_building_from_a_broken_registry_is_refused_in_one_line(tmp_path, capsys, toy_registry):
    import shutil

    broken = tmp_path / "data"
    shutil.copytree(toy_registry, broken)
    (broken / "papers" / "bad.yaml").write_text("id: bad\n", encoding="utf-8")
    assert cli.main(["build", "--registry", str(broken), "--site", str(tmp_path / "site")]) == 1
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "the registry has" in said
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["build", "--site-url", "ftp://x"], "begins with https://"),
        (["build", "--results", "/no/such/folder"], "there is no such folder"),
        (["serve", "--site", "/no/such/folder"], "run `aki site build` first"),
        (["check", "--site", "/no/such/folder"], "run `aki site build` first"),
        (["bild"], "bild"),
        (["serve", "--port", "x"], "--port"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(arguments, hint, capsys):
    assert cli.main(arguments) == 2
    said = capsys.readouterr().err.strip()
    assert hint in said
    assert "\n" not in said


@pytest.mark.parametrize("verb", ["build", "serve", "check", "picture"])
def test_help_of_every_verb_has_an_example(verb, capsys):
    assert cli.main([verb, "--help"]) == 0
    assert "aki site" in capsys.readouterr().out


def test_help_is_light():
    heavy = "{'torch', 'transformers', 'mkdocs', 'jieba'}"
    code = f"import sys; from docs import cli; cli.main(['--help']); print(sorted({heavy} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip().endswith("[]")


def test_a_failed_build_leaves_the_old_site_alone(tmp_path, empty, monkeypatch):
    old = tmp_path / "site"
    old.mkdir()
    (old / "index.html").write_text("old", encoding="utf-8")

    def refuse(_: Path) -> None:
        raise building.BuildError("no")

    monkeypatch.setattr(building, "run_mkdocs", refuse)
    monkeypatch.setattr(building, "write_language", lambda *_: 1)
    with pytest.raises(building.BuildError):
        building.build(empty, old, work=tmp_path / "src")
    assert (old / "index.html").read_text(encoding="utf-8") == "old"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["site", "src"]


def test_the_picture_needs_records(capsys, monkeypatch, empty, tmp_path):
    monkeypatch.setattr(building, "gather", lambda: empty)
    assert cli.main(["picture", "--to", str(tmp_path / "p.svg")]) == 2
    assert "publish records" in capsys.readouterr().err
    assert not (tmp_path / "p.svg").exists()


def test_the_picture_is_drawn_from_the_records_and_checked(capsys, monkeypatch, sources, tmp_path):
    monkeypatch.setattr(building, "gather", lambda: sources)
    target = tmp_path / "p.svg"
    assert cli.main(["picture", "--to", str(target)]) == 0
    assert "KORE" in target.read_text(encoding="utf-8")
    assert cli.main(["picture", "--to", str(target), "--check"]) == 0
    target.write_text("other", encoding="utf-8")
    assert cli.main(["picture", "--to", str(target), "--check"]) == 1


# ── the checks find what they are for ───────────────────────────────────────────────────────────────────────────────

GOOD = (
    '<html lang="en"><head><meta name="description" content="x"></head>'
    '<body><article><h1>x</h1><p id="here">y</p></article></body></html>'
)


def write(site: Path, path: str, text: str) -> None:
    file = site / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("fragment", "complaint"),
    [
        ('<a href="missing.html">x</a>', "does not exist"),
        ('<a href="other.html#nowhere">x</a>', "nothing is called #nowhere"),
        ('<script src="https://cdn.example/x.js"></script>', "fetches https://cdn.example/x.js"),
        ('<link rel="preconnect" href="https://fonts.example">', "fetches https://fonts.example"),
        ('<img src="//example.org/pixel.png">', "fetches //example.org/pixel.png"),
        ('<style>@import "https://example.org/x.css";</style>', "fetches https://example.org/x.css"),
        ("<p>{{ name }}</p>", "traces of its making"),
        ("<h1>again</h1>", "2 first headings"),
    ],
)
def test_a_flaw_is_found(tmp_path, fragment, complaint):
    for prefix, language in (("", "en"), ("zh/", "zh-Hans")):
        write(tmp_path, f"{prefix}other.html", GOOD.replace('"en"', f'"{language}"'))
        write(
            tmp_path,
            f"{prefix}index.html",
            GOOD.replace('"en"', f'"{language}"').replace("</article>", f"{fragment}</article>"),
        )
    found = [str(flaw) for flaw in checks.every(tmp_path)]
    assert any(complaint in flaw for flaw in found), found


def test_a_good_site_has_no_flaw(tmp_path):
    write(
        tmp_path,
        "index.html",
        GOOD.replace("y</p>", 'y <a href="#here">a</a> <a href="https://example.org/">b</a></p>'),
    )
    write(tmp_path, "zh/index.html", GOOD.replace('"en"', '"zh-Hans"'))
    assert checks.every(tmp_path) == []


def test_a_page_in_one_language_only_is_found(tmp_path):
    write(tmp_path, "index.html", GOOD)
    assert [flaw.message for flaw in checks.every(tmp_path)] == ["exists in one language only"]


def test_check_answers_in_json(tmp_path, capsys):
    write(tmp_path, "index.html", GOOD)
    assert cli.main(["check", "--site", str(tmp_path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)[0]["page"] == "index.html"


def test_addresses_are_read_unescaped():
    page = Html("x.html", '<a href="a.html?x=1&amp;y=2">z</a>')
    assert page.references == (("a", "", "a.html?x=1&y=2"),)


def test_only_plugins_that_zensical_reads_are_in_use():
    assert checks.plugins() <= checks.ZENSICAL_READS
