"""The DAG of dags/news.py on good days and bad ones, without Docker. Needs Airflow and pytest."""

from __future__ import annotations

import csv

DAG = "dags/news.py"
SETS = {"train.csv": "id,text,section\n", "vocabulary.json": "{}"}


def test_the_model_is_trained_on_what_was_preprocessed(fake_valohai, run_dag):
    fake_valohai.step("preprocess", outputs=SETS)
    fake_valohai.step("train", metadata={"accuracy": 0.9}, outputs={"model.json": "{}"})

    assert run_dag(DAG).state == "success"
    fake_valohai.assert_order("preprocess", "train")
    fake_valohai.assert_metadata("train", accuracy=0.9)
    fake_valohai.assert_outputs("train", ["model.json"])
    assert fake_valohai.execution("train").parameters["epochs"] == 4


def test_nothing_is_trained_on_half_of_the_data(fake_valohai, run_dag):
    fake_valohai.fail("preprocess", status="crashed")

    assert run_dag(DAG).state == "failed"
    assert fake_valohai.order == ["preprocess"]


def test_a_busy_platform_is_asked_again(fake_valohai, run_dag):
    fake_valohai.step("preprocess", outputs=SETS)
    fake_valohai.api_error(503, times=2)

    assert run_dag(DAG).state == "success"


def test_articles_come_from_the_bucket(fake_valohai, localhai_s3, run_dag):
    (localhai_s3 / "newsroom" / "articles" / "late.csv").write_text("id,published,headline,text,section\n")
    seen = {}

    def preprocess(container):
        for file in container.path("/valohai/inputs/articles").iterdir():
            with file.open(newline="") as opened:
                seen[file.name] = len(list(csv.DictReader(opened)))
        for name, text in SETS.items():
            (container.path("/valohai/outputs") / name).write_text(text)

    fake_valohai.step("preprocess", preprocess)

    assert run_dag(DAG).state == "success"
    assert seen.pop("late.csv") == 0
    assert min(seen.values()) > 0
