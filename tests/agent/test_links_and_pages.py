"""A link is dead after two signs a week apart and nothing else; a watched page's new links become candidates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

import registry
from agent import run
from agent.config import SourceConfig, Thresholds
from agent.messages import Answer, Exchange, Failure
from agent.rehearsal.world import Page, Preprint
from agent.sources.links import SOURCE, ask
from agent.workspaces import Workspace
from registry import textyaml

LINK = "https://example.org/paper"
NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
BLOG = "https://example.org/blog"


@pytest.fixture
def root_with_link(root):
    """Alpha has a second link, to a page elsewhere."""
    file = root / "papers" / "alpha.yaml"
    tree = textyaml.load(file.read_bytes())
    tree["links"].append(LINK)
    file.write_text(textyaml.dump(tree))
    return root


@pytest.fixture
def look(root_with_link, toy_world, workspace, settings, transport_to):
    """A visit to links and pages only; returns the proposals about alpha's links."""
    sources = {"links": SourceConfig(), "pages": SourceConfig(pages=(BLOG,))}
    config = settings.model_copy(update={"sources": sources, "candidates": Thresholds(relevance=0.0)})
    toy_world.pages.setdefault(BLOG, Page("<html><body><p>Nothing new.</p></body></html>"))

    def once() -> run.Report:
        catalog, transport = registry.load(root_with_link), transport_to()
        planned = run.plan(catalog, config, run.chosen(config, ["links", "pages"]), set())
        return run.propose(run.fetch(planned, transport), catalog, config, workspace)

    return once


def removals(report: run.Report) -> list[str]:
    return [str(op.old) for op in report.outcome.operations if op.kind == "remove"]


@pytest.mark.parametrize("status", [404, 410])
def test_a_link_is_dead_after_two_signs_a_week_apart(look, toy_world, clock, status):
    toy_world.pages[LINK] = Page("gone", status)
    assert removals(look()) == []
    clock.moment += timedelta(days=6)
    assert removals(look()) == []
    clock.moment += timedelta(days=2)
    assert removals(look()) == [LINK]


@pytest.mark.parametrize("status", [401, 403, 406, 429, 500, 503])
def test_a_refusal_or_a_fault_of_the_host_means_not_checked(look, toy_world, clock, workspace: Workspace, status):
    toy_world.pages[LINK] = Page("no", status)
    for _ in range(3):
        assert removals(look()) == []
        clock.moment += timedelta(days=8)
    assert f"link:{LINK}" not in workspace.visits().absent_since


def test_a_run_without_any_network_is_no_sign_of_anything():
    """Then no name is found at all."""
    lost = Failure(kind="no-such-host", message="no host named example.org", at=NOON)
    away = Exchange(request=ask(f"link:{LINK}", head=True), failure=lost)
    here = Exchange(
        request=ask("link:https://other.example.org/", head=True),
        answer=Answer(status=200, url="https://other.example.org/", fetched_at=NOON),
    )
    assert SOURCE.read([away]).observations == ()
    assert [seen.subject for seen in SOURCE.read([away, here]).observations] == [f"link:{LINK}"]


def test_a_link_that_works_again_starts_anew(look, toy_world, clock):
    toy_world.pages[LINK] = Page("gone", 404)
    look()
    clock.moment += timedelta(days=8)
    toy_world.pages[LINK] = Page("here I am")
    look()
    clock.moment += timedelta(days=8)
    toy_world.pages[LINK] = Page("gone", 404)
    assert removals(look()) == []


def test_a_new_link_on_a_watched_page_becomes_a_candidate_and_other_words_are_told(look, toy_world, workspace):
    look()
    toy_world.add(Preprint("2611.70001", "Injecting Knowledge into Vision-Language Models by Replay"))
    text = "We release a method for knowledge injection. " * 8
    toy_world.pages[BLOG] = Page(
        f"<html><body><main><p>{text} Paper: https://arxiv.org/abs/2611.70001 and code for knowledge injection into "
        f"vision-language models: https://github.com/lab/injection</p></main></body></html>"
    )
    report = look()
    assert report.changed_pages == (f"page:{BLOG}",)
    names = {name for op in report.outcome.operations if op.is_new_entry for name in op.names}
    assert {"arxiv:2611.70001", "github:lab/injection"} <= names
