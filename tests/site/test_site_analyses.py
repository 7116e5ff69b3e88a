"""The page of analyses: from result files to pictures, tables and sentences, in both languages."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from docs import analyses
from docs.sources import Sources
from docs.words import Words
from registry import load
from reproductions.analyses import spec
from reproductions.analyses.spec import (
    Analysis,
    ConvergenceLine,
    ConvergencePoint,
    ConvergenceResult,
    ConvergenceSettings,
    DiscardCurve,
    DiscardPoint,
    DiscardResult,
    DiscardSettings,
    SamplesOfLayers,
    SamplesPoint,
    SamplesResult,
    SamplesSettings,
    SimilarityOfLayers,
    SimilarityResult,
    SimilaritySettings,
    SourcePoint,
)
from reproductions.records import Environment
from reproductions.spec import ModelRef

DIMENSIONS = ("COM", "OCR", "HAL")
HERE = Environment(
    commit="c" * 40, dirty=False, python="3.11", packages={}, device="some processor", threads=1, platform="Linux"
)
KEPT = {"svd": 0.4, "asvd": 0.5, "co-svd": 0.75, "whitened": 0.8}


def discarded() -> DiscardResult:
    def point(share: float, kept: float) -> DiscardPoint:
        return DiscardPoint(
            share=share, rank=round(128 * share), retention=dict.fromkeys(DIMENSIONS, kept), output_error=share
        )

    return DiscardResult(
        settings=DiscardSettings(),
        curves=tuple(
            DiscardCurve(decomposition=name, points=(point(0, 0.9), point(0.5, kept), point(0.875, 0.1)))
            for name, kept in KEPT.items()
        ),
        by_source=tuple(
            SourcePoint(source=a, share=0.5, retention={b: 0.85 if a == b else 0.25 for b in DIMENSIONS})
            for a in DIMENSIONS
        ),
    )


def similar() -> SimilarityResult:
    def of(name: str) -> SimilarityOfLayers:
        matrix = ((0.99, 0.8, 0.3), (0.8, 0.98, 0.2), (0.3, 0.2, 0.97))
        return SimilarityOfLayers(
            layers=name, n_layers=3, width=128, cosine=matrix, correlation=matrix, null_overlap=matrix, rank=32
        )

    return SimilarityResult(
        settings=SimilaritySettings(), dimensions=DIMENSIONS, by_layers=(of("q_proj"), of("o_proj")), average=of("all")
    )


def sampled() -> SamplesResult:
    points = tuple(
        SamplesPoint(samples=number, overlap=(share, share), largest_angle=(80.0, 70.0), energy=(0.02, 0.02))
        for number, share in ((4, 0.5), (32, 0.8), (256, 0.95))
    )
    layer = SamplesOfLayers(layers="q_proj", n_layers=3, width=128, rank=32, least_energy=0.01, points=points)
    return SamplesResult(settings=SamplesSettings(), by_layers=(layer,))


def converged() -> ConvergenceResult:
    def learned(row: str, method: str, end: float) -> ConvergenceLine:
        points = tuple(
            ConvergencePoint(step=step, cem=end * step / 500, f1=end * step / 500, retention={"COM": 0.9 - step / 1000})
            for step in (0, 100, 500)
        )
        return ConvergenceLine(
            row=row,
            method=method,
            form="knowledge-tree",
            experiment_digest="",
            learning_rate=1e-3,
            method_config={},
            tuned=method == "kore",
            losses=(3.0, 2.0, 1.0),
            points=points,
        )

    lines = (learned("lora-tree", "lora", 0.3), learned("kore-tree", "kore", 0.5))
    return ConvergenceResult(settings=ConvergenceSettings(), steps=500, lines=lines)


@pytest.fixture(scope="module")
def catalog():
    return load()


@pytest.fixture
def page(tmp_path, catalog):
    """Writes results of two base models; gives the page's Markdown in a language."""

    def of(language, results=(discarded(), similar(), sampled(), converged())):
        for result in results:
            for seed in (0, 1):
                found = Analysis(
                    model=ModelRef(id=f"lab-tiny@seed-{seed}"),
                    base_model_digest="d",
                    result=result,
                    environment=HERE,
                    seconds=1,
                    started_at=datetime.now(UTC),
                )
                spec.save(found, tmp_path / "analyses")
        (made,) = analyses.pages(Sources(catalog=catalog, results=tmp_path), Words(language))
        return made.text()

    return of


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_analysis_has_pictures_a_table_a_command_and_its_files(page, language):
    text = page(language)
    for name in spec.ANALYSES:
        assert f"{{#{name}}}" in text
        assert f"aki reproduce analyse {name} --model lab-tiny@seed-0 --model lab-tiny@seed-1" in text
        assert f"records/analyses/{name}/lab-tiny@seed-1.json" in text
    assert text.count("<svg") == 2 * 5 + 4, "five of lines, wide and narrow, and four of tiles"
    assert text.count("<table") == 4
    assert "cccccccc, some processor" in text


def test_sentences_say_what_the_files_hold(page):
    text = page("en")
    assert "CO-SVD keeps 75.0 % retention, ASVD 50.0 %, plain SVD 40.0 %; the whole model has 90.0 %" in text
    assert "that dimension keeps 85.0 %, the others 25.0 %; in 3 of 3 dimensions" in text
    assert "the most alike pair is COM – OCR (80 %), the least OCR – HAL (20 %)" in text
    assert "HAL stands apart from all others: 25 % on average, against 80 % among the rest" in text
    assert "2.00 times the least possible with 32" in text
    assert "After 100 steps 20 % of the final loss of retention has happened and 20 %" in text
    assert "KORE has the highest average (50.0 % adaptation, 40.0 % retention)" in text
    assert "Rows that tuning has not reached yet" in text


def test_both_languages_show_the_same_numbers(page):
    english, chinese = page("en"), page("zh")
    cells = re.compile(r'<td class="num">(.*?)</td>')
    assert cells.findall(english) == cells.findall(chinese)


def test_what_has_not_been_run_says_so_with_its_command(page):
    text = page("en", ())
    assert "<svg" not in text
    for name in spec.ANALYSES:
        assert f"<code>aki reproduce analyse {name}</code>" in text


def test_the_files_are_copied_beside_the_records(page, catalog, tmp_path):
    page("en")
    analyses.copy_results(Sources(catalog=catalog, results=tmp_path), tmp_path / "site")
    assert len(list((tmp_path / "site").glob("*/*.json"))) == 8


def test_labels_that_would_touch_are_left_out():
    legend = analyses.Legend("title", "about", "x", "y")
    places = [(0.0, "0"), (0.01, "1"), (1.0, "100")]
    line = analyses.Line("a line", ((0.0, 0.2), (1.0, 0.8)), "s1")
    drawn = analyses.graph([line], places, legend, identity="one")
    assert ">0<" in drawn
    assert ">100<" in drawn
    assert ">1<" not in drawn
