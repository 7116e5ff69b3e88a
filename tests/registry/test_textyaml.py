"""Text YAML: what is refused, how lines are found, and that the canonical form survives everything."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from registry_random import Maker
from registry_samples import paper, text

from registry import textyaml
from registry.schema import KINDS, Cell, KnownIssue, Paper
from registry.textyaml import UnreadableError


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("a: 1\na: 2\n", "line 2: field 'a' stands twice"),
        ("a: {b: 1, b: 2}\n", "line 1: field 'b' stands twice"),
        ("a: &x 1\n", "line 1: an anchor"),
        ("a: [&x 1, *x]\n", "an anchor"),
        ("b: *x\n", "an alias"),
        ("a: !!python/object/apply:os.system ['true']\n", "a tag"),
        ("a: !include x\n", "a tag"),
        ("%YAML 1.1\n---\na: 1\n", "a directive"),
        ("a: 1\n---\nb: 2\n", "another document"),
        ("a: 1 # why\n", "line 1: a comment is not kept"),
        ("# why\na: 1\n", "a comment is not kept"),
        ("a: >-\n  text\n# why\nb: 1\n", "line 3: a comment is not kept"),
        ("", "the file is empty"),
        ("- a\n", "not a mapping"),
        ("just words\n", "not a mapping"),
        ("a: [\n", "not YAML"),
        ("a: 'b\n", "not YAML"),
        ("\ta: 1\n", "not YAML"),
        ("a: \x07\n", "U+0007 is not allowed"),
        ("? [a]\n: b\n", "must be a word"),
        ("[" * 5000, "not YAML"),
        ("- " * 5000, "not a mapping"),
        ("a: " + "[" * 5000, "not YAML"),
        ("a:\n" + "".join(f"{' ' * n}- \n" for n in range(1, 300)), "levels deep"),
        ("a: " + "[" * 20 + "]" * 20, "levels deep"),
        ("a: \ud800\n", "not YAML"),
        (b"\xff\xfea\x00", "byte 0xff is not UTF-8"),
        (b"a: 1\nb: \xe4\n", "line 2: byte 0xe4 is not UTF-8"),
        (b"\xef\xbb\xbfa: 1\n", "byte order mark"),
        ("a: " + "x" * 1_000_001, "larger than"),
    ],
)
def test_hostile_text_gets_one_line(source, says):
    with pytest.raises(UnreadableError) as caught:
        textyaml.load(source)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_billion_laughs_are_refused_before_they_are_expanded():
    rows = ["a0: &a0 lol", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10))]
    with pytest.raises(UnreadableError, match="anchor"):
        textyaml.load("\n".join(rows))


def test_scalars_stay_the_text_that_stands_there():
    tree = textyaml.load("arxiv: 2505.24440\nanswer: no\ntime: 1:30\nsmall: 5e-3\nempty:\nyear: 0x10\n")
    expected = {"arxiv": "2505.24440", "answer": "no", "time": "1:30", "small": "5e-3", "empty": "", "year": "0x10"}
    assert tree == expected


@pytest.mark.parametrize(
    "value", ["a & b", "C# 7", "100 % sure!", "x *y* z", "https://x.org/?a=1&b=2#c", "'#1'", "-1 # 2"]
)
def test_marks_that_only_look_like_yaml_are_text(value):
    assert textyaml.load(textyaml.dump({"a": value})) == {"a": value}


def test_line_of_finds_the_line_of_a_field():
    source = textyaml.dump(paper())
    lines = source.splitlines()
    for steps, start in ((("venue", "checked"), "  checked:"), (("links", 0), "  - https"), (("nothing",), "id:")):
        line = textyaml.line_of(source, steps)
        assert line is not None
        assert lines[line - 1].startswith(start)


def test_the_form_is_the_agreed_one():
    entry = paper(
        title="A paper called kore-2025",
        summary=text(
            "A long sentence that goes on and on until it does not fit on one line of the file any more, really"
        ),
        datasets=("VQAv2", "no", "123", "2026-05-19", "- dash", "colon: here"),
        note="First line.\n\nSecond paragraph.",
    )
    assert textyaml.dump(entry) == (
        "id: kore-2025\n"
        "title: A paper called kore-2025\n"
        'date: "2025-10"\n'
        "links:\n"
        "  - https://example.org/kore-2025\n"
        "venue:\n"
        "  value: arXiv\n"
        "  source: https://example.org\n"
        "  checked: 2026-05-19\n"
        "direction: replay\n"
        "model_types:\n"
        "  - VLM\n"
        "summary:\n"
        "  en: >-\n"
        "    A long sentence that goes on and on until it does not fit on one line of the file any more,\n"
        "    really in English\n"
        "  zh: >-\n"
        "    A long sentence that goes on and on until it does not fit on one line of the file any more,\n"
        "    really 中文\n"
        "datasets:\n"
        "  - VQAv2\n"
        '  - "no"\n'
        '  - "123"\n'
        '  - "2026-05-19"\n'
        '  - "- dash"\n'
        '  - "colon: here"\n'
        "status:\n"
        "  - state: recorded\n"
        "    since: 2026-05-19\n"
        "    reason: recorded in the public list\n"
        "note: |-\n"
        "  First line.\n"
        "\n"
        "  Second paragraph.\n"
    )


def test_cells_of_tables_stand_on_one_line():
    assert (
        textyaml.dump({"c": textyaml.plain(Cell(printed="15.23", value=15.23))})
        == 'c: {printed: "15.23", value: 15.23}\n'
    )


def test_half_a_surrogate_pair_is_refused_on_writing():
    with pytest.raises(ValueError, match="surrogate"):
        textyaml.dump({"a": "x\ud800"})


any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,12}", fullmatch=True), any_text, min_size=1, max_size=5))
@settings(max_examples=150, deadline=None)
def test_any_text_survives_being_written_and_read(tree):
    assert textyaml.load(textyaml.dump(tree)) == tree


@given(any_text)
@settings(max_examples=150, deadline=None)
def test_other_yaml_readers_read_the_same_text(value):
    assert yaml.safe_load(textyaml.dump({"a": value})) == {"a": value}


def survives(kind: str, seed: int) -> None:
    entry = Maker(seed).entry(KINDS[kind])
    once = textyaml.dump(entry)
    again = textyaml.parse(KINDS[kind], once)
    assert again == entry
    assert textyaml.dump(again) == once


@pytest.mark.parametrize("kind", list(KINDS))
def test_format_parse_format_is_byte_equal_for_random_entries(kind):
    for seed in range(60):
        survives(kind, seed)


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(KINDS))
def test_format_parse_format_is_byte_equal_for_thousands_of_random_entries(kind):
    for seed in range(1000, 2500):
        survives(kind, seed)


def test_defaults_are_left_out_and_come_back():
    entry = paper(known_issues=(KnownIssue(what=text(), evidence="Table 1"),))
    assert "translation" not in textyaml.dump(entry)
    assert textyaml.parse(Paper, textyaml.dump(entry)) == entry
