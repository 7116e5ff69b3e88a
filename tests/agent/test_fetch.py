"""The transport's manners, over real HTTP on loopback with a clock that does not wait."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta

import pytest

from agent.fetch import FetchError, asked_wait, plain_address
from agent.guard import is_public
from agent.hosts import HostPolicy
from agent.messages import Answer, Request
from agent.rehearsal.world import Fault, Page, Repo

ARXIV = "https://export.arxiv.org/api/query?id_list=2505.24440"


def asking(url: str = ARXIV, **more: object) -> Request:
    return Request(source="test", purpose="update", url=url, **more)


def test_requests_to_arxiv_are_three_seconds_apart(transport, clock):
    for number in range(3):
        transport.fetch(asking(f"{ARXIV}{number}"))
    assert clock.slept == [3.0, 3.0]


def test_spacing_also_holds_between_two_runs(transport_to, clock):
    transport_to().fetch(asking())
    transport_to().fetch(asking())
    assert clock.slept == [3.0]


def test_the_contact_is_in_the_user_agent(transport, loopback):
    transport.fetch(asking())
    assert "https://example.org/contact" in loopback.log[0].headers["user-agent"]


@pytest.mark.parametrize("status", [406, 429, 503])
def test_a_busy_host_is_asked_again_after_what_retry_after_says(transport, clock, world, status):
    world.faults["export.arxiv.org"] = [Fault(status, {"Retry-After": "17"})]
    assert transport.fetch(asking()).status == 200
    assert 17.0 in clock.slept


def test_without_retry_after_waits_grow_and_are_jittered(transport, clock, world):
    world.faults["api.github.com"] = [Fault(503), Fault(503), Fault(503)]
    transport.fetch(asking("https://api.github.com/repos/a/b"))
    first, second, third = clock.slept
    assert 1 <= first <= 3
    assert 2 <= second <= 6
    assert 4 <= third <= 12


def test_a_host_that_stays_busy_is_left_alone_also_by_the_next_run(transport_to, clock, world, loopback):
    world.faults["export.arxiv.org"] = [Fault(429)] * 4
    with pytest.raises(FetchError, match="busy"):
        transport_to().fetch(asking())
    asked = len(loopback.log)
    with pytest.raises(FetchError, match="left alone until") as error:
        transport_to().fetch(asking())
    assert error.value.failure.kind == "cooling-down"
    assert len(loopback.log) == asked
    clock.moment += timedelta(minutes=16)
    assert transport_to().fetch(asking()).status == 200


def test_a_wait_longer_than_the_policy_becomes_a_cool_down(transport, clock, world):
    world.faults["api.github.com"] = [Fault(429, {"Retry-After": "3600"})]
    with pytest.raises(FetchError, match="busy"):
        transport.fetch(asking("https://api.github.com/repos/a/b"))
    assert 3600.0 not in clock.slept


def test_cool_downs_in_a_row_double(transport_to, clock, world):
    lengths = []
    for _ in range(2):
        world.faults["export.arxiv.org"] = [Fault(503)] * 4
        with pytest.raises(FetchError):
            transport_to().fetch(asking())
        until = transport_to().memory.host("export.arxiv.org").cool_down_until
        lengths.append((until - clock.now()).total_seconds())
        clock.moment = until
    assert lengths[1] == pytest.approx(2 * lengths[0], abs=2)


def test_the_budget_of_a_host_ends_the_questions(transport_to):
    transport = transport_to(policies={"export.arxiv.org": HostPolicy(budget=2)})
    transport.fetch(asking(ARXIV + "1"))
    transport.fetch(asking(ARXIV + "2"))
    with pytest.raises(FetchError, match="budget of 2 requests") as error:
        transport.fetch(asking(ARXIV + "3"))
    assert error.value.failure.kind == "budget"


def test_an_unchanged_answer_is_asked_for_conditionally_and_costs_no_bytes(transport_to, world, loopback):
    world.add(Repo("a/b", 7))
    first = transport_to().fetch(asking("https://api.github.com/repos/a/b"))
    again = transport_to()
    second = again.fetch(asking("https://api.github.com/repos/a/b"))
    assert loopback.log[-1].headers["if-none-match"] == first.headers["etag"]
    assert second.revalidated
    assert second.body == first.body
    assert again.usage["api.github.com"].bytes == 0


def test_a_changed_answer_replaces_the_kept_one(transport_to, world):
    world.add(Repo("a/b", 7, stars=1))
    transport_to().fetch(asking("https://api.github.com/repos/a/b"))
    world.repositories[0].stars = 2
    answer = transport_to().fetch(asking("https://api.github.com/repos/a/b"))
    assert '"stargazers_count": 2' in answer.body


FRESH = {"test": 20.0}
"""Hours in which the tests' source is not asked again."""


def test_within_its_window_a_source_is_not_asked_again_and_the_answer_says_when_it_was_heard(
    transport_to, clock, loopback
):
    first = transport_to(fresh=FRESH).fetch(asking())
    clock.moment += timedelta(hours=19)
    again = transport_to(fresh=FRESH)
    second = again.fetch(asking())
    assert len(loopback.log) == 1
    assert second.reused
    assert (second.body, second.fetched_at) == (first.body, first.fetched_at)
    assert (again.usage["export.arxiv.org"].requests, again.usage["export.arxiv.org"].reused) == (0, 1)
    clock.moment += timedelta(hours=2)
    assert not transport_to(fresh=FRESH).fetch(asking()).reused
    assert len(loopback.log) == 2


def test_without_a_window_every_question_is_asked(transport_to, loopback):
    transport_to(fresh=FRESH).fetch(asking())
    transport_to().fetch(asking())
    assert len(loopback.log) == 2


def test_a_not_modified_answer_is_young_again(transport_to, clock, world, loopback):
    world.add(Repo("a/b", 7))
    for hours in (0, 21, 10):
        clock.moment += timedelta(hours=hours)
        last = transport_to(fresh=FRESH).fetch(asking("https://api.github.com/repos/a/b"))
    assert len(loopback.log) == 2
    assert last.reused


def test_an_answer_that_was_not_believed_is_asked_for_within_the_window(transport_to, loopback):
    transport_to(fresh=FRESH).fetch(asking())
    transport_to(fresh=FRESH).fetch(asking(attempt=2))
    assert len(loopback.log) == 2


@pytest.mark.parametrize(("status", "body"), [(404, ""), (200, '{"data": {}, "errors": [{"type": "RATE_LIMITED"}]}')])
def test_refusals_and_answers_with_a_part_missing_are_not_kept(transport_to, world, loopback, status, body):
    world.faults["api.github.com"] = [Fault(status, {}, body)]
    question = asking("https://api.github.com/graphql", method="POST", body="{}", credential="github")
    transport_to(fresh=FRESH).fetch(question)
    world.faults["api.github.com"] = [Fault(200, {}, '{"data": {}}')]
    assert transport_to(fresh=FRESH).fetch(question).body == '{"data": {}}'
    assert transport_to(fresh=FRESH).fetch(question).reused
    assert len(loopback.log) == 2


def test_answers_that_nothing_has_asked_for_in_months_are_forgotten(transport_to, tmp_path):
    transport = transport_to(fresh=FRESH)
    transport.fetch(asking())
    (file,) = (tmp_path / "state" / "answers").iterdir()
    heard = file.stat().st_mtime
    transport.memory.tidy(datetime.fromtimestamp(heard - 10, UTC))
    assert file.exists()
    transport.memory.tidy(datetime.fromtimestamp(heard + 10, UTC))
    assert not file.exists()


def test_a_redirect_is_followed_and_its_way_is_kept(transport, world):
    world.add(Repo("new/name", 7, formerly=("old/name",)))
    answer = transport.fetch(asking("https://api.github.com/repos/old/name"))
    assert answer.redirects == ("https://api.github.com/repos/old/name",)
    assert answer.url == "https://api.github.com/repositories/7"


@pytest.mark.parametrize(
    "target", ["http://169.254.169.254/latest/meta-data", "http://127.0.0.1:9/x", "http://10.0.0.1/", "http://[::1]/"]
)
def test_a_redirect_into_a_private_network_is_refused(transport, world, target):
    world.pages["https://example.org/page"] = Page("", 302, location=target)
    with pytest.raises(FetchError, match="not on the public internet") as error:
        transport.fetch(asking("https://example.org/page", patience=1))
    assert error.value.failure.kind == "refused"


def test_a_redirect_to_another_kind_of_address_is_refused(transport, world):
    world.pages["https://example.org/page"] = Page("", 302, location="file:///etc/passwd")
    with pytest.raises(FetchError, match="not a plain web address"):
        transport.fetch(asking("https://example.org/page"))


def test_redirects_in_a_circle_end(transport, world):
    world.pages["https://example.org/a"] = Page("", 302, location="/a")
    with pytest.raises(FetchError, match="redirects more than 5 times"):
        transport.fetch(asking("https://example.org/a"))


def test_loopback_is_refused_unless_it_is_an_endpoint(transport):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with pytest.raises(FetchError, match="not on the public internet"):
            transport.fetch(asking(f"http://127.0.0.1:{listener.getsockname()[1]}/", patience=1))


def test_a_name_that_changes_its_address_after_the_look_up_is_caught(transport, monkeypatch):
    """DNS rebinding: the look-up says public, the connection goes to loopback."""
    real = socket.getaddrinfo
    seen = iter([[(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 80))]])
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda *a, **k: next(seen, None) or real("127.0.0.1", port, *a[2:], **k)
        )
        with pytest.raises(FetchError, match="not on the public internet"):
            transport.fetch(asking(f"http://rebound.example:{port}/", patience=1))


@pytest.mark.parametrize(
    "address",
    ["10.1.2.3", "192.168.0.1", "169.254.169.254", "127.0.0.1", "::1", "fe80::1", "fc00::1", "::ffff:10.0.0.1",
     "64:ff9b::a00:1", "0.0.0.0", "100.64.0.1", "224.0.0.1"],  # noqa: S104
)  # fmt: skip
def test_addresses_off_the_public_internet_are_known(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["140.82.112.6", "2606:50c0:8000::154"])
def test_public_addresses_pass(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "url", ["ftp://a.b/c", "file:///x", "https://user:pw@example.org/", "https:///x", "javascript:x"]
)
def test_only_plain_web_addresses_are_asked(url):
    assert not plain_address(url)


def test_an_answer_that_is_too_large_is_dropped(transport_to, world):
    world.pages["https://example.org/big"] = Page("x" * 5000)
    with pytest.raises(FetchError, match="larger than 1000 bytes") as error:
        transport_to(policies={"example.org": HostPolicy(max_bytes=1000)}).fetch(asking("https://example.org/big"))
    assert error.value.failure.kind == "too-large"


def test_a_host_that_does_not_exist_is_told_from_one_that_does_not_answer(transport, monkeypatch):
    def nobody(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    with pytest.raises(FetchError, match=r"no host named nowhere\.example") as error:
        transport.fetch(asking("https://nowhere.example/", patience=1))
    assert error.value.failure.kind == "no-such-host"


def test_a_name_service_that_does_not_answer_says_nothing_about_the_name(transport, monkeypatch):
    def busy(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", busy)
    with pytest.raises(FetchError) as error:
        transport.fetch(asking("https://nowhere.example/", patience=1))
    assert error.value.failure.kind == "unreachable"


def test_a_token_goes_to_its_host_only_and_never_comes_back(transport_to, world, loopback):
    token = "ghp_" + "S3cret" * 6
    world.pages["https://example.org/echo"] = Page(f"you sent {token} and Bearer abcdefghijklmnopqrstuvwxyz012345")
    transport = transport_to(tokens={"github": token})
    transport.fetch(asking("https://api.github.com/repos/a/b", credential="github"))
    assert loopback.log[-1].headers["authorization"] == f"Bearer {token}"
    answer = transport.fetch(asking("https://example.org/echo"))
    assert "authorization" not in loopback.log[-1].headers
    assert token not in answer.model_dump_json()
    assert "abcdefghijklmnop" not in answer.body
    world.pages["https://example.org/away"] = Page("", 302, location="https://other.example.org/x")
    transport.fetch(asking("https://example.org/away", credential="github"))
    assert "authorization" not in loopback.log[-1].headers


def test_a_token_does_not_follow_a_redirect_to_another_host(transport_to, world, loopback):
    world.faults["api.github.com"] = [Fault(302, {"Location": "https://example.org/steal"})]
    transport_to(tokens={"github": "secret-token"}).fetch(asking("https://api.github.com/x", credential="github"))
    assert "authorization" not in loopback.log[-1].headers


def answer(status: int, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, url="https://x", headers=named, fetched_at="2026-11-25T03:00:00Z")


def test_what_hosts_ask_to_wait_is_understood(clock):
    now = clock.now()
    assert asked_wait(answer(429, retry_after="30"), now) == 30
    assert asked_wait(answer(503, retry_after="Wed, 25 Nov 2026 03:01:00 GMT"), now) == 60
    reset = str(int(now.timestamp()) + 90)
    assert asked_wait(answer(403, x_ratelimit_remaining="0", x_ratelimit_reset=reset), now) == 91
    assert asked_wait(answer(429, ratelimit='"api";r=0;t=55'), now) == 55
    assert asked_wait(answer(403), now) == 60
    assert asked_wait(answer(503), now) is None


def test_githubs_secondary_limit_is_waited_out(transport, clock, world):
    world.faults["api.github.com"] = [Fault(403, {}, '{"message": "You have exceeded a secondary rate limit."}')]
    transport.fetch(asking("https://api.github.com/repos/a/b"))
    assert 60.0 in clock.slept


def test_a_refusal_for_other_reasons_is_an_answer(transport, world):
    world.faults["api.github.com"] = [Fault(403, {}, '{"message": "Resource not accessible"}')]
    assert transport.fetch(asking("https://api.github.com/repos/a/b")).status == 403
