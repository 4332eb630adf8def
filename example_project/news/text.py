"""From text to numbers: words, a vocabulary, and weighted word counts (tf-idf)."""

import csv
import math
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

Features = list[tuple[int, float]]  # (index of a word, weight); a sparse vector of length 1

WORD = re.compile(r"[^\W\d_]+")


def read_articles(file: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with open(file, newline="", encoding="utf-8") as rows:
        return list(csv.DictReader(rows))


def words(article: dict[str, str], lowercase: bool) -> list[str]:
    """The words of the headline and the text, in order."""
    text = f"{article['headline']} {article['text']}"
    return WORD.findall(text.lower() if lowercase else text)


class Vocabulary:
    """The words that count, each with its index and its inverse document frequency."""

    def __init__(self, frequencies: dict[str, float], lowercase: bool):
        self.frequencies = frequencies
        self.lowercase = lowercase
        self.index = {word: number for number, word in enumerate(frequencies)}

    def __len__(self) -> int:
        return len(self.frequencies)

    @classmethod
    def learn(cls, articles: list[dict[str, str]], minimum_count: int, lowercase: bool) -> "Vocabulary":
        """Count in how many articles each word stands."""
        counts: Counter[str] = Counter()
        for article in articles:
            counts.update(set(words(article, lowercase)))
        kept = sorted(word for word, count in counts.items() if count >= minimum_count)
        total = len(articles)
        return cls({word: round(math.log((1 + total) / (1 + counts[word])) + 1, 6) for word in kept}, lowercase)

    def features(self, article: dict[str, str]) -> Features:
        """The tf-idf vector of an article; unknown words are left out."""
        counts = Counter(words(article, self.lowercase))
        found = [(self.index[w], n * self.frequencies[w]) for w, n in counts.items() if w in self.index]
        length = math.sqrt(sum(weight * weight for _, weight in found)) or 1.0
        return [(index, weight / length) for index, weight in found]

    def to_dict(self) -> dict:
        return {"lowercase": self.lowercase, "frequencies": self.frequencies}

    @classmethod
    def from_dict(cls, data: dict) -> "Vocabulary":
        return cls(data["frequencies"], data["lowercase"])


def sections(articles: Iterable[dict[str, str]]) -> list[str]:
    """The labels that occur, in the order of the alphabet."""
    return sorted({article["section"] for article in articles})
