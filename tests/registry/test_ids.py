"""External ids: how they look, where they lead, what an address stands for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import ids


@pytest.mark.parametrize("scheme", list(ids.SCHEMES))
def test_every_example_fits_its_own_pattern(scheme):
    assert ids.wrong(scheme, ids.SCHEMES[scheme].example) is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://arxiv.org/abs/2505.24449", ("arxiv", "2505.24449")),
        ("https://arxiv.org/pdf/2505.24449v2.pdf", ("arxiv", "2505.24449")),
        ("http://export.arxiv.org/abs/cs/0112017", ("arxiv", "cs/0112017")),
        ("https://huggingface.co/papers/2505.24449", ("arxiv", "2505.24449")),
        ("https://openreview.net/forum?id=T3Vc5fkTzV", ("openreview", "T3Vc5fkTzV")),
        ("https://openreview.net/pdf?id=0DcZxeWfOPt", ("openreview", "0DcZxeWfOPt")),
        ("https://aclanthology.org/2023.emnlp-main.856/", ("acl", "2023.emnlp-main.856")),
        ("https://aclanthology.org/P19-1001.pdf", ("acl", "P19-1001")),
        ("https://dl.acm.org/doi/10.1145/3581783.3612274", ("doi", "10.1145/3581783.3612274")),
        ("https://doi.org/10.1609/aaai.v40i24.39082", ("doi", "10.1609/aaai.v40i24.39082")),
        ("https://ojs.aaai.org/index.php/AAAI/article/view/39082", ("aaai", "39082")),
        ("https://www.ecva.net/papers/eccv_2024/papers_ECCV/html/7052_ECCV_2024_paper.php", ("ecva", "eccv_2024/7052")),
        ("https://huggingface.co/datasets/kailinjiang/MMEVOKE", ("huggingface", "datasets/kailinjiang/MMEVOKE")),
        ("https://example.org/2505.24449", None),
        ("https://arxiv.org/list/cs.CL/recent", None),
        ("https://arxiv.org.evil.example/abs/2505.24449", None),
    ],
)
def test_addresses_name_what_they_stand_for(url, expected):
    assert ids.from_address(url) == expected


@pytest.mark.parametrize(
    "scheme", [name for name in ids.SCHEMES if name not in {"semantic_scholar", "openalex", "dblp"}]
)
def test_an_id_leads_to_an_address_that_names_it(scheme):
    example = ids.SCHEMES[scheme].example
    assert ids.from_address(ids.address(scheme, example)) == (scheme, example)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://github.com/zjunlp/EasyEdit", ("github", "zjunlp/EasyEdit")),
        ("https://github.com/zjunlp/EasyEdit.git", ("github", "zjunlp/EasyEdit")),
        ("https://github.com/zjunlp/EasyEdit/tree/main/x", ("github", "zjunlp/EasyEdit")),
        ("https://huggingface.co/datasets/a/b", ("huggingface", "a/b")),
        ("https://huggingface.co/papers/2505.24449", None),
        ("https://github.com/zjunlp", None),
        ("https://gitlab.com/a/b", None),
    ],
)
def test_repositories_are_told_by_their_address(url, expected):
    assert ids.repository(url) == expected


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("2505.2444", "5 (quote it?)"),
        ("1412.12345", "4 (quote it?)"),
        ("2513.24449", "does not look like"),
        ("arXiv:2505.24449", "write the bare number"),
        ("2505.24449v1", "leave the version out"),
    ],
)
def test_a_wrong_arxiv_id_gets_a_hint(value, says):
    assert says in str(ids.wrong("arxiv", value))


def test_dois_ignore_case_and_openreview_ids_do_not():
    assert ids.same("doi", "10.1/ABC") == ids.same("doi", "10.1/abc")
    assert ids.same("openreview", "aBC") != ids.same("openreview", "abc")


@given(st.text(max_size=200))
def test_a_slug_is_empty_or_an_id(text):
    made = ids.slug(text)
    assert made == "" or (ids.SLUG.fullmatch(made) and len(made) <= ids.MAX_SLUG)


@given(st.text(max_size=100))
def test_no_address_is_too_strange_to_be_asked(text):
    ids.from_address(f"https://{text}")
    ids.repository(f"https://github.com/{text}")


def test_titles_that_differ_in_case_and_marks_have_one_key():
    assert ids.title_key("KORE: Big–Ideas!") == ids.title_key("kore  big ideas")
