"""Look at the agent: status, stats, evaluate."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from agent.commands import Json, Root, Settings, Space, catalog_of, say, say_json, settings, space


def status(
    workspace: Space = None,
    root: Root = None,
    config: Settings = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="As a page or issue body.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit code 1 when a source has been silent too long.")] = False,
    json_: Json = False,
) -> int:
    """Last success per source, what waits, conflicts, failures, requests spent.

    For example:

      aki agent status

      aki agent status --markdown > status.md
    """
    from agent import status as reporting

    state = reporting.status(space(workspace), catalog_of(root), settings(config), datetime.now(UTC))
    if json_:
        say_json(state.as_json())
    elif markdown:
        say(reporting.markdown(state))
    else:
        for one in state.sources:
            say(f"{one.light:<7}{one.title:<20}{one.words}")
        waiting = ", ".join(f"{count} {group}" for group, count in state.open.items() if count) or "none"
        say(f"waiting: {waiting}; {state.carried} held back; {state.approved} approved and not applied")
        left = f"{state.needs_more} need more, {len(state.conflicts)} in conflict"
        say(f"{left}, {state.rejected} rejected and remembered")
        for conflict in state.conflicts:
            say(f"  ! {conflict}")
        if state.failing:
            say(f"{len(state.failing)} entries fail in a source that works, {len(state.given_up)} of them for long")
        for one in state.failing[: reporting.MOST_FAILING]:
            say(f"  ! {reporting.failing_line(one)}")
    return 1 if check and state.amber and state.enabled else 0


def stats(
    workspace: Space = None,
    log: Annotated[bool, typer.Option("--log", help="List the decision log.")] = False,
    json_: Json = False,
) -> int:
    """What reviewing costs: verdicts by word, way and source, median seconds per verdict.

    For example:

      aki agent stats

      aki agent stats --log
    """
    from agent.status import stats as count

    desk = space(workspace)
    if log:
        events = [event.model_dump(mode="json") for event in desk.ledger.events()]
        if json_:
            say_json(events)
            return 0
        for event in events:
            say(log_line(event))
        return 0
    found = count(desk)
    if json_:
        say_json(found)
        return 0
    say(f"{found['verdicts']} verdicts: " + ", ".join(f"{n} {word}" for word, n in found["by_word"].items()))
    median = found["median_seconds"]
    say(f"median {median:g} s per verdict (of {found['timed']} timed ones)" if median else "no timed verdicts yet")
    for name, words in found["by_source"].items():
        say(f"  {name}: " + ", ".join(f"{n} {word}" for word, n in words.items()))
    say(f"{found['applied']} operations applied")
    return 0


def log_line(event: dict[str, Any]) -> str:
    """One line of the decision log for people."""
    data, head = event["data"], f"{event['number']:>4}  {event['at'][:16]}  {event['event']:<8}"
    match event["event"]:
        case "verdict":
            verdict, about = data["verdict"], data["about"]
            reason = f" ({verdict['reason']})" if verdict.get("reason") else ""
            return f"{head}{verdict['word']:<11}{about['target']} {about['field']} by {verdict['reviewer']}{reason}"
        case "applied":
            return f"{head}{len(data['operations'])} operations to {', '.join(data['after'])}"
        case _:
            return f"{head}of line {data['of']}: {data.get('reason') or data.get('reviewer')}"


def evaluate(root: Root = None, config: Settings = None, json_: Json = False) -> int:
    """How well new papers are recognised and filed: cross-validation and time split on the registry itself.

    For example:

      aki agent evaluate
    """
    from agent.candidates.evaluation import cross_validation, time_split
    from agent.candidates.examples import related, unrelated

    examples = [*related(catalog_of(root)), *unrelated()]
    threshold = settings(config).candidates.relevance
    scores = [cross_validation(examples, threshold), time_split(examples, threshold)]
    if json_:
        say_json([score.as_json() for score in scores])
        return 0
    say(
        f"{sum(e.relevant for e in examples)} related (the registry), {sum(not e.relevant for e in examples)} unrelated"
    )
    say("(written by hand, see agent/candidates/unrelated.txt), threshold " + f"{threshold:g}")
    for score in scores:
        say(f"\n{score.name}")
        say(f"  relevance   recall {score.recall:.2f}   precision {score.precision:.2f}")
        say(f"  direction   accuracy {score.direction_accuracy:.2f}")
        say(f"  bucket      accuracy {score.bucket_accuracy:.2f} (distill only)")
        say("  confusion   true → said")
        for (true, said), count in sorted(score.confusion().items()):
            say(f"    {count:>4}  {true} → {said}" + ("" if true == said else "   ✗"))
        say("  missed      " + (", ".join(score.missed()) or "none"))
        say("  wrongly in  " + ("; ".join(score.wrongly_found()) or "none"))
    return 0
