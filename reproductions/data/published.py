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
DOMAINS = ("RS", "Med", "AD", "Sci", "Fin")
ABILITIES = ("OCR", "Math", "VP", "APP")
UCIT = ("ImageNet-R", "ArxivQA", "VizWiz", "IconQA", "CLEVR-Math", "Flickr30k")
COIN = ("ScienceQA", "TextVQA", "ImageNet", "GQA", "VizWiz", "Grounding", "VQAv2", "OCR-VQA")


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
    return tuple(_folder_task(name, root / name, root / name, (root / name,)) for name in DOMAINS)


def ability_files(folder: Path) -> tuple[TaskFiles, ...]:
    """MLLM-CL, abilities; training and evaluation come from different sources and lie in different folders."""
    root = _either(folder / "Ability_data", folder)
    return tuple(
        _folder_task(name, root / name, root / f"{name}_test", (root / name, root / f"{name}_test"))
        for name in ABILITIES
    )


def ucit_files(folder: Path) -> tuple[TaskFiles, ...]:
    """UCIT: six tasks that LLaVA's own training data does not contain."""
    root = _either(folder / "UCIT", folder)
    return tuple(_folder_task(name, root / name, root / name, (root / "datasets", root / name, root)) for name in UCIT)


def coin_files(folder: Path, instructions: str = "Instruction_Original") -> tuple[TaskFiles, ...]:
    """CoIN: eight tasks, with one of two sets of instruction wordings (`Instruction_Original`, `Instruction_Type2`)."""
    written = folder / instructions
    return tuple(
        _folder_task(name, written / name, written / name, (folder, folder / name, folder / "images")) for name in COIN
    )


def _folder_task(name: str, train: Path, test: Path, images: tuple[Path, ...]) -> TaskFiles:
    return TaskFiles(
        name.lower(),
        first_file(train, "train.json", "train_4w.json", "train_brief_4w.json"),
        first_file(test, "test.json", "test_3000.json", "val_coco_type_3000.json", "val.json"),
        images,
    )


def _either(first: Path, second: Path) -> Path:
    return first if first.is_dir() else second
