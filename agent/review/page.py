"""The review as one page: no server, no network, the same verdicts by keyboard, and a decisions file to download.

Everything from outside goes in as JSON text and comes out through `textContent`; the page's own policy forbids any
other script, any request and any form. So a title may hold what it likes.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from dataclasses import asdict
from pathlib import Path

from agent.proposals import GROUPS
from agent.review.session import Session

FOLDER = Path(__file__).parent


def page(session: Session) -> str:
    """The page with all open proposals."""
    script = (FOLDER / "page.js").read_text("utf-8")
    style = (FOLDER / "page.css").read_text("utf-8")
    operations = {operation.digest: operation for operation in session.operations()}
    cards = [{**asdict(card), "value": operations[card.digest].new} for card in session.cards()]
    then = f"aki agent decide decisions.json{session.workspace.option}"
    data = {"reviewer": session.reviewer, "groups": list(GROUPS), "cards": cards, "then": then}
    policy = (
        f"default-src 'none'; script-src '{hash_of(script)}'; style-src '{hash_of(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        "<!doctype html>\n"
        '<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{html.escape(policy)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<title>Review of proposals</title>\n"
        f"<style>{style}</style>\n</head>\n<body>\n"
        f"{(FOLDER / 'page.html').read_text('utf-8')}"
        f'<script type="application/json" id="data">{harmless(data)}</script>\n'
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def harmless(data: object) -> str:
    """JSON that cannot end its script element: `<`, `>`, `&` and line separators are escaped."""
    text = json.dumps(data, ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def hash_of(content: str) -> str:
    """The content's hash as a policy source."""
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
