"""`localhai airflow check`: DAG files are read, not run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from localhai.airflow.reading import UNKNOWN, read
from localhai.cli.main import cli

YAML = """\
- step:
    name: train
    image: python:3.11-slim
    command: echo
    parameters: [{name: epochs, type: integer}]
    inputs: [{name: data}]
- pipeline:
    name: all
    nodes: [{name: train, type: execution, step: train}]
    edges: []
"""
DAG = """\
from airflow import DAG
from airflow.utils.dates import days_ago
import airflow_that_is_not_there
PROJECT = "news"
with DAG("daily", schedule_interval=None) as dag:
    one = ValohaiSubmitExecutionOperator(
        task_id="one", project_name=PROJECT, step="train", parameters={"epochs": 3}, inputs={"data": uri_of("x")}
    )
    ValohaiSubmitExecutionOperator.partial(task_id="many", project_name=PROJECT, step="train").expand(parameters=[])
    ValohaiSubmitPipelineOperator(task_id="all", project_name=PROJECT, pipeline="all")
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "news").mkdir()
    (tmp_path / "news" / "valohai.yaml").write_text(YAML)
    (tmp_path / "dags").mkdir()
    monkeypatch.setenv("LOCALHAI_PROJECTS", f"news={tmp_path / 'news'}")
    return tmp_path / "dags"


def check(folder: Path) -> tuple[int, list[dict[str, Any]]]:
    done = CliRunner().invoke(cli, ["airflow", "check", str(folder), "--json"])
    return done.exit_code, json.loads(done.stdout)


def test_what_a_dag_will_do(folder):
    (folder / "daily.py").write_text(DAG)
    (folder / "helper.py").write_text("x = 1\n")

    code, [found] = check(folder)

    assert code == 0
    assert found["dags"] == ["daily"]
    assert [(task["task"], task["step"], task["pipeline"], task["problems"]) for task in found["tasks"]] == [
        ("one", "train", None, []), ("many", "train", None, []), ("all", None, "all", [])
    ]  # fmt: skip
    assert found["tasks"][0]["folder"] == str(folder.parent / "news")
    assert found["tasks"][0]["parameters"] == {"epochs": 3}
    assert [(item["line"], item["message"]) for item in found["airflow_3"]] == [
        (2, "there is no airflow.utils.dates in Airflow 3"),
        (5, "DAG has no argument schedule_interval in Airflow 3"),
    ]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("PROJECT = 'news'", "PROJECT = 'olds'", "no folder is known for the project 'olds'"),
        ("step='train'", "step='trian'", "there is no step 'trian'"),
        ("'epochs': 3", "'epoch': 3", "there is no parameter 'epoch' of train"),
        ("'epochs': 3", "'epochs': 'many'", "epochs"),
        ("'data': ", "'dat': ", "there is no input 'dat' of train"),
        ("pipeline='all'", "pipeline='none'", "there is no pipeline 'none'"),
    ],
)
def test_what_would_fail(folder, before, after, said):
    text = DAG.replace('"', "'")
    assert before in text
    (folder / "daily.py").write_text(text.replace(before, after, 1))

    code, [found] = check(folder)

    assert code == 3
    assert any(said in problem for task in found["tasks"] for problem in task["problems"])


def test_words_for_people(folder):
    (folder / "daily.py").write_text(DAG)
    (folder / "wrong.py").write_text("from airflow import DAG\nDAG(\n")

    done = CliRunner().invoke(cli, ["airflow", "check", str(folder)])

    assert done.exit_code == 3
    assert "one runs step train of news" in done.stdout
    assert "input data = (known when the task runs)" in done.stdout
    assert "line 2: Airflow 3 refuses it" in done.stdout
    assert "this is no Python" in done.stdout


def test_templates_and_decorators():
    found = read("@dag(sla_miss_callback=x)\ndef flow():\n    ValohaiSubmitExecutionOperator(step=f'{x}')\n")
    assert found.dags == ["flow"]
    assert found.submissions[0].get("step") is UNKNOWN
    assert [item.hint for item in found.refused] == ["leave it out"]


def test_a_pipeline_as_a_dag_of_its_own(folder):
    (folder / "dag.py").write_text('pipeline_dag("all", project="news", schedule="@daily")\n')
    (folder / "other.py").write_text('pipeline_dag("nothing", project="x", folder="../news", schedule_interval=None)\n')

    code, [good, bad] = check(folder)

    assert code == 3
    assert good["dags"] == ["all"]
    [task] = good["tasks"]
    assert (task["pipeline"], task["nodes"], task["problems"]) == ("all", ["train"], [])
    assert bad["tasks"][0]["folder"] == str(folder.parent / "news")
    assert "nothing" in bad["tasks"][0]["problems"][0]
    assert [item["line"] for item in bad["airflow_3"]] == [1]


@pytest.mark.parametrize(
    "text",
    [
        "from localhai.airflow import ValohaiSubmitExecutionOperator as Submit\nSubmit({})",
        "import localhai.airflow as valohai\nvalohai.ValohaiSubmitExecutionOperator({})",
        "import localhai.airflow.operators.submit_execution as x\nx.ValohaiSubmitExecutionOperator.partial({})",
        "from localhai import airflow as x\nSubmit = x.ValohaiSubmitExecutionOperator\nRun = Submit\nRun({})",
        "from localhai.airflow import ValohaiSubmitExecutionOperator as S\ncommon = dict({})\nS(**common)",
        "ValohaiSubmitExecutionOperator(**{{**dict({}), 'inputs': {{}}}})",
    ],
)
def test_whatever_name_an_operator_has_in_the_file(text):
    found = read(text.format("task_id='a', project_name='news', step='train'"))

    assert [(item.get("task_id"), item.get("project_name"), item.get("step")) for item in found.submissions] == [
        ("a", "news", "train")
    ]


def test_arguments_that_are_not_in_the_text_may_be_any():
    [task] = read("ValohaiSubmitExecutionOperator(task_id='a', **made())").submissions

    assert task.get("task_id") == "a"
    assert task.get("project_name") is UNKNOWN
    assert task.get("parameters", {}) is UNKNOWN


IN_A_DAG = "ValohaiSubmitExecutionOperator(task_id='a', step='train')"


@pytest.mark.parametrize(
    "text",
    [
        "with DAG('d', default_args={'project_name': 'news', 'step': 'other'}):\n    " + IN_A_DAG,
        "args = {'project_name': 'news'}\nwith D('d', default_args=args) as dag, TaskGroup('g'):\n    " + IN_A_DAG,
        "with DAG('d'):\n    with TaskGroup('g', default_args={'project_name': 'news'}):\n        " + IN_A_DAG,
        "dag = D('d', default_args=dict(project_name='news'))\nwith dag:\n    " + IN_A_DAG,
        "dag = DAG('d', default_args={'project_name': 'news'})\n" + IN_A_DAG[:-1] + ", dag=dag)",
        "@flow(default_args={'project_name': 'news'})\ndef d():\n    " + IN_A_DAG,
    ],
)
def test_default_arguments_of_a_dag_hold_for_its_tasks(text):
    names = "from airflow import DAG as D\nfrom airflow.decorators import dag as flow\n"
    outside = "\nValohaiSubmitExecutionOperator(task_id='b', step='train')"

    found = read(names + text + outside)

    assert found.dags == ["d"]
    inside, beside = found.submissions
    assert (inside.get("project_name"), inside.get("step")) == ("news", "train")
    assert beside.get("project_name") is None


def test_a_wrong_step_is_found_behind_another_name_and_default_arguments(folder):
    (folder / "daily.py").write_text(
        "from airflow import DAG\nfrom localhai.airflow import ValohaiSubmitExecutionOperator as Submit\n"
        "with DAG('daily', default_args={'project_name': 'news'}):\n    Submit(task_id='one', step='trian')\n"
    )

    code, [found] = check(folder)

    assert code == 3
    assert "there is no step 'trian'" in found["tasks"][0]["problems"][0]
