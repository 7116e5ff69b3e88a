"""Images that stay on the disk until somebody looks at them: a data set of 65,312 images does not fit into memory.

`ImageFile` answers to what numpy and the rest of the package ask of an array (`__array__`, `shape`, `size`), so it
stands wherever `reproductions.examples.Image` does.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import DTypeLike, NDArray
from PIL import Image as Pillow
from PIL import ImageOps, UnidentifiedImageError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
MAX_PIXELS = 100_000_000
"""More than any photograph; beyond it a file is a decompression bomb or a mistake."""


@dataclass(frozen=True, eq=False)
class ImageFile:
    """One image file, read anew each time it is looked at. RGB, upright, transparent parts on white.

    Equality is identity, as for arrays that are keys: two of the same file are two views.
    """

    path: Path
    longest_side: int | None = None
    """Larger images are shrunk to this; None: as they are. Processors of real models resize by themselves."""

    def open(self) -> Pillow.Image:
        """The decoded image.

        Raises:
            ValueError: it is no image, broken, or has more than a hundred million pixels.
        """
        try:
            with Pillow.open(self.path) as source:
                if source.width * source.height > MAX_PIXELS:
                    raise ValueError(f"{self.path}: {source.width} × {source.height} pixels; shrink it first")
                image = on_white(ImageOps.exif_transpose(source) or source)
        except (OSError, UnidentifiedImageError, SyntaxError, Pillow.DecompressionBombError) as error:
            raise ValueError(f"{self.path}: cannot be read as an image: {error}") from None
        if self.longest_side is not None and max(image.size) > self.longest_side:
            image.thumbnail((self.longest_side, self.longest_side))
        return image

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[np.uint8]:
        """Height × width × 3."""
        return np.asarray(self.open(), dtype=dtype or np.uint8)

    @cached_property
    def shape(self) -> tuple[int, int, int]:
        """Height, width, 3, of what is read."""
        width, height = self.open().size
        return height, width, 3

    @property
    def size(self) -> int:
        """Numbers in the array."""
        return int(np.prod(self.shape))

    @property
    def dtype(self) -> np.dtype[np.uint8]:
        """Always 8 bits per channel."""
        return np.dtype(np.uint8)


def on_white(image: Pillow.Image) -> Pillow.Image:
    """RGB; what is transparent becomes white instead of whatever colour hides below."""
    if "transparency" in image.info or image.mode in {"RGBA", "LA", "PA", "RGBa", "La"}:
        layered = image.convert("RGBA")
        canvas = Pillow.new("RGBA", layered.size, (255, 255, 255, 255))
        return Pillow.alpha_composite(canvas, layered).convert("RGB")
    return image.convert("RGB")


class ImageIndex:
    """Finds the files that records name: as written below one of the roots, else by the end of their path.

    Published records name images relative to folders that differ from one release to the next; the end of a path is
    what survives. A name that fits several files is refused rather than guessed.
    """

    def __init__(self, roots: Sequence[Path]) -> None:
        self.roots = tuple(root for root in roots if root.is_dir())

    @cached_property
    def by_name(self) -> dict[str, list[Path]]:
        """File name → everywhere it occurs below the roots."""
        found: defaultdict[str, list[Path]] = defaultdict(list)
        for root in self.roots:
            for folder, below, files in os.walk(root):
                below.sort()
                for name in sorted(files):
                    if Path(name).suffix.lower() in SUFFIXES:
                        found[name].append(Path(folder) / name)
        return dict(found)

    def find(self, written: str) -> Path:
        """The file that a record means.

        Raises:
            LookupError: there is none, or more than one.
            ValueError: the name leads out of the folder.
        """
        parts = PurePosixPath(written.replace("\\", "/")).parts
        if ".." in parts:
            raise ValueError(f"image {written!r} leads out of the folder; write it relative to the folder")
        for root in self.roots:
            direct = root.joinpath(*parts)
            if not Path(written).is_absolute() and direct.is_file():
                return direct
        fitting = self.by_name.get(parts[-1], []) if parts else []
        for length in range(min(len(parts), 6), 0, -1):
            longest = [path for path in fitting if path.parts[-length:] == parts[-length:]]
            distinct = sorted({path.resolve() for path in longest})
            if len(distinct) == 1:
                return longest[0]
            if distinct:
                shown = ", ".join(str(path) for path in distinct[:2])
                raise LookupError(f"image {written!r} could be {len(distinct)} files: {shown}, …")
        raise LookupError(f"no image {written!r}")
