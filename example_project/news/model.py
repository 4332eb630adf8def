"""Multinomial logistic regression, fitted by stochastic gradient descent."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from news.text import Features, Vocabulary

Example = tuple[Features, int]  # features, and the number of the right label


@dataclass
class Epoch:
    """How one pass over the examples went."""

    number: int
    loss: float
    accuracy: float


class Model:
    """One weight per label and word, and one bias per label."""

    def __init__(self, labels: list[str], vocabulary: Vocabulary):
        self.labels = labels
        self.vocabulary = vocabulary
        self.weights = [[0.0] * len(vocabulary) for _ in labels]
        self.biases = [0.0] * len(labels)

    def probabilities(self, features: Features) -> list[float]:
        """How likely each label is."""
        scores = [
            bias + sum(row[index] * value for index, value in features)
            for row, bias in zip(self.weights, self.biases, strict=True)
        ]
        highest = max(scores)
        powers = [math.exp(score - highest) for score in scores]
        total = sum(powers)
        return [power / total for power in powers]

    def predict(self, features: Features) -> int:
        """The number of the likeliest label."""
        likely = self.probabilities(features)
        return likely.index(max(likely))

    def accuracy(self, examples: list[Example]) -> float:
        """The share of examples that it gets right."""
        return sum(self.predict(features) == label for features, label in examples) / max(1, len(examples))

    def fit(self, examples: list[Example], epochs: int, rate: float, l2: float, seed: int) -> Iterator[Epoch]:
        """Learn, and report after each epoch. The learning rate shrinks as 1 / (1 + epoch / 4)."""
        rng = random.Random(seed)
        order = list(examples)
        for number in range(1, epochs + 1):
            rng.shuffle(order)
            step = rate / (1 + (number - 1) / 4)
            loss, right = 0.0, 0
            for features, label in order:
                likely = self._learn(features, label, step, l2)
                loss -= math.log(max(likely[label], 1e-12))
                right += likely.index(max(likely)) == label
            yield Epoch(number, loss / len(order), right / len(order))

    def _learn(self, features: Features, label: int, step: float, l2: float) -> list[float]:
        likely = self.probabilities(features)
        for number, row in enumerate(self.weights):
            error = likely[number] - (number == label)
            self.biases[number] -= step * error
            for index, value in features:
                row[index] -= step * (error * value + l2 * row[index])
        return likely

    def to_dict(self) -> dict:
        rounded = [[round(weight, 4) for weight in row] for row in self.weights]
        biases = [round(bias, 4) for bias in self.biases]
        vocabulary = self.vocabulary.to_dict()
        return {"labels": self.labels, "weights": rounded, "biases": biases, "vocabulary": vocabulary}

    @classmethod
    def from_dict(cls, data: dict) -> "Model":
        model = cls(data["labels"], Vocabulary.from_dict(data["vocabulary"]))
        model.weights, model.biases = data["weights"], data["biases"]
        return model
