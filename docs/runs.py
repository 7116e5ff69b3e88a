"""One page per row: every run behind it, what it took, what was set, the records, and the command that repeats it."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from docs import charts, citing, streams
from docs.browse import chip
from docs.drawing import Legend
from docs.pages import Page, Writer, percent
from docs.rows import (
    LEARNED,
    MAIN_SUITES,
    Group,
    family,
    form_word,
    group_title,
    short,
    suite_texts,
    suite_title,
    unlearned,
)
from docs.sources import Sources
from docs.words import Words
from reproductions.records import RunRecord
from reproductions.rows import LeaderboardRow


def row_page(row: LeaderboardRow, group: Group, names: Mapping[str, str], writer: Writer) -> Page:
    """Every run behind a row: scores, base model, cost, surroundings, records and the command that repeats it."""
    words, sources = writer.words, writer.sources
    runs = [
        sources.records_by_name[path.removesuffix(".json")]
        for path in row.records
        if path.removesuffix(".json") in sources.records_by_name
    ]
    body = writer.render(
        "run.html",
        row=row,
        name=names[row.id],
        group=group,
        group_title=group_title(group, words, sources),
        group_page=writer.link(group.path.removesuffix(".md") + ".html"),
        method=sources.catalog.methods.get(row.method),
        runs=runs,
        dimensions=group.dimensions,
        form=form_word(row.form, words),
        chips=[chip("family", family(row.method, sources), words)],
        last=lambda run: run.steps[-1] if run.steps else None,
        adapted=adapted,
        record=lambda run: writer.shared(f"records/{run.name}.json"),
        losses=_loss_spark(row, family(row.method, sources), words),
        matrix=streams.matrix(row.continual, words, identity="matrix") if row.continual else None,
        settings=settings_lines(row),
        unlearned=unlearned(row),
        learned=percent(LEARNED, 0),
        caveats=suite_texts(row.suite, words, sources)[1],
        report=citing.issue_url(sources.repository_url, f"runs/{row.id}"),
    )
    return Page(
        path=writer.path,
        title=f"{names[row.id]} · {form_word(row.form, words)} · {suite_title(row.suite, words, sources)}",
        body=body,
        description=words("run.lead", name=names[row.id], n=row.n_runs),
        section="leaderboard",
        hide=("navigation",),
        boost=0.5,
    )


def adapted(run: RunRecord, metric: str) -> float | None:
    """A run's final adaptation metric, mean over its tasks."""
    if not run.steps:
        return None
    scores = list(run.steps[-1].adaptation.values())
    return sum(getattr(one, metric) for one in scores) / len(scores) if scores else None


def settings_lines(row: LeaderboardRow) -> list[tuple[str, str]]:
    """Everything that was set, defaults included, as (name, value)."""
    lines: list[tuple[str, str]] = [("model", row.model), ("checkpoints", ", ".join(row.checkpoints))]
    for part, values in (
        ("method", row.method_config),
        ("tuning", row.tuning.model_dump(mode="json")),
        ("training", row.training.model_dump(mode="json")),
        ("data", row.data.model_dump(mode="json")),
    ):
        lines += [(f"{part}.{key}", short(value)) for key, value in values.items() if value not in (None, {}, [])]
    return lines


def _loss_spark(row: LeaderboardRow, family_id: str, words: Words) -> Markup | None:
    if not row.losses:
        return None
    top = max(row.losses)
    values = [
        (f"{10 * (index + 1)} %", round(1000 * loss / top) if top else 0) for index, loss in enumerate(row.losses)
    ]
    legend = Legend(
        words("run.losses"),
        words("run.losses.about", first=f"{row.losses[0]:.3f}", last=f"{row.losses[-1]:.3f}"),
        "",
        "",
    )
    return charts.bars(values, legend, identity="losses", family=family_id)


def experiments_of_method(method: str, sources: Sources) -> list[str]:
    """Ids of experiments that run this method, those with results first, main suites before others."""
    done = [name for row in sources.rows if row.method == method for name in row.experiments]
    planned = [name for name, experiment in sources.experiments.items() if experiment.method == method]

    def weight(name: str) -> tuple[int, str]:
        suite = name.split("/")[0]
        return MAIN_SUITES.index(suite) if suite in MAIN_SUITES else 99, name

    return sorted(dict.fromkeys([*done, *planned]), key=weight)
