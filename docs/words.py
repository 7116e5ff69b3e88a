"""What the site says in its own voice, in both languages: one key, two sentences (`docs/words.yaml`)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from registry import phrases
from registry.reading import texts
from registry.schema import Entry, Place, Remark, Translation

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
FILE = Path(__file__).with_name("words.yaml")
NOTES = Path(__file__).with_name("notes.yaml")


@cache
def table() -> dict[str, dict[str, str]]:
    """Key → language → sentence, as the file has it."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    entries = yaml.load(FILE.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 (a safe loader)
    return {key: {language: str(sentence) for language, sentence in both.items()} for key, both in entries.items()}


@cache
def notes() -> dict[str, str]:
    """Note of an experiment → its Chinese. Specs do not change once they were run, so it stands beside them."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return dict(yaml.load(NOTES.read_text(encoding="utf-8"), Loader=loader))  # noqa: S506 (a safe loader)


@dataclass(frozen=True)
class Words:
    """The sentences of one language; call it with a key and the values that its `{places}` take."""

    language: Language

    def __call__(self, key: str, /, **values: Any) -> str:  # noqa: ANN401 (whatever the places take)
        """The sentence for `key`. Raises KeyError with the key when there is none: a missing word fails the build."""
        try:
            sentence = table()[key][self.language]
        except KeyError:
            raise KeyError(
                f"docs/words.yaml: no entry '{key}' in '{self.language}'; add it in both languages"
            ) from None
        return sentence.format(**values) if values else sentence

    def has(self, key: str) -> bool:
        """Whether the vocabulary knows this key."""
        return key in table()

    def of(self, text: Remark | None) -> str:
        """The text of a bilingual entry field in this language; the English where the Chinese is missing."""
        return "" if text is None else (text.zh if self.language == "zh" else None) or text.en

    def translated(self, entry: Entry) -> Translation:
        """How far the Chinese of an entry can be relied on: the worst state of all its texts."""
        found = {text.state for _, text in texts(entry) if text.state != "missing" or not isinstance(text, Place)}
        worst: tuple[Translation, ...] = ("missing", "stale", "machine")
        for state in worst:
            if state in found:
                return state
        return "human"

    def said(self, text: str) -> str:
        """A fixed sentence, locator or note of an experiment in this language; anything else as it stands."""
        return text if self.language == "en" else notes().get(text) or phrases.printed(text) or text

    @property
    def other(self) -> Words:
        """The other language."""
        return Words("zh" if self.language == "en" else "en")

    @property
    def tag(self) -> str:
        """BCP 47 tag, as `lang` and `hreflang` want it."""
        return "en" if self.language == "en" else "zh-Hans"
