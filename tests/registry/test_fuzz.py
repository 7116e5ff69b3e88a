"""Mutated files: whatever stands in them, there is an entry or a problem of one line, and never a traceback."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

import registry
from registry import catalog, cli, store, textyaml
from registry.reading import read

TOKENS = [
    b"&a ",
    b"*a",
    b"!!python/object/apply:os.system ",
    b"!x ",
    b"%YAML 9.9\n",
    b"---\n",
    b"...\n",
    b"<<: ",
    b"? ",
    b"- ",
    b": ",
    b"#",
    b"\t",
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"[",
    b"{",
    b"]",
    b"}",
    b"[" * 2000,
    b"{a: " * 2000,
    b"- " * 2000,
    b"'",
    b'"',
    b"|",
    b">",
    b">-\n",
    b"null",
    b"~",
    b"1e400",
    b"nan",
    b"9" * 400,
    b"-0x",
    b"\n" * 50,
    b" " * 300,
    "中\u202e\u2028".encode(),
    b"x" * 5000,
    b"id: other\n",
    b"id: [1]\n",
    b"status: x\n",
]


def mutated(content: bytes, dice: random.Random) -> bytes:
    """A file with one to six changes."""
    for _ in range(dice.randint(1, 6)):
        place = dice.randint(0, len(content))
        match dice.randrange(8):
            case 0:
                content = content[:place] + dice.choice(TOKENS) + content[place:]
            case 1:
                content = content[:place] + bytes([dice.randrange(256)]) + content[place + 1 :]
            case 2:
                content = content[:place]
            case 3:
                content = content[:place] + content[place + dice.randint(1, 40) :]
            case 4:
                lines = content.splitlines(keepends=True) or [b""]
                line = dice.randrange(len(lines))
                content = b"".join([*lines[:line], lines[line], *lines[line:]])
            case 5:
                lines = content.splitlines(keepends=True)
                dice.shuffle(lines)
                content = b"".join(lines)
            case 6:
                content = content.replace(dice.choice([b"\n", b": ", b"  ", b"-", b'"']), dice.choice(TOKENS), 2)
            case _:
                lines = content.splitlines(keepends=True) or [b""]
                line = dice.randrange(len(lines))
                lines[line] = dice.choice([b" ", b"    ", b"- "]) + lines[line]
                content = b"".join(lines)
    return content


def sources() -> list[tuple[str, bytes]]:
    files, _ = catalog.find(catalog.DATA)
    return [(ref, path.read_bytes()) for ref, path in files.items()]


def fuzz(number: int, seed: int) -> int:
    """Read mutated files; returns how many still were entries."""
    dice = random.Random(seed)
    pool = sources()
    entries = 0
    for _ in range(number):
        ref, content = dice.choice(pool)
        reading = read(ref, mutated(content, dice))
        assert (reading.entry is None) == bool(reading.problems)
        for problem in reading.problems:
            assert str(problem).count("\n") == 0, str(problem)
            assert len(str(problem)) < 1200, str(problem)
        if reading.entry is not None:
            entries += 1
            again = textyaml.dump(reading.entry)
            assert textyaml.dump(textyaml.parse(type(reading.entry), again)) == again
    return entries


def test_hundreds_of_mutated_files_give_entries_or_problems():
    assert 0 < fuzz(300, seed=1) < 300


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_twelve_thousand_mutated_files_give_entries_or_problems(seed):
    assert 0 < fuzz(2000, seed=100 + seed) < 2000


def test_a_folder_of_mutated_files_is_checked_without_traceback(toy: Path, capsys):
    dice = random.Random(7)
    pool = sources()
    for number in range(120):
        ref, content = dice.choice(pool)
        kind = ref.partition("/")[0]
        (toy / kind).mkdir(exist_ok=True)
        (toy / kind / f"x{number}.yaml").write_bytes(mutated(content, dice))
    assert cli.main(["check", "--root", str(toy)]) == 1
    captured = capsys.readouterr()
    assert "Traceback" not in captured.out + captured.err
    assert len(captured.out.splitlines()) > 100
    for verb in (["list"], ["search", "kore"], ["export", "json"], ["check", "--json"]):
        assert cli.main([*verb, "--root", str(toy)]) in (0, 1)


def test_a_file_of_100_mb_is_refused_before_it_is_read(toy: Path):
    path = toy / "papers" / "huge.yaml"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    (problem,) = registry.load(toy).problems
    assert "larger than 1000 kB" in str(problem)


def test_links_and_pipes_are_no_entries(toy: Path):
    (toy / "papers" / "loop.yaml").symlink_to("loop.yaml")
    (toy / "papers" / "link.yaml").symlink_to(toy / "papers" / "kore-2025.yaml")
    os.mkfifo(toy / "papers" / "pipe.yaml")
    assert [problem.message for problem in registry.load(toy).problems] == ["is not an entry"] * 3


def test_mutated_taxonomies_are_problems(toy: Path):
    dice = random.Random(3)
    original = (toy / "taxonomy.yaml").read_bytes()
    for _ in range(100):
        (toy / "taxonomy.yaml").write_bytes(mutated(original, dice))
        for problem in registry.load(toy).problems:
            assert "\n" not in str(problem)


def test_damaged_journals_do_not_stop_the_world(toy: Path):
    (toy / store.JOURNAL).write_text("{")
    assert any("interrupted" in str(problem) for problem in registry.load(toy).problems)
    with pytest.raises(store.StaleError, match="journal"):
        store.recover(toy)
