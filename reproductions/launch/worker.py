"""One process of several that do one run: `torchrun … -m reproductions.launch.worker JOB.json`.

Every process does the whole run on its share of the work; only the first one's record counts. The others keep theirs,
and their saved states, in a folder beside it, so that all of them go on together after an interruption.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from reproductions.spec import Experiment

if TYPE_CHECKING:
    from reproductions.records import RunRecord
    from reproductions.runner import Job


def write_job(path: Path, experiment: Experiment, seed: int, out: Path, commit: str | None) -> Path:
    """What the processes are to do, as a file that each reads."""
    facts = {"experiment": experiment.model_dump(mode="json"), "seed": seed, "out": str(out), "commit": commit}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(facts), encoding="utf-8")
    return path


def read_job(path: Path) -> Job:
    """The other direction."""
    from reproductions.runner import Job

    facts = json.loads(path.read_text(encoding="utf-8"))
    return Job(Experiment.model_validate(facts["experiment"]), facts["seed"], Path(facts["out"]), facts["commit"])


def work(job: Job) -> RunRecord | None:
    """Do the run together with the others, if there are any. None: it was done before, and the first process has it."""
    from reproductions import ranks, runner

    ranks.begin()
    try:
        done = runner.finished(job) if ranks.rank() == 0 else None
        if ranks.total(float(done is not None)):
            return done
        mine = job if ranks.rank() == 0 else _beside(job, ranks.rank())
        _agree_on_the_start(mine)
        return runner.run(mine)
    finally:
        ranks.end()


def _beside(job: Job, rank: int) -> Job:
    """The same job with a folder of its own, in which the base model's scores are everybody's."""
    out = job.out / ".ranks" / str(rank)
    shared, mine = (job.out / ".base").absolute(), out / ".base"
    shared.mkdir(parents=True, exist_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    if not mine.is_symlink():
        mine.symlink_to(shared, target_is_directory=True)
    return replace(job, out=out)


def _agree_on_the_start(job: Job) -> None:
    """All go on from a saved state, or all begin anew: an interruption may have left some of them behind."""
    from reproductions import ranks, runner, state

    if not ranks.together():
        return
    (job.out / ".base").mkdir(parents=True, exist_ok=True)
    saved = state.load(job.state_path, runner._identity(job))
    stage = -1.0 if saved is None else saved.learned * 1000.0 + len(saved.steps)
    if ranks.total(stage) != stage * ranks.world_size():
        job.state_path.unlink(missing_ok=True)
    if ranks.rank() > 0:
        job.path.unlink(missing_ok=True)


def main(arguments: list[str]) -> int:
    """Exit code 0 if the run finished."""
    record = work(read_job(Path(arguments[0])))
    if record is None:
        return 0
    if record.error:
        sys.stderr.write(f"{record.experiment.id}: {record.error}\n")
    return 0 if record.status == "finished" else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
