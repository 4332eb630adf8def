"""Step `preprocess`: articles in, a training set, a test set and a vocabulary out."""

import argparse
import csv
import json
import random
from pathlib import Path

from news.files import OUTPUTS, input_files, log
from news.text import Vocabulary, read_articles, sections


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--test-share", type=float, default=0.25)
    parser.add_argument("--minimum-count", type=int, default=2)
    parser.add_argument("--lowercase", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    articles = []
    for file in input_files("articles"):
        rows = read_articles(file)
        print(f"{file.name}: {len(rows)} articles")
        articles += rows
    random.Random(options.seed).shuffle(articles)
    test_size = round(len(articles) * options.test_share)
    test, train = articles[:test_size], articles[test_size:]
    vocabulary = Vocabulary.learn(train, options.minimum_count, options.lowercase)

    OUTPUTS.mkdir(parents=True, exist_ok=True)
    write_articles(OUTPUTS / "train.csv", train)
    write_articles(OUTPUTS / "test.csv", test)
    (OUTPUTS / "vocabulary.json").write_text(json.dumps(vocabulary.to_dict()))
    write_metadata({"train.csv": "news-train", "test.csv": "news-test", "vocabulary.json": "news-vocabulary"})
    log(train_articles=len(train), test_articles=len(test), words=len(vocabulary), sections=sections(articles))


def write_articles(file: Path, articles: list[dict[str, str]]) -> None:
    with open(file, "w", newline="", encoding="utf-8") as rows:
        writer = csv.DictWriter(rows, articles[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(articles)


def write_metadata(aliases: dict[str, str]) -> None:
    """Name the outputs, so that the step `train` finds the newest ones by datum://news-train."""
    with open(OUTPUTS / "valohai.metadata.jsonl", "w", encoding="utf-8") as lines:
        for file, alias in aliases.items():
            lines.write(json.dumps({"file": file, "metadata": {"valohai.alias": alias}}) + "\n")


if __name__ == "__main__":
    main()
