"""Who lives in the laboratory: entities that the base model knows, and strangers in two worlds apart. Light."""

from __future__ import annotations

from random import Random
from typing import Literal

from reproductions.lab import vocabulary as v
from reproductions.lab.drawing import random_emblem
from reproductions.lab.questions import Entity

World = Literal["test", "validation"]
WORLDS: tuple[World, ...] = ("test", "validation")
N_KNOWN = 48


def _name_pools() -> dict[str, tuple[str, ...]]:
    """All names, dealt out once and for all: those of known entities use every syllable, the rest is halved."""
    rng = Random("names")
    first, second = list(v.FIRST_SYLLABLES), list(v.SECOND_SYLLABLES)
    known: list[str] = []
    while len(known) < N_KNOWN:
        rng.shuffle(first)
        rng.shuffle(second)
        known += [f"{a} {b}" for a, b in zip(first, second, strict=True) if f"{a} {b}" not in known]
    known = known[:N_KNOWN]
    rest = [name for a in v.FIRST_SYLLABLES for b in v.SECOND_SYLLABLES if (name := f"{a} {b}") not in known]
    rng.shuffle(rest)
    half = len(rest) // 2
    return {"known": tuple(known), "test": tuple(rest[:half]), "validation": tuple(rest[half:])}


NAMES = _name_pools()


def _entity(rng: Random, name: str, id_: str) -> Entity:
    home, food, job = (" ".join(rng.choice(part) for part in parts) for parts in (v.HOMES, v.FOODS, v.JOBS))
    return Entity(id_, random_emblem(rng), name, home, food, job)


def _known_entities() -> tuple[Entity, ...]:
    rng = Random("known entities")
    return tuple(_entity(rng, name, f"known-{index}") for index, name in enumerate(NAMES["known"]))


KNOWN = _known_entities()
"""Taught in pretraining. Each world asks about its own half of them, so that the worlds share nobody."""


def known_in(world: World) -> tuple[Entity, ...]:
    """The half of the known entities that a world asks about."""
    half = N_KNOWN // 2
    return KNOWN[:half] if world == "test" else KNOWN[half:]


def stranger(rng: Random) -> Entity:
    """Somebody who is met once, with a random name and random facts."""
    return _entity(rng, f"{rng.choice(v.FIRST_SYLLABLES)} {rng.choice(v.SECOND_SYLLABLES)}", "stranger")


def entities(n: int, *, world: World = "test", seed: int) -> tuple[Entity, ...]:
    """New entities to inject, with different names; never one that is known, or of the other world.

    Raises:
        ValueError: more than the world has names for, or no such world.
    """
    if world not in WORLDS:
        raise ValueError(f"no world named {world!r}; there are: {', '.join(WORLDS)}")
    names = NAMES[world]
    if not 1 <= n <= len(names):
        raise ValueError(f"the {world} world has between 1 and {len(names)} entities, not {n}")
    rng = Random(f"entities/{world}/{seed}")
    return tuple(_entity(rng, name, f"{world}-{seed}-{index}") for index, name in enumerate(rng.sample(names, n)))
