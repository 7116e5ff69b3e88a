"""The command line: exit codes, one line for bad input, output for machines."""

from __future__ import annotations

import json
import subprocess

import pytest
from registry_samples import paper, put

from registry import cli, textyaml
from registry.schema import ExternalIds


def run(capsys, *arguments):
    code = cli.main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


VERBS = [command.name or command.callback.__name__ for command in cli.app.registered_commands]


@pytest.mark.parametrize("verb", sorted(set(VERBS)))
def test_every_verb_explains_itself_with_an_example(capsys, verb):
    code, out, _ = run(capsys, verb, "--help")
    assert code == 0
    assert "aki registry" in out


def test_no_command_shows_the_help(capsys):
    code, out, _ = run(capsys)
    assert code == 0
    assert "check" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["chekc"], "Did you mean 'check'"),
        (["list", "paper"], "did you mean 'papers'"),
        (["list", "--direction", "distil"], "did you mean 'distill'"),
        (["list", "methods", "--venue", "arXiv"], "methods have no facet 'venue'"),
        (["show", "korre-2025"], "did you mean 'kore-2025'"),
        (["show", "papers/kore-2024"], "did you mean 'kore-2025'"),
        (["export", "bibtx"], "did you mean 'bibtex'"),
        (["export", "bibtex", "--language", "fr"], "one of: en, zh"),
        (["search", "x", "--kind", "paper"], "did you mean 'papers'"),
        (["check", "--root", "/nowhere/at/all"], "no registry at"),
        (["check", "--nonsense"], "No such option"),
        (["import", "bibtxe", "x.bib"], "did you mean 'bibtex'"),
        (["import", "bibtex", "/nowhere/x.bib"], "no such file"),
        (["audit", "/nowhere/x.csv", "-f", "a=mean(b, c)"], "no such file"),
        (["show"], "Missing argument"),
    ],
)
def test_wrong_usage_gets_one_line_and_code_2(capsys, toy, arguments, says):
    root = ["--root", toy] if arguments[0] in {"list", "show", "export", "search"} and len(arguments) > 1 else []
    code, out, err = run(capsys, *arguments, *root)
    assert code == 2
    assert says in err
    assert err.count("\n") == 1
    assert "Traceback" not in err + out


def test_check_counts_and_returns_0(capsys, toy):
    code, out, _ = run(capsys, "check", "--root", toy)
    assert code == 0
    assert out == "2 papers, 1 benchmarks, 1 repositories, 1 methods, 0 reported, 0 claims: no problems\n"


def test_check_reports_all_and_returns_1(capsys, toy):
    (toy / "papers" / "a.yaml").write_text("a: 1 # x\n")
    (toy / "papers" / "b.yaml").write_text("a: [\n")
    code, out, _ = run(capsys, "check", "--root", toy)
    assert code == 1
    assert out.splitlines()[-1].endswith(": 2 problems")
    code, out, _ = run(capsys, "check", "--root", toy, "--json")
    assert code == 1
    assert [problem["line"] for problem in json.loads(out)["problems"]] == [1, 2]


def test_check_since_finds_an_id_that_vanished(capsys, toy):
    def git(*words):
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(["git", "-C", toy, *identity, *words], check=True, capture_output=True)

    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "x")
    (toy / "papers" / "opsd-2026.yaml").unlink()
    put(toy, "papers", paper("new-2026", direction="distill", bucket="self"))
    code, out, _ = run(capsys, "check", "--root", toy, "--since", "HEAD")
    assert code == 1
    assert "existed at HEAD and is gone" in out
    put(toy, "papers", paper("new-2026", direction="distill", bucket="self", formerly=("opsd-2026",)))
    assert run(capsys, "check", "--root", toy, "--since", "HEAD")[0] == 0
    assert run(capsys, "check", "--root", toy, "--since", "nothing")[0] == 2


def test_fmt_check_tells_and_fmt_mends(capsys, toy):
    path = toy / "papers" / "kore-2025.yaml"
    canonical = path.read_text()
    path.write_text(canonical.replace("  - VLM", "- 'VLM'"))
    assert run(capsys, "fmt", "--check", "--root", toy)[:2] == (1, f"would format {path}\n6 files, 1 to format\n")
    assert run(capsys, "fmt", "--root", toy)[0] == 0
    assert path.read_text() == canonical


def test_fmt_refuses_files_that_are_no_entries(capsys, toy):
    assert run(capsys, "fmt", "/etc/hostname", "--root", toy)[0] == 2


def test_fmt_names_the_problem_of_an_unreadable_file(capsys, toy):
    (toy / "papers" / "kore-2025.yaml").write_text("id: [\n")
    code, _, err = run(capsys, "fmt", "--root", toy)
    assert code == 1
    assert "papers/kore-2025.yaml:2: not YAML" in err


def test_list_filters_and_speaks_json(capsys, toy):
    code, out, _ = run(capsys, "list", "--direction", "distill", "--root", toy, "--json")
    assert code == 0
    assert [entry["ref"] for entry in json.loads(out)] == ["papers/opsd-2026"]
    assert len(json.loads(run(capsys, "list", "--has-code", "yes", "--root", toy, "--json")[1])) == 1
    assert run(capsys, "list", "--venue", "ARXIV", "--root", toy)[1].count("\n") == 2


def test_show_prints_the_entry_and_who_points_at_it(capsys, toy):
    _, out, _ = run(capsys, "show", "2510.19316", "--root", toy)
    assert out.startswith("# papers/kore-2025\nid: kore-2025\n")
    assert "# <- implements: repositories/kore-code" in out
    shown = json.loads(run(capsys, "show", "kore-2025", "--root", toy, "--json")[1])
    assert shown["inverse"][0] == {"kind": "implements", "source": "repositories/kore-code"}


def test_a_retired_id_shows_exports_and_stays_retired_on_every_way(capsys, toy):
    put(toy, "papers", paper("new-2026", title="Another thing", ids=ExternalIds(), formerly=("old-2026",)))
    for name in ("old-2026", "papers/old-2026"):
        assert run(capsys, "show", name, "--root", str(toy))[1].startswith("# papers/new-2026")
    document = json.loads(run(capsys, "export", "json", "--root", str(toy))[1])
    (entry,) = [one for one in document["papers"] if one["id"] == "new-2026"]
    assert entry["formerly"] == ["old-2026"]
    put(toy, "papers", paper("old-2026", title="A third thing", ids=ExternalIds()))
    code, out, err = run(capsys, "check", "--root", str(toy))
    assert code == 1
    assert "'old-2026' is retired here but used by" in out + err


def test_search_finds_words_of_both_languages(capsys, toy):
    assert "papers/opsd-2026" in run(capsys, "search", "reasoner", "--root", toy)[1]
    assert "benchmarks/evoke" in run(capsys, "search", "evoke", "中文", "--root", toy)[1]
    assert "nothing holds" in run(capsys, "search", "xyzzy", "--root", toy)[1]


def test_import_shows_candidates_and_leaves_the_registry_alone(capsys, toy, tmp_path):
    source = tmp_path / "x.bib"
    source.write_text(
        "@misc{a, title={KORE}, eprint={2510.19316}, archiveprefix={arXiv}}\n@misc{b, title={New}, year=2026}"
    )
    before = sorted(toy.rglob("*"))
    code, out, _ = run(capsys, "import", "bibtex", source, "--into", tmp_path / "open", "--root", toy)
    assert code == 0
    assert out.splitlines()[-1] == "1 candidates, 1 known already"
    assert textyaml.load((tmp_path / "open" / "new-2026.yaml").read_bytes())["title"] == "New"
    assert sorted(toy.rglob("*")) == before


def test_export_writes_a_file(capsys, toy, tmp_path):
    target = tmp_path / "deep" / "papers.bib"
    assert run(capsys, "export", "bibtex", "-o", target, "--root", toy)[0] == 0
    assert target.read_text().count("@misc") == 2


def test_recover_says_that_there_is_nothing(capsys, toy):
    assert run(capsys, "recover", "--root", toy)[1] == "nothing to recover\n"


def test_export_of_all_writes_every_format_into_a_folder(capsys, toy, tmp_path):
    assert run(capsys, "export", "all", "--root", toy)[0] == 2
    assert run(capsys, "export", "all", "-o", tmp_path / "x", "--root", toy)[0] == 0
    assert {path.name for path in (tmp_path / "x").iterdir()} >= {"papers.bib", "registry.json", "llms.txt", "feeds"}
