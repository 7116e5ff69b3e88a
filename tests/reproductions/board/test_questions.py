"""Ablations: each variant beside its reference, paired; what has not been run has no value."""

from __future__ import annotations

import pytest

from reproductions import questions, records, spec
from reproductions.questions import Question, VariantSpec


def variant(name: str) -> VariantSpec:
    return VariantSpec(experiment=name, label=name, label_zh=name)


def question(*variants: str, reference: str = "kore/kore-raw") -> Question:
    return Question(
        title="?",
        title_zh="？",
        about="",
        about_zh="",
        rows=("kore",),
        reference=reference,
        variants=tuple(variant(one) for one in variants),
    )


@pytest.fixture
def asked(tmp_path, write):
    """KORE at 0.3, without its constraint at 0.6, and a variant that was never run."""
    for seed in range(3):
        write(tmp_path, "kore/kore-raw", method="kore", seed=seed, adapted=0.3, retained=0.9)
        write(tmp_path, "ablations/kore-free", method="kore", seed=seed, adapted=0.6, retained=0.7)
    found = records.load_all(tmp_path)
    known = {record.experiment.id: record.experiment for record in found}
    known["ablations/kore-idle"] = found[0].experiment.model_copy(update={"id": "ablations/kore-idle"})
    one = question("kore/{row}-raw", "ablations/{row}-free", "ablations/{row}-idle", reference="kore/{row}-raw")
    return questions.answer(one, known, found, tmp_path)[0]


def test_a_variant_is_measured_against_its_reference(asked):
    reference, free, _ = asked.variants
    assert reference.reference
    assert reference.changes == {}
    for metric in questions.METRICS:
        change = free.changes[metric]
        assert change.value == pytest.approx(free.values[metric].value - reference.values[metric].value)
        assert change.low <= change.value <= change.high
    assert free.changes["adaptation"].low > 0
    assert free.changes["retention"].high < 0


def test_what_has_not_been_run_has_no_value(asked):
    idle = asked.variants[2]
    assert (idle.n_runs, idle.values, idle.changes) == (0, {}, {})
    assert asked.n_run == 2


def test_a_variant_that_is_no_experiment_is_named():
    with pytest.raises(spec.SpecError, match="no experiment"):
        questions.answer(question("kore/kore-raw", "ablations/kore-gone"), {}, ())


def test_the_real_questions_ask_for_real_experiments_and_leave_no_ablation_out():
    experiments, asked = spec.load_all(), questions.load_questions()
    named = {name for one in asked.values() for name in one.experiments()}
    assert named <= set(experiments)
    assert {name for name in experiments if name.startswith("ablations/")} <= named
    for one in asked.values():
        assert {row for row in one.rows if one.reference.format(row=row) not in experiments} == set()


def test_variants_of_a_question_start_from_one_checkpoint():
    experiments = spec.load_all()
    for one in questions.load_questions().values():
        assert {experiments[name].model.id for name in one.experiments()} == {"lab-tiny@seed-0"}
