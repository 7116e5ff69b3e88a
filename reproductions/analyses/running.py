"""One analysis of one base model → one file; what is there already, of the same code and settings, is kept."""

from __future__ import annotations

import importlib
import time
from datetime import UTC, datetime
from pathlib import Path

import torch

from reproductions import provenance, runner
from reproductions.analyses.layers import Say
from reproductions.analyses.spec import ANALYSES, FOLDER, Analysis, AnalysisError, load, path_of, save
from reproductions.records import Environment
from reproductions.spec import ModelRef, Spec
from reproductions.vlm import cpu_has_bfloat16


def analyse(
    name: str,
    model: ModelRef,
    say: Say,
    *,
    root: Path = FOLDER,
    settings: Spec | None = None,
    again: bool = False,
    commit: str | None = None,
) -> Analysis:
    """Do an analysis and save it, unless it is there: same settings, same code, same base model.

    Raises:
        FileNotFoundError: no such model.
        ValueError: the model, the data or the settings do not fit.
    """
    torch.set_num_threads(1)
    settings = settings or ANALYSES[name].settings()
    environment, digest = surroundings(name, commit), runner.base_digest(model)
    known = None if again else finished(path_of(name, model.id, root))
    if (
        known is not None
        and known.result.settings == settings
        and known.environment.code_digest == environment.code_digest
        and known.base_model_digest == digest
    ):
        return known
    started, clock = datetime.now(UTC), time.perf_counter()
    module = importlib.import_module(f"reproductions.analyses.{ANALYSES[name].module}")
    result = module.run(model, settings, say)
    found = Analysis(
        model=model,
        base_model_digest=digest,
        result=result,
        environment=environment,
        seconds=time.perf_counter() - clock,
        started_at=started,
    )
    save(found, root)
    return found


def finished(path: Path) -> Analysis | None:
    """What is there, if it can be read."""
    try:
        return load(path)
    except AnalysisError:
        return None


def surroundings(name: str, commit: str | None) -> Environment:
    """Where and with what, and the digest of the code that makes the numbers."""
    modules = [f"analyses.{ANALYSES[name].module}", "benchmarks.lab_injection", "benchmarks.lab_retention"]
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else provenance.processor()
    precision = "" if torch.cuda.is_available() else " (bfloat16)" if cpu_has_bfloat16() else " (float32)"
    return provenance.environment(
        device=device + precision, threads=torch.get_num_threads(), modules=tuple(modules), commit=commit
    )
