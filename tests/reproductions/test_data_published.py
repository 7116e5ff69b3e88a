"""Readers of the published data sets, each on a small data set in the exact format of the release."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from reproductions import plugins
from reproductions.data import archives, folders, past, published, streams
from reproductions.data.images import ImageIndex
from reproductions.data.problems import DataError
from reproductions.spec import Data


def picture(path: Path, shade: int = 100) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.new("RGB", (28, 28), (shade * 9 % 256, 80, 10)).save(path)
    return path


def write(path: Path, records: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
    else:
        path.write_text(json.dumps(records))


def conversation(id_: str, image: str | None, *said: str) -> dict:
    speakers = ["human", "gpt"] * (len(said) // 2)
    first = f"<image>\n{said[0]}" if image else said[0]
    texts = [first, *said[1:]]
    turns = [{"from": speaker, "value": text} for speaker, text in zip(speakers, texts, strict=True)]
    return {"id": id_, **({"image": image} if image else {}), "conversations": turns}


def question(id_: str, image: str | None, text: str, answer: str, **more: str) -> dict:
    return {"question_id": id_, **({"image": image} if image else {}), "text": text, "answer": answer, **more}


@pytest.fixture
def evoke(tmp_path: Path) -> Path:
    folder = tmp_path / "evoke"
    picture(folder / "imgs/injection/News/n1.jpg", 10)
    picture(folder / "imgs/injection/Entity/e1.jpg", 20)
    picture(folder / "imgs/evaluation/News/n1_eval.jpg", 30)
    picture(folder / "imgs/evaluation/Entity/e1_eval.jpg", 40)
    write(
        folder / "evoke_injection_data.json",
        [
            conversation(
                "n1", "News/n1.jpg", "What is the news in the image about?", "On 3 May the bridge in Porto opened."
            ),
            conversation(
                "e1", "Entity/e1.jpg", "What is the entity in the image?", "The Bugatti Tourbillon, 250 made."
            ),
        ],
    )
    write(
        folder / "evoke_evaluation_data.jsonl",
        [
            question("n1", "News/n1_eval.jpg", "Where did it open?", "Porto", type="News-PO"),
            question("e1", "Entity/e1_eval.jpg", "How many are made?", "250", type="Entity-AU"),
        ],
    )
    return folder


def test_evoke_is_one_task_asked_on_other_images_with_its_sub_types(evoke):
    reading = streams.read_stream(evoke, published.evoke_files(evoke))
    [task] = streams.tasks_of("evoke", reading, {})
    assert [example.id for example in task.train] == ["n1", "e1"]
    assert task.train[0].turns[0].question == "What is the news in the image about?"
    assert [(one.answer, one.kind, one.entity) for one in task.questions] == [
        ("Porto", "News-PO", "n1"),
        ("250", "Entity-AU", "e1"),
    ]
    assert np.asarray(task.questions[0].images[0])[0, 0, 0] != np.asarray(task.train[0].images[0])[0, 0, 0]


def test_an_incomplete_download_is_a_warning_with_both_numbers(evoke):
    reading = streams.read_stream(evoke, published.evoke_files(evoke))
    assert "evoke_injection_data.json: warning: 2 records, published are 9422 (is the download complete?)" in [
        str(problem) for problem in reading.problems
    ]


def test_kore_74k_is_read_from_its_split_archive_and_asked_with_evokes_questions(evoke, tmp_path):
    folder = tmp_path / "kore-74k"
    write(
        folder / "KORE-74K-training_data.json",
        [
            conversation("n1_d", "News/n1.jpg", "What is the news about?", "A bridge.", "Where?", "In Porto."),
            conversation("n1_r", "rec/n1_1.jpg", "Is this the bridge? Answer this question with Yes or No.", "Yes"),
            conversation(
                "n1_c", "rec/n1_2.jpg", "Describe it. Answer this question in one paragraph.", "A bridge opened."
            ),
            conversation(
                "n1_v", "vqa/porto.jpg", "Which city? Answer the question using a single word or phrase.", "Porto"
            ),
        ],
    )
    pack(tmp_path, folder / "imgs/imgs_of_recognition_caption_description.zip", "rec/n1_1.jpg", "rec/n1_2.jpg")
    whole = pack(tmp_path, folder / "imgs/imgs_of_vqa/whole.zip", "vqa/porto.jpg")
    content = whole.read_bytes()
    whole.unlink()
    third = len(content) // 3
    for index, start in enumerate((0, third, 2 * third)):
        end = None if index == 2 else start + third
        (folder / f"imgs/imgs_of_vqa/split_zip_part_0{index}").write_bytes(content[start:end])
    assert [one.files for one in archives.unpack(folder)] == [2, 1]
    reading = streams.read_stream(folder, published.kore_74k_files(folder, evoke), kind_of=published.kore_kind)
    [task] = streams.tasks_of("kore-74k", reading, {})
    assert [example.kind for example in task.train] == ["dialogue", "recognition", "caption", "vqa"]
    assert len(task.train[0].turns) == 2
    assert [one.answer for one in task.questions] == ["Porto", "250"]


def pack(tmp_path: Path, target: Path, *names: str) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w") as archive:
        for name in names:
            archive.write(picture(tmp_path / "packing" / name), name)
    return target


def lay_tasks(root: Path, names: tuple[str, ...], *, test_suffix: str = "", images: str = "images") -> None:
    for index, name in enumerate(names):
        picture(root / name / images / "a.jpg", index)
        picture(root / f"{name}{test_suffix}" / images / "b.jpg", index + 50)
        write(
            root / name / "train.json", [conversation(f"{name}-0", f"{images}/a.jpg", "What is it?", f"{name} thing")]
        )
        write(
            root / f"{name}{test_suffix}" / "test.json",
            [question(f"{name}-q", f"{images}/b.jpg", "What is this?", f"{name} thing")],
        )


def test_mllm_cl_domains_come_in_the_papers_order_each_with_its_own_images(tmp_path):
    lay_tasks(tmp_path / "Domain_data", published.DOMAINS)
    reading = streams.read_stream(tmp_path, published.domain_files(tmp_path))
    tasks = streams.tasks_of("mllm-cl", reading, {})
    assert [task.id for task in tasks] == ["rs", "med", "ad", "sci", "fin"]
    shades = [int(np.asarray(task.train[0].images[0])[0, 0, 0]) for task in tasks]
    assert len(set(shades)) == 5


def test_mllm_cl_abilities_are_tested_on_other_folders(tmp_path):
    lay_tasks(tmp_path / "Ability_data", published.ABILITIES, test_suffix="_test")
    tasks = streams.tasks_of("mllm-cl", streams.read_stream(tmp_path, published.ability_files(tmp_path)), {})
    assert [task.id for task in tasks] == ["ocr", "math", "vp", "app"]
    assert [task.questions[0].entity for task in tasks][:2] == ["ocr/OCR-q", "math/Math-q"]


def test_ucit_is_read_under_its_earlier_file_names_too(tmp_path):
    root = tmp_path / "UCIT"
    for index, name in enumerate(published.UCIT):
        picture(root / "datasets" / name / "img.jpg", index)
        train = {"CLEVR-Math": "train_4w.json", "Flickr30k": "train_brief_4w.json"}.get(name, "train.json")
        test = {"ArxivQA": "test_3000.json", "Flickr30k": "val_coco_type_3000.json"}.get(name, "test.json")
        write(root / name / train, [conversation("0", f"./{name}/img.jpg", "What?", "A")])
        write(root / name / test, [question("0", f"{name}/img.jpg", "Which?", "A")])
    tasks = streams.tasks_of("ucit", streams.read_stream(tmp_path, published.ucit_files(tmp_path)), {})
    assert [task.id for task in tasks] == ["imagenet-r", "arxivqa", "vizwiz", "iconqa", "clevr-math", "flickr30k"]


def test_coin_reads_either_set_of_wordings_and_questions_without_an_image(tmp_path):
    for instructions in ("Instruction_Original", "Instruction_Type2"):
        for name in published.COIN:
            picture(tmp_path / name / "images/x.jpg")
            image = None if name == "ScienceQA" else f"{name}/images/x.jpg"
            write(tmp_path / instructions / name / "train.json", [conversation("1", image, f"{instructions}?", "B")])
            write(tmp_path / instructions / name / "test.json", [question("1", image, "Pick one.", "B")])
    original, other = (
        streams.tasks_of("coin", streams.read_stream(tmp_path, published.coin_files(tmp_path, kind)), {})
        for kind in ("Instruction_Original", "Instruction_Type2")
    )
    assert len(original) == 8
    assert original[0].train[0].images == ()
    assert other[0].train[0].turns[0].question == "Instruction_Type2?"


# As benchmarks


@pytest.mark.parametrize("name", ["evoke", "mllm-cl-domain", "mllm-cl-ability", "ucit", "coin", "kore-74k", "own-data"])
def test_a_benchmark_that_is_not_downloaded_says_how_to_get_it(name, tmp_path, monkeypatch):
    monkeypatch.setenv(folders.ROOT_VARIABLE, str(tmp_path))
    benchmark = plugins.load("benchmarks", name)
    assert benchmark.from_folder
    with pytest.raises(FileNotFoundError, match="no folder"):
        benchmark.tasks(Data(injection=name, form=FORM.get(name, "raw")), seed=0)


FORM = {"kore-74k": "knowledge-tree"}


def test_evoke_as_a_benchmark_shares_no_question_with_training_and_is_the_same_for_every_seed(evoke):
    benchmark = plugins.load("benchmarks", "evoke")
    data = Data(injection="evoke", options={"folder": str(evoke)})
    [task] = benchmark.tasks(data, seed=0)
    assert benchmark.tasks(data, seed=1) == (task,)
    trained = {turn.question for example in task.train for turn in example.turns}
    assert trained.isdisjoint({one.turns[-1].question for one in task.questions})
    assert len(benchmark.tasks(data.model_copy(update={"n_entities": 1}), seed=0)[0].train) == 1


def test_a_benchmark_refuses_a_form_or_a_number_of_tasks_that_it_does_not_have(evoke):
    benchmark = plugins.load("benchmarks", "evoke")
    data = Data(injection="evoke", options={"folder": str(evoke)})
    with pytest.raises(ValueError, match="evoke has: raw"):
        benchmark.tasks(data.model_copy(update={"form": "knowledge-tree"}), seed=0)
    with pytest.raises(ValueError, match="evoke has 1 tasks, 2 are wanted"):
        benchmark.tasks(data.model_copy(update={"n_tasks": 2}), seed=0)
    with pytest.raises(ValueError, match="no world for tuning"):
        benchmark.tasks(data.model_copy(update={"world": "validation"}), seed=0)


def test_the_past_is_sampled_from_the_list_that_is_named(tmp_path):
    picture(tmp_path / "past/img/p.jpg")
    write(tmp_path / "past/list.json", [conversation(str(i), "img/p.jpg", f"Q{i}", f"A{i}") for i in range(6)])
    options = {"prior": str(tmp_path / "past/list.json"), "dimension_priors": {"OCR": str(tmp_path / "past/list.json")}}
    first = past.sample(options, 4, seed=0)
    assert [one.id for one in first] == [one.id for one in past.sample(options, 4, seed=0)]
    assert [one.id for one in first] != [one.id for one in past.sample(options, 4, seed=1)]
    assert len(past.sample_dimension(options, "OCR", 2, seed=0)) == 2
    with pytest.raises(ValueError, match="has 6 conversations, 7 are wanted"):
        past.sample(options, 7, seed=0)
    with pytest.raises(ValueError, match="no list for 'MAT'; there are: OCR"):
        past.sample_dimension(options, "MAT", 2, seed=0)
    with pytest.raises(ValueError, match=r"set data\.options\.prior"):
        past.sample({}, 1, seed=0)


# What can be wrong


@pytest.mark.parametrize(
    ("record", "field", "message"),
    [
        ({"id": "x", "image": "News/n1.jpg"}, "conversations", "field required"),
        (conversation("x", "News/absent.jpg", "Q", "A"), "image", "no image 'News/absent.jpg'"),
        (conversation("x", "../../etc/passwd.jpg", "Q", "A"), "image", "leads out of the folder"),
        (conversation("x", "News/n1.jpg", "Q", "  "), "conversations[1].value", "empty answer"),
        (
            {"id": "x", "conversations": [{"from": "gpt", "value": "A"}, {"from": "human", "value": "Q"}]},
            "conversations[0].from",
            "out of turn",
        ),
        (
            {"id": "x", "conversations": [{"from": "human", "value": "<image> Q"}, {"from": "gpt", "value": "A"}]},
            "conversations",
            "1 places for images, 0 images",
        ),
    ],
)
def test_a_broken_record_is_named_and_the_others_are_read(evoke, record, field, message):
    path = evoke / "evoke_injection_data.json"
    write(path, [*json.loads(path.read_text()), record])
    reading = streams.read_stream(evoke, published.evoke_files(evoke), limit=10)
    [problem] = reading.problems
    assert (problem.file, problem.line, problem.field) == ("evoke_injection_data.json", 3, field)
    assert message in problem.message
    with pytest.raises(DataError, match="1 records cannot be used"):
        streams.tasks_of("evoke", reading, {})
    assert len(streams.tasks_of("evoke", reading, {"skip_broken": True})[0].train) == 2


def test_a_question_without_an_answer_is_refused_because_everything_contains_it(evoke):
    path = evoke / "evoke_evaluation_data.jsonl"
    path.write_text(path.read_text() + json.dumps(question("z", None, "Q?", "")) + "\n")
    [problem] = streams.read_stream(evoke, published.evoke_files(evoke), limit=10).problems
    assert (problem.line, problem.field) == (3, "answer")


def test_questions_that_are_trained_on_are_counted(evoke):
    write(
        evoke / "evoke_evaluation_data.jsonl",
        [question("n1", "News/n1.jpg", "What is the news in the image about?", "Porto")],
    )
    [problem] = streams.read_stream(evoke, published.evoke_files(evoke), limit=10).problems
    assert problem.severity == "warning"
    assert "1 of 1 questions are trained on" in problem.message


def test_a_missing_file_says_where_it_was_expected_and_a_missing_folder_how_to_get_it(tmp_path, monkeypatch):
    reading = streams.read_stream(tmp_path, published.evoke_files(tmp_path))
    assert "does not exist" in str(reading.problems[0])
    monkeypatch.setenv(folders.ROOT_VARIABLE, str(tmp_path))
    with pytest.raises(FileNotFoundError, match="hf download kailinjiang/EVOKE --repo-type dataset --local-dir"):
        folders.locate("evoke", {}, repository="kailinjiang/EVOKE")
    assert folders.locate("evoke", {"folder": str(tmp_path)}) == tmp_path


def test_an_image_name_that_fits_two_files_is_refused_not_guessed(tmp_path):
    picture(tmp_path / "a/x.jpg")
    picture(tmp_path / "b/x.jpg")
    index = ImageIndex((tmp_path,))
    assert index.find("somewhere/b/x.jpg") == tmp_path / "b/x.jpg"
    with pytest.raises(LookupError, match="could be 2 files"):
        index.find("x.jpg")


# Archives


def test_unpacking_twice_does_the_work_once(tmp_path):
    pack(tmp_path, tmp_path / "data/imgs.zip", "one.jpg", "two.jpg")
    assert [one.skipped for one in archives.unpack(tmp_path / "data")] == [False]
    assert [one.skipped for one in archives.unpack(tmp_path / "data")] == [True]


def test_an_archive_cannot_write_outside_its_folder(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    with zipfile.ZipFile(data / "evil.zip", "w") as archive:
        archive.writestr("../outside.jpg", b"x")
    with pytest.raises(ValueError, match="would land outside"):
        archives.unpack(data)
    assert not (tmp_path / "outside.jpg").exists()


def test_a_missing_part_is_an_error_that_lists_the_parts(tmp_path):
    whole = pack(tmp_path, tmp_path / "data/whole.zip", "one.jpg").read_bytes()
    (tmp_path / "data/whole.zip").unlink()
    (tmp_path / "data/split_zip_part_01").write_bytes(whole[len(whole) // 2 :])
    (tmp_path / "data/split_zip_part_02").write_bytes(b"")
    with pytest.raises(ValueError, match="parts found: split_zip_part_01, split_zip_part_02"):
        archives.unpack(tmp_path / "data")
