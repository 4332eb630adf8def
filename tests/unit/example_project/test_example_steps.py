from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

AfterTraining = tuple[Any, dict[str, str]]


def metadata(said: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as text:
        return list(csv.DictReader(text))


def test_the_split_loses_and_doubles_no_article(after_training: AfterTraining) -> None:
    valohai, said = after_training
    train, test = (rows(valohai.outputs("preprocess") / name) for name in ("train.csv", "test.csv"))
    ids = [row["id"] for row in train + test]
    assert len(ids) == len(set(ids)) == 3000
    [line] = metadata(said["preprocess"])
    assert (line["train_articles"], line["test_articles"]) == (len(train), len(test)) == (2250, 750)


def test_training_learns(after_training: AfterTraining) -> None:
    lines = metadata(after_training[1]["train"])
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4]
    assert lines[-1]["loss"] < lines[0]["loss"]
    assert lines[-1]["accuracy"] > 0.8


def test_the_model_is_good_and_not_perfect_on_unseen_articles(after_training: AfterTraining) -> None:
    valohai, said = after_training
    report = json.loads((valohai.outputs("evaluate") / "report.json").read_text())
    [line] = metadata(said["evaluate"])
    assert 0.85 <= report["accuracy"] <= 0.95
    assert line["accuracy"] == report["accuracy"]
    assert line["macro_f1"] == report["macro_f1"]
    assert sum(map(sum, report["confusion_matrix"])) == report["articles"] == 750
    assert (valohai.outputs("evaluate") / "report.md").read_text().startswith("Accuracy ")


def test_outputs_carry_the_aliases_that_later_steps_take(after_training: AfterTraining, project: Path) -> None:
    valohai, _ = after_training
    aliases = {}
    for line in (valohai.outputs("preprocess") / "valohai.metadata.jsonl").read_text().splitlines():
        entry = json.loads(line)
        assert (valohai.outputs("preprocess") / entry["file"]).is_file()
        aliases[entry["metadata"]["valohai.alias"]] = entry["file"]
    sidecar = json.loads((valohai.outputs("train") / "model.json.metadata.json").read_text())
    aliases[sidecar["valohai.alias"]] = "model.json"
    assert sidecar["valohai.tags"] == ["news", "example"]
    assert sidecar["execution"] == 2
    wanted = {
        line.split("datum://")[1] for line in (project / "valohai.yaml").read_text().splitlines() if "datum://" in line
    }
    assert set(aliases) == wanted


def test_the_same_seed_gives_the_same_model(after_training: AfterTraining) -> None:
    valohai, said = after_training
    model = (valohai.outputs("train") / "model.json").read_bytes()
    assert valohai.run("train", "--epochs=4").stdout == said["train"]
    assert (valohai.outputs("train") / "model.json").read_bytes() == model


def test_a_missing_input_is_said_plainly(after_training: AfterTraining, tmp_path: Path) -> None:
    valohai = type(after_training[0])(tmp_path)
    done = valohai.run("evaluate")
    assert done.returncode == 1
    assert "the input model must be one file" in done.stderr


def test_the_data_can_be_made_again(project: Path, tmp_path: Path) -> None:
    shutil.copy(project / "make_data.py", tmp_path)
    subprocess.run([sys.executable, tmp_path / "make_data.py"], check=True)
    made = sorted((tmp_path / "s3").rglob("*.csv"))
    assert len(made) == 2
    for file in made:
        committed = project / file.relative_to(tmp_path)
        assert file.read_bytes() == committed.read_bytes()
    assert sum(file.stat().st_size for file in made) < 1_000_000
