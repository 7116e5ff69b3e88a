"""The front pages: README.md and README.zh-CN.md from templates and the registry, row by row, and CITATION.cff.

A template is Markdown; a line `[[name argument …]]` stands for a part that is made here, `[[papers distill self]]` for
the table of a bucket. Sections, order and facts are those of the public list; texts are the registry's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from registry.catalog import Catalog
from registry.exports import export, write_text
from registry.schema import Benchmark, Entry, Fact, Paper, Repository, Term, Text

TEMPLATES = Path(__file__).parent / "templates"
PAGES = {"README.md": "en", "README.zh-CN.md": "zh"}
CITATION = "CITATION.cff"
SLOT = re.compile(r"^\[\[(?P<name>[a-z-]+)(?P<arguments>( [a-z0-9-]+)*)\]\]$", re.MULTILINE)
COUNT = re.compile(r"\{\{(?P<name>[a-z-]+)\}\}")

WORDS = {
    "en": {
        "time": "Time", "position": "Position", "paper": "Paper", "approach": "Approach",
        "loss": "Approach / Loss design", "finding": "Main finding", "model": "Model type",
        "tasks-data": "Task / datasets", "task": "Experimental task", "data": "Primary datasets / benchmarks",
        "code-stars": "Code / Stars", "github": "GitHub", "stars": "Stars", "venue-status": "Venue / status",
        "venue": "Venue", "year": "Year", "recorded": "recorded", "candidate": "indexed candidate",
        "superseded": "superseded", "withdrawn": "withdrawn", "retracted": "retracted", "merged": "merged",
        "dimension": "Evaluation dimension", "question": "Main question", "entries": "Representative entries",
        "name": "Name", "type": "Type", "links": "Links", "notes": "Notes", "code": "code", "dataset": "dataset",
        "category": "Category", "idea": "Core idea", "strengths": "Strengths", "weaknesses": "Weaknesses",
        "standing": "Current public status", "subcategory": "Subcategory", "criterion": "Filing criterion",
        "signals": "Common training signals / losses",
        "relevance": "Relevance to knowledge injection and retention",
        "project": "Project", "link": "Link", "why": "Why it matters", "resource": "Resource",
        "coverage": "Coverage", "facet": "Dimension", "join": ", ",
    },
    "zh": {
        "time": "时间", "position": "定位", "paper": "论文", "approach": "方案",
        "loss": "方案 / Loss 设计", "finding": "主要结论", "model": "模型类型",
        "tasks-data": "任务 / 数据集", "task": "实验任务", "data": "主要数据集 / 基准",
        "code-stars": "代码 / Stars", "github": "对应 GitHub", "stars": "Stars", "venue-status": "发表地 / 状态",
        "venue": "发表地", "year": "年份", "recorded": "已收录", "candidate": "索引候选",
        "superseded": "已被取代", "withdrawn": "已撤稿（作者）", "retracted": "已撤稿", "merged": "已合并",
        "dimension": "评测维度", "question": "关注问题", "entries": "代表入口",
        "name": "名称", "type": "类型", "links": "链接", "notes": "说明", "code": "代码", "dataset": "数据集",
        "category": "类别", "idea": "核心思路", "strengths": "优点", "weaknesses": "缺点",
        "standing": "当前公开情况", "subcategory": "子类", "criterion": "判断标准",
        "signals": "常见训练信号 / loss 设计",
        "relevance": "对知识注入与能力保持的启发",
        "project": "项目", "link": "链接", "why": "为什么值得关注", "resource": "资源",
        "coverage": "当前覆盖", "facet": "维度", "join": "、",
    },
}  # fmt: skip


def render(catalog: Catalog, language: str) -> str:
    """The README in a language, `en` or `zh`."""
    writer = Writer(catalog, language)
    template = (TEMPLATES / f"README.{language}.md").read_text(encoding="utf-8")
    text = SLOT.sub(lambda found: writer.part(found["name"], found["arguments"].split()), template)
    return COUNT.sub(lambda found: str(writer.counts[found["name"]]), text)


def stale(catalog: Catalog, folder: Path) -> list[Path]:
    """The front pages that are not what the registry says."""
    wanted = front_pages(catalog)
    return [folder / name for name, text in wanted.items() if _read(folder / name) != text]


def front_pages(catalog: Catalog) -> dict[str, str]:
    """File name → text of every page that is rendered into the root of the project."""
    pages = {name: render(catalog, language) for name, language in PAGES.items()}
    return pages | {CITATION: export(catalog, "cff")}


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def write(catalog: Catalog, folder: Path) -> list[Path]:
    """Write the front pages that are stale; returns them."""
    written = stale(catalog, folder)
    pages = front_pages(catalog)
    for path in written:
        write_text(path, pages[path.name])
    return written


def newest_first(papers: Iterable[Paper]) -> list[Paper]:
    """By date, newest first; within a month as in the public list, with what is new to it on top."""
    by_row = sorted(papers, key=lambda paper: (-1 if paper.list_order is None else paper.list_order, paper.id))
    return sorted(by_row, key=lambda paper: paper.date, reverse=True)


def rows_of(papers: Sequence[Paper]) -> list[list[Paper]]:
    """Papers by row: those that say that they share one stand together, in the order of the titles' first row."""
    rows: dict[str, list[Paper]] = {}
    home: dict[str, str] = {}
    for paper in papers:
        mates = [r.target.partition("/")[2] for r in paper.relations if r.kind == "same-row-as"]
        first = next((home[mate] for mate in mates if mate in home), paper.id)
        home[paper.id] = first
        rows.setdefault(first, []).append(paper)
    return list(rows.values())


class Writer:
    """Makes the parts of one README."""

    def __init__(self, catalog: Catalog, language: str) -> None:
        self.catalog = catalog
        self.language = language
        self.words = WORDS[language]

    def part(self, name: str, arguments: Sequence[str]) -> str:
        """The Markdown of one slot.

        Raises:
            LookupError: the template names a part that there is none of.
        """
        parts: dict[str, Callable[..., str]] = {
            "papers": self.papers,
            "dimensions": self.dimensions,
            "benchmarks": self.benchmarks,
            "directions": self.directions,
            "buckets": self.buckets,
            "repositories": self.repositories,
        }
        if name not in parts:
            raise LookupError(f"no part named '{name}'; there are: {', '.join(parts)}")
        return parts[name](*arguments)

    @property
    def counts(self) -> dict[str, int | str]:
        """Numbers that the templates name; what is no longer active does not count."""
        catalog = self.catalog
        papers = [paper for paper in catalog.papers.values() if paper.active]
        stars = max(
            (r.stars.checked for r in catalog.repositories.values() if r.list_section and r.stars.checked), default=None
        )
        return {
            "papers": len(papers),
            "recorded": sum(paper.stage == "recorded" for paper in papers),
            "candidates": sum(paper.stage == "candidate" for paper in papers),
            "main-papers": sum(paper.direction not in {"knowledge-editing", "benchmark"} for paper in papers),
            "benchmarks": sum(entry.active for entry in catalog.benchmarks.values()),
            "repositories": sum(entry.active for entry in catalog.repositories.values()),
            "projects": sum(r.list_section in {"aggregation", "infrastructure"} for r in catalog.repositories.values()),
            "resources": sum(r.list_section == "huggingface" for r in catalog.repositories.values()),
            "methods": sum(entry.active for entry in catalog.methods.values()),
            "implemented": sum(entry.implemented for entry in catalog.methods.values()),
            "tables": len(catalog.reported),
            "claims": len(catalog.claims),
            "updated": str(catalog.taxonomy.version),
            "stars-checked": str(stars or ""),
        }

    # Tables

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
        """A Markdown table; `columns` are keys of the words."""
        head = f"| {' | '.join(self.words[column] for column in columns)} |"
        rule = f"|{'---|' * len(columns)}"
        return "\n".join([head, rule, *(f"| {' | '.join(cell or '-' for cell in row)} |" for row in rows)])

    def papers(self, direction: str, bucket: str | None = None) -> str:
        """The papers of a direction or of one of its buckets."""
        found = [
            paper
            for paper in self.catalog.papers.values()
            if paper.direction == direction and paper.bucket == bucket and paper.active
        ]
        rows = rows_of(newest_first(found))
        if direction == "distill":
            approach = "finding" if bucket == "mechanism" else "loss"
            columns = ("time", "position", "paper", approach, "model", "tasks-data", "code-stars", "venue-status")
            return self.table(columns, map(self.distill_row, rows))
        columns = ("time", "position", "paper", "approach", "model", "task", "data", "github", "stars", "venue", "year")
        if direction in {"benchmark", "knowledge-editing"}:
            without = [column for column in columns if column != "position"]
            return self.table(without, ([row[0], *row[2:]] for row in map(self.wide_row, rows)))
        return self.table(columns, map(self.wide_row, rows))

    def distill_row(self, papers: Sequence[Paper]) -> list[str]:
        """Cells of a row in the tables of distill."""
        first = papers[0]
        tasks = [self.text(first.tasks), self.data(first)]
        code, stars = self.code(first)
        venue = f"{self.venue(first)} / {self.words[first.stage]}"
        between = "；" if self.language == "zh" else "; "
        code_cell = f"{code} / {stars or '-'}" if code else ""
        return [*self.common(papers), between.join(filter(None, tasks)), code_cell, venue]

    def wide_row(self, papers: Sequence[Paper]) -> list[str]:
        """Cells of a row in the other tables."""
        first = papers[0]
        code, stars = self.code(first)
        year = str(first.year or first.date[:4])
        venue = self.venue(first) + (f" / {self.words[first.stage]}" if first.stage != "recorded" else "")
        return [*self.common(papers), self.text(first.tasks), self.data(first), code, stars, venue, year]

    def common(self, papers: Sequence[Paper]) -> list[str]:
        """Time, position, papers, approach, model types."""
        shared = len(papers) > 1
        names = [self.short(paper) for paper in papers]
        texts = [self.text(paper.summary) for paper in papers]
        if shared:
            texts = [f"{name}: {text}" for name, text in zip(names, texts, strict=True)]
        positions = dict.fromkeys(self.text(paper.position) for paper in papers)
        return [
            papers[0].date,
            "; ".join(filter(None, positions)),
            " / ".join(self.link(self.short(paper), paper.links[0]) + self.mark(paper) for paper in papers),
            "<br>".join(texts),
            " / ".join(papers[0].model_types),
        ]

    def short(self, paper: Paper) -> str:
        """The name under which the public list shows the paper in this language."""
        return paper.listed_as if paper.listed_as and self.language == "en" else paper.title

    def mark(self, paper: Paper) -> str:
        """A sign that leads to what is known to be wrong."""
        return f" [⚠](registry/data/papers/{paper.id}.yaml)" if paper.known_issues else ""

    def data(self, paper: Paper) -> str:
        """Data sets by name, then what is said of the others."""
        named = " / ".join(map(cell, paper.datasets))
        return "; ".join(filter(None, [named, self.text(paper.data_note)]))

    def code(self, paper: Paper) -> tuple[str, str]:
        """Link to the official code and its stars; empty when unknown."""
        name = paper.code.known
        if name is None or name not in self.catalog.repositories:
            return "", ""
        found = self.catalog.repositories[name]
        return self.link(found.full_name, found.url), known(found.stars)

    def venue(self, paper: Paper) -> str:
        """Where it was published, as the source says it."""
        return cell(paper.venue.known or "-")

    def dimensions(self) -> str:
        """The evaluation dimensions with their question."""
        rows = (
            [self.text(term.label), self.text(term.definition), cell(self.words["join"].join(term.entries))]
            for term in self.catalog.taxonomy.dimensions
        )
        return self.table(("dimension", "question", "entries"), rows)

    def benchmarks(self) -> str:
        """Benchmarks and data sets that have an address."""
        found = [entry for entry in self.catalog.benchmarks.values() if entry.datasets and entry.active]
        rows = (
            [cell(entry.name), self.text(entry.type), self.benchmark_links(entry), self.text(entry.summary)]
            for entry in sorted(found, key=_order)
        )
        return self.table(("name", "type", "links", "notes"), rows)

    def benchmark_links(self, entry: Benchmark) -> str:
        """Code and data of a benchmark."""
        links = []
        if entry.code and entry.code in self.catalog.repositories:
            links.append(self.link(self.words["code"], self.catalog.repositories[entry.code].url))
        links += [self.link(self.words["dataset"], data.url) for data in entry.datasets]
        return " / ".join(links)

    def directions(self) -> str:
        """The main directions, with what speaks for and against them."""
        main = [term for term in self.catalog.taxonomy.directions if term.strengths]
        return self.table(("category", "idea", "strengths", "weaknesses", "standing"), map(self.direction_row, main))

    def direction_row(self, term: Term) -> list[str]:
        """Cells of a direction."""
        texts = (term.definition, term.strengths, term.weaknesses, term.standing)
        return [f"`{self.text(term.label)}`", *map(self.text, texts)]

    def buckets(self) -> str:
        """The buckets of distill, with what is filed where."""
        rows = (
            [f"`{self.text(term.label)}`", *map(self.text, (term.definition, term.signals, term.relevance))]
            for term in self.catalog.taxonomy.buckets
        )
        return self.table(("subcategory", "criterion", "signals", "relevance"), rows)

    def repositories(self, section: str) -> str:
        """Projects or resources of a section of the list."""
        found = [r for r in self.catalog.repositories.values() if r.list_section == section and r.active]
        rows = sorted(found, key=_order)
        if section == "huggingface":
            return self.table(("resource", "type", "link", "notes"), map(self.resource_row, rows))
        last = "why" if section == "aggregation" else "notes"
        return self.table(("project", "stars", "link", "category", last), map(self.project_row, rows))

    def project_row(self, entry: Repository) -> list[str]:
        """Cells of a project on GitHub."""
        shown = next((alias for alias in entry.aliases if "/" in alias), entry.full_name)
        texts = (entry.category, entry.summary)
        return [cell(entry.name), known(entry.stars), self.link(shown, entry.url), *map(self.text, texts)]

    def resource_row(self, entry: Repository) -> list[str]:
        """Cells of a resource on the Hugging Face Hub."""
        link = self.link(entry.full_name, entry.url)
        return [cell(entry.name), self.text(entry.category), link, self.text(entry.summary)]

    def text(self, text: Text | None) -> str:
        """A text in the language of the page, safe in a cell."""
        if text is None:
            return ""
        return cell(text.zh if self.language == "zh" else text.en)

    def link(self, label: str, url: str) -> str:
        """A link, safe in a cell."""
        return f"[{cell(label)}]({url.replace('|', '%7C').replace('(', '%28').replace(')', '%29')})"


def _order(entry: Entry) -> tuple[int, str]:
    order = getattr(entry, "list_order", None)
    return (9999 if order is None else order, entry.id)


def known(fact: Fact[int]) -> str:
    """A count as text; empty when unknown."""
    return "" if fact.known is None else str(fact.known)


def cell(text: str) -> str:
    """Text that stays one cell and means nothing to Markdown or HTML."""
    clean = " ".join(text.split())
    return re.sub(r"([|*`\[\]<])", lambda found: {"<": "&lt;"}.get(found[1], "\\" + found[1]), clean)
