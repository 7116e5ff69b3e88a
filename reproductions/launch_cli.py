"""`aki reproduce launch …`: one run on several processes, or many runs on many machines."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from reproductions.records import RUNS

if TYPE_CHECKING:
    from reproductions.records import RunRecord
    from reproductions.runner import Job

app = typer.Typer(
    help="One run on several processes, or many runs on many machines: same specs, same records.\n\n"
    "For example:\n\n  aki reproduce launch together llava-7b/kore-tree --processes 8\n\n"
    "  aki reproduce launch ray kore",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

Words = Annotated[list[str], typer.Argument(help="Experiments: id, glob, suite, or a method's name.")]
Seed = Annotated[list[int] | None, typer.Option("--seed", min=0, help="Seeds in place of the spec's; repeatable.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="Another setting, training.steps=50; repeatable.")]
Model = Annotated[str | None, typer.Option("--model", help="Another base model.")]
Form = Annotated[str | None, typer.Option("--form", help="Another form of the data.")]
Runs = Annotated[Path, typer.Option("--out", help="Folder of the runs.")]
Commit = Annotated[str | None, typer.Option("--commit", help="Where there is no git: the commit of this copy.")]


def _jobs(
    words: list[str],
    model: str | None,
    form: str | None,
    seed: list[int] | None,
    settings: list[str] | None,
    out: Path,
    commit: str | None,
) -> list[Job]:
    from reproductions import runner, selecting

    changes = selecting.Changes(model, form, tuple(seed or ()), selecting.parse_settings(settings or []))
    chosen = selecting.experiments(words, changes)
    return [runner.Job(one, number, out, commit) for one in chosen for number in one.seeds]


def _tell(record: RunRecord) -> None:
    why = f": {record.error}" if record.error else ""
    sys.stderr.write(f"{record.experiment.id}/seed-{record.seed}: {record.status}{why}\n")


def _code(found: list[RunRecord]) -> int:
    return 1 if any(one.status == "failed" for one in found) else 0


def _starter(processes: int, config: Path | None) -> list[str]:
    """The command that starts the processes: torchrun, or accelerate with somebody's configuration."""
    if config is None:
        return [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    from reproductions.launch import configurations

    configurations.check(config)
    start = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(config)]
    return [*start, "--num_processes", str(processes)]


@app.command()
def together(
    words: Words,
    processes: Annotated[int, typer.Option("--processes", "-n", min=1, help="On this machine: one per GPU.")] = 2,
    shard: Annotated[bool, typer.Option("--shard", help="Share out weights and optimiser too (FSDP).")] = False,
    config: Annotated[
        Path | None, typer.Option("--config", help="Start through accelerate with this configuration of it.")
    ] = None,
    model: Model = None,
    form: Form = None,
    seed: Seed = None,
    settings: Set = None,
    out: Runs = RUNS,
    commit: Commit = None,
) -> int:
    """Do each run on several processes together; losses are those of a single one."""
    from reproductions import ranks
    from reproductions.launch import worker

    command = _starter(processes, config)
    code = 0
    for job in _jobs(words, model, form, seed, settings, out, commit):
        path = worker.write_job(job.path.with_suffix(".job"), job.experiment, job.seed, job.out, job.commit)
        environment = {"OMP_NUM_THREADS": "1", **os.environ, **({ranks.SHARD_VARIABLE: "1"} if shard else {})}
        done = subprocess.run([*command, "-m", "reproductions.launch.worker", str(path)], env=environment, check=False)
        path.unlink(missing_ok=True)
        sys.stderr.write(f"{job.name}: {'finished' if done.returncode == 0 else 'failed'}\n")
        code = max(code, min(done.returncode, 1))
    return code


@app.command()
def ray(
    words: Words,
    address: Annotated[str | None, typer.Option("--address", help="Of a cluster; default: this machine.")] = None,
    cpus: Annotated[float, typer.Option("--cpus", help="Per run.")] = 1,
    gpus: Annotated[float, typer.Option("--gpus", help="Per run.")] = 0,
    model: Model = None,
    form: Form = None,
    seed: Seed = None,
    settings: Set = None,
    out: Runs = RUNS,
    commit: Commit = None,
) -> int:
    """Do many runs on a Ray cluster; a worker that dies loses its run and nothing else."""
    from reproductions.launch import ray_sweep

    jobs = _jobs(words, model, form, seed, settings, out, commit)
    return _code(ray_sweep.sweep(jobs, address=address, cpus=cpus, gpus=gpus, tell=_tell))


@app.command()
def slurm(
    words: Words,
    cluster: Annotated[
        Literal["slurm", "local"], typer.Option("--cluster", help="local: as processes here.")
    ] = "slurm",
    minutes: Annotated[int, typer.Option("--minutes", min=1)] = 24 * 60,
    gpus: Annotated[int, typer.Option("--gpus", min=0, help="Per run.")] = 1,
    cpus: Annotated[int, typer.Option("--cpus", min=1, help="Per run.")] = 8,
    memory: Annotated[int, typer.Option("--memory", min=1, help="Gigabytes per run.")] = 64,
    partition: Annotated[str | None, typer.Option("--partition")] = None,
    model: Model = None,
    form: Form = None,
    seed: Seed = None,
    settings: Set = None,
    out: Runs = RUNS,
    commit: Commit = None,
) -> int:
    """Do many runs on a SLURM cluster, one array task each."""
    from reproductions.launch import slurm as cluster_of

    jobs = _jobs(words, model, form, seed, settings, out, commit)
    resources = cluster_of.Resources(minutes, gpus, cpus, memory, partition)
    return _code(cluster_of.submit(jobs, resources, cluster=cluster, tell=_tell))
