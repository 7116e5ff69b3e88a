"""Visit the sources: plan, fetch, propose, refresh."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent.commands import (
    KEEP_DAYS,
    PARTIAL,
    STATE,
    Anew,
    Earlier,
    Json,
    Only,
    Record,
    RefusalError,
    Replay,
    Root,
    Settings,
    Space,
    State,
    catalog_of,
    go_on,
    names,
    note,
    say,
    say_json,
    settings,
    space,
    switched_off,
    transport_of,
)

if TYPE_CHECKING:
    from agent.config import Config
    from agent.run import Heard, Report
    from agent.workspaces import Workspace
    from registry.catalog import Catalog


def plan(
    workspace: Space = None,
    root: Root = None,
    config: Settings = None,
    sources: Only = "",
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of the configuration.")] = False,
    json_: Json = False,
) -> int:
    """Say how many requests a visit would make, per host. No network.

    For example:

      aki agent plan

      aki agent plan --sources arxiv,github --json
    """
    from agent import config as configuration
    from agent import run
    from agent.candidates.imported import untitled
    from agent.fetch import tokens_from

    if schema:
        say_json(configuration.Config.model_json_schema())
        return 0
    chosen_config = settings(config)
    chosen = run.chosen(chosen_config, names(sources))
    numbers = untitled(space(workspace))
    planned = run.plan(catalog_of(root), chosen_config, chosen, set(tokens_from()), numbers=numbers)
    rows = [
        {"source": name, "host": host, "requests": count, "asks_about": things}
        for name, requests in planned.items()
        for host, count, things in per_host(requests)
    ]
    if json_:
        say_json({"requests": sum(int(row["requests"]) for row in rows), "plan": rows})
        return 0
    for row in rows:
        say(f"{row['source']:<18}{row['host']:<28}{row['requests']:>4} requests  about {row['asks_about']} things")
    total = sum(int(row["requests"]) for row in rows)
    say(f"{'in all':<46}{total:>4} requests; next pages and second tries come on top")
    return 0


def per_host(requests: tuple[Any, ...]) -> list[tuple[str, int, int]]:
    """(host, requests, things asked about)."""
    hosts = sorted({request.host for request in requests})
    return [
        (host, sum(r.host == host for r in requests), sum(len(r.subjects) for r in requests if r.host == host))
        for host in hosts
    ]


def fetch(
    record: Record = None,
    workspace: Space = None,
    root: Root = None,
    config: Settings = None,
    sources: Only = "",
    state: State = STATE,
    anew: Anew = False,
    json_: Json = False,
) -> int:
    """Ask the sources and keep their answers in a new folder. Proposes nothing.

    For example:

      aki agent fetch --record runs/agent/2026-11-25

      aki agent propose --replay runs/agent/2026-11-25
    """
    if record is None:
        raise RefusalError("fetch needs --record DIR: a folder to keep the answers in")
    chosen = settings(config)
    if switched_off(chosen):
        return 0
    heard = listen(chosen, catalog_of(root), names(sources), state, record, space(workspace), anew=anew)
    failed = [e for exchanges in heard.exchanges.values() for e in exchanges if e.failure is not None]
    counts = {name: len(exchanges) for name, exchanges in heard.exchanges.items()}
    if json_:
        say_json(
            {"recorded": str(record), "requests": counts, "failures": [e.failure.message for e in failed if e.failure]}
        )
    else:
        for name, count in counts.items():
            say(f"{name:<18}{count:>4} exchanges")
        for exchange in failed:
            say(f"  ! {exchange.request.source}: {exchange.failure.message if exchange.failure else ''}")
        say(f"kept in {record}")
    return PARTIAL if failed else 0


def listen(
    config: Config, catalog: Catalog, only: list[str], state: Path, record: Path | None, desk: Workspace, *,
    anew: bool = False,
) -> Heard:  # fmt: skip
    """Visit the sources over the network."""
    from agent import run
    from agent.candidates.imported import untitled

    transport = transport_of(config, state, anew=anew)
    transport.memory.tidy(transport.clock.now() - timedelta(days=KEEP_DAYS))
    week = transport.clock.now().toordinal() // 7
    planned = run.plan(catalog, config, run.chosen(config, only), set(transport.tokens), week, untitled(desk))
    total = sum(len(requests) for requests in planned.values())
    note(f"asking {len(planned)} sources, {total} requests planned")
    heard = run.fetch(planned, transport, record)
    return run.consult(heard, catalog, config, transport, record) if config.model.enabled else heard


def propose(
    replay: Replay = None, workspace: Space = None, root: Root = None, config: Settings = None, json_: Json = False
) -> int:
    """Turn recorded answers into proposals. Writes the workspace and nothing else.

    For example:

      aki agent propose --replay agent/recorded/demo --workspace build/demo/workspace

      aki agent propose --replay runs/agent/2026-11-25 --json
    """
    if replay is None:
        raise RefusalError("propose needs --replay DIR: a folder of recorded answers (see aki agent fetch)")
    return refresh(replay=replay, workspace=workspace, root=root, config=config, json_=json_)


def refresh(
    replay: Replay = None,
    record: Record = None,
    workspace: Space = None,
    root: Root = None,
    config: Settings = None,
    sources: Only = "",
    earlier: Earlier = None,
    state: State = STATE,
    anew: Anew = False,
    json_: Json = False,
) -> int:
    """Plan, fetch and propose in one go. The registry is not touched. Exit code 3: some source could not be heard.

    For example:

      aki agent refresh

      aki agent refresh --replay agent/recorded/demo --workspace build/demo/workspace
    """
    from agent import run

    if replay is not None and record is not None:
        raise RefusalError("--replay and --record exclude each other: a replay makes no new answers")
    chosen, known = settings(config), catalog_of(root)
    if switched_off(chosen):
        return 0
    desk = space(workspace)
    with desk.locked():
        go_on(desk, known, earlier, datetime.now(UTC).date())
        only = names(sources)
        heard = run.replay(replay, only) if replay else listen(chosen, known, only, state, record, desk, anew=anew)
        report = run.propose(heard, known, chosen, desk)
    if json_:
        say_json(report.as_json())
    else:
        tell(report, replay, workspace)
    return PARTIAL if report.partial else 0


def tell(report: Report, replay: Path | None, workspace: Path | None) -> None:
    """The report of a refresh for people."""
    from agent.proposals import GROUPS
    from agent.review.session import headline

    where = f"replayed {replay} ({report.note})" if replay else f"visited {report.at:%Y-%m-%d %H:%M} UTC"
    say(f"{where}: " + ", ".join(f"{name} {count} requests" for name, count in report.requests.items()))
    outcome = report.outcome
    say(f"{len(outcome.operations)} proposals open, {len(outcome.fresh)} of them new")
    for group in GROUPS:
        members = [op for op in outcome.operations if op.group == group]
        if members:
            say(f"\n{group} ({len(members)})")
        shown = 5 if group == "mechanical" else 14
        for operation in members[:shown]:
            say(f"  {operation.confidence:.2f}  {headline(operation)[:110]}")
        if len(members) > shown:
            say(f"        … and {len(members) - shown} more")
    say()
    for line in account(report):
        say(line)
    option = f" --workspace {workspace}" if workspace else ""
    say(f"The registry was not changed. Decide: aki agent review{option}")


def account(report: Report) -> Iterator[str]:
    """What did not become a proposal, and why."""
    outcome = report.outcome
    if outcome.retired:
        yield f"{len(outcome.retired)} earlier proposals no longer hold"
    if outcome.asleep:
        yield f"{len(outcome.asleep)} kept away because they were rejected before"
    if outcome.carried:
        yield f"{outcome.carried} more wait until there is room"
    if report.new_versions:
        yield "new versions on arXiv: " + ", ".join(report.new_versions[:8])
    if report.changed_pages:
        yield "pages with other words than last time: " + ", ".join(report.changed_pages[:8])
    if report.missing:
        yield "asked for and not returned: " + ", ".join(report.missing[:8])
    if reused := sum(usage.reused for usage in report.usage.values()):
        yield f"{reused} questions not asked again: the answers kept are young enough (--anew asks them)"
    for problem in report.problems[:20]:
        yield f"! {problem}"
