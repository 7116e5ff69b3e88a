"""Emoji and flags as pictures with facts, out of npm packages with clear licences. Needs `resvg-py` (extra `small`).

    npm pack @iconify-json/noto@1.2.9 @iconify-json/twemoji@1.2.5 @iconify-json/fluent-emoji-flat@1.2.6
    npm pack flag-icons@7.5.0 circle-flags@2.8.3 countries-list@3.4.1

The archives are read as they are. What is drawn: emoji that all three sets have under one name, and the flags of
countries with a capital. Styles are what is held out: a model that learned Noto's grapes is asked about Fluent's.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import re
import tarfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

SIDE = 224
MARGIN = 12
"""White pixels around every picture."""
SETS = ("noto", "twemoji", "fluent")
FLAG_VIEWS = ("flag", "round-flag")
CATEGORIES = ("Activities", "Animals & Nature", "Food & Drink", "Objects", "Travel & Places")
NOT_A_THING = re.compile(r"oclock|thirty|globe-showing|-face$|^face-|moon|suit|button|bright|-hair|skin-tone|\d")
"""Names that no picture tells: clocks, phases of the moon, faces of animals drawn once more."""
LONGEST_NAME = 2
"""Words of an emoji's name."""


@dataclass(frozen=True)
class Package:
    """An npm package, pinned."""

    name: str
    version: str
    sha256: str
    licence: str

    @property
    def file(self) -> str:
        """As `npm pack` names its archive."""
        return f"{self.name.lstrip('@').replace('/', '-')}-{self.version}.tgz"


PACKAGES = {
    "noto": Package(
        "@iconify-json/noto",
        "1.2.9",
        "3e918d88fc945c0bb3d468dbace6f88caef67f01c9f0e7bcae0915a042e8f1ad",
        "Apache-2.0",
    ),
    "twemoji": Package(
        "@iconify-json/twemoji",
        "1.2.5",
        "19046dff7d8707ce96212ec86468b36ac5f8e60409629dd13f809265c6d0ebb7",
        "CC-BY-4.0",
    ),
    "fluent": Package(
        "@iconify-json/fluent-emoji-flat",
        "1.2.6",
        "7d064769dee690815f823bc5bcc511d957198caf9f5edd8dd9c1aa48a6aeb175",
        "MIT",
    ),
    "flag": Package("flag-icons", "7.5.0", "c0b80bf0e08006a60f56621d6bc49f8c7131f4d1fef6737a165a673431f4b518", "MIT"),
    "round-flag": Package(
        "circle-flags", "2.8.3", "a53d254c010bb22955e7823c406ec80b8176ffff05758fd21bf5151512c0e56a", "MIT"
    ),
    "countries": Package(
        "countries-list", "3.4.1", "572934a82137ec58a84a3e32635ec589cb9788e8df408f15677c71009d2adff2", "MIT"
    ),
}
CONTINENTS = {
    "AF": "Africa",
    "AN": "Antarctica",
    "AS": "Asia",
    "EU": "Europe",
    "NA": "North America",
    "OC": "Oceania",
    "SA": "South America",
}


@dataclass(frozen=True)
class Emoji:
    """One thing, drawn once per set: `<set>/<id>.png`."""

    id: str
    name: str
    category: str


@dataclass(frozen=True)
class Country:
    """One flag, drawn in two shapes: `flags/flag/<id>.png`, `flags/round-flag/<id>.png`."""

    id: str
    name: str
    capital: str
    continent: str
    currency: str


@dataclass(frozen=True)
class Pictures:
    """What `pictures.json` in the folder lists."""

    folder: Path
    emoji: tuple[Emoji, ...]
    countries: tuple[Country, ...]

    def path(self, view: str, id_: str) -> Path:
        """The picture of one thing in one style."""
        return self.folder / view / f"{id_}.png"


class PicturesError(ValueError):
    """Archives or pictures that are not as they should be; the message says what to do."""


def read(folder: Path) -> Pictures:
    """A folder that `draw_all` made.

    Raises:
        PicturesError: it is none.
    """
    try:
        facts = json.loads((folder / "pictures.json").read_text(encoding="utf-8"))
        emoji = tuple(Emoji(**one) for one in facts["emoji"])
        countries = tuple(Country(**one) for one in facts["countries"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise PicturesError(
            f"{folder}: no pictures of the small tier here ({type(error).__name__}); "
            "draw them with: aki reproduce small draw ARCHIVES --to data/small"
        ) from None
    return Pictures(folder, emoji, countries)


def draw_all(archives: Path, folder: Path, *, only: int | None = None, pinned: bool = True) -> Pictures:
    """Draw every picture from the archives of `npm pack` in one folder; `only` so many of each kind, for a try.

    Raises:
        PicturesError: an archive is missing or, if `pinned`, another one than was tried; or resvg-py is missing.
    """
    draw = _renderer()
    found = {name: _archive(archives, package, pinned=pinned) for name, package in PACKAGES.items()}
    sets = {name: _icons(found[name]) for name in SETS}
    emoji, countries = tuple(_emoji(sets, found["noto"]))[:only], tuple(_countries(found))[:only]
    for one in emoji:
        for name in SETS:
            _write(draw(sets[name][one.id]), folder / name / f"{one.id}.png")
    flags = {"flag": "package/flags/4x3/{}.svg", "round-flag": "package/flags/{}.svg"}
    for view, place in flags.items():
        with tarfile.open(found[view]) as archive:
            for country in countries:
                _write(draw(_text(archive, place.format(country.id))), folder / "flags" / view / f"{country.id}.png")
    facts = {
        "emoji": [asdict(one) for one in emoji],
        "countries": [asdict(one) for one in countries],
        "packages": [asdict(one) for one in PACKAGES.values()],
    }
    fresh = folder / ".pictures.json"
    fresh.write_text(json.dumps(facts, ensure_ascii=False, indent=1), encoding="utf-8")
    fresh.replace(folder / "pictures.json")
    return Pictures(folder, emoji, countries)


def _archive(folder: Path, package: Package, *, pinned: bool) -> Path:
    path = folder / package.file
    if not path.is_file():
        raise PicturesError(f"{path}: missing; get it with: npm pack {package.name}@{package.version}")
    if pinned and hashlib.sha256(path.read_bytes()).hexdigest() != package.sha256:
        raise PicturesError(f"{path}: not the archive that this was built on; pack {package.version} again")
    return path


def _text(archive: tarfile.TarFile, name: str) -> str:
    file = archive.extractfile(name)
    assert file is not None, "a file"
    return file.read().decode()


def _icons(path: Path) -> dict[str, str]:
    """Name → SVG."""
    with tarfile.open(path) as archive:
        facts = json.loads(_text(archive, "package/icons.json"))
    side = facts.get("width") or facts.get("height") or 16
    head = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
    return {
        name: f'{head}viewBox="0 0 {one.get("width", side)} {one.get("height", side)}">{one["body"]}</svg>'
        for name, one in facts["icons"].items()
    }


def _emoji(sets: dict[str, dict[str, str]], noto: Path) -> Iterator[Emoji]:
    with tarfile.open(noto) as archive:
        categories = json.loads(_text(archive, "package/metadata.json"))["categories"]
    for category in CATEGORIES:
        for id_ in sorted(categories.get(category, ())):
            name = id_.replace("-", " ")
            everywhere = all(id_ in icons for icons in sets.values())
            if everywhere and len(name.split()) <= LONGEST_NAME and not NOT_A_THING.search(id_):
                yield Emoji(id_, name, category)


def _countries(found: dict[str, Path]) -> Iterator[Country]:
    with tarfile.open(found["countries"]) as archive:
        facts = json.loads(_text(archive, "package/countries.min.json"))
    drawn = []
    for view, stem in (("flag", "package/flags/4x3/"), ("round-flag", "package/flags/")):
        with tarfile.open(found[view]) as archive:
            files = [member.name for member in archive if member.isfile()]
            drawn.append({name.removeprefix(stem).removesuffix(".svg") for name in files if name.startswith(stem)})
    for code, one in sorted(facts.items()):
        id_ = code.lower()
        if one.get("capital") and one.get("currency") and not one.get("partOf") and all(id_ in part for part in drawn):
            continent = CONTINENTS[one["continent"]]
            yield Country(id_, one["name"], one["capital"], continent, one["currency"][0])


def _renderer() -> Any:  # noqa: ANN401 - a function of a library without types
    try:
        draw = importlib.import_module("resvg_py").svg_to_bytes
    except ModuleNotFoundError:
        raise PicturesError("resvg-py is not installed; pip install resvg-py") from None
    return lambda svg: draw(svg_string=svg, width=SIDE - 2 * MARGIN)


def _write(png: bytes, path: Path) -> None:
    """On a white square."""
    drawn = Pillow.open(io.BytesIO(bytes(png))).convert("RGBA")
    drawn.thumbnail((SIDE - 2 * MARGIN, SIDE - 2 * MARGIN))
    square = Pillow.new("RGBA", (SIDE, SIDE), (255, 255, 255, 255))
    square.alpha_composite(drawn, ((SIDE - drawn.width) // 2, (SIDE - drawn.height) // 2))
    path.parent.mkdir(parents=True, exist_ok=True)
    square.convert("RGB").save(path)


def blank() -> np.ndarray:
    """A picture of nothing: white."""
    return np.full((SIDE, SIDE, 3), 255, dtype=np.uint8)
