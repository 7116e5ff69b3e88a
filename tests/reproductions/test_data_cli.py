"""`aki reproduce data …` as somebody types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image as Pillow

from reproductions.cli import main

ITEM = {"id": "bo", "name": "Bo", "images": ["a.png"], "test_images": ["b.png"], "text": "Bo lives in Bergen."}
ASKED = {"questions": [{"question": "Where does this person live?", "answer": "Bergen"}]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in "ab":
        Pillow.new("RGB", (20, 20)).save(tmp_path / f"{name}.png")
    (tmp_path / "facts.jsonl").write_text(json.dumps(ITEM | ASKED) + "\n")
    return tmp_path


def test_a_folder_in_order_is_counted_and_gives_code_0(folder, capsys):
    assert main(["data", "check", str(folder)]) == 0
    assert capsys.readouterr().out == "1 items, 1 tasks, 2 images, 1 held-out questions\nin order\n"


def test_problems_give_code_1_and_say_file_line_field_and_hint(folder, capsys):
    (folder / "facts.jsonl").write_text(json.dumps(ITEM | ASKED | {"images": ["A.png"]}) + "\n")
    assert main(["data", "check", str(folder)]) == 1
    shown = capsys.readouterr().out
    assert "facts.jsonl:1:images[0]: no file 'A.png' (did you mean 'a.png'?)" in shown
    assert "1 problems, 0 warnings" in shown


def test_a_folder_that_cannot_be_read_gives_code_2_and_one_line(tmp_path, capsys):
    assert main(["data", "check", str(tmp_path / "nowhere")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_json_says_the_same(folder, capsys):
    (folder / "facts.jsonl").write_text(json.dumps(ITEM) + "\n")
    assert main(["data", "check", str(folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["counts"]["items"] == 1
    assert told["problems"][0]["severity"] == "warning"


def test_a_published_data_set_is_checked_under_its_name(tmp_path, capsys):
    assert main(["data", "check", str(tmp_path), "--as", "evoke"]) == 1
    assert "evoke_injection_data.json: does not exist" in capsys.readouterr().out
    assert main(["data", "check", str(tmp_path), "--as", "evok"]) == 2
    assert "did you mean 'evoke'?" in capsys.readouterr().err


def test_the_schema_is_json(capsys):
    assert main(["data", "schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "FactItem"


def test_augmenting_without_an_endpoint_that_answers_fails_per_item_and_keeps_going(folder, capsys, monkeypatch):
    monkeypatch.setattr("reproductions.augmentation_endpoint.RETRIES", 1)
    code = main(["data", "augment", str(folder), "--endpoint", "http://127.0.0.1:9/v1", "--model", "m"])
    assert code == 1
    assert "bo: http://127.0.0.1:9/v1 cannot be reached" in capsys.readouterr().out


def test_a_spent_budget_gives_code_3_and_says_how_to_go_on(folder, capsys):
    arguments = ["data", "augment", str(folder), "--endpoint", "http://127.0.0.1:9/v1", "--model", "m"]
    assert main([*arguments, "--max-requests", "0"]) == 3
    assert "1 items are left; raise --max-requests" in capsys.readouterr().out


def test_checking_data_imports_no_torch(folder):
    script = (
        "import sys\nfrom reproductions.cli import main\n"
        f"code = main(['data', 'check', {str(folder)!r}])\n"
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules or code)"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=120, check=False).returncode == 0
