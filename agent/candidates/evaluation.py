"""How well the classifier does: by cross-validation and by time split, with a confusion table of the directions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sklearn.model_selection import StratifiedKFold

from agent.candidates.classifier import SEED, Classifier, Judgement
from agent.candidates.examples import Example

FOLDS = 5


@dataclass(frozen=True)
class Score:
    """Counts of one evaluation."""

    name: str
    judged: tuple[tuple[Example, Judgement], ...]
    threshold: float

    @property
    def recall(self) -> float:
        """Share of related papers that are found."""
        related = [j for e, j in self.judged if e.relevant]
        return sum(j.relevance >= self.threshold for j in related) / len(related)

    @property
    def precision(self) -> float:
        """Share of found papers that are related."""
        found = [e.relevant for e, j in self.judged if j.relevance >= self.threshold]
        return sum(found) / len(found) if found else 0.0

    @property
    def precision_near(self) -> float:
        """The same, against near misses only."""
        found = [e.relevant for e, j in self.judged if j.relevance >= self.threshold and not e.name.startswith("far")]
        return sum(found) / len(found) if found else 0.0

    @property
    def direction_accuracy(self) -> float:
        """Share of related papers filed in the right direction."""
        related = [(e, j) for e, j in self.judged if e.relevant]
        return sum(e.direction == j.direction for e, j in related) / len(related)

    @property
    def bucket_accuracy(self) -> float:
        """Share of distill papers that are filed in the right bucket (a wrong direction counts as wrong)."""
        distilled = [(e, j) for e, j in self.judged if e.bucket]
        return sum(e.bucket == j.bucket for e, j in distilled) / len(distilled) if distilled else float("nan")

    def confusion(self) -> Counter[tuple[str, str]]:
        """(true direction, predicted direction) → count."""
        return Counter((e.direction, j.direction) for e, j in self.judged if e.relevant)

    def missed(self) -> list[str]:
        """Related papers that were not found."""
        return [e.name for e, j in self.judged if e.relevant and j.relevance < self.threshold]

    def wrongly_found(self) -> list[str]:
        """Unrelated ones that were."""
        return [e.text.split(". ")[0] for e, j in self.judged if not e.relevant and j.relevance >= self.threshold]

    def as_json(self) -> dict[str, Any]:
        """Everything for `--json`."""
        return {
            "name": self.name,
            "related": sum(e.relevant for e, _ in self.judged),
            "unrelated": sum(not e.relevant for e, _ in self.judged),
            "threshold": self.threshold,
            "recall": self.recall,
            "precision": self.precision,
            "precision_against_near_misses": self.precision_near,
            "direction_accuracy": self.direction_accuracy,
            "bucket_accuracy": self.bucket_accuracy,
            "confusion": {f"{true} → {said}": n for (true, said), n in sorted(self.confusion().items())},
            "missed": self.missed(),
            "wrongly_found": self.wrongly_found(),
        }


def cross_validation(examples: Sequence[Example], threshold: float) -> Score:
    """Every example judged by a classifier that has not seen it; five folds, stratified, fixed seed."""
    labels = [e.direction if e.relevant else e.name.split("-")[0] for e in examples]
    folds = StratifiedKFold(n_splits=FOLDS, shuffle=True, random_state=SEED)
    judged: list[tuple[Example, Judgement]] = []
    for train, test in folds.split(examples, merged_rare(labels)):
        classifier = Classifier([examples[i] for i in train])
        judged += [(examples[i], classifier.judge(examples[i].text)) for i in test]
    return Score("cross-validation", tuple(judged), threshold)


def merged_rare(labels: Sequence[str]) -> list[str]:
    """Labels with fewer examples than folds put together, so that every fold can have some."""
    counts = Counter(labels)
    return [label if counts[label] >= FOLDS else "rare" for label in labels]


def time_split(examples: Sequence[Example], threshold: float) -> Score:
    """Trained on what came first, tested on the newest third; unrelated ones are split alike by their order."""
    related = sorted((e for e in examples if e.relevant), key=lambda e: (e.month, e.name))
    unrelated = [e for e in examples if not e.relevant]
    cut = len(related) * 2 // 3
    train = [*related[:cut], *(e for i, e in enumerate(unrelated) if i % 3 != 2)]
    test = [*related[cut:], *(e for i, e in enumerate(unrelated) if i % 3 == 2)]
    classifier = Classifier(train)
    name = f"time split (trained until {related[cut - 1].month}, tested from {related[cut].month})"
    return Score(name, tuple((e, classifier.judge(e.text)) for e in test), threshold)
