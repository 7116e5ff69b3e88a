"""Checks across entries: references, retired ids, equal external ids, near titles, vocabulary. Pure, on outlines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import combinations

from registry.problems import Problem, did_you_mean
from registry.reading import Outline
from registry.schema import KINDS, Taxonomy

NEAR = 0.92
"""Similarity of two titles (0 to 1) from which a person has to say whether they are the same."""


def across(outlines: Sequence[Outline], taxonomy: Taxonomy | None, unread: Iterable[str] = ()) -> list[Problem]:
    """All problems that show only when entries are looked at together.

    Args:
        outlines: one per readable entry.
        taxonomy: the controlled words, None when unreadable.
        unread: `kind/id` of files that exist but could not be read; references to them are no further problem.
    """
    known = {outline.ref: outline for outline in outlines}
    moved = redirects(outlines)
    unread = frozenset(unread)
    problems = [
        *_retired(outlines, known),
        *_pointers(outlines, known, moved, unread),
        *_relations(outlines, known),
        *_equal_ids(outlines),
        *_near_titles(outlines, moved),
        *_places(outlines),
        *_stale(outlines),
    ]
    if taxonomy is not None:
        problems.extend(_terms(outlines, taxonomy, complete=not unread))
    return sorted(problems, key=lambda problem: problem.place)


def redirects(outlines: Iterable[Outline]) -> dict[str, str]:
    """Retired `kind/id` → the entry that carries it now; merged entries point to what took them over."""
    moved = {f"{_kind(o.ref)}/{old}": o.ref for o in outlines for old in o.formerly}
    moved.update({o.ref: o.into for o in outlines if o.stage == "merged" and o.into})
    return moved


def follow(ref: str, moved: Mapping[str, str]) -> str:
    """Where a reference ends after all redirects; a circle ends where it began."""
    seen = {ref}
    while ref in moved and moved[ref] not in seen:
        ref = moved[ref]
        seen.add(ref)
    return ref


def _kind(ref: str) -> str:
    return ref.partition("/")[0]


def _error(outline: Outline, field: str, message: str, hint: str = "") -> Problem:
    return Problem(outline.path, field, message, hint)


def _warning(outline: Outline, field: str, message: str, hint: str = "") -> Problem:
    return Problem(outline.path, field, message, hint, severity="warning")


def _retired(outlines: Sequence[Outline], known: Mapping[str, Outline]) -> Iterator[Problem]:
    """A retired id is never used again, neither as an id nor as the former id of two entries."""
    carriers: dict[str, str] = {}
    for outline in outlines:
        for old in outline.formerly:
            ref = f"{_kind(outline.ref)}/{old}"
            if ref in known:
                yield _error(outline, "formerly", f"'{old}' is retired here but used by {known[ref].path}", "rename it")
            elif ref in carriers:
                yield _error(outline, "formerly", f"'{old}' is already a former id of {carriers[ref]}", "keep one")
            carriers.setdefault(ref, outline.ref)


def _pointers(
    outlines: Sequence[Outline], known: Mapping[str, Outline], moved: Mapping[str, str], unread: frozenset[str]
) -> Iterator[Problem]:
    names: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for ref in known:
        names[_kind(ref)].append(ref.partition("/")[2])
    for outline in outlines:
        for field, target in outline.pointers:
            kind, _, name = target.partition("/")
            if target == outline.ref:
                yield _error(outline, field, "points at the entry itself")
            elif target in known:
                if known[target].stage == "merged" and not field.startswith(("status", "relations")):
                    hint = f"write {follow(target, moved).partition('/')[2]}"
                    yield _warning(outline, field, f"'{name}' was merged into another entry", hint)
            elif target in moved:
                hint = f"write {follow(target, moved).partition('/')[2]}"
                yield _warning(outline, field, f"'{name}' is a retired id", hint)
            elif target not in unread:
                yield _error(outline, field, f"no entry {kind}/{name}", did_you_mean(name, names[kind]))


ENDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "introduces": (("papers",), ("methods", "benchmarks", "repositories")),
    "evaluates-on": (("papers", "methods"), ("benchmarks",)),
    "implements": (("repositories",), ("papers", "methods", "benchmarks")),
    "surveys": (("papers",), ("papers", "methods", "benchmarks")),
    "reproduces": (("papers", "repositories"), ("papers", "methods", "reported", "claims")),
}
"""Relation → kinds it may lead from and to; the others stay within one kind."""


def _relations(outlines: Sequence[Outline], known: Mapping[str, Outline]) -> Iterator[Problem]:
    """Relations lead between the right kinds, and no pair is both distinct and merged."""
    for outline in outlines:
        seen: set[tuple[str, str]] = set()
        for number, (kind, target) in enumerate(outline.relations):
            field = f"relations.{number}"
            here, there = _kind(outline.ref), _kind(target)
            sources, targets = ENDS.get(kind, ((here,), (here,)))
            if here not in sources or there not in targets:
                ends = f"{' or '.join(sources)} to {' or '.join(targets)}"
                yield _error(outline, field, f"'{kind}' cannot lead from {here} to {there}", f"it leads from {ends}")
            if (kind, target) in seen:
                yield _error(outline, field, f"'{kind}' {target} stands twice", "keep one of them")
            seen.add((kind, target))
            if kind == "distinct-from" and outline.into == target:
                yield _error(outline, field, f"cannot be distinct from {target} and gone into it", "keep one of them")


def _equal_ids(outlines: Sequence[Outline]) -> Iterator[Problem]:
    """The same external id on two entries of a kind means that one of them is superfluous; merged ones do not count."""
    owners: dict[tuple[str, str, str], Outline] = {}
    for outline in outlines:
        if outline.stage == "merged":
            continue
        for field, scheme, key in outline.external:
            owner = owners.setdefault((_kind(outline.ref), scheme, key), outline)
            if owner is not outline:
                hint = "merge the two entries, or mend the id"
                yield _error(outline, field, f"{scheme} id {key} belongs to {owner.path} already", hint)


def _near_titles(outlines: Sequence[Outline], moved: Mapping[str, str]) -> Iterator[Problem]:
    """Two papers with nearly one title: a person says once whether they are the same, and it stays said."""
    papers = {o.ref: o for o in outlines if _kind(o.ref) == "papers" and o.title}
    for first, second in sorted(near_pairs({ref: o.title for ref, o in papers.items()})):
        one, other = papers[first], papers[second]
        settled = {("distinct-from", first), ("distinct-from", second)}
        if settled & {*one.relations, *other.relations} or second in (one.into, moved.get(first)):
            continue
        if first in (other.into, moved.get(second)) or "merged" in (one.stage, other.stage):
            continue
        hint = f"relations: distinct-from papers/{first.partition('/')[2]}, or merge them"
        yield _warning(other, "title", f"nearly the title of {one.path}", hint)


def near_pairs(titles: Mapping[str, str]) -> set[tuple[str, str]]:
    """Pairs of names whose title keys are at least `NEAR` alike.

    Only keys with the same opening or the same end are compared, not all pairs: two titles that differ at both ends are
    not nearly equal.
    """
    buckets: dict[tuple[int, str], list[str]] = defaultdict(list)
    for name, key in titles.items():
        for part in _slices(key):
            buckets[part].append(name)
    pairs: set[tuple[str, str]] = set()
    for members in buckets.values():
        if len(members) > 200:  # a common opening, not a near-equal title
            continue
        for first, second in combinations(sorted(members), 2):
            if (first, second) not in pairs and _alike(titles[first], titles[second]):
                pairs.add((first, second))
    return pairs


def _slices(key: str) -> list[tuple[int, str]]:
    """Opening and end of a key, each with its place, and the whole of a short one."""
    if len(key) < 16:
        return [(0, key)]
    return [(0, key[:16]), (1, key[-16:])]


def _alike(first: str, second: str) -> bool:
    if first == second:
        return True
    longer, shorter = max(len(first), len(second)), min(len(first), len(second))
    if shorter < 16 or longer - shorter > 0.16 * longer:
        return False
    outside = _shared(first, second) + _shared(first[::-1], second[::-1])
    if shorter - outside > 0.4 * shorter:  # what lies between is too long to be a slip or another word
        return False
    matcher = SequenceMatcher(None, first, second, autojunk=False)
    return matcher.quick_ratio() >= NEAR and matcher.ratio() >= NEAR


def _shared(first: str, second: str) -> int:
    """Length of the common beginning."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((place for place, (one, other) in pairs if one != other), min(len(first), len(second)))


def _places(outlines: Sequence[Outline]) -> Iterator[Problem]:
    """Rows of the public list are taken once, except by papers that say that they share a row."""
    owners: dict[str, Outline] = {}
    for outline in outlines:
        if outline.place is None:
            continue
        owner = owners.setdefault(f"{_kind(outline.ref)} {outline.place}", outline)
        shared = ("same-row-as", owner.ref) in outline.relations or ("same-row-as", outline.ref) in owner.relations
        if owner is not outline and not shared:
            message = f"{outline.place} is taken by {owner.path}"
            yield _error(outline, "list_order", message, f"another number, or relation same-row-as {owner.ref}")


def _stale(outlines: Sequence[Outline]) -> Iterator[Problem]:
    for outline in outlines:
        for field in outline.stale:
            hint = "revise zh, then remove translated_from or set it anew"
            yield _warning(outline, field, "the Chinese was written for an earlier English text", hint)
        for field in outline.untranslated:
            yield _warning(outline, field, "has no Chinese", "write en and zh below it")


def _terms(outlines: Sequence[Outline], taxonomy: Taxonomy, *, complete: bool) -> Iterator[Problem]:
    """Words are in the vocabulary, and every word of it is used, as far as all entries could be read."""
    vocabularies = {name: {term.id for term in getattr(taxonomy, name)} for name in VOCABULARIES}
    used: dict[str, set[str]] = {name: set() for name in VOCABULARIES}
    for outline in outlines:
        for field, name, word in outline.terms:
            used[name].add(word)
            if word not in vocabularies[name]:
                hint = did_you_mean(word, vocabularies[name])
                yield _error(outline, field, f"'{word}' is not in the vocabulary {name} of taxonomy.yaml", hint)
    present = {_kind(outline.ref) for outline in outlines}
    for name, kind in VOCABULARIES.items():
        if complete and kind in present:
            for word in sorted(vocabularies[name] - used[name]):
                yield Problem("taxonomy.yaml", name, f"'{word}' is used by no entry", "remove it", severity="warning")


VOCABULARIES = {
    "directions": "papers",
    "buckets": "papers",
    "model_types": "papers",
    "dimensions": "benchmarks",
    "families": "methods",
}
"""Vocabulary of the taxonomy → kind of entry that uses it."""
