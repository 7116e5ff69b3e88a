"""The verbs of `aki agent`, and what they share: options, loading, printing. What is heavy is imported on use."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from agent.config import Config
    from agent.fetch import Transport
    from agent.workspaces import Workspace
    from registry.catalog import Catalog

Root = Annotated[Path | None, typer.Option("--root", help="Folder of the registry's data; default: the project's.")]
Space = Annotated[Path | None, typer.Option("--workspace", help="Folder of the workspace; default: agent/workspace.")]
Settings = Annotated[Path | None, typer.Option("--config", help="Configuration; default: agent/config.yaml.")]
Only = Annotated[str, typer.Option("--sources", help="Only these, with commas: arxiv,github.")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
Replay = Annotated[Path | None, typer.Option("--replay", help="Folder of recorded answers; no network.")]
Record = Annotated[Path | None, typer.Option("--record", help="New folder to keep every answer in.")]
State = Annotated[Path, typer.Option("--state", help="Cool-downs and cached answers, shared between runs; not in git.")]
Earlier = Annotated[
    Path | None,
    typer.Option("--from", help="Workspace of an earlier visit to go on from: a checkout of the branch of proposals."),
]
Anew = Annotated[bool, typer.Option("--anew", help="Ask for everything, however young the answers kept are.")]
KEEP_DAYS = 60
"""Answers that nothing has asked for in so long are forgotten."""
STATE = Path(".cache/agent")

PARTIAL = 3
"""Exit code of a run that could not hear everything."""


class RefusalError(Exception):
    """Wrong usage or unreadable input: one line, exit code 2."""


def say(text: str = "") -> None:
    """Write a line of results."""
    sys.stdout.write(f"{text}\n")


def say_json(value: object) -> None:
    """Write a result for machines."""
    say(json.dumps(value, ensure_ascii=False, indent=2))


def note(text: str) -> None:
    """Write a line of progress to stderr."""
    sys.stderr.write(f"{text}\n")


def settings(path: Path | None) -> Config:
    """The configuration."""
    from agent import config

    return config.load(path or config.DEFAULT)


def space(path: Path | None) -> Workspace:
    """The workspace."""
    from agent.workspaces import DEFAULT, Workspace

    return Workspace(path or DEFAULT)


def catalog_of(root: Path | None) -> Catalog:
    """The registry."""
    import registry

    return registry.load(root)


SWITCH = "AKI_AGENT"
"""Environment variable; the workflows set it from the repository's variable of that name."""
OFF = {"off", "false", "no", "0", "stop"}


def off_because(config: Config, environment: Mapping[str, str] = os.environ) -> str:
    """Which switch is off: the configuration's or the environment's; empty when none is."""
    if not config.enabled:
        return "enabled: false in the configuration"
    value = environment.get(SWITCH, "").strip()
    return f"{SWITCH}={value}" if value.lower() in OFF else ""


def switched_off(config: Config) -> bool:
    """Say so when the kill switch is set."""
    reason = off_because(config)
    if reason:
        note(f"aki agent: switched off ({reason}); nothing was done")
    return bool(reason)


def transport_of(config: Config, state: Path, *, anew: bool = False) -> Transport:
    """The sockets, with the tokens of the environment; `anew` asks for everything, however young the answers kept."""
    from agent import source
    from agent.fetch import Transport, tokens_from

    endpoints = dict(config.endpoints)
    if config.model.enabled:
        from agent.model import origin

        address = origin(config.model.endpoint)
        endpoints.setdefault(address, address)  # a model of one's own may well run on this machine
    return Transport(
        contact=config.contact,
        state_folder=state,
        policies=config.hosts,
        tokens=tokens_from(),
        endpoints=endpoints,
        fresh={} if anew else config.windows([source.load(name) for name in source.names()]),
    )


def go_on(desk: Workspace, known: Catalog, earlier: Path | None, today: date) -> None:
    """Take up an earlier visit's workspace, and what `aki registry import` has brought; the desk must be locked."""
    from agent.candidates.imported import take_in

    if earlier is not None and earlier.is_dir():  # before the first visit there is none
        desk.take_up(earlier)
    for line in take_in(desk, known, today).lines:
        note(line)


def names(only: str) -> list[str]:
    """The sources asked for."""
    return [name.strip() for name in only.split(",") if name.strip()]
