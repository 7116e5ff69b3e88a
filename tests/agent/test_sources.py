"""Each source against a made-up world over real HTTP, and against real recorded answers where they are at hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from agent.messages import Answer, Exchange, Request
from agent.rehearsal.world import Asset, Fault, Preprint, Repo
from agent.source import Settings, Watched, load, names
from agent.visit import ask, read_all

RECORDED = Path(__file__).parents[2].parent / "shared" / "recorded"
real_answers = pytest.mark.skipif(
    not RECORDED.exists(), reason="no folder ../shared/recorded with real recorded answers beside this checkout"
)
AT = "2026-11-25T03:00:00Z"


def watch(*subjects: str) -> list[Watched]:
    return [Watched(subject, f"papers/p{number}") for number, subject in enumerate(subjects)]


def visit(transport, name, watched, **settings):
    source = load(name)
    if "credentials" not in settings:
        settings["credentials"] = set(transport.tokens)
    exchanges = ask(source, source.plan(watched, Settings(**settings)), transport.exchange)
    return source.read(exchanges), exchanges


def seen(reading, subject, field):
    return [o.value for o in reading.observations if (o.subject, o.field) == (subject, field)]


@pytest.mark.parametrize("name", names())
def test_every_source_asks_nothing_when_nothing_is_watched_and_reads_nothing_from_silence(name):
    source = load(name)
    assert source.name == name
    assert source.title
    assert source.plan([], Settings()) == ()
    assert source.read([]).observations == ()


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("body", ["", "null", "[]", "{}", "<html>busy</html>", '{"data": null}', "\x00"])
def test_no_source_chokes_on_a_strange_answer(name, body):
    source = load(name)
    watched = watch("arxiv:2505.24440", "github:a/b", "huggingface:datasets/a/b", "link:https://example.org/x")
    plan = source.plan(watched, Settings(pages=("https://example.org/blog",), credentials={"github"}))
    answer = Answer(status=200, url="https://x", body=body, fetched_at=AT)
    for request in plan:
        source.follow(Exchange(request=request, answer=answer))
    reading = read_all([source], {name: [Exchange(request=request, answer=answer) for request in plan]})[name]
    assert all("could not be read" not in problem for problem in reading.problems)


# arXiv


def test_three_hundred_papers_need_two_requests(transport, world):
    world.add(*(Preprint(f"2601.{n:05d}", f"Paper {n}") for n in range(300)))
    reading, exchanges = visit(transport, "arxiv", watch(*(f"arxiv:2601.{n:05d}" for n in range(300))))
    assert len(exchanges) == 2
    assert len(reading.answered) == 300
    assert max(len(e.request.url) for e in exchanges) < 2100


def test_a_paper_that_arxiv_does_not_return_is_reported_missing(transport, world):
    world.add(Preprint("2505.24440", "Evolving knowledge"))
    reading, _ = visit(transport, "arxiv", watch("arxiv:2505.24440", "arxiv:2505.99999"))
    assert reading.answered == ("arxiv:2505.24440",)
    assert reading.missing == ("arxiv:2505.99999",)


def test_one_refused_id_does_not_sink_the_batch(transport, world, monkeypatch):
    """The id looks right to us and wrong to arXiv: halves are asked until it stands alone."""
    world.add(*(Preprint(f"2601.{n:05d}", f"Paper {n}") for n in range(8)))
    monkeypatch.setattr("agent.sources.arxiv.wrong", lambda *_: None)
    subjects = [f"arxiv:2601.{n:05d}" for n in range(8)] + ["arxiv:abc"]
    reading, exchanges = visit(transport, "arxiv", watch(*subjects))
    assert len(reading.answered) == 8
    assert any("abc" in problem for problem in reading.problems)
    assert [e.answer.status for e in exchanges].count(400) <= 5


def test_an_empty_page_is_not_believed_at_once(transport, world):
    world.add(Preprint("2505.24440", "Evolving knowledge"))
    empty = (
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">'
        "<opensearch:totalResults>0</opensearch:totalResults></feed>"
    )
    world.faults["export.arxiv.org"] = [Fault(200, {}, empty)]
    reading, exchanges = visit(transport, "arxiv", watch("arxiv:2505.24440"))
    assert len(exchanges) == 2
    assert reading.answered == ("arxiv:2505.24440",)
    assert reading.missing == ()


def test_the_authors_of_a_known_paper_are_read_in_their_order(transport, world):
    world.add(Preprint("2505.24440", "Evolving knowledge", authors=("Zoë Ångström", "An Lee")))
    reading, _ = visit(transport, "arxiv", watch("arxiv:2505.24440"))
    assert seen(reading, "arxiv:2505.24440", "authors") == [["Zoë Ångström", "An Lee"]]
    (told,) = [one.evidence for one in reading.observations if one.field == "authors"]
    assert (told.locator, told.quote) == ("entry/author", "Zoë Ångström, An Lee")


def test_what_arxiv_says_about_a_paper_is_read_with_its_words(transport, world):
    world.add(
        Preprint(
            "2505.24440", "Evolving  knowledge", version=3, doi="10.1145/1234567.1234568",
            comment="Accepted to ICLR 2026; code at https://github.com/EVOKE-LMM/EVOKE.",
            journal_ref="Proceedings of the International Conference on Learning Representations, 2026",
        )
    )  # fmt: skip
    reading, _ = visit(transport, "arxiv", watch("arxiv:2505.24440"))
    subject = "arxiv:2505.24440"
    assert seen(reading, subject, "title") == ["Evolving knowledge"]
    assert seen(reading, subject, "version") == ["v3"]
    assert seen(reading, subject, "venue") == ["ICLR 2026", "ICLR 2026"]
    assert seen(reading, subject, "doi") == ["10.1145/1234567.1234568"]
    assert seen(reading, subject, "code") == ["EVOKE-LMM/EVOKE"]
    assert {o.rung for o in reading.observations if o.field == "venue"} == {"journal-ref", "comment"}
    for observation in reading.observations:
        assert observation.evidence.quote in observation.excerpt
        assert observation.evidence.url == "https://arxiv.org/abs/2505.24440"


def test_a_withdrawn_paper_is_known_by_its_words(transport, world):
    world.add(
        Preprint(
            "2601.00001",
            "Gone",
            version=2,
            comment="This paper has been withdrawn by the authors due to an error in Section 3.",
        )
    )
    world.add(Preprint("2601.00002", "Money", abstract="We study how cash is withdrawn from machines."))
    reading, _ = visit(transport, "arxiv", watch("arxiv:2601.00001", "arxiv:2601.00002"))
    assert seen(reading, "arxiv:2601.00001", "withdrawn") == ["v2"]
    assert seen(reading, "arxiv:2601.00002", "withdrawn") == []


def test_a_saved_query_brings_listings_page_by_page(transport, world):
    numbers = [f"2602.{n:05d}" for n in range(130)]
    world.add(*(Preprint(number, f"New {number}", abstract="On forgetting.") for number in numbers))
    world.found["all:forgetting"] = numbers
    reading, exchanges = visit(transport, "arxiv", [], queries=("all:forgetting",), query_results=120)
    assert len(exchanges) == 2
    listings = [o for o in reading.observations if o.field == "listing"]
    assert len(listings) == 120
    assert listings[0].value["abstract"] == "On forgetting."


# GitHub


def test_a_hundred_and_twenty_repositories_need_two_queries(transport_to, world):
    world.add(*(Repo(f"owner/repo{n}", n + 1, stars=n) for n in range(120)))
    transport = transport_to(tokens={"github": "test-token-0001"})
    reading, exchanges = visit(transport, "github", watch(*(f"github:owner/repo{n}" for n in range(120))))
    assert len(exchanges) == 2
    assert seen(reading, "github:owner/repo77", "stars") == ["77"]


def test_what_github_says_about_a_repository_is_read(transport_to, world):
    world.add(
        Repo("new/name", 42, stars=1234, archived=True, licence="Apache-2.0", release="v1.2", formerly=("old/name",))
    )
    reading, _ = visit(transport_to(tokens={"github": "test-token-0001"}), "github", watch("github:old/name"))
    values = {o.field: o.value for o in reading.observations}
    assert values == {
        "stars": "1234", "full_name": "new/name", "numeric_id": "42", "licence": "Apache-2.0", "state": "archived",
        "last_push": "2026-05-01", "release": "v1.2", "commit": "0123456789abcdef0123456789abcdef01234567",
    }  # fmt: skip


def test_rest_and_graphql_say_the_same(transport_to, transport, world):
    world.add(Repo("new/name", 42, stars=1234, licence=None, formerly=("old/name",)))
    with_token, _ = visit(transport_to(tokens={"github": "test-token-0001"}), "github", watch("github:old/name"))
    without, _ = visit(transport, "github", watch("github:old/name"))
    common = {"stars", "full_name", "numeric_id", "licence", "state", "last_push"}
    assert {o.field: o.value for o in with_token.observations if o.field in common} == {
        o.field: o.value for o in without.observations
    }
    assert seen(without, "github:old/name", "licence") == ["none"]


def test_a_missing_repository_does_not_hide_the_others_and_is_tried_by_number(transport_to, world):
    world.add(Repo("here/one", 1), Repo("moved/away", 2))
    watched = [Watched("github:here/one", "repositories/a"), Watched("github:lost/name", "repositories/b", hint="2"),
               Watched("github:never/was", "repositories/c")]  # fmt: skip
    reading, exchanges = visit(transport_to(tokens={"github": "test-token-0001"}), "github", watched)
    assert len(exchanges) == 2
    assert seen(reading, "github:lost/name", "full_name") == ["moved/away"]
    assert reading.missing == ("github:never/was",)
    assert seen(reading, "github:never/was", "absent") == ["not-found"]


def test_when_graphql_is_refused_repositories_are_asked_one_by_one(transport_to, world):
    world.add(Repo("a/b", 1, stars=5), Repo("c/d", 2, stars=6))
    world.faults["api.github.com"] = [Fault(401, {}, '{"message": "Bad credentials"}')]
    reading, exchanges = visit(
        transport_to(tokens={"github": "test-token-0001"}), "github", watch("github:a/b", "github:c/d")
    )
    assert len(exchanges) == 3
    assert seen(reading, "github:c/d", "stars") == ["6"]
    assert any("refused with HTTP 401" in problem for problem in reading.problems)


def test_without_a_token_no_more_than_fifty_are_asked_the_longest_unchecked_first(transport, world):
    watched = [Watched(f"github:o/r{n}", f"repositories/r{n}", checked=f"2026-01-{n % 28 + 1:02d}") for n in range(80)]
    plan = load("github").plan(watched, Settings())
    assert len(plan) == 50
    assert plan[0].subjects == ("github:o/r0",)


# Hugging Face


def test_assets_of_one_author_need_one_request(transport_to, world):
    world.add(Asset("datasets", "lab/one", gated="auto"), Asset("datasets", "lab/two"), Asset("models", "else/three"))
    watched = watch("huggingface:datasets/lab/one", "huggingface:datasets/lab/two", "huggingface:else/three")
    reading, exchanges = visit(transport_to(tokens={"huggingface": "test-token-0002"}), "huggingface", watched)
    assert len(exchanges) == 2
    assert seen(reading, "huggingface:datasets/lab/one", "gated") == ["auto"]
    assert seen(reading, "huggingface:datasets/lab/two", "revision") == ["aabbccddeeff00112233445566778899aabbccdd"]
    assert seen(reading, "huggingface:else/three", "licence") == ["cc-by-4.0"]


def test_an_asset_missing_from_its_authors_list_is_asked_for_by_name(transport_to, world):
    world.add(Asset("datasets", "lab/one"))
    watched = watch("huggingface:datasets/lab/one", "huggingface:datasets/lab/gone")
    reading, exchanges = visit(transport_to(tokens={"huggingface": "test-token-0002"}), "huggingface", watched)
    assert len(exchanges) == 2
    assert reading.missing == ("huggingface:datasets/lab/gone",)
    assert seen(reading, "huggingface:datasets/lab/gone", "absent") == ["not-found"]


def test_an_anonymous_401_means_not_checked(transport, world):
    reading, _ = visit(transport, "huggingface", watch("huggingface:datasets/lab/secret"))
    assert reading.observations == ()
    assert reading.missing == ("huggingface:datasets/lab/secret",)
    assert reading.answered == ()


def test_the_hubs_paper_page_names_the_code_a_rung_below_the_paper_itself(transport, world):
    world.hub_papers["2505.24440"] = {
        "id": "2505.24440",
        "githubRepo": "https://github.com/EVOKE-LMM/EVOKE",
        "upvotes": 3,
    }
    reading, _ = visit(transport, "huggingface", watch("huggingface:papers/2505.24440"))
    assert [(o.subject, o.value, o.rung) for o in reading.observations] == [
        ("arxiv:2505.24440", "EVOKE-LMM/EVOKE", "hub")
    ]


# Real recorded answers


def recorded(name: str, subjects: tuple[str, ...] = (), **more: object) -> Exchange:
    content = json.loads((RECORDED / name).read_text())
    request = Request(source="arxiv", purpose="update", url=content["url"], subjects=subjects, **more)
    return Exchange(
        request=request,
        answer=Answer(status=content["status_code"], url=content["url"], body=content["body"], fetched_at=AT),
    )


@real_answers
def test_arxivs_real_partial_batch_names_the_missing_paper():
    name = "arxiv/id_0808.05394_1707.08567_s0_m100_42e5aa0ec3af.json"
    reading = load("arxiv").read([recorded(name, ("arxiv:0808.05394", "arxiv:1707.08567"))])
    assert reading.answered == ("arxiv:1707.08567",)
    assert reading.missing == ("arxiv:0808.05394",)


@real_answers
def test_arxivs_real_error_feed_is_halved_or_reported():
    alone = recorded("arxiv/id_abc_s0_m100_b79c8dcf6bc3.json", ("arxiv:abc",))
    assert load("arxiv").follow(alone) == ()
    assert "abc" in load("arxiv").read([alone]).problems[0]
    batch = recorded("arxiv/id_abc_s0_m100_b79c8dcf6bc3.json", ("arxiv:abc", "arxiv:1707.08567"))
    assert [r.subjects for r in load("arxiv").follow(batch)] == [("arxiv:abc",), ("arxiv:1707.08567",)]


@real_answers
def test_arxivs_real_old_style_id_keeps_its_archive():
    reading = load("arxiv").read(
        [recorded("arxiv/id_astro-ph_0601001_s0_m100_3150dca9dc76.json", ("arxiv:astro-ph/0601001",))]
    )
    assert reading.answered == ("arxiv:astro-ph/0601001",)


@real_answers
def test_arxivs_real_query_pages_become_listings():
    first = recorded("arxiv/q_testing_s0_m100_cfe7536492ca.json")
    first = first.model_copy(update={"request": first.request.model_copy(
        update={"purpose": "discover", "hints": {"query": "testing", "start": "0", "limit": "200"}})})  # fmt: skip
    reading = load("arxiv").read([first])
    assert len(reading.observations) == 100
    assert all(o.value["title"] and o.value["abstract"] for o in reading.observations)
    assert "start=100" in load("arxiv").follow(first)[0].url


@real_answers
def test_githubs_real_renamed_repository_is_found_by_its_new_name():
    steps = json.loads((RECORDED / "github/rename-repository.json").read_text())
    final = next(step for step in steps if (step["method"], step["path"]) == ("get", "/repositories/1000"))
    subject = "github:octokit-fixture-org/rename-repository"
    request = Request(source="github", purpose="update", url="https://api.github.com/repos/x/y", subjects=(subject,))
    answer = Answer(
        status=200, url="https://api.github.com/repositories/1000", body=json.dumps(final["response"]), fetched_at=AT
    )
    reading = load("github").read([Exchange(request=request, answer=answer)])
    assert seen(reading, subject, "full_name") == ["octokit-fixture-org/rename-repository-newname"]
    assert seen(reading, subject, "numeric_id") == ["1000"]
    assert seen(reading, subject, "state") == ["active"]


@real_answers
def test_githubs_real_repository_is_read():
    step = json.loads((RECORDED / "github/get-repository.json").read_text())[0]
    request = Request(
        source="github",
        purpose="update",
        url="https://api.github.com/x",
        subjects=("github:octokit-fixture-org/hello-world",),
    )
    answer = Answer(status=200, url="https://api.github.com/x", body=json.dumps(step["response"]), fetched_at=AT)
    reading = load("github").read([Exchange(request=request, answer=answer)])
    assert seen(reading, "github:octokit-fixture-org/hello-world", "full_name") == ["octokit-fixture-org/hello-world"]


@real_answers
@pytest.mark.skipif("semantic_scholar" not in names(), reason="the source is not there")
def test_semantic_scholars_real_batch_leaves_a_null_for_an_unknown_paper():
    text = (RECORDED / "semantic-scholar/test_get_papers_not_found_warning.yaml").read_text()
    interaction = yaml.safe_load(text)["interactions"][0]
    subjects = ("arxiv:1", "arxiv:2", "arxiv:3", "arxiv:4")
    request = Request(
        source="semantic_scholar", purpose="update", method="POST", url=interaction["request"]["uri"], subjects=subjects
    )
    answer = Answer(status=200, url="https://x", body=interaction["response"]["body"]["string"], fetched_at=AT)
    reading = load("semantic_scholar").read([Exchange(request=request, answer=answer)])
    assert "arxiv:1" in reading.missing
    assert reading.answered
