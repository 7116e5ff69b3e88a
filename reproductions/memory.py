"""The most memory that a block of code held at once."""

from __future__ import annotations

import resource
import sys
from contextlib import suppress
from pathlib import Path

import torch


class PeakMemory:
    """Bytes on the accelerator if there is one, else resident bytes of the process, at their highest in the block."""

    bytes: int = 0

    def __enter__(self) -> PeakMemory:
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        else:
            _forget_peak()
        return self

    def __exit__(self, *_: object) -> None:
        self.bytes = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else _resident_peak()


def _forget_peak() -> None:
    """Let Linux count from now on; elsewhere the peak is that of the whole process."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _resident_peak() -> int:
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    except OSError:
        pass
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
