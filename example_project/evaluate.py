"""Step `evaluate`: a model and a test set in, a report out."""

import json

from news import scores
from news.files import OUTPUTS, input_file, log
from news.model import Model
from news.text import read_articles


def main() -> None:
    model = Model.from_dict(json.loads(input_file("model").read_text()))
    articles = read_articles(input_file("test-set"))
    pairs = [
        (model.labels.index(article["section"]), model.predict(model.vocabulary.features(article)))
        for article in articles
    ]
    matrix = scores.confusion_matrix(pairs, len(model.labels))
    report = {
        "accuracy": round(scores.accuracy(matrix), 4),
        "macro_f1": round(scores.macro_f1(matrix), 4),
        "articles": len(articles),
        "f1": {label: round(f1, 4) for label, f1 in zip(model.labels, scores.f1_scores(matrix), strict=True)},
        "labels": model.labels,
        "confusion_matrix": matrix,
    }

    OUTPUTS.mkdir(parents=True, exist_ok=True)
    (OUTPUTS / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    (OUTPUTS / "report.md").write_text(as_markdown(report))
    print(as_markdown(report))
    log(accuracy=report["accuracy"], macro_f1=report["macro_f1"], confusion_matrix=matrix)


def as_markdown(report: dict) -> str:
    """The report as a person reads it."""
    labels = report["labels"]
    lines = [f"Accuracy {report['accuracy']:.1%} on {report['articles']} articles, macro F1 {report['macro_f1']:.3f}", ""]
    lines += ["| right \\ predicted | " + " | ".join(labels) + " | F1 |", "|---" * (len(labels) + 2) + "|"]
    for label, row in zip(labels, report["confusion_matrix"], strict=True):
        lines.append(f"| {label} | " + " | ".join(map(str, row)) + f" | {report['f1'][label]:.3f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
