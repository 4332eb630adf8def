"""`localhai airflow check DAGS_FOLDER`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from localhai.cli import output
from localhai.cli.options import json_option, pass_call
from localhai.errors import ProjectError

if TYPE_CHECKING:
    from localhai.airflow.check import CheckedFile, CheckedTask
    from localhai.cli.call import Call


@click.command("check")
@click.argument("folder", metavar="DAGS_FOLDER", type=click.Path(path_type=Path))
@json_option
@pass_call
@click.pass_context
def check_dags(context: click.Context, call: Call, *, folder: Path) -> None:
    """Show what each DAG will do in dev mode: projects, steps, parameters, inputs, and what Airflow 3 will refuse.

    The files are read and not run: neither Airflow nor Docker is needed. Exits with 3 when something would fail.

    `--json` prints a list of `{file, dags, tasks, airflow_3, problems, valid}`; a task has its task, line, project,
    step or pipeline, folder, parameters, inputs, problems and hints. For a `pipeline_dag`, `nodes` are the ids of its
    tasks.
    """
    from localhai.airflow.check import check
    from localhai.settings import Settings

    checked = check(folder, settings=Settings.load())
    if call.json:
        output.emit_json([item.to_dict() for item in checked])
    elif not checked:
        output.say(f"no DAGs in {folder}")
    else:
        for item in checked:
            _print(item)
    if not all(item.is_good for item in checked):
        context.exit(ProjectError.exit_code)


def _print(checked: CheckedFile) -> None:
    output.emit(f"{checked.file}: {', '.join(checked.dags) or 'no DAG of its own'}")
    for problem in checked.problems:
        output.emit(f"  error: {problem}")
    for task in checked.tasks:
        _print_task(task)
    for refused in checked.airflow_3:
        output.emit(f"  line {refused['line']}: Airflow 3 refuses it: {refused['message']}; {refused['hint']}")


def _print_task(task: CheckedTask) -> None:
    what = f"pipeline {task.pipeline}" if task.pipeline else f"step {task.step}"
    output.emit(f"  line {task.line}: {task.task} runs {what} of {task.project} ({task.folder or 'no folder known'})")
    for noun, values in (("parameter", task.parameters), ("input", task.inputs)):
        for name, value in values.items():
            output.emit(f"    {noun} {name} = {value}")
    if task.nodes:
        output.emit(f"    tasks: {', '.join(task.nodes)}")
    for problem in task.problems:
        output.emit(f"    error: {problem}")
    for hint in task.hints:
        output.emit(f"      {hint}")
