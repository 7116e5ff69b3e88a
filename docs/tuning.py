"""How the settings of each row were chosen: its six trials on the validation world, all of them, and the chosen one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from docs.drawing import SHAPES, Frame, Legend, dot, group, level, line, marker, number, svg, ticks, upright, word
from docs.pages import Page, Writer, percent
from docs.rows import LEARNED, family, form_word, method_name
from docs.sources import Sources
from docs.words import Words
from reproductions import search
from reproductions.search import Choice, Trial

PATH = "leaderboard/tuning.md"
WIDTH, HEIGHT = 236, 186


@dataclass(frozen=True)
class Tuned:
    """One row of the main comparison with its trials."""

    name: str
    family: str
    form: str
    choice: Choice
    picture: Markup

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Its trials by learning rate."""
        return by_rate(self.choice.trials)

    def varied(self, trial: Trial) -> Mapping[str, object]:
        """What of the trial's settings other trials of the row had otherwise."""
        settings = trial.settings
        others = [one.settings for one in self.choice.trials]
        return {name: value for name, value in settings.items() if any(one.get(name) != value for one in others)}


def pages(sources: Sources, words: Words) -> Iterator[Page]:
    """The page of trials; nothing before the first trial has been published."""
    if sources.trials:
        yield page(search.choose(sources.trials), Writer(words, sources, PATH))


def page(choices: Sequence[Choice], writer: Writer) -> Page:
    """A small picture and the numbers of each row, by form of the data."""
    words = writer.words
    forms: dict[str, list[Choice]] = {}
    for choice in choices:
        forms.setdefault(choice.row.rpartition("-")[2], []).append(choice)
    rows = {form: [_tuned(choice, form, chosen, writer) for choice in chosen] for form, chosen in forms.items()}
    body = writer.render(
        "tuning.html",
        rows={_form_word(form, words): found for form, found in sorted(rows.items(), reverse=True)},
        unlearned=lambda trial: trial.reliability is not None and trial.reliability < LEARNED,
        setting=_setting,
    )
    return Page(writer.path, words("tuning.title"), body, words("tuning.lead"), "leaderboard", ("navigation",))


def by_rate(trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """Trials that have scores, from the smallest learning rate to the largest; the failed ones last."""
    return tuple(sorted(trials, key=lambda one: (one.average is None, one.settings["learning_rate"], one.experiment)))


def _tuned(choice: Choice, form: str, others: Sequence[Choice], writer: Writer) -> Tuned:
    row = choice.row.rpartition("-")[0]
    name = method_name(row, writer.sources)
    if row == "lora-attention":
        name = writer.words("tuning.attention", name=method_name("lora", writer.sources))
    kind = family(row, writer.sources)
    return Tuned(name, kind, form, choice, draw(name, kind, choice, others, writer.words))


def draw(name: str, kind: str, choice: Choice, others: Sequence[Choice], words: Words) -> Markup:
    """Adaptation against retention of a row's trials, those of all other rows behind them in grey."""
    frame = Frame(WIDTH, HEIGHT, 30, 8, 10, 34, (0.0, 0.7), (0.0, 1.0))
    behind = [
        dot(*place, 2.4)
        for other in others
        if other.row != choice.row
        for place in (_place(frame, one) for one in other.trials)
        if place
    ]
    own = [(trial, place) for trial in by_rate(choice.trials) if (place := _place(frame, trial))]
    path = " ".join(f"{'L' if index else 'M'}{number(x)} {number(y)}" for index, (_, (x, y)) in enumerate(own))
    shapes = [*_axes(frame, words), f'<g class="p q f-baseline">{"".join(behind)}</g>']
    if len({trial.settings["learning_rate"] for trial, _ in own}) == len(own) > 1:
        shapes.append(line(path, f"tr f-{kind}"))
    for trial, (x, y) in own:
        chosen = trial == choice.chosen
        shape = marker(SHAPES.get(kind, "circle"), x, y, 5.4 if chosen else 4)
        shapes.append(group(f"p f-{kind}{'' if chosen else ' h'}", _says(trial), shape))
    says = "; ".join(_says(trial) for trial, _ in own)
    return svg("".join(shapes), WIDTH, HEIGHT, Legend(name, says), identity=f"tuning-{choice.row}")


def _axes(frame: Frame, words: Words) -> list[str]:
    parts = []
    for value in ticks(*frame.x_range, most=4):
        parts += [upright(frame, value), word(frame.x(value), frame.floor + 14, f"{100 * value:.0f}", "t", "middle")]
    for value in ticks(*frame.y_range, most=5):
        parts += [level(frame, value), word(frame.left - 5, frame.y(value) + 4, f"{100 * value:.0f}", "t", "end")]
    parts.append(word(frame.end, frame.height - 4, f"{words('column.adaptation')} →", "t", "end"))
    parts.append(word(frame.left + 4, frame.top + 10, f"↑ {words('column.retention')}", "t"))
    return parts


def _place(frame: Frame, trial: Trial) -> tuple[float, float] | None:
    if trial.adaptation is None or trial.retention is None:
        return None
    return frame.x(trial.adaptation), frame.y(trial.retention)


def _says(trial: Trial) -> str:
    return f"{trial.settings['learning_rate']:g}: {percent(trial.adaptation)} / {percent(trial.retention)}"


def _setting(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).lower()


def _form_word(short: str, words: Words) -> str:
    return form_word({"tree": "knowledge-tree"}.get(short, short), words)
