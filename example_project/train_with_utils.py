"""Step `train-with-utils`: as train.py, with Valohai's own helper library instead of paths and printed JSON."""

import json
from pathlib import Path

import valohai

from news.model import Model
from news.text import Vocabulary, read_articles, sections

valohai.prepare(
    step="train-with-utils",
    image="python:3.11-slim",
    default_inputs={"train-set": "datum://news-train", "vocabulary": "datum://news-vocabulary"},
    default_parameters={"epochs": 8, "learning-rate": 0.5},
)


def main() -> None:
    articles = read_articles(Path(valohai.inputs("train-set").path()))
    vocabulary = Vocabulary.from_dict(json.loads(Path(valohai.inputs("vocabulary").path()).read_text()))
    labels = sections(articles)
    examples = [(vocabulary.features(article), labels.index(article["section"])) for article in articles]

    model = Model(labels, vocabulary)
    epochs, rate = valohai.parameters("epochs").value, valohai.parameters("learning-rate").value
    for epoch in model.fit(examples, epochs, rate, l2=0.0001, seed=1):
        valohai.set_status_detail(f"epoch {epoch.number} of {epochs}")
        with valohai.logger() as logger:
            logger.log("epoch", epoch.number)
            logger.log("loss", round(epoch.loss, 4))
            logger.log("accuracy", round(epoch.accuracy, 4))

    file = valohai.outputs().path("model.json")
    Path(file).write_text(json.dumps(model.to_dict()))
    valohai.outputs().live_upload("model.json")


if __name__ == "__main__":
    main()
