"""What a method keeps and what answers afterwards is said in both languages."""

from __future__ import annotations

import pytest

from registry import load
from registry.schema import Text


@pytest.mark.parametrize("field", ["state_kept", "at_inference"])
def test_what_a_method_keeps_and_answers_with_exists_in_both_languages(field):
    found = {method.id: getattr(method, field) for method in load().methods.values()}
    assert all(isinstance(text, Text) for text in found.values())
    chinese = {name for name, text in found.items() if any("\u4e00" <= character <= "\u9fff" for character in text.zh)}
    assert chinese == set(found)
    assert {text.state for text in found.values()} <= {"machine", "human"}
