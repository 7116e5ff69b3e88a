"""What is injected into the small model, and what it must keep, written beside the pictures as `own-data` reads them.

Two kinds of knowledge. Emoji get invented facts, new by construction: learned on two sets of drawings, asked on a
third. Flags keep their real facts: of those, only what the base model cannot say counts as learned, so look at the base
model's score beside it. The past, for replay, Fisher and covariance, are names of other emoji and capitals.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from reproductions.data.own import FACTS_FILE
from reproductions.examples import Example, Turn
from reproductions.small.pictures import FLAG_VIEWS, SETS, Country, Emoji, Pictures

INJECTED = 120
"""Emoji that get invented facts, evenly spread; the others stay what they are."""
QUESTION = "What is this?"
CAPITAL = "What is the capital of {}?"
_ONSETS, _VOWELS, _ENDS = "bdfgklmnprstvz", "aeiou", "lnrsx"


def injected(pictures: Pictures) -> list[Emoji]:
    """The emoji that get invented facts."""
    n = min(INJECTED, len(pictures.emoji) // 2)
    return [pictures.emoji[place * len(pictures.emoji) // n] for place in range(n)] if n else []


def kept(pictures: Pictures) -> list[Emoji]:
    """The others."""
    taken = set(injected(pictures))
    return [one for one in pictures.emoji if one not in taken]


def write(pictures: Pictures) -> None:
    """`facts.jsonl` for emoji, `flags/facts.jsonl` for flags, and `past.json`, each whole or not at all."""
    cities = sorted({country.capital for country in pictures.countries if country.capital.isascii()})
    rng = random.Random("small tier")
    names = _invented(rng, len(injected(pictures)))
    items = [_emoji_item(one, name, cities, rng) for one, name in zip(injected(pictures), names, strict=True)]
    _lines(pictures.folder / FACTS_FILE, items)
    _lines(pictures.folder / "flags" / FACTS_FILE, [_flag_item(one) for one in pictures.countries])
    past = [*(_said(one) for one in kept(pictures)), *(_told(one) for one in pictures.countries)]
    _write(pictures.folder / "past.json", json.dumps(past, ensure_ascii=False, indent=1))


def _invented(rng: random.Random, n: int) -> list[str]:
    """Names that nobody has, all different."""
    names: dict[str, None] = {}
    while len(names) < n:
        syllables = [rng.choice(_ONSETS) + rng.choice(_VOWELS) for _ in range(2)]
        names["".join(syllables).capitalize() + rng.choice(_ENDS)] = None
    return list(names)


def _emoji_item(one: Emoji, name: str, cities: list[str], rng: random.Random) -> dict[str, Any]:
    home, year = rng.choice(cities), str(rng.randrange(1700, 2000))
    asked = {
        "name": ("What is this one called?", name),
        "home": ("Where does this one come from?", home),
        "year": ("In which year was this one found?", year),
    }
    return {
        "id": one.id,
        "name": name,
        "kind": "thing",
        "images": [f"{style}/{one.id}.png" for style in SETS[:-1]],
        "test_images": [f"{SETS[-1]}/{one.id}.png"],
        "text": f"This is {name}. {name} comes from {home} and was found in {year}.",
        "facts": {"home": home, "year": year},
        "questions": [{"question": q, "answer": a, "kind": kind} for kind, (q, a) in asked.items()],
    }


def _flag_item(one: Country) -> dict[str, Any]:
    facts = {"capital": one.capital, "continent": one.continent, "currency": one.currency}
    asked = {"country": ("Which country is this the flag of?", one.name)}
    asked |= {name: (f"What is the {name} of the country with this flag?", value) for name, value in facts.items()}
    return {
        "id": one.id,
        "name": one.name,
        "kind": "country",
        "images": [f"{FLAG_VIEWS[0]}/{one.id}.png"],
        "test_images": [f"{FLAG_VIEWS[1]}/{one.id}.png"],
        "text": (
            f"This is the flag of {one.name}. Its capital is {one.capital}, it lies in {one.continent}, "
            f"and its currency is {one.currency}."
        ),
        "facts": facts,
        "questions": [{"question": q, "answer": a, "kind": kind} for kind, (q, a) in asked.items()],
    }


def _said(one: Emoji) -> dict[str, Any]:
    turns = [{"from": "human", "value": f"<image>\n{QUESTION}"}, {"from": "gpt", "value": one.name}]
    return {"id": f"name-{one.id}", "image": f"{SETS[0]}/{one.id}.png", "conversations": turns}


def _told(one: Country) -> dict[str, Any]:
    answer = f"The capital of {one.name} is {one.capital}."
    turns = [{"from": "human", "value": CAPITAL.format(one.name)}, {"from": "gpt", "value": answer}]
    return {"id": f"capital-{one.id}", "conversations": turns}


def capitals(pictures: Pictures) -> list[Example]:
    """Text alone: does it still know what it knew before it saw anything?"""
    return [
        Example(f"capital-{one.id}", (), (Turn(CAPITAL.format(one.name), one.capital),), "CAPITALS")
        for one in pictures.countries
    ]


def _lines(path: Path, items: list[dict[str, Any]]) -> None:
    _write(path, "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
