"""The API reference, read from the source text: no module is imported, so torch stays out of the site's build."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup, escape

from docs.pages import Page, Writer
from docs.sources import ROOT, Sources
from docs.words import Words

MODULES = (
    "registry/catalog.py",
    "registry/schema.py",
    "registry/audit.py",
    "registry/ids.py",
    "registry/search.py",
    "reproductions/spec.py",
    "reproductions/records.py",
    "reproductions/rows.py",
    "reproductions/leaderboard.py",
    "reproductions/claims.py",
    "reproductions/metrics.py",
    "reproductions/statistics.py",
    "reproductions/examples.py",
    "reproductions/method.py",
    "reproductions/benchmark.py",
    "agent/proposals.py",
)
"""What others may build on, in reading order."""


@dataclass(frozen=True)
class Thing:
    """A public class or function: how it is written, what it says, what it has."""

    name: str
    signature: str
    text: Markup
    members: tuple[tuple[str, Markup], ...] = ()


@dataclass(frozen=True)
class Module:
    """A module's own words and its public things."""

    name: str
    path: str
    text: Markup
    things: tuple[Thing, ...]


def pages(sources: Sources, words: Words) -> Iterator[Page]:
    """One page with all modules, and one about the data files."""
    writer = Writer(words, sources, "reference/index.md")
    modules = [module(ROOT / path, path) for path in MODULES if (ROOT / path).exists()]
    body = writer.render("reference.html", modules=modules)
    yield Page(writer.path, words("guides.reference"), body, words("guides.reference.lead"), "guides", boost=0.3)
    writer = Writer(words, sources, "reference/data.md")
    yield Page(writer.path, words("guides.data"), writer.render("data.html"), words("guides.data.lead"), "guides")


def module(file: Path, path: str) -> Module:
    """Reads one module."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    things = tuple(
        _thing(node) for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef) and _public(node)
    )
    return Module(path.removesuffix(".py").replace("/", "."), path, prose(ast.get_docstring(tree) or ""), things)


def _public(node: ast.ClassDef | ast.FunctionDef) -> bool:
    return not node.name.startswith("_") and bool(ast.get_docstring(node))


def _thing(node: ast.ClassDef | ast.FunctionDef) -> Thing:
    if isinstance(node, ast.FunctionDef):
        return Thing(node.name, _signature(node), prose(ast.get_docstring(node) or ""))
    bases = ", ".join(ast.unparse(base) for base in node.bases)
    return Thing(
        node.name,
        f"class {node.name}({bases})" if bases else f"class {node.name}",
        prose(ast.get_docstring(node) or ""),
        tuple(_members(node)),
    )


def _members(node: ast.ClassDef) -> Iterator[tuple[str, Markup]]:
    for item, following in zip(node.body, [*node.body[1:], None], strict=True):
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and not item.target.id.startswith("_"):
            yield f"{item.target.id}: {ast.unparse(item.annotation)}", prose(_literal(following))
        elif isinstance(item, ast.FunctionDef) and _public_method(item):
            yield _signature(item), prose(ast.get_docstring(item) or "")


def _public_method(node: ast.FunctionDef) -> bool:
    return not node.name.startswith("_") and bool(ast.get_docstring(node))


def _literal(node: ast.stmt | None) -> str:
    """The string that stands below a field and says what it is."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return node.value.value
    return ""


def _signature(node: ast.FunctionDef) -> str:
    if any(isinstance(one, ast.Name) and one.id in {"property", "cached_property"} for one in node.decorator_list):
        return f"{node.name}: {ast.unparse(node.returns)}" if node.returns else node.name
    arguments = re.sub(r"^(self|cls)(, )?", "", ast.unparse(node.args))
    return f"{node.name}({arguments})" + (f" -> {ast.unparse(node.returns)}" if node.returns else "")


def prose(text: str) -> Markup:
    """A docstring as HTML: paragraphs, indented code, `code`."""
    blocks = [block for block in re.split(r"\n\s*\n", inspect.cleandoc(text)) if block.strip()]
    return Markup("").join(_block(block) for block in _joined(blocks))


def _joined(blocks: Sequence[str]) -> list[str]:
    """Neighbouring code blocks become one."""
    found: list[str] = []
    for block in blocks:
        if found and _is_code(block) and _is_code(found[-1]):
            found[-1] += "\n" + block
        else:
            found.append(block)
    return found


def _is_code(block: str) -> bool:
    return all(line.startswith("    ") for line in block.split("\n") if line.strip())


def _block(block: str) -> Markup:
    if _is_code(block):
        return Markup('<pre tabindex="0">{}</pre>').format(inspect.cleandoc("\n" + block))
    inline = re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(block)))
    return Markup(f"<p>{inline}</p>")  # noqa: S704 (escaped above)
