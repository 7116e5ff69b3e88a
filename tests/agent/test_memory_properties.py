"""No regrouping, renaming, rewording or second source brings a live rejection back."""

from __future__ import annotations

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.memory import Rejection, contents_by_source, forbidding
from agent.messages import Evidence
from agent.proposals import AskAgain, Operation, meanings

AT = "2026-11-25T03:00:00Z"
GROUPS = ("mechanical", "semantic", "numbers")
VENUES = {
    "ICML 2026": ("icml 2026", "ICML  2026.", "International Conference on Machine Learning 2026", "ＩＣＭＬ 2026"),
    "TMLR": ("Transactions on Machine Learning Research", "tmlr", "TMLR\u200b"),
    "Findings of ACL 2025": ("findings of acl 2025", "Findings of ACL 2025!"),
}


def evidence(source: str, content: str) -> Evidence:
    return Evidence(
        source=source, url="https://example.org", read_at=AT, content=content * 64, locator="x", quote="words"
    )


def says(field: str, value: object, target: str, group: str, source: str, content: str, reason: str) -> Operation:
    return Operation(
        kind="set", target=target, field=field, old=None, new=value, group=group, confidence=0.5, reason=reason,
        subject="arxiv:2601.00001", evidence=(evidence(source, content),),
    )  # fmt: skip


def rejected(operation: Operation) -> Rejection:
    return Rejection(meanings(operation), "no", "Ada", AskAgain(), contents_by_source(operation), 1)


groups, sources, contents = (
    st.sampled_from(GROUPS),
    st.sampled_from(["arxiv", "huggingface", "pages"]),
    st.sampled_from("abc"),
)
reasons = st.text("abcdefgh ", min_size=1, max_size=20).map(lambda text: f"r{text}r")


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(VENUES)),
    st.data(),
    groups,
    groups,
    sources,
    sources,
    contents,
    contents,
    reasons,
    st.booleans(),
)
def test_a_rejected_venue_stays_away_however_it_is_put(
    venue, data, group, other, source, second, content, fresh, reason, moved
):
    first = says("venue", {"value": venue}, "papers/old-name", group, source, content, "first")
    spelling = data.draw(st.sampled_from([venue, *VENUES[venue]]))
    target = "papers/new-name" if moved else "papers/old-name"
    again = says("venue", {"value": spelling, "confidence": "doi"}, target, other, second, fresh, reason)
    former = {"papers/new-name": ("papers/old-name",)}
    assert forbidding(again, [rejected(first)], date(2030, 1, 1), former) is not None


@settings(max_examples=200, deadline=None)
@given(
    st.text(min_size=1, max_size=30).filter(str.strip),
    groups,
    groups,
    sources,
    st.sampled_from(["", " ", "\u200b", "\u202e"]),
)
def test_a_rejected_value_stays_away_with_other_case_spaces_and_hidden_marks(value, group, other, source, noise):
    try:
        first = says("licence", {"value": value}, "repositories/x", group, "github", "a", "first")
        again = says(
            "licence",
            {"value": f"{noise}{value.upper().lower()}{noise}"},
            "repositories/x",
            other,
            source,
            "b",
            "again",
        )
        lowered = says("licence", {"value": value.lower()}, "repositories/x", other, source, "b", "again")
    except UnicodeEncodeError:
        return
    if meanings(first) == meanings(lowered):  # letters whose case cannot be undone, like ß, are two values
        assert forbidding(again, [rejected(lowered)], date(2030, 1, 1)) is not None


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["arxiv:2601.1", "title:newpaper", "doi:10.1/x"]),
    st.text("abcdef", min_size=1, max_size=8),
    sources,
)
def test_a_rejected_new_paper_stays_away_under_another_id_while_one_of_its_names_is_the_same(shared, slug, source):
    def new(target: str, names: tuple[str, ...], where: str) -> Operation:
        return Operation(
            kind="add", target=target, new={"title": "New paper"}, group="structural", confidence=0.5, reason="found",
            subject=names[0], names=names, evidence=(evidence(where, "a"),),
        )  # fmt: skip

    first = new("papers/new-paper", ("arxiv:2601.1", "title:newpaper", "doi:10.1/x"), "arxiv")
    again = new(f"papers/{slug}", (shared, "title:another"), source)
    assert forbidding(again, [rejected(first)], date(2030, 1, 1)) is not None


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(VENUES)), st.sampled_from(sorted(VENUES)))
def test_another_value_is_another_fact(one, other):
    first = says("venue", {"value": one}, "papers/x", "semantic", "arxiv", "a", "first")
    second = says("venue", {"value": other}, "papers/x", "semantic", "arxiv", "a", "second")
    assert (forbidding(second, [rejected(first)], date(2030, 1, 1)) is not None) is (one == other)
