"""Chinese for the fixed sentences that programs write into entries, and for printed locators and proofs.

Importers and the agent give a reason in one of a few sentences; each stands here once with its Chinese, so that entries
keep one short line and readers of both languages are served. What a person writes carries its own Chinese, see
`registry.schema.Remark`. All Chinese here is of state `machine`.
"""

from __future__ import annotations

import re
from functools import cache

SENTENCES: dict[str, str] = {
    # reasons of a status
    "recorded in the public list": "已收录于公开列表",
    "indexed by the agent of the public list, marked there as candidate": (
        "由公开列表的维护代理编入索引，在列表中标为候选"
    ),
    "named in the public list's table of evaluation dimensions": "见于公开列表的评测维度表",
    "a method of a listed paper or source": "已收录论文或资料中的方法",
    "needed to name rows of tables and runs": "为表格与运行中的各行命名所需",
    "transcribed cell by cell from the reading and audited": "依识读文本逐格转录，并经核查",
    "stated in one of the sources": "某一资料中的陈述",
    "withdrawn on arXiv": "已在 arXiv 上撤回",
    "linked from a watched page": "由所关注的页面链接",
    "found by a saved query": "由保存的检索式找到",
    # what was seen where a fact was read
    "the list says that older rows keep the count of an earlier day": "列表说明：较早的行保留此前某日的计数",
    "README names the paper": "README 提到该论文",
    # citations that are not a name and a year
    "Put together in this project; not from a paper": "本项目组合而成，并非出自论文",
    "Usual upper reference of continual learning": "持续学习中通行的上限参照",
    "ant-research/Awesome-Knowledge-Injection @ ad4dc32, README.md, direction overview (2026-05-19)": (
        "ant-research/Awesome-Knowledge-Injection @ ad4dc32，README.md，方向概览（2026-05-19）"
    ),
    # reported tables
    "LLaVA-v1.5 (7B) unless the column says otherwise": "LLaVA-v1.5 (7B)，列中另有说明者除外",
    "Text, Observations 1 to 11": "正文，观察 1 至 11",
    "multi-round dialogue": "多轮对话",
    "visual recognition": "视觉识别",
    "image caption": "图像描述",
    "all": "全部",
    "as stated": "文中所述",
    "Knowledge adaptation (EVOKE)": "知识适应（EVOKE）",
    "Knowledge retention": "知识保持",
    "News": "新闻",
    "Entity": "实体",
    "Augmentation for Text": "文本增强",
    "Augmentation for Images": "图像增强",
    "Knowledge-Aware": "知识感知",
    "Knowledge-Agnostic": "知识无关",
    "W/o Augmentation": "去掉增强",
    "W/o Constraint": "去掉约束",
    "W/o Frozen Matrix A": "不冻结矩阵 A",
    "Vanilla": "原模型",
    "Replay": "回放",
    # locators
    "Abstract": "摘要",
    "Method": "方法",
    "Foundational concepts": "基本概念",
    "Design trade-offs": "设计取舍",
    "Direction overview": "方向概览",
    "analysis of covariance": "协方差分析",
    "failure signatures": "失败特征",
    "Machine-made summary of the paper": "论文的机器生成摘要",
    "Observation 8 as the reading gives it": "识读文本中的观察 8",
    # metrics of columns
    "cover exact match": "覆盖式精确匹配",
    "F1 over words": "按词计算的 F1",
    "average": "平均",
    "politics": "政治",
    "sports": "体育",
    "business": "商业",
    "health": "健康",
    "celebrity": "名人",
    "film": "电影",
    "album": "专辑",
    "written work": "文字作品",
    "training samples": "训练样本数",
    "share of all samples": "占全部样本的比例",
    "trainable parameters": "可训练参数量",
    "benchmark score, 0 to 100": "基准得分，0 至 100",
    "the seven dimensions": "七个维度",
    "the twelve benchmarks": "十二个基准",
    "replay": "回放",
    "replay on 13B": "13B 上的回放",
    "LoRA on Qwen2.5-VL": "Qwen2.5-VL 上的 LoRA",
    "its ablation without augmentation": "其去掉增强的消融",
    "knowledge-aware text augmentation": "知识感知的文本增强",
    # what approved operations give as their reason
    "arXiv has the full title": "arXiv 上有完整标题",
    "the title on arXiv is another one": "arXiv 上的标题不同",
    "keeps the short name in the list beside the full title": "在完整标题之外保留列表中的短名",
    "accepted, says its journal reference on arXiv": "已录用，据其 arXiv 期刊引用",
    "accepted, says its comment on arXiv": "已录用，据其 arXiv 备注",
    "the publisher's DOI stands on arXiv": "arXiv 上列有出版方 DOI",
    "the comment on arXiv says so": "据 arXiv 备注",
    "dead twice, a week apart": "相隔一周，两次均已失效",
    "first count": "首次计数",
    "unchanged, read again": "未变，再次读取",
    "GitHub's number finds it again after a move": "迁移后可凭 GitHub 编号找回",
    "not found twice, a week apart, neither by name nor by number": "相隔一周，两次按名称与编号均未找到",
    "a watched page links to it": "所关注的页面链接到它",
    "a paper of the same title is on arXiv": "arXiv 上有同名论文",
    "the authors as arXiv lists them": "依 arXiv 所列的作者",
}

PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), chinese)
    for pattern, chinese in (
        (r"named by (\S+)", r"由 \1 提及"),
        (r"(\S+) is now (\S+)", r"\1 现为 \2"),
        (r"(\S+) was renamed or moved to (\S+)", r"\1 已改名或迁移至 \2"),
        (r"imported from (.+); relevant with probability ([\d.]+)", r"自 \1 导入；相关概率 \2"),
        (r"imported from (.+)", r"自 \1 导入"),
        (r"accepted, says (.+)", r"已录用，据 \1"),
        (r"the paper names (\S+) as its code", r"论文指明 \1 为其代码"),
        (r"(.+) names it as its code", r"《\1》指明它为其代码"),
        (r"arXiv says that (\S+) of the paper was withdrawn", r"arXiv 称该论文的 \1 已撤回"),
        (r"the same repository as (\S+)", r"与 \1 为同一仓库"),
        (r"the repository is (\S+)", r"仓库状态为 \1"),
        (r"stars: (.+)", r"星标：\1"),
        (r"licence: (.+)", r"许可证：\1"),
        (r"last push: (.+)", r"最近推送：\1"),
        (r"As compared in (.+)", r"见于 \1 的对比"),
        (r"In the line of (.+)", r"沿 \1 的思路"),
        (r"Baseline of every injection paper; (.+)", r"各注入论文的基线；\1"),
        (r"First experiments proposed by the survey (.+)", r"综述 \1 提议的首批实验"),
        (
            r"Machine-made reading of (\S+), lines (\d+) to (\d+) of its text; transcribed by program, checked by eye",
            r"\1 的机器识读文本，第 \2 至 \3 行；由程序转录，经肉眼核对",
        ),
        (r"Observation (\d+)", r"观察 \1"),
        (r"Section ([\d.]+)", r"第 \1 节"),
        (r"Table (\d+)", r"表 \1"),
        (r"Figure (\d+) and Table (\d+)", r"图 \1 与表 \2"),
        (r"Theorem (\d+)", r"定理 \1"),
        (r"Mechanism (\d+)", r"机制 \1"),
        (r"Open question (\d+)", r"开放问题 \1"),
        (r"mean of ([\w.-]+) and ([\w.-]+)", r"\1 与 \2 的均值"),
    )
)
MEAN = re.compile(r"mean of (.+)")
OVER = re.compile(r"([^,]+) over ([^,]+), ([^,]+)")
PROOF = re.compile(r"(printed|read) (\S+) in ([\w-]+:[\w-]+/[\w-]+)")
"""How a proof speaks of a cell: `printed 35.14 in kore-table-2:ewc/avg`."""


@cache
def chinese(text: str) -> str | None:
    """The Chinese of a fixed sentence; None for anything else."""
    if text in SENTENCES:
        return SENTENCES[text]
    for pattern, words in PATTERNS:
        if found := pattern.fullmatch(text):
            return found.expand(words)
    return _comparison(text)


@cache
def printed(text: str) -> str | None:
    """The Chinese of a locator, metric or proof as sources print them, `Observation 1, Table 1`; None when unknown."""
    if PROOF.search(text):
        return proof(text)
    parts = text.split(", ")
    known = [chinese(part) for part in parts]
    if (whole := chinese(text)) is not None or not any(known):
        return whole
    return "，".join(one or part for one, part in zip(known, parts, strict=True))


def _comparison(text: str) -> str | None:
    if (found := MEAN.fullmatch(text)) and found[1] in SENTENCES:
        return f"{SENTENCES[found[1]]}的均值"
    if found := OVER.fullmatch(text):
        left, right, metric = (SENTENCES.get(side, side) for side in found.groups())
        return f"{left} 比{'' if right in SENTENCES.values() else ' '}{right}高出的 {metric}"
    return None


def proof(text: str) -> str:
    """A proof in Chinese: its arithmetic as it stands, `printed` and `read` in words."""
    said = PROOF.sub(lambda found: f"{found[3]} {'印作' if found[1] == 'printed' else '识读为'} {found[2]}", text)
    return said.replace("; ", "；")
