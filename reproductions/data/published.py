"""Where the files of the published data sets lie, in which order tasks are learned, and how much there is of each.

Names and places as in the releases: EVOKE (arXiv:2505.24449), KORE-74K (2510.19316), MLLM-CL (2506.05453), UCIT
(2503.12941), CoIN (2403.08350). Some releases were renamed over time; the first name that exists is taken.
"""

from __future__ import annotations

from pathlib import Path

from reproductions.data.folders import first_file
from reproductions.data.streams import TaskFiles
from reproductions.examples import Example

N_FACTS = 9_422
"""Facts of EVOKE."""
KORE_74K = {"dialogue": 9_422, "recognition": 9_422, "caption": 9_422, "vqa": 46_468}
"""Published numbers of KORE-74K's training conversations by kind; 74,734 together."""
DOMAINS = {"RS": "contained", "Med": "contained", "AD": "contained", "Sci": "option", "Fin": "option"}
"""Task → how it is scored, by a name of `reproductions.rules`; in order, likewise below."""
ABILITIES = {"OCR": "contained", "Math": "", "VP": "contained", "APP": ""}
"""Mathematics is judged by a language model in the release, interfaces by a server of its own: no rule here."""
UCIT = {
    "ImageNet-R": "accuracy",
    "ArxivQA": "option",
    "VizWiz": "rouge-l",
    "IconQA": "accuracy",
    "CLEVR-Math": "accuracy",
    "Flickr30k": "rouge-l",
}
"""The captions' printed numbers mix seven measures, of which CIDEr has no upper end; ROUGE-L is one of the seven."""
COIN = {
    "ScienceQA": "option",
    "TextVQA": "soft-vqa",
    "ImageNet": "contained",
    "GQA": "accuracy",
    "VizWiz": "soft-vqa",
    "Grounding": "grounding",
    "VQAv2": "soft-vqa",
    "OCR-VQA": "accuracy",
}


def evoke_files(folder: Path) -> tuple[TaskFiles, ...]:
    """One task: each fact is read once, with an image; the question is asked on another image."""
    train = folder / "evoke_injection_data.json"
    return (TaskFiles("evoke", train, evoke_questions(folder), evoke_images(folder), N_FACTS, N_FACTS),)


def evoke_questions(folder: Path) -> Path:
    """EVOKE's evaluation file."""
    return first_file(folder, "evoke_evaluation_data.jsonl", "evoke_evaluation_data.json")


def evoke_images(folder: Path) -> tuple[Path, ...]:
    """Unpacked from one archive per part and kind."""
    imgs = folder / "imgs"
    return (imgs / "injection", imgs / "evaluation", imgs, folder)


def kore_74k_files(folder: Path, evoke: Path) -> tuple[TaskFiles, ...]:
    """EVOKE's facts after KORE's augmentation, asked with EVOKE's questions; two folders, two downloads."""
    imgs = folder / "imgs"
    roots = (imgs / "imgs_of_recognition_caption_description", imgs / "imgs_of_vqa", imgs, folder, *evoke_images(evoke))
    train = folder / "KORE-74K-training_data.json"
    return (TaskFiles("evoke", train, evoke_questions(evoke), roots, sum(KORE_74K.values()), N_FACTS),)


def kore_kind(example: Example) -> str:
    """Which branch of the knowledge tree a conversation is, told by its length and the instruction it ends with."""
    question = example.turns[-1].question.lower() if len(example.turns) == 1 else ""
    endings = {"yes or no": "recognition", "one paragraph": "caption", "single word or phrase": "vqa"}
    return next((kind for ending, kind in endings.items() if ending in question), "dialogue")


def domain_files(folder: Path) -> tuple[TaskFiles, ...]:
    """MLLM-CL, domains: remote sensing, medicine, driving, science, finance."""
    root = _either(folder / "Domain_data", folder)
    return tuple(_folder_task(name, rule, root / name, root / name, (root / name,)) for name, rule in DOMAINS.items())


def ability_files(folder: Path) -> tuple[TaskFiles, ...]:
    """MLLM-CL, abilities; training and evaluation come from different sources and lie in different folders."""
    root = _either(folder / "Ability_data", folder)
    return tuple(
        _folder_task(name, rule, root / name, root / f"{name}_test", (root / name, root / f"{name}_test"))
        for name, rule in ABILITIES.items()
    )


def ucit_files(folder: Path) -> tuple[TaskFiles, ...]:
    """UCIT: six tasks that LLaVA's own training data does not contain."""
    root = _either(folder / "UCIT", folder)
    return tuple(
        _folder_task(name, rule, root / name, root / name, (root / "datasets", root / name, root))
        for name, rule in UCIT.items()
    )


def coin_files(folder: Path, instructions: str = "Instruction_Original") -> tuple[TaskFiles, ...]:
    """CoIN: eight tasks, with one of two sets of instruction wordings (`Instruction_Original`, `Instruction_Type2`)."""
    written = folder / instructions
    return tuple(
        _folder_task(name, rule, written / name, written / name, (folder, folder / name, folder / "images"))
        for name, rule in COIN.items()
    )


def _folder_task(name: str, rule: str, train: Path, test: Path, images: tuple[Path, ...]) -> TaskFiles:
    return TaskFiles(
        name.lower(),
        first_file(train, "train.json", "train_4w.json", "train_brief_4w.json"),
        first_file(test, "test.json", "test_3000.json", "val_coco_type_3000.json", "val.json"),
        images,
        rule=rule,
    )


def _either(first: Path, second: Path) -> Path:
    return first if first.is_dir() else second
