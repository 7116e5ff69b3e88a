"""Configurations of accelerate, looked at before anything starts: what they want must be installed here."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

CONFIGS = Path(__file__).parent / "configs"
"""Those that are shipped: ddp, fsdp, zero3, and cpu for a try."""


def check(path: Path) -> Any:  # noqa: ANN401 - accelerate's own type
    """The configuration, as accelerate reads it.

    Raises:
        LookupError: it cannot be read, or wants DeepSpeed where there is none.
    """
    from accelerate.commands.config.config_args import load_config_from_file

    if not path.is_file():
        known = ", ".join(sorted(one.name for one in CONFIGS.glob("*.yaml")))
        raise LookupError(f"{path}: no such configuration; shipped are: {known}")
    try:
        config: Any = load_config_from_file(str(path))
    except Exception as error:  # accelerate and YAML each complain in their own way
        told = " ".join(str(error).split())[:160]
        raise LookupError(f"{path}: accelerate cannot read it: {told}") from None
    if str(config.distributed_type).endswith("DEEPSPEED") and importlib.util.find_spec("deepspeed") is None:
        raise LookupError(
            f"{path}: deepspeed is not installed; pip install deepspeed, or take fsdp.yaml, which shares out the same"
        )
    return config
