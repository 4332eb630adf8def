"""Step `train`: a training set and a vocabulary in, a model out, one line of metadata per epoch."""

import argparse
import json

from news.files import OUTPUTS, describe, execution_counter, input_file, log
from news.model import Model
from news.text import Vocabulary, read_articles, sections


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=0.5)
    parser.add_argument("--l2", type=float, default=0.0001)
    parser.add_argument("--validation-share", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    articles = read_articles(input_file("train-set"))
    vocabulary = Vocabulary.from_dict(json.loads(input_file("vocabulary").read_text()))
    labels = sections(articles)
    examples = [(vocabulary.features(article), labels.index(article["section"])) for article in articles]
    held_out = round(len(examples) * options.validation_share)
    validation, training = examples[:held_out], examples[held_out:]
    print(f"{len(training)} articles to learn from, {held_out} to validate with, {len(vocabulary)} words")

    model = Model(labels, vocabulary)
    accuracy = 0.0
    for epoch in model.fit(training, options.epochs, options.learning_rate, options.l2, options.seed):
        accuracy = round(model.accuracy(validation), 4)
        log(epoch=epoch.number, loss=round(epoch.loss, 4), train_accuracy=round(epoch.accuracy, 4), accuracy=accuracy)

    OUTPUTS.mkdir(parents=True, exist_ok=True)
    file = OUTPUTS / "model.json"
    file.write_text(json.dumps(model.to_dict()))
    describe(file, tags=["news", "example"], alias="news-model", accuracy=accuracy, execution=execution_counter())


if __name__ == "__main__":
    main()
