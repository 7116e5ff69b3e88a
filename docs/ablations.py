"""What the ablations were asked: a page per question, with what each variant learned and kept, and what was not run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from docs import charts
from docs.drawing import Legend
from docs.pages import Page, Writer, percent
from docs.rows import LEARNED, form_word, method_name, suite_texts
from docs.sources import Sources
from docs.words import Words
from reproductions.questions import METRICS, Asked, Question, Variant
from reproductions.rows import Estimate

VARIANT, REFERENCE = "baseline", "s1"
"""Colours: what is varied stands out from its variants."""


def pages(sources: Sources, words: Words) -> Iterator[Page]:
    """The list of questions and a page for each; nothing without questions."""
    if not sources.questions:
        return
    yield index_page(Writer(words, sources, "ablations/index.md"))
    for name in sources.questions:
        yield question_page(name, Writer(words, sources, f"ablations/{name}.md"))


def title(question: Question, words: Words) -> str:
    """The question in the reader's language."""
    return question.title if words.language == "en" else question.title_zh


def about(question: Question, words: Words) -> str:
    """What is varied, in the reader's language."""
    return question.about if words.language == "en" else question.about_zh


def index_page(writer: Writer) -> Page:
    """All questions, how much of each has been run, and what they cost or gain at most."""
    words, sources = writer.words, writer.sources
    lines = [
        (name, title(question, words), about(question, words), *_counts(sources.asked[name]))
        for name, question in sources.questions.items()
    ]
    body = writer.render("ablations.html", lines=lines, caveats=suite_texts("ablations", words, sources)[1])
    lead = words("ablations.lead")
    return Page(writer.path, words("ablations.title"), body, lead, "leaderboard", ("navigation", "toc"))


def _counts(asked: Sequence[Asked]) -> tuple[int, int]:
    """Variants with records, and all of them; the reference counts once per row."""
    return sum(one.n_run for one in asked), sum(len(one.variants) for one in asked)


@dataclass(frozen=True)
class Block:
    """One row that a question is asked of."""

    anchor: str
    title: str
    pictures: tuple[tuple[Markup, Markup], ...]
    """Adaptation and retention, each wide and narrow; empty as long as nothing has been run."""
    lines: tuple[tuple[Variant, str, str], ...]
    """Variant, its label, address of its runs (empty without any)."""


def question_page(name: str, writer: Writer) -> Page:
    """Adaptation and retention of every variant with intervals, paired differences, and the command that runs them."""
    words, sources = writer.words, writer.sources
    question = sources.questions[name]
    asked = sources.asked[name]
    blocks = [_block(one, f"{name}-{one.row}", writer) for one in asked]
    n_run, n_all = _counts(asked)
    missing = [v.experiment.id for one in asked for v in one.variants if not v.n_runs]
    body = writer.render(
        "ablation.html",
        heading_text=title(question, words),
        about=about(question, words),
        blocks=blocks,
        metrics=METRICS,
        n_run=n_run,
        n_all=n_all,
        missing=list(dict.fromkeys(missing)),
        caveats=suite_texts("ablations", words, sources)[1],
        cell=_cell,
        change=lambda estimate: _cell(estimate, signed=True),
        clear=_clear,
        unlearned=lambda variant: variant.reliability is not None and variant.reliability < LEARNED,
    )
    return Page(writer.path, title(question, words), body, about(question, words), "leaderboard", ("navigation",))


def _block(asked: Asked, identity: str, writer: Writer) -> Block:
    words, sources = writer.words, writer.sources
    forms = {one.experiment.data.form for one in asked.variants}
    name = method_name(asked.first.method, sources)
    labels = [one.spec.label if words.language == "en" else one.spec.label_zh for one in asked.variants]
    rows = {experiment: row.id for row in sources.rows for experiment in row.experiments}
    places = [
        writer.link(f"runs/{rows[one.experiment.id]}.html") if one.experiment.id in rows else ""
        for one in asked.variants
    ]
    return Block(
        identity,
        f"{name} · {form_word(forms.pop(), words)}" if len(forms) == 1 else name,
        tuple(_pictures(asked, metric, labels, identity, writer) for metric in METRICS) if asked.n_run else (),
        tuple(zip(asked.variants, labels, places, strict=True)),
    )


def _pictures(asked: Asked, metric: str, labels: Sequence[str], identity: str, writer: Writer) -> tuple[Markup, Markup]:
    words = writer.words
    entries = [_entry(one, label, metric, writer) for one, label in zip(asked.variants, labels, strict=True)]
    legend = Legend(
        words(
            "ablations.picture", metric=words(f"column.{metric}"), name=method_name(asked.first.method, writer.sources)
        ),
        "; ".join(f"{one.label}: {one.note}" for one in entries),
        f"{words(f'column.{metric}')}, %",
    )
    wide = charts.forest(entries, legend, identity=f"{identity}-{metric}-wide", width=430, room=182)
    narrow = charts.forest(entries, legend, identity=f"{identity}-{metric}-narrow", width=350, room=142)
    return wide, narrow


def _entry(variant: Variant, label: str, metric: str, writer: Writer) -> charts.Interval:
    found = variant.values.get(metric)
    if found is None:
        said = "ablations.failed" if variant.n_failed else "ablations.not-run"
        return charts.Interval(label, None, note=writer.words(said))
    own = REFERENCE if variant.reference else VARIANT
    note = f"{percent(found.value)} ({percent(found.low)}–{percent(found.high)})"
    return charts.Interval(label, found.value, found.low, found.high, own, note)


def _cell(estimate: Estimate | None, *, signed: bool = False) -> Markup:
    if estimate is None:
        return Markup("–")

    def shown(value: float) -> str:
        text = f"{100 * value:+.1f}" if signed else f"{100 * value:.1f}"
        return text.replace("-", "−")

    between = " … " if signed else "–"
    return Markup("{}<small>{}{}{}</small>").format(
        shown(estimate.value), shown(estimate.low), between, shown(estimate.high)
    )


def _clear(estimate: Estimate | None) -> bool:
    """Whether a difference lies on one side of zero, with its whole interval."""
    return estimate is not None and (estimate.low > 0 or estimate.high < 0)
