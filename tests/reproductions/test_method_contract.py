"""What every method keeps, found by its file and run on a model that knows nothing: a new file is tested here."""

import dataclasses
from functools import cache
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import LlavaForConditionalGeneration

from reproductions import plugins, state
from reproductions.method import Context, Method, build_method
from reproductions.spec import Training, Tuning
from reproductions.vlm import random_lab_vlm

METHODS = plugins.names("methods")
DIRECT = {"full-ft": Tuning(kind="full"), "osf": Tuning(kind="language-model")}
"""Methods that are a tuning themselves."""
SETTINGS = {
    id_: {name: 16 for name in ("samples", "memory") if name in plugins.load("methods", id_).model_fields}
    for id_ in METHODS
}
"""Settings that make a method small enough for a test."""


def context_for(id_, prior, **changes):
    training = Training(learning_rate=1e-2, steps=6, batch_size=8)
    context = Context(DIRECT.get(id_, Tuning(rank=4)), training, seed=0, prior=prior, n_tasks=2)
    return dataclasses.replace(context, **changes)


def inject(id_, prior, tasks):
    """Method and model after a stream, with what each task took."""
    vlm, method = random_lab_vlm(0), build_method(id_, SETTINGS.get(id_, {}))
    method.prepare(vlm, context_for(id_, prior))
    traces = []
    for task in tasks:
        traces.append(method.learn(vlm, task))
        method.consolidate(vlm, task)
    return method, vlm, traces


def logits(vlm, task):
    with torch.no_grad():
        return vlm.answer_logits(vlm.collate([vlm.encode(example) for example in task.train]))[0]


@pytest.mark.parametrize("id_", METHODS)
def test_a_method_says_whose_idea_it_is(id_):
    cls = plugins.load("methods", id_)
    assert issubclass(cls, Method)
    module = __import__(cls.__module__, fromlist=["__doc__"])
    assert module.__doc__
    assert len(module.__doc__) > 150
    assert len(Path(module.__file__).read_text(encoding="utf-8").splitlines()) <= 150


@pytest.mark.parametrize("id_", METHODS)
def test_a_method_starts_as_the_base_model(id_, prior, make_task):
    before = logits(random_lab_vlm(0), make_task("a"))
    vlm, method = random_lab_vlm(0), build_method(id_, SETTINGS.get(id_, {}))
    method.prepare(vlm, context_for(id_, prior))
    torch.testing.assert_close(logits(vlm, make_task("a")), before, atol=2e-4, rtol=0)


@pytest.fixture(scope="module")
def first_run(prior, make_task):
    """One run per method, shared by the tests that only look at it."""
    return cache(lambda id_: inject(id_, prior, [make_task("a"), make_task("b")]))


@pytest.mark.parametrize("id_", METHODS)
def test_two_tasks_are_learned_one_after_the_other_and_equally_twice(id_, first_run, prior, make_task):
    tasks = [make_task("a"), make_task("b")]
    method, vlm, traces = first_run(id_)
    again, twin, repeated = inject(id_, prior, tasks)
    assert traces == repeated
    assert vlm.digest() == twin.digest()
    assert method.answer(vlm, tasks[1].questions, max_new_tokens=4) == again.answer(
        twin, tasks[1].questions, max_new_tokens=4
    )
    if traces[0].steps:
        assert all(trace.losses[-1] < trace.losses[0] for trace in traces)


@pytest.mark.parametrize("id_", METHODS)
def test_what_is_left_behind_loads_without_this_package(id_, first_run, make_task, tmp_path):
    if not plugins.load("methods", id_).plain_export:
        pytest.skip("says so itself: no plain weights compute this")
    method, vlm, _ = first_run(id_)
    method.export(vlm, tmp_path / "out")
    if (tmp_path / "out" / "adapter_config.json").is_file():
        base = random_lab_vlm(0).model
        loaded = PeftModel.from_pretrained(base, tmp_path / "out").merge_and_unload()
    else:
        loaded = LlavaForConditionalGeneration.from_pretrained(tmp_path / "out")
    plain = dataclasses.replace(random_lab_vlm(0), model=loaded.eval())
    vlm.model.eval()
    torch.testing.assert_close(logits(plain, make_task("a")), logits(vlm, make_task("a")), atol=5e-4, rtol=1e-4)


@pytest.mark.parametrize("id_", METHODS)
def test_a_method_goes_on_from_what_it_remembers(id_, first_run, prior, make_task, tmp_path):
    """Saved after the first task and loaded elsewhere, the second ends in the same weights to the bit."""
    vlm, method = random_lab_vlm(0), build_method(id_, SETTINGS.get(id_, {}))
    context = context_for(id_, prior)
    method.prepare(vlm, context)
    method.learn(vlm, make_task("a"))
    method.consolidate(vlm, make_task("a"))
    state.save(tmp_path / "state", state.State("one", vlm=vlm, memory=state.memory(method)))
    saved = state.load(tmp_path / "state", "one")
    assert saved is not None
    resumed = build_method(id_, SETTINGS.get(id_, {}))
    state.remember(resumed, saved.memory, context)
    trace = resumed.learn(saved.vlm, make_task("b"))
    _, straight, traces = first_run(id_)
    assert trace == traces[1]
    resumed.consolidate(saved.vlm, make_task("b"))
    assert saved.vlm.digest() == straight.digest()


def test_an_unknown_setting_is_refused_with_the_nearest_one():
    with pytest.raises(ValueError, match="method replay has no setting 'fractoin'; did you mean 'fraction'"):
        build_method("replay", {"fractoin": 0.1})


def test_a_setting_out_of_range_is_named_with_its_value():
    with pytest.raises(ValueError, match="method kore: samples is 0: Input should be greater"):
        build_method("kore", {"samples": 0})


def test_settings_written_as_text_are_read_as_what_they_are():
    assert build_method("replay", {"fraction": "0.5"}).fraction == 0.5
    assert build_method("kore", {"freeze_a": "false"}).freeze_a is False


def test_an_unknown_method_is_refused_with_the_nearest_one():
    with pytest.raises(LookupError, match="did you mean 'replay'"):
        build_method("repaly")


@pytest.mark.parametrize(("id_", "kind"), [("lora", "full"), ("full-ft", "lora"), ("kore", "full")])
def test_a_method_that_is_a_tuning_refuses_another(id_, kind, prior):
    context = context_for(id_, prior, tuning=Tuning(kind=kind))
    with pytest.raises(ValueError, match=rf"method {id_}: tuning\.kind is '{kind}'"):
        build_method(id_).prepare(random_lab_vlm(0), context)
