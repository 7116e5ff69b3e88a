"""One run on two processes gives what one process gives; many runs on workers that may die."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reproductions import cli, ranks, records, runner, tiny_models, vlm
from reproductions.launch import configurations, parcel, worker
from reproductions.spec import Data, Experiment, ModelRef, Training, Tuning

ROOT = Path(__file__).parents[2]


def needs(module: str):
    return pytest.mark.skipif(
        importlib.util.find_spec(module) is None, reason=f"{module} is not installed: pip install -e '.[scale]'"
    )


@pytest.fixture(scope="module")
def facts(tmp_path_factory) -> Path:
    import numpy as np
    from PIL import Image as Pillow

    folder = tmp_path_factory.mktemp("facts")
    items, past = [], []
    for index in range(6):
        for view in "ab":
            pixels = np.random.default_rng([index, ord(view)]).integers(0, 256, (40, 32, 3), dtype=np.uint8)
            Pillow.fromarray(pixels).save(folder / f"{index}-{view}.png")
        asked = [{"question": "Who?", "answer": f"Bo {index}"}]
        images = {"images": [f"{index}-a.png"], "test_images": [f"{index}-b.png"]}
        items.append(
            {"id": str(index), "name": f"Bo {index}", "text": f"This is Bo {index}.", **images, "questions": asked}
        )
        said = [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": f"thing {index}"}]
        past.append({"id": str(index), "image": f"{index}-a.png", "conversations": said})
    (folder / "facts.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    (folder / "past.json").write_text(json.dumps(past))
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return tiny_models.build("llava", tmp_path_factory.mktemp("model"))


@pytest.fixture
def experiment(facts, model):
    def made(method: str = "lora", tuning: Tuning = Tuning(rank=4), name: str = "one", **training) -> Experiment:
        return Experiment(
            id=f"launch/{method}-{name}",
            method=method,
            method_config={"samples": 6} if method == "kore" else {},
            tuning=tuning,
            model=ModelRef(id=str(model)),
            data=Data(
                injection="own-data", retention=(), options={"folder": str(facts), "prior": str(facts / "past.json")}
            ),
            training=Training(**({"learning_rate": 5e-3, "steps": 4, "batch_size": 5} | training)),
        )

    return made


FLOAT32_WORKER = """
import sys
from reproductions import vlm
from reproductions.launch import worker
vlm.cpu_has_bfloat16 = lambda: False  # rounding in bfloat16 depends on the shape of a batch
sys.exit(worker.main(sys.argv[1:]))
"""


@pytest.fixture(autouse=True)
def float32(monkeypatch):
    monkeypatch.setattr(vlm, "cpu_has_bfloat16", lambda: False)


def launch(path: Path, n: int, *, module: str = "torch.distributed.run", shard: bool = False) -> None:
    how = {
        "torch.distributed.run": ["--standalone", f"--nproc-per-node={n}"],
        "accelerate.commands.launch": ["--config_file", str(ROOT / "reproductions/launch/configs/cpu.yaml")],
    }[module]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)} | ({"AKI_SHARD": "1"} if shard else {})
    script = path.with_name("worker.py")
    script.write_text(FLOAT32_WORKER)
    command = [sys.executable, "-m", module, *how, str(script), str(path)]
    done = subprocess.run(
        command, cwd=path.parent, env=environment, capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]


def both(experiment: Experiment, tmp_path: Path, **how) -> tuple[records.RunRecord, records.RunRecord]:
    """Records of the same run, done alone and by two processes."""
    alone = runner.run(runner.Job(experiment, 0, tmp_path / "alone"))
    assert alone.error is None
    path = worker.write_job(tmp_path / "job.json", experiment, 0, tmp_path / "two", None)
    launch(path, 2, **how)
    return alone, records.load(records.record_path(tmp_path / "two", experiment.id, 0))


def same(alone: records.RunRecord, two: records.RunRecord, tmp_path: Path, rel: float = 1e-5) -> None:
    assert two.status == "finished"
    assert two.losses == pytest.approx(alone.losses, rel=rel)
    if rel > 1e-5:
        return
    assert [step.after for step in two.steps] == [step.after for step in alone.steps]
    paths = [records.record_path(tmp_path / folder, alone.experiment.id, 0) for folder in ("alone", "two")]
    told = [[one.output for one in records.load_answers(path)] for path in paths]
    assert told[0] == told[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "tuning"), [("lora", Tuning(rank=4)), ("kore", Tuning(rank=4)), ("full-ft", Tuning(kind="full"))]
)
def test_two_processes_learn_what_one_learns(method, tuning, experiment, tmp_path):
    """A batch of five on two processes: three and two; covariances come from both.

    Six samples leave KORE a null space of many equal eigenvalues, whose basis depends on the last bit of the sums.
    """
    same(*both(experiment(method, tuning), tmp_path), tmp_path, rel=2e-3 if method == "kore" else 1e-5)


@pytest.mark.slow
def test_accelerate_starts_the_same_processes_with_the_shipped_configuration(experiment, tmp_path):
    same(*both(experiment(), tmp_path, module="accelerate.commands.launch"), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("method", "tuning"), [("lora", Tuning(rank=4)), ("full-ft", Tuning(kind="full"))])
def test_shared_out_weights_learn_the_same(method, tuning, experiment, tmp_path):
    same(*both(experiment(method, tuning), tmp_path, shard=True), tmp_path)


@pytest.mark.slow
def test_a_launched_run_that_is_done_is_not_repeated(experiment, tmp_path):
    path = worker.write_job(tmp_path / "job.json", experiment(), 0, tmp_path / "two", None)
    launch(path, 2)
    record = records.record_path(tmp_path / "two", experiment().id, 0)
    before = record.read_bytes()
    launch(path, 2)
    assert record.read_bytes() == before


def test_a_run_travels_as_a_parcel_and_comes_back_whole(experiment, tmp_path):
    job = runner.Job(experiment(), 0, tmp_path / "runs")
    record = parcel.unpack(parcel.do(parcel.write(job)), job)
    assert record.status == "finished"
    assert records.load_answers(job.path, record.answers_digest)
    assert runner.finished(job) == record


def test_a_lost_run_leaves_a_failed_record(experiment, tmp_path):
    job = runner.Job(experiment(), 0, tmp_path / "runs")
    parcel.lost(job, "the worker is gone")
    assert records.load(job.path).error == "the worker is gone"


@pytest.mark.slow
@needs("ray")
def test_a_killed_ray_worker_loses_its_run_and_nothing_else(experiment, tmp_path, monkeypatch):
    from reproductions.launch import ray_sweep

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    jobs = [runner.Job(experiment(name="one"), seed, tmp_path / "runs") for seed in (0, 1)]
    doomed = runner.Job(experiment(name="doomed", steps=100_000), 0, tmp_path / "runs")
    killer = subprocess.Popen([sys.executable, "-c", KILLER])
    try:
        found = ray_sweep.sweep([doomed, *jobs], cpus=1)
    finally:
        killer.kill()
    assert [one.status for one in found] == ["failed", "finished", "finished"]
    assert "the worker is gone" in (found[0].error or "")
    assert runner.finished(jobs[0]) is not None


KILLER = """
import os, signal, time
from pathlib import Path
while True:
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            title = (entry / "cmdline").read_bytes().decode(errors="replace")
            busy = float((entry / "stat").read_text().rsplit(")", 1)[1].split()[11]) / os.sysconf("SC_CLK_TCK")
        except OSError:
            continue
        # The doomed run is the only one that goes on for long.
        if title.startswith("ray::do") and busy > 25:
            os.kill(int(entry.name), signal.SIGKILL)
    time.sleep(1)
"""


@pytest.mark.slow
@needs("submitit")
def test_submitit_does_runs_as_local_tasks_and_a_broken_one_is_a_failed_record(experiment, tmp_path, monkeypatch):
    from reproductions.launch import slurm

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    good = runner.Job(experiment(), 0, tmp_path / "runs")
    bad = runner.Job(experiment(name="bad").model_copy(update={"model": ModelRef(id="nowhere")}), 0, tmp_path / "runs")
    found = slurm.submit([good, bad], slurm.Resources(minutes=10, cpus=1), cluster="local")
    assert [one.status for one in found] == ["finished", "failed"]
    assert "nowhere" in (found[1].error or "")


# Configurations of accelerate


@pytest.mark.parametrize("name", ["cpu", "ddp", "fsdp"])
def test_accelerate_reads_every_shipped_configuration(name):
    config = configurations.check(configurations.CONFIGS / f"{name}.yaml")
    assert str(config.distributed_type).rpartition(".")[2] == {"cpu": "MULTI_CPU", "ddp": "MULTI_GPU"}.get(name, "FSDP")


def test_zero_3_is_read_where_deepspeed_is_and_refused_in_one_line_where_it_is_not(monkeypatch, capsys, tmp_path):
    path = configurations.CONFIGS / "zero3.yaml"
    monkeypatch.setattr(configurations.importlib.util, "find_spec", lambda _: None)
    words = ["launch", "together", "llava-7b/lora-raw", "--seed", "0", "--config", str(path), "--out", str(tmp_path)]
    assert cli.main(words) == 2
    assert capsys.readouterr().err.count("\n") == 1
    monkeypatch.setattr(configurations.importlib.util, "find_spec", lambda _: object())
    config = configurations.check(path)
    assert config.deepspeed_config["zero_stage"] == 3


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, False),
        ({"AKI_SHARD": "1"}, True),
        ({"ACCELERATE_USE_FSDP": "true"}, True),
        ({"ACCELERATE_USE_DEEPSPEED": "true", "ACCELERATE_DEEPSPEED_ZERO_STAGE": "3"}, True),
    ],
)
def test_weights_are_shared_out_if_the_launcher_says_so(variables, wanted, monkeypatch):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert ranks.sharding_wanted() is wanted


def test_another_stage_of_zero_is_refused(monkeypatch):
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    monkeypatch.setenv("ACCELERATE_DEEPSPEED_ZERO_STAGE", "2")
    with pytest.raises(ValueError, match="only ZeRO stage 3 without offloading"):
        ranks.sharding_wanted()
