"""Specs: read strictly, identified by what they run, refused with one clear line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reproductions import spec
from reproductions.spec import Data, Experiment, ModelRef, SpecError, Training, Tuning

GOOD = """\
id: toy/lora-raw
method: lora
model: {id: lab-tiny@seed-0}
training: {learning_rate: 4e-3, steps: 10, batch_size: 8}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    known = {"methods": ("lora", "ewc"), "benchmarks": ("lab-injection", "lab-retention")}
    monkeypatch.setattr("reproductions.plugins.names", lambda kind: known[kind])
    (tmp_path / "toy").mkdir()
    return tmp_path


def write(folder, text, name="toy/lora-raw"):
    path = folder / f"{name}.yaml"
    path.write_text(text)
    return path


def test_a_spec_is_read_with_numbers_as_numbers(folder):
    experiment = spec.load_experiment(write(folder, GOOD))
    assert experiment.training.learning_rate == 0.004
    assert experiment.tuning.rank == 32


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (GOOD.replace("lora\n", "lorra\n"), "method: no method named 'lorra'; did you mean 'lora'?"),
        (GOOD + "sedes: [0]\n", "sedes: unknown field"),
        (GOOD.replace("steps: 10", "steps: ten"), "training.steps: "),
        (GOOD.replace("steps: 10", "steps: 10, steps: 20"), "the key 'steps' occurs twice"),
        (GOOD.replace("toy/lora-raw", "toy/other"), "does not match the file; write 'toy/lora-raw'"),
        (GOOD + "data: {retention: [lab-retentoin]}\n", "data.retention: no benchmark named 'lab-retentoin'"),
        ("- a\n- b\n", "expected `key: value` lines"),
        ("a: [", "not YAML"),
    ],
)
def test_a_wrong_spec_gets_one_line_with_file_and_field(folder, text, line):
    path = write(folder, text)
    with pytest.raises(SpecError) as caught:
        spec.load_experiment(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_select_knows_ids_globs_folders_and_suites(folder):
    write(folder, GOOD)
    write(folder, GOOD.replace("lora-raw", "ewc-raw").replace("method: lora", "method: ewc"), "toy/ewc-raw")
    (folder / "suites.yaml").write_text("demo: {about: One seed., experiments: [toy/lora-raw], seeds: [7]}\n")
    assert [one.id for one in spec.select(["toy"], folder)] == ["toy/ewc-raw", "toy/lora-raw"]
    assert [one.id for one in spec.select(["toy/lora*", "toy/ewc-raw"], folder)] == ["toy/lora-raw", "toy/ewc-raw"]
    assert [one.seeds for one in spec.select(["demo"], folder)] == [(7,)]
    with pytest.raises(SpecError, match="did you mean 'toy/lora-raw'"):
        spec.select(["toy/lora-row"], folder)


experiments = st.builds(
    Experiment,
    id=st.just("toy/any"),
    method=st.sampled_from(["lora", "ewc"]),
    method_config=st.dictionaries(st.sampled_from(["strength", "n"]), st.floats(0, 10) | st.integers(0, 99)),
    tuning=st.builds(Tuning, rank=st.integers(1, 64)),
    model=st.just(ModelRef(id="lab-tiny@seed-0")),
    data=st.builds(Data, form=st.sampled_from(["raw", "knowledge-tree"]), n_tasks=st.integers(1, 3)),
    training=st.builds(
        Training, learning_rate=st.floats(1e-6, 1), steps=st.integers(0, 500), batch_size=st.integers(1, 64)
    ),
    seeds=st.lists(st.integers(0, 9), min_size=1, max_size=3).map(tuple),
    note=st.none() | st.text(min_size=1, max_size=30),
)


@given(experiments)
def test_what_is_written_is_what_is_read(tmp_path_factory, experiment):
    root = tmp_path_factory.mktemp("specs")
    path = spec.save(experiment, root)
    again = Experiment.model_validate(spec.read_yaml(path))
    assert again == experiment
    assert spec.digest(again) == spec.digest(experiment)


@given(experiments)
def test_the_digest_ignores_name_note_and_seeds_and_nothing_else(experiment):
    renamed = experiment.model_copy(update={"id": "toy/other", "note": "why", "seeds": (8,)})
    changed = experiment.model_copy(update={"tuning": experiment.tuning.model_copy(update={"rank": 65})})
    assert spec.digest(renamed) == spec.digest(experiment)
    assert spec.digest(changed) != spec.digest(experiment)
