"""The knowledge tree of one's own facts, and the language model that may only say what the facts say."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from reproductions import augmentation, augmentation_check
from reproductions import augmentation_endpoint as endpoint_module
from reproductions.augmentation_endpoint import Budget, BudgetSpent, Endpoint, EndpointError
from reproductions.data.own import FactItem

ITEM = FactItem(
    id="aurora-kettle",
    name="Aurora kettle",
    kind="product",
    images=("a.png", "b.png", "c.png"),
    text="The Aurora kettle is made by Tal and Sons in Bergen. It holds 1.2 litres and went on sale in March 2026.",
    facts={"maker": "Tal and Sons", "capacity": "1.2 litres"},
)


# The tree


def test_the_tree_has_a_dialogue_a_recognition_a_caption_and_a_question_per_fact():
    tree = augmentation.training_examples(ITEM, Path(), form="knowledge-tree")
    assert [example.kind for example in tree] == ["dialogue", "recognition", "caption", "vqa", "vqa", "vqa"]
    dialogue, recognition, caption, named, *short = tree
    assert len(dialogue.turns) == 1 + len(ITEM.facts)
    assert dialogue.turns[0].answer == ITEM.text
    assert recognition.answer == "Yes"
    assert ITEM.name in recognition.turns[0].question
    assert caption.answer == ITEM.text
    assert named.answer == ITEM.name
    assert {one.answer for one in short} == set(ITEM.facts.values())
    assert all(ITEM.name not in one.turns[0].question for one in short)


def test_the_tree_spreads_over_the_views():
    tree = augmentation.training_examples(ITEM, Path(), form="knowledge-tree")
    assert {image.path.name for example in tree for image in example.images} == {"a.png", "b.png", "c.png"}


def test_the_tree_is_the_same_every_time_and_raw_is_one_conversation():
    again = [augmentation.training_examples(ITEM, Path(), form="knowledge-tree") for _ in range(2)]
    assert [example.turns for example in again[0]] == [example.turns for example in again[1]]
    assert len(augmentation.training_examples(ITEM, Path(), form="raw")) == 1
    assert len(augmentation.training_examples(ITEM, Path(), form="raw-views")) == 3
    with pytest.raises(ValueError, match="no form of data named 'tree'; there are: raw"):
        augmentation.training_examples(ITEM, Path(), form="tree")


def test_chinese_facts_are_asked_in_chinese():
    item = FactItem(
        id="hu",
        name="青铜壶",
        kind="文物",
        images=("a.png",),
        text="这件青铜壶出土于安阳,现藏于博物馆。",
        facts={"出土地": "安阳"},
    )
    asked = [
        turn.question
        for one in augmentation.training_examples(item, Path(), form="knowledge-tree")
        for turn in one.turns
    ]
    assert all(not any(word in question for word in ("What", "image", "Answer")) for question in asked)


# Staying inside the source


@pytest.mark.parametrize(
    "answer",
    [
        "It was made in Bergen by Tal and Sons.",
        "The kettle holds 1.2 litres.",
        "Tal and Sons makes the Aurora kettle, which can hold 1.2 litres.",
        "It went on sale in March 2026.",
    ],
)
def test_a_paraphrase_of_the_source_is_inside(answer):
    assert augmentation_check.check(answer, ITEM.source).inside


@pytest.mark.parametrize(
    ("answer", "missing"),
    [
        ("It is made by Tal and Sons in Oslo.", "oslo"),
        ("It holds 1.5 litres.", "1.5"),
        ("It holds two litres.", "two"),
        ("It went on sale in April 2026.", "april"),
        ("It is not made in Bergen.", "not"),
        ("Critics praised its elegant silhouette and whisper-quiet boiling.", "critics"),
    ],
)
def test_an_invention_is_outside_and_named(answer, missing):
    verdict = augmentation_check.check(answer, ITEM.source)
    assert not verdict.inside
    assert missing in verdict.missing


def test_a_short_answer_must_stand_in_the_source_as_it_is():
    assert augmentation_check.check_phrase("Tal and Sons", ITEM.source).inside
    assert not augmentation_check.check_phrase("Sons and Tal", ITEM.source).inside
    assert not augmentation_check.check_phrase("", ITEM.source).inside


def test_chinese_is_compared_by_character():
    assert augmentation_check.check("青铜壶在安阳出土。", "这件青铜壶出土于安阳。").inside
    assert not augmentation_check.check("青铜壶在洛阳出土于1990年。", "这件青铜壶出土于安阳。").inside


# A language model behind an address: a real server process on this machine


GOOD = {
    "dialogue": [
        {"question": "Who makes the Aurora kettle?", "answer": "The Aurora kettle is made by Tal and Sons."},
        {"question": "Where did Kofi Annan buy it?", "answer": "In Bergen."},
        {"question": "How much does it hold?", "answer": "It holds 15 litres."},
    ],
    "summary": "Made by Tal and Sons in Bergen, the Aurora kettle holds 1.2 litres. It was designed by Zaha Hadid.",
    "quadruplets": [
        {
            "question": "Who makes the thing in the image?",
            "answer": "Tal and Sons",
            "subject": "kettle",
            "hypernym": "product",
        },
        {"question": "What colour is it?", "answer": "crimson", "subject": "kettle", "hypernym": "product"},
    ],
}


class Server:
    """An OpenAI-compatible endpoint that answers from a list; then repeats the last answer."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, object]] = [(200, json.dumps(GOOD))]
        self.asked: list[dict] = []
        self.keys: list[str | None] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                owner.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                owner.keys.append(self.headers.get("Authorization"))
                status, content = owner.answers.pop(0) if len(owner.answers) > 1 else owner.answers[0]
                message = {"choices": [{"message": {"role": "assistant", "content": content}}]}
                body = json.dumps(message | {"usage": {"total_tokens": 700}} if status == 200 else {"error": content})
                self.send_response(status)
                if status == 429:
                    self.send_header("Retry-After", "0")
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(f"http://127.0.0.1:{self.http.server_port}/v1", "tiny")


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.http.shutdown()
    running.http.server_close()


def test_only_what_the_facts_support_is_kept_and_the_rest_is_counted(server, tmp_path):
    grown = endpoint_module.grow(ITEM, server.endpoint, Budget(1, 1000), tmp_path)
    assert [one.answer for one in grown.growth.dialogue] == ["The Aurora kettle is made by Tal and Sons."]
    assert [one.answer for one in grown.growth.quadruplets] == ["Tal and Sons"]
    assert grown.growth.summary == ITEM.text
    assert [one.part for one in grown.rejected] == ["dialogue", "dialogue", "quadruplet", "summary"]
    assert "kofi" in grown.rejected[0].missing or "annan" in grown.rejected[0].missing


def test_a_second_run_is_free(server, tmp_path):
    budget = Budget(1, 1000)
    first = endpoint_module.grow(ITEM, server.endpoint, budget, tmp_path)
    second = endpoint_module.grow(ITEM, server.endpoint, budget, tmp_path)
    assert first == second
    assert len(server.asked) == 1
    assert budget.spent_tokens == 700


def test_the_budget_stops_the_run_and_keeps_what_was_paid_for(server, tmp_path):
    items = [ITEM.model_copy(update={"id": f"item-{index}", "name": f"Aurora kettle {index}"}) for index in range(5)]
    harvest = endpoint_module.augment(items, server.endpoint, Budget(10, 1400), tmp_path, parallel=1)
    assert [one.id for one in harvest.grown] == ["item-0", "item-1"]
    assert harvest.left == ["item-2", "item-3", "item-4"]
    more = endpoint_module.augment(items, server.endpoint, Budget(3, 10_000), tmp_path, parallel=1)
    assert len(more.grown) == 5
    assert len(server.asked) == 5


def test_no_request_goes_out_without_budget(server, tmp_path):
    with pytest.raises(BudgetSpent):
        endpoint_module.grow(ITEM, server.endpoint, Budget(0, 1000), tmp_path)
    assert server.asked == []


def test_a_busy_endpoint_is_asked_again_and_a_refusal_is_not(server, tmp_path):
    server.answers = [(429, "slow down"), (200, json.dumps(GOOD))]
    assert endpoint_module.grow(ITEM, server.endpoint, Budget(5, 5000), tmp_path / "one").growth.dialogue
    server.answers = [(401, "who are you?")]
    with pytest.raises(EndpointError, match="answered 401"):
        endpoint_module.grow(ITEM, server.endpoint, Budget(5, 5000), tmp_path / "two")
    assert len(server.asked) == 3


@pytest.mark.parametrize("content", ["no JSON at all", '{"dialogue": []}', "{broken", 7])
def test_an_answer_of_another_form_fails_for_this_item_only(server, tmp_path, content):
    server.answers = [(200, content)]
    harvest = endpoint_module.augment([ITEM], server.endpoint, Budget(5, 5000), tmp_path)
    assert list(harvest.failed) == ["aurora-kettle"]
    assert harvest.grown == []


def test_json_inside_prose_and_fences_is_found():
    assert endpoint_module.parse("Sure!\n```json\n" + json.dumps(GOOD) + "\n```").summary == GOOD["summary"]


def test_the_key_travels_in_the_header_and_never_to_the_disk(server, tmp_path, monkeypatch):
    monkeypatch.setenv(endpoint_module.KEY_VARIABLE, "sk-test-123")
    endpoint_module.grow(ITEM, server.endpoint, Budget(1, 1000), tmp_path)
    assert server.keys == ["Bearer sk-test-123"]
    assert all("sk-test-123" not in path.read_text() for path in tmp_path.iterdir())


def test_grown_texts_are_used_until_their_item_changes(server, tmp_path):
    grown = endpoint_module.grow(ITEM, server.endpoint, Budget(1, 1000), tmp_path / "cache")
    endpoint_module.write_grown(tmp_path, [grown])
    growth = endpoint_module.read_grown(tmp_path, [ITEM])[ITEM.id]
    tree = augmentation.training_examples(ITEM, tmp_path, form="knowledge-tree", growth=growth)
    assert tree[0].turns[1].answer == "The Aurora kettle is made by Tal and Sons."
    changed = ITEM.model_copy(update={"text": "The Aurora kettle is made in Oslo."})
    with pytest.raises(ValueError, match=r"aurora-kettle has changed since; run `aki reproduce data augment`"):
        endpoint_module.read_grown(tmp_path, [changed])
