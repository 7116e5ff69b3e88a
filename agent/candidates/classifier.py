"""A small deterministic classifier, trained on the registry itself each time it is needed (it takes a second).

Words and character pieces, weighted by how rare they are, into logistic regression: one model for
"does it belong here", one for the direction, one for the bucket. Nearest entries by the angle between the same vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import FeatureUnion, Pipeline

from agent.candidates.examples import Example

SEED = 0


@dataclass(frozen=True)
class Judgement:
    """What the classifier thinks of one text."""

    relevance: float
    """Probability that it belongs here."""
    direction: str
    direction_confidence: float
    bucket: str
    """Empty unless the direction is distill."""
    nearest: tuple[tuple[str, float], ...]
    """Three entries with their similarity in [0, 1]."""


class Classifier:
    """Trained on related and unrelated examples."""

    def __init__(self, examples: Sequence[Example]) -> None:
        related = [example for example in examples if example.relevant]
        self.related = related
        self.relevance = fitted([e.text for e in examples], [str(e.relevant) for e in examples])
        self.direction = fitted([e.text for e in related], [e.direction for e in related])
        distilled = [e for e in related if e.bucket]
        self.bucket = fitted([e.text for e in distilled], [e.bucket for e in distilled])
        self.features = features().fit([e.text for e in related])
        self.vectors = self.features.transform([e.text for e in related])

    def judge(self, text: str) -> Judgement:
        """Relevance, place and nearest entries of a text (title and abstract)."""
        direction, confidence = likeliest(self.direction, text)
        return Judgement(
            relevance=probability(self.relevance, text, "True"),
            direction=direction,
            direction_confidence=confidence,
            bucket=likeliest(self.bucket, text)[0] if direction == "distill" else "",
            nearest=self.nearest(text),
        )

    def nearest(self, text: str, count: int = 3) -> tuple[tuple[str, float], ...]:
        """The most similar entries."""
        similarity = np.asarray((self.vectors @ self.features.transform([text]).T).todense()).ravel()
        best = sorted(range(len(self.related)), key=lambda i: (-similarity[i], self.related[i].name))[:count]
        return tuple((self.related[i].name, round(float(similarity[i]), 3)) for i in best)


def features() -> FeatureUnion:
    """Words and character pieces of a text, each side of unit length."""
    words = TfidfVectorizer(sublinear_tf=True, stop_words="english")
    pieces = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, min_df=2)
    return FeatureUnion([("words", words), ("pieces", pieces)], transformer_weights={"words": 0.5, "pieces": 1.0})


def fitted(texts: Sequence[str], labels: Sequence[str]) -> Pipeline | str:
    """A trained model; the label itself when there is only one."""
    if len(set(labels)) < 2:
        return labels[0] if labels else ""
    binary = LogisticRegression(
        C=100.0, class_weight="balanced", solver="liblinear", dual=True, max_iter=2000, random_state=SEED
    )
    regression = OneVsRestClassifier(binary)
    return Pipeline([("features", features()), ("regression", regression)]).fit(list(texts), list(labels))


def probability(model: Pipeline | str, text: str, label: str) -> float:
    """How likely the label is."""
    if isinstance(model, str):
        return float(model == label)
    return float(model.predict_proba([text])[0][list(model.classes_).index(label)])


def likeliest(model: Pipeline | str, text: str) -> tuple[str, float]:
    """The likeliest label and its probability."""
    if isinstance(model, str):
        return model, 1.0
    chances = model.predict_proba([text])[0]
    best = int(np.argmax(chances))
    return str(model.classes_[best]), float(chances[best])
