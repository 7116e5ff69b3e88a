"""Text from outside on its way into a page: escaped once, for the place where it lands."""

from __future__ import annotations

import json
import re
from html import escape
from urllib.parse import urlsplit

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\ufffe\uffff\ud800-\udfff]")
"""Control characters mean nothing on a page; STX and ETX would collide with Python-Markdown's placeholders."""

HIDDEN = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2069\U000e0000-\U000e007f]")
"""Zero-width and bidirectional marks: shown as a sign, so that a reader sees what a machine would read."""


def plain(text: str) -> str:
    """The text without control characters, hidden marks made visible as ␣⃞."""
    return HIDDEN.sub("\N{REPLACEMENT CHARACTER}", CONTROL.sub("", text))


def html(text: object) -> str:
    """Safe as element content and inside double-quoted attributes."""
    return escape(plain(str(text)), quote=True)


def markdown(text: str) -> str:
    """Safe as one line of Markdown: everything that could mean something becomes a numeric entity."""
    line = " ".join(plain(text).split())
    return re.sub(r"[^\w\s.,:;()·–—/%'+-]|_", lambda found: f"&#{ord(found[0])};", line)


def link(url: str) -> str:
    """The URL if it is http(s) or relative within the site, else `#`: no script, data or file URLs."""
    parts = urlsplit(plain(url).strip())
    return (
        plain(url).strip() if parts.scheme in {"http", "https", ""} and not plain(url).strip().startswith("//") else "#"
    )


def script_json(value: object) -> str:
    """JSON that may stand inside a `<script>` element: no `<`, `>`, `&` or line separators survive."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def front_matter(values: dict[str, object]) -> str:
    """A YAML header whose every value is JSON on one line, so that no title can end it or change its meaning."""
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    text = "\n".join(["---", *lines, "---", ""])
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def without_blank_lines(markup: str) -> str:
    """One raw block for any Markdown dialect: CommonMark ends an HTML block at the first blank line.

    A space goes before blocks that touch each other, because the search index takes the tags away and joins the words.
    """
    apart = re.sub(r"(?<=>)(?=<(?:d[dt]|t[dh]|li|div|small|p|span class=.aki-chip)\b)", " ", markup)
    return re.sub(r"\n[ \t]*(?=\n)", "", apart).strip("\n")
