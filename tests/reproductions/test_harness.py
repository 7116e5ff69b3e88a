"""Retention by harnesses of others: a task defined here through lmms-eval, and VLMEvalKit's result files."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from PIL import Image as Pillow

from reproductions import tiny_models
from reproductions.cli import main
from reproductions.harness import dimensions, scores, vlmevalkit
from reproductions.spec import ModelRef
from reproductions.vlm import load_vlm

HAS_LMMS = importlib.util.find_spec("lmms_eval") is not None


# The table


def test_seven_dimensions_hold_the_papers_twelve_benchmarks():
    assert dimensions.DIMENSIONS == ("COM", "OCR", "M-DIS", "INS", "M-IDU", "MAT", "HAL")
    assert len(dimensions.KEPT) == 12


def test_a_dimension_is_the_mean_of_its_measured_benchmarks():
    assert dimensions.by_dimension({"pope": 0.8, "hallusionbench": 0.4, "mme": 0.5}) == pytest.approx(
        {"COM": 0.5, "HAL": 0.6}
    )


def test_an_unknown_benchmark_is_refused_with_the_known_ones():
    with pytest.raises(LookupError, match="no retention benchmark named 'popes'; there are: mme, mmbench"):
        dimensions.kept_named("popes")


def test_what_was_kept_is_after_over_before_and_only_where_both_were_measured(tmp_path):
    found = scores.HarnessScores(
        harness="lmms-eval",
        version="0.7.3",
        model="base",
        injected="adapter",
        base={"pope": 0.8, "mme": 0.6},
        after={"pope": 0.4},
    )
    assert found.kept() == {"HAL": 0.5}
    assert scores.load(scores.save(found, tmp_path / "seed-0.harness.json")) == found
    (tmp_path / "broken.json").write_text("{}")
    with pytest.raises(ValueError, match="no harness scores"):
        scores.load(tmp_path / "broken.json")


# VLMEvalKit


def test_result_files_of_vlmevalkit_are_read_into_fractions(tmp_path):
    files = {
        "llava_MME_score.csv": '"perception","reasoning","OCR"\n"1400.0","280.0","95"\n',
        "llava_POPE_score.csv": '"split","Overall","acc"\n"Overall","85.5","86"\n"random","88","89"\n',
        "llava_HallusionBench_score.csv": '"split","aAcc","fAcc"\n"Overall","46.2","20.1"\n',
        "llava_MMMU_DEV_VAL_acc.csv": '"split","Overall"\n"validation","0.352"\n',
        "llava_SEEDBench2_Plus_acc.csv": '"split","Overall"\n"none","0.413"\n',
        "other_POPE_score.csv": '"split","Overall"\n"Overall","10"\n',
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert vlmevalkit.read_folder(tmp_path, "llava") == pytest.approx(
        {"mme": 0.6, "pope": 0.855, "hallusionbench": 0.462, "mmmu": 0.352, "seedbench2-plus": 0.413}
    )


@pytest.mark.parametrize(
    ("text", "message"), [("a,b\n1,2\n", "none of the columns Overall"), ("Overall\n350\n", "is not between 0 and 100")]
)
def test_a_file_without_a_possible_score_is_refused(tmp_path, text, message):
    (tmp_path / "llava_POPE_score.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        vlmevalkit.read_folder(tmp_path, "llava")


def test_a_folder_without_results_says_what_was_expected(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected llava_<data set>_acc"):
        vlmevalkit.read_folder(tmp_path, "llava")


def test_both_models_are_imported_from_one_folder_and_shown(tmp_path, capsys):
    (tmp_path / "base_POPE_score.csv").write_text('"split","Overall"\n"Overall","80"\n')
    (tmp_path / "ours_POPE_score.csv").write_text('"split","Overall"\n"Overall","60"\n')
    to = str(tmp_path / "pope.harness.json")
    names = ["--base", "base", "--injected", "ours", "--version", "abc123"]
    assert main(["harness", "import-vlmeval", str(tmp_path), *names, "--to", to]) == 0
    assert main(["harness", "show", to]) == 0
    assert "HAL: 75.0% kept" in capsys.readouterr().out
    assert main(["harness", "show", str(tmp_path / "nothing.json")]) == 2


@pytest.mark.skipif(HAS_LMMS, reason="lmms-eval is installed here")
def test_scoring_without_the_harness_is_refused_in_one_line(tmp_path, capsys):
    assert main(["harness", "score", "x/y", str(tmp_path), "--to", str(tmp_path / "s.json"), "--only", "pope"]) == 2
    assert "lmms-eval is not installed" in capsys.readouterr().err


# lmms-eval


def test_numbers_of_the_harness_become_fractions_only_when_all_parts_are_there():
    lmms = pytest.importorskip("reproductions.harness.lmms")
    found = {"mme": {"mme_perception_score": 1400.0, "mme_cognition_score": 280.0}, "pope": {"pope_f1_score": 0.9}}
    assert lmms.scores(found, dimensions.KEPT) == pytest.approx({"mme": 0.6})


def test_without_the_harness_one_line_says_what_to_install(monkeypatch):
    from reproductions.harness import lmms

    def missing(name: str) -> str:
        raise lmms.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(lmms.importlib.metadata, "version", missing)
    with pytest.raises(ValueError, match="lmms-eval is not installed; pip install lmms-eval"):
        lmms.version()


def test_the_likelihood_of_an_answer_falls_with_its_length_and_greedy_is_told(tmp_path):
    from reproductions.harness import lmms

    vlm = load_vlm(ModelRef(id=str(tiny_models.build("llava", tmp_path))))
    picture = Pillow.fromarray(np.zeros((30, 30, 3), dtype=np.uint8))
    short, long = (
        lmms.likelihood(vlm, lmms.example("x", "<image>\nWho?", [picture], answer))[0]
        for answer in ("Bo", "Bo the elder")
    )
    assert long < short < 0


TASK = """\
dataset_path: json
dataset_kwargs:
  data_files: {data}
task: aki_local
test_split: train
output_type: generate_until
doc_to_visual: !function functions.visual
doc_to_text: question
doc_to_target: answer
process_results: !function functions.judge
generation_kwargs:
  max_new_tokens: 4
metric_list:
  - metric: right
    aggregation: mean
    higher_is_better: true
"""
FUNCTIONS = """\
from PIL import Image

def visual(doc):
    return [Image.open(doc["image"]).convert("RGB")]

def judge(doc, results):
    return {"right": float(results[0] == doc["answer"])}
"""


@pytest.mark.slow
@pytest.mark.skipif(not HAS_LMMS, reason="lmms-eval is not installed: pip install -e '.[harness]'")
def test_a_task_defined_here_is_scored_by_lmms_eval_as_the_model_answers(tmp_path):
    import json

    from reproductions.harness import lmms

    vlm = load_vlm(ModelRef(id=str(tiny_models.build("llava", tmp_path / "model"))))
    documents = []
    for index in range(4):
        image = tmp_path / f"{index}.png"
        pixels = np.random.default_rng(index).integers(0, 256, (30, 30, 3), dtype=np.uint8)
        Pillow.fromarray(pixels).save(image)
        asked = lmms.example(str(index), "Who is this?", [Pillow.open(image)])
        gold = vlm.answer([asked], max_new_tokens=4)[0] if index < 3 else "somebody else"
        documents.append({"image": str(image), "question": "Who is this?", "answer": gold})
    (tmp_path / "data.json").write_text("".join(json.dumps(one) + "\n" for one in documents))
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    (tasks / "aki_local.yaml").write_text(TASK.format(data=tmp_path / "data.json"))
    (tasks / "functions.py").write_text(FUNCTIONS)
    found = lmms.results(vlm, ["aki_local"], include=tasks)
    assert found["aki_local"]["right"] == 0.75
