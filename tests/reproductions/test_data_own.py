"""Your own data: everything that is wrong with a folder is said at once, with file, line, field and hint."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image as Pillow

from reproductions import augmentation
from reproductions.data import own
from reproductions.data.images import ImageFile
from reproductions.data.problems import DataError, errors

KETTLE = {
    "id": "aurora-kettle",
    "name": "Aurora kettle",
    "kind": "product",
    "images": ["images/a.png", "images/b.png"],
    "text": "The Aurora kettle is made by Tal and Sons in Bergen and holds 1.2 litres.",
    "facts": {"maker": "Tal and Sons", "capacity": "1.2 litres"},
    "test_images": ["images/c.png"],
    "questions": [{"question": "Who makes this?", "answer": "Tal and Sons", "kind": "maker"}],
    "training_questions": [{"question": "Where is it made?", "answer": "Bergen"}],
}


def write(folder: Path, *items: dict, images: tuple[str, ...] = ("a", "b", "c")) -> Path:
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for index, name in enumerate(images):
        Pillow.new("RGB", (32, 24), (index * 40, 90, 120)).save(folder / "images" / f"{name}.png")
    (folder / "facts.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")
    return folder


def said(folder: Path) -> list[str]:
    return [str(problem) for problem in own.check(folder).problems]


def test_a_whole_item_has_no_problem(tmp_path):
    assert said(write(tmp_path, KETTLE)) == []


def test_the_published_schema_accepts_the_item_and_refuses_a_misspelt_key():
    schema = own.json_schema()
    jsonschema.validate(KETTLE, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(KETTLE | {"txet": "…"}, schema)


def test_all_problems_are_said_at_once_with_line_field_and_hint(tmp_path):
    broken = KETTLE | {"id": "Big Id", "images": []}
    misspelt = {key: value for key, value in KETTLE.items() if key != "text"} | {"txt": "…", "id": "other"}
    missing = KETTLE | {"id": "third", "images": ["images/A.png"], "questions": []}
    found = said(write(tmp_path, broken, misspelt, missing, KETTLE, KETTLE))
    assert any(line.startswith("facts.jsonl:1:id: ") for line in found)
    assert any(line.startswith("facts.jsonl:1:images: ") for line in found)
    assert "facts.jsonl:2:txt: extra inputs are not permitted (did you mean 'text'?)" in found
    assert "facts.jsonl:3:images[0]: no file 'images/A.png' (did you mean 'a.png'?)" in found
    assert "facts.jsonl:5:id: 'aurora-kettle' is taken (first used on line 4)" in found


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": "x",}', "is no JSON"),
        ('{"id": "x", "id": "y"}', "key 'id' is written twice"),
    ],
)
def test_a_line_that_is_no_record_is_named(tmp_path, line, message):
    write(tmp_path)
    (tmp_path / "facts.jsonl").write_text(line + "\n")
    [problem] = own.check(tmp_path).problems
    assert problem.line == 1
    assert message in problem.message


def test_an_image_outside_the_folder_or_broken_or_tiny_is_refused(tmp_path):
    write(
        tmp_path / "data",
        KETTLE | {"images": ["../secret.png", "images/broken.png", "images/tiny.png", "images/link.png"]},
    )
    images = tmp_path / "data" / "images"
    Pillow.new("RGB", (32, 32)).save(tmp_path / "secret.png")
    (images / "link.png").symlink_to(tmp_path / "secret.png")
    (images / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 20)
    Pillow.new("RGB", (8, 32)).save(images / "tiny.png")
    found = said(tmp_path / "data")
    assert any("images[0]: '../secret.png' leads out of the folder" in line for line in found)
    assert any("images[1]: 'images/broken.png'" in line and "cannot be read as an image" in line for line in found)
    assert any("images[2]: 'images/tiny.png' is 8 × 32 pixels" in line for line in found)
    assert any("images[3]: 'images/link.png' is a link out of the folder" in line for line in found)


def test_held_out_means_held_out(tmp_path):
    leaking = KETTLE | {
        "test_images": ["images/a.png"],
        "questions": [{"question": "Where is it MADE", "answer": "Bergen"}],
    }
    found = said(write(tmp_path, leaking))
    assert any("'images/a.png' is in images and in test_images" in line for line in found)
    assert any("questions[0].question: is also a training question" in line for line in found)


def test_a_test_view_of_one_item_may_not_train_another(tmp_path):
    other = KETTLE | {"id": "other", "images": ["images/c.png"], "test_images": ["images/b.png"], "questions": []}
    assert any("'images/c.png' is a training image of other" in line for line in said(write(tmp_path, KETTLE, other)))


def test_an_answer_that_nothing_teaches_is_a_warning_not_an_error(tmp_path):
    asked = KETTLE | {"questions": [{"question": "Who designed it?", "answer": "Ada Holm"}]}
    found = own.check(write(tmp_path, asked)).problems
    assert [problem.severity for problem in found] == ["warning"]
    assert "'Ada Holm' stands neither in text nor in facts" in found[0].message
    assert errors(found) == []


def test_reading_refuses_errors_and_takes_warnings(tmp_path):
    assert own.read(write(tmp_path / "good", KETTLE | {"questions": []}))[0].name == "Aurora kettle"
    with pytest.raises(DataError, match=r"no file 'images/z\.png'"):
        own.read(write(tmp_path / "bad", KETTLE | {"images": ["images/z.png"]}))
    with pytest.raises(FileNotFoundError, match=r"has no facts\.jsonl"):
        own.read(tmp_path)


def test_items_become_tasks_in_the_order_of_their_steps(tmp_path):
    later = KETTLE | {"id": "later", "task": "second", "test_images": [], "questions": []}
    items = own.read(write(tmp_path, later, KETTLE | {"task": "first"}))
    trained = {item.id: augmentation.training_examples(item, tmp_path) for item in items}
    second, first = own.tasks(items, trained, tmp_path)
    assert (second.id, first.id) == ("second", "first")
    [question] = first.questions
    assert question.entity == "aurora-kettle"
    assert question.kind == "maker"
    assert np.asarray(question.images[0]).shape == (24, 32, 3)
    assert [one.answer for one in first.reliability] == ["Bergen"]


def test_training_and_questions_share_neither_view_nor_wording(tmp_path):
    items = own.read(write(tmp_path, KETTLE))
    trained = {item.id: augmentation.training_examples(item, tmp_path, form="knowledge-tree") for item in items}
    [task] = own.tasks(items, trained, tmp_path)
    paths = {image.path for example in task.train for image in example.images if isinstance(image, ImageFile)}
    assert paths.isdisjoint(
        {image.path for one in task.questions for image in one.images if isinstance(image, ImageFile)}
    )
    asked = {turn.question for example in task.train for turn in example.turns}
    assert asked.isdisjoint({one.turns[-1].question for one in task.questions})


def test_transparent_pixels_are_read_as_white(tmp_path):
    Pillow.new("RGBA", (20, 20), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    assert np.asarray(ImageFile(tmp_path / "clear.png")).min() == 255


def test_a_rotated_photograph_is_read_upright(tmp_path):
    photo = Pillow.new("RGB", (40, 20))
    exif = photo.getexif()
    exif[0x0112] = 6
    photo.save(tmp_path / "turned.jpg", exif=exif)
    assert ImageFile(tmp_path / "turned.jpg").shape == (40, 20, 3)
    assert ImageFile(tmp_path / "turned.jpg").size == 2400


def test_a_longest_side_shrinks_what_is_larger_and_nothing_else(tmp_path):
    Pillow.new("RGB", (100, 50)).save(tmp_path / "wide.png")
    assert ImageFile(tmp_path / "wide.png", longest_side=50).shape == (25, 50, 3)
    assert ImageFile(tmp_path / "wide.png", longest_side=200).shape == (50, 100, 3)
