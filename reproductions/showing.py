"""Everything about one row or one run, as text or JSON. Light."""

from __future__ import annotations

import json
from pathlib import Path

from reproductions import display, leaderboard, records
from reproductions.records import RunRecord
from reproductions.rows import LeaderboardRow
from reproductions.spec import Experiment


def as_json(name: str, root: Path) -> str | None:
    """The record or the row of that name; None if there is none."""
    found = _record(name, root) or _row(name, root)
    return found.model_dump_json(indent=1) if found else None


def as_text(name: str, root: Path) -> str | None:
    """The same for people."""
    record = _record(name, root)
    if record is not None:
        return _run_text(record)
    row = _row(name, root)
    return _row_text(row) if row else None


def _record(name: str, root: Path) -> RunRecord | None:
    path = root / f"{name}.json"
    return records.load(path) if path.is_file() else None


def _row(name: str, root: Path) -> LeaderboardRow | None:
    found = leaderboard.load_rows(root)
    return next((row for row in found if name in (row.id, *row.experiments)), None)


def _run_text(record: RunRecord) -> str:
    lines = [display.summary(record), ""]
    for step in record.steps:
        title = "base model" if step.after < 0 else f"after task {step.after + 1}"
        kept = "  ".join(f"{name} {display.percent(value)}" for name, value in step.retention.items())
        lines += [f"{title}: {kept}"]
        for task, score in step.adaptation.items():
            parts = {
                "CEM": score.cem,
                "F1": score.f1,
                "first words": score.first_words_cem,
                "read back": score.reliability,
                **{f"CEM, new {name} only": value for name, value in score.by_probe.items()},
                **({f"by its own rule, {score.rule}": score.by_rule} if score.by_rule is not None else {}),
            }
            told = "  ".join(f"{name} {display.percent(value)}" for name, value in parts.items())
            lines.append(f"  {task}: {told}")
    if record.losses:
        lines.append("loss by tenths: " + " ".join(f"{loss:.3f}" for loss in record.losses))
    lines += [f"{name}: {value:.4g}" for name, value in record.facts.items()]
    return "\n".join([*lines, "", *_settings(record.experiment), "", *_surroundings(record)])


def _settings(experiment: Experiment) -> list[str]:
    data = experiment.model_dump(mode="json", exclude_defaults=True)
    return [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in data.items()]


def _surroundings(record: RunRecord) -> list[str]:
    where, cost = record.environment, record.cost
    lines = [
        f"commit {where.commit or 'unknown'}{' (uncommitted code)' if where.dirty else ''} on {where.device}, "
        f"Python {where.python}, " + ", ".join(f"{name} {version}" for name, version in where.packages.items()),
        f"{record.started_at:%Y-%m-%d %H:%M} UTC, base model {record.base_model_digest[:12]}",
        f"experiment {record.experiment_digest[:12]}",
    ]
    if cost:
        lines.append(
            f"learning {display.duration(cost.train_seconds)}, preparing {display.duration(cost.prepare_seconds)}, "
            f"asking {display.duration(cost.evaluate_seconds)}; {display.size(cost.peak_bytes)} at most; "
            f"{cost.trainable_parameters:,} weights learn, {cost.stored_parameters:,} numbers kept beside them; "
            f"{cost.gradient_steps} steps, {cost.samples_seen} samples, {cost.tokens_seen} tokens"
        )
    return lines


def _row_text(row: LeaderboardRow) -> str:
    lines = [
        f"{row.id}: {row.method} on {row.form}, {row.n_runs} runs ({', '.join(row.checkpoints)}), {row.status}",
        "per cent, 95 % intervals:",
        f"  average {display.with_interval(row.average)}",
        f"  adaptation {display.with_interval(row.adaptation)}",
        f"  retention {display.with_interval(row.retention)}",
    ]
    for name, estimate in row.by_dimension.items():
        base = display.percent(row.base_by_dimension.get(name))
        lines.append(f"  {name}: {display.with_interval(estimate)}, base model {base}")
    for metric, (low, high) in row.ranks.items():
        lines.append(f"rank by {metric}: {low if low == high else f'{low} to {high}'} of {row.n_ranked}")
    if row.pareto is not None:
        lines.append(f"on the Pareto front in {display.percent(row.pareto)} % of the draws")
    if row.error:
        lines.append(f"failed: {row.error}")
    lines += [f"run it again: {row.command}", f"records: {', '.join(row.records)}"]
    return "\n".join(lines)
