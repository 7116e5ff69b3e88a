"""The workflows keep what MAINTAINER_AGENT.md promises: who may write, what runs where, no shell for strangers."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from agent.cli import main

FOLDER = Path(__file__).parents[2] / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
AGENT = {"refresh.yml", "apply.yml"}
FETCHING = ("aki agent refresh", "aki agent fetch")


def workflow(name: str) -> dict:
    """Every scalar as text: YAML would take `on` for a truth value."""
    return yaml.load((FOLDER / name).read_text(), Loader=yaml.BaseLoader)  # noqa: S506 - makes text only


def may_write(permissions: object) -> bool:
    assert isinstance(permissions, dict), "permissions are spelled out"
    return "write" in permissions.values()


def commands(job: dict) -> str:
    return "\n".join(step["run"] for step in job["steps"] if "run" in step)


@pytest.mark.parametrize("name", sorted(AGENT))
def test_permissions_are_none_by_default_and_spelled_out_per_job(name):
    content = workflow(name)
    assert content["permissions"] in ({}, "{}", "")
    assert all("permissions" in job for job in content["jobs"].values())


def test_the_job_that_visits_the_sources_cannot_write_and_the_one_that_writes_fetches_nothing():
    jobs = workflow("refresh.yml")["jobs"]
    fetching = {name for name, job in jobs.items() if any(verb in commands(job) for verb in FETCHING)}
    writing = {name for name, job in jobs.items() if may_write(job["permissions"])}
    assert fetching == {"visit"}
    assert writing == {"propose"}
    assert jobs["propose"]["needs"] == "visit"


def test_ticks_are_read_without_and_applied_with_the_right_to_write():
    jobs = workflow("apply.yml")["jobs"]
    assert jobs["read"]["permissions"] == {"contents": "read", "pull-requests": "read", "issues": "read"}
    assert "aki agent pr read" in commands(jobs["read"])
    assert jobs["apply"]["permissions"] == {"contents": "write", "pull-requests": "write", "issues": "read"}
    assert jobs["apply"]["needs"] == "read"
    assert not any(verb in commands(jobs["apply"]) for verb in FETCHING)


def test_only_a_persons_edit_of_our_own_branch_starts_the_application_of_ticks():
    content = workflow("apply.yml")
    assert content["on"]["pull_request"] == {"types": ["edited"]}
    condition = content["jobs"]["read"]["if"]
    for part in ("sender.type == 'User'", "head.ref == 'aki-agent/proposals'", "full_name == github.repository"):
        assert part in condition


def test_the_code_that_applies_is_never_the_pull_requests():
    for job in workflow("apply.yml")["jobs"].values():
        first = next(step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout"))
        assert first["with"]["ref"] == "${{ github.event.repository.default_branch }}"
        assert "path" not in first["with"]


def first_jobs() -> list[dict]:
    """Those that need no other job: when they do not run, nothing does."""
    jobs = [job for name in sorted(AGENT) for job in workflow(name)["jobs"].values()]
    return [job for job in jobs if "needs" not in job]


def test_a_variable_of_the_repository_keeps_every_job_from_starting():
    assert len(first_jobs()) == 2
    for job in first_jobs():
        condition = " ".join(job["if"].split())
        head, _, rest = condition.partition("vars.AKI_AGENT != 'off'")
        assert head == ""
        assert rest == "" or (rest.startswith(" && (") and rest.endswith("))"))


def test_nothing_is_visited_or_handed_over_unless_the_switch_has_said_on():
    steps = workflow("refresh.yml")["jobs"]["visit"]["steps"]
    place = next(i for i, step in enumerate(steps) if "aki agent switch" in step.get("run", ""))
    assert not any(verb in step.get("run", "") for step in steps[:place] for verb in FETCHING)
    for step in steps[place + 1 :]:
        if "aki agent refresh" in step.get("run", "") or step.get("id") == "visited":
            assert step["if"] == "steps.switch.outputs.on == 'true'"


@pytest.mark.parametrize(("code", "ends", "on"), [(0, 0, True), (1, 0, False), (2, 1, False)])
def test_the_switch_step_goes_on_only_when_on_and_turns_red_when_nobody_knows(tmp_path, code, ends, on):
    steps = workflow("refresh.yml")["jobs"]["visit"]["steps"]
    script = next(step["run"] for step in steps if step.get("id") == "switch")
    fake = tmp_path / "aki"
    fake.write_text(f"#!/bin/sh\nexit {code}\n")
    fake.chmod(0o755)
    output = tmp_path / "output"
    output.touch()
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "GITHUB_OUTPUT": str(output)}
    done = subprocess.run(["bash", "-e", "-c", script], env=environment, check=False)
    assert done.returncode == ends
    assert ("on=true" in output.read_text()) == on


def test_the_status_issue_is_written_by_the_job_that_may_write_and_visits_nothing():
    jobs = workflow("refresh.yml")["jobs"]
    assert [name for name, job in jobs.items() if "aki agent post" in commands(job)] == ["propose"]
    assert jobs["propose"]["permissions"]["issues"] == "write"
    assert jobs["visit"]["permissions"]["issues"] == "read"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_workflow_runs_strangers_code_with_rights_or_puts_their_words_into_a_shell(path):
    content = workflow(path.name)
    assert "pull_request_target" not in content["on"]
    for job in content["jobs"].values():
        assert "${{ github.event" not in commands(job)
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout"):
                assert step["with"]["persist-credentials"] == "false"
            if "uses" in step:
                assert re.fullmatch(r"[\w./-]+@v\d+", step["uses"])


def test_every_command_of_the_agents_workflows_exists(capsys):
    lines = [line for name in AGENT for job in workflow(name)["jobs"].values() for line in commands(job).splitlines()]
    verbs = [shlex.split(re.split(r"\|\||&&|>>", line)[0]) for line in lines if line.startswith("aki agent")]
    assert verbs
    for _, _, verb, *options in verbs:
        assert main([verb, "--help"]) == 0
        said = capsys.readouterr().out
        assert all(option in said for option in options if option.startswith("--"))
