"""Whose outputs a task gets: of this run, of all of a mapped task, of its own in a mapped task group."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

Make = Callable[..., Any]
PROJECT: dict[str, Any] = {"project_name": "airflow-tests"}


@pytest.fixture
def run(airflow: ModuleType, fake_valohai: Any) -> Make:  # noqa: ARG001  # its tables, and no Docker
    """Run a DAG with what a function makes in it; of one name all runs are of one DAG."""
    from airflow import DAG

    from localhai.testing.dags import run as run_made

    def made(tasks: Callable[[], Any], name: str) -> Any:
        with DAG(name, start_date=datetime(2024, 1, 1, tzinfo=timezone.utc), schedule=None, catchup=False) as dag:
            tasks()
        return run_made(dag)

    fake_valohai.step("make", outputs={"lines.txt": "line 1\n"})
    return made


def skipped() -> None:
    from localhai.airflow.compat import AirflowSkipException

    raise AirflowSkipException("not today")


def submits(*, skip: bool = False, **options: Any) -> None:
    """`made` is skipped, or not; `used` has its output as an input and runs in either case."""
    from localhai.airflow import ValohaiSubmitExecutionOperator as Submit

    made = Submit(task_id="made", **PROJECT, step="make", pre_execute=(lambda _context: skipped()) if skip else None)
    uri = Submit.get_output_uri(made, "lines.txt", **options)
    used = Submit(task_id="used", **PROJECT, step="use", inputs={"data": uri}, trigger_rule="all_done")
    made >> used


@pytest.mark.essential
def test_a_task_that_was_skipped_in_this_run_gives_nothing_of_an_earlier_one(
    run: Make, fake_valohai: Any, log: Any, capfd: Any
) -> None:
    assert run(submits, "yesterday").state == "success"

    ran = run(lambda: submits(skip=True), "yesterday")

    assert ran.tasks == {("made", -1): "skipped", ("used", -1): "failed"}
    assert fake_valohai.order == ["make", "use"]
    said = log.text + "".join(capfd.readouterr())
    assert "the task made of yesterday left no result in this run" in said
    assert "include_prior_dates=True" in said


@pytest.mark.essential
def test_an_earlier_run_is_taken_where_that_is_allowed(run: Make, fake_valohai: Any) -> None:
    assert run(submits, "allowed").state == "success"
    made = fake_valohai.execution("make")

    ran = run(lambda: submits(skip=True, include_prior_dates=True), "allowed")

    assert ran.tasks == {("made", -1): "skipped", ("used", -1): "success"}
    assert uris(fake_valohai.execution("use")) == [f"datum://{item['id']}" for item in made.outputs]


def uris(execution: Any) -> list[str]:
    return [file["uri"] for item in execution.inputs for file in item["files"]]


def mapped(**options: Any) -> None:
    from localhai.airflow import ValohaiSubmitExecutionOperator as Submit

    counts = [{"count": number} for number in (1, 2, 3)]
    made = Submit.partial(task_id="made", **PROJECT, step="make").expand(parameters=counts)
    uri = Submit.get_output_uri(made, "lines.txt", **options)
    made >> Submit(task_id="used", **PROJECT, step="use", inputs={"data": uri})


def of_mapped(fake_valohai: Any) -> list[str]:
    """The outputs of `make`, by its parameter."""
    made = [item for item in fake_valohai.executions if item.record.step == "make"]
    return [f"datum://{item.outputs[0]['id']}" for item in sorted(made, key=lambda item: item.parameters["count"])]


@pytest.mark.essential
def test_of_a_mapped_task_all_outputs_are_passed_on(run: Make, fake_valohai: Any) -> None:
    assert run(mapped, "gathering").state == "success"

    used = fake_valohai.execution("use")
    assert [item["uris"] for item in used.plan().to_dict()["inputs"]] == [of_mapped(fake_valohai)]


def test_one_of_a_mapped_task_is_chosen(run: Make, fake_valohai: Any) -> None:
    assert run(lambda: mapped(map_index=1), "choosing").state == "success"

    assert uris(fake_valohai.execution("use")) == [of_mapped(fake_valohai)[1]]


def downloads(folder: Path, **options: Any) -> None:
    from localhai.airflow import ValohaiDownloadExecutionOutputsOperator as Download
    from localhai.airflow import ValohaiSubmitExecutionOperator as Submit

    made = Submit.partial(task_id="made", **PROJECT, step="make").expand(parameters=[{"count": 1}, {"count": 2}])
    made >> Download(task_id="got", output_task=made, output_path=str(folder), **options)


def test_outputs_of_one_name_are_not_written_over_one_another(run: Make, tmp_path: Path, log: Any, capfd: Any) -> None:
    folder = tmp_path / "got"
    ran = run(lambda: downloads(folder), "downloads")

    assert ran.tasks[("got", -1)] == "failed"
    said = log.text + "".join(capfd.readouterr())
    assert "several outputs that would be the file lines.txt" in said
    assert "map_index=NUMBER" in said
    assert not folder.exists()
    assert run(lambda: downloads(folder, map_index=0), "downloads").state == "success"
    assert [path.name for path in folder.iterdir()] == ["lines.txt"]


def grouped() -> None:
    from localhai.airflow import ValohaiSubmitExecutionOperator as Submit

    try:
        from airflow.sdk import task_group
    except ImportError:
        from airflow.decorators import task_group

    @task_group
    def pair(parameters: Any) -> None:
        made = Submit(task_id="made", **PROJECT, step="make", parameters=parameters)
        uri = Submit.get_output_uri(made, "lines.txt")
        made >> Submit(task_id="used", **PROJECT, step="use", inputs={"data": uri})

    pair.expand(parameters=[{"count": 1}, {"count": 2}])


def test_in_a_mapped_task_group_each_gets_its_own(run: Make, fake_valohai: Any) -> None:
    ran = run(grouped, "grouped")

    assert ran.state == "success", ran.tasks
    used = [uris(item) for item in fake_valohai.executions if item.record.step == "use"]
    assert sorted(used) == sorted([uri] for uri in of_mapped(fake_valohai))
