"""`localhai execution stop` and its sisters: a wish that whoever runs the thing hears of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from localhai.cli import output
from localhai.cli.options import (
    executions_argument,
    json_option,
    pass_call,
    pipelines_argument,
    project_option,
    version_argument,
)
from localhai.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from localhai.cli.call import Call

Stopped = TypeVar("Stopped")

all_option = click.option("--all", "every", is_flag=True, help="Stop all that are in progress.")


@click.command("stop")
@executions_argument(required=False)
@all_option
@json_option
@project_option
@pass_call
def stop_executions(call: Call, references: tuple[str, ...], *, every: bool) -> None:
    """Stop executions that are in progress.

    Each is asked to stop by the localhai that runs it: SIGTERM first, SIGKILL after a while; log and outputs are kept.
    `--json` prints the executions as they are then.
    """
    from localhai.app.stop import stop_execution
    from localhai.executions.execution import Execution

    words = _named("execution", references, every=every)
    with call.look() as look:
        if words:
            found = look.executions(words)
        else:
            rows = look.home.records.executions.list_open(project_id=look.project_id)
            found = [Execution(look.home, row) for row in rows]
        for execution in found:
            asked = stop_execution(look.home, execution.record)
            execution.refresh()
            _say(f"execution #{execution.counter} ({execution.step})", execution.status, asked=asked)
        _end(call, found, lambda item: item.to_dict())


@click.command("stop")
@pipelines_argument
@all_option
@json_option
@project_option
@pass_call
def stop_pipelines(call: Call, references: tuple[str, ...], *, every: bool) -> None:
    """Stop pipelines that are in progress, with all their running nodes.

    The localhai that runs one is asked to: SIGTERM to its nodes first, SIGKILL after a while; logs and outputs are
    kept. `--json` prints the pipelines as they are then.
    """
    from localhai.app.find import find_pipelines
    from localhai.app.stop import stop_pipeline

    words = _named("pipeline", references, every=every)
    with call.look() as look:
        home, project_id = look.home, look.project_id
        records = home.records.pipelines
        stopped = []
        for record in find_pipelines(home, project_id, words) if words else records.list_open(project_id=project_id):
            asked = stop_pipeline(home, record.id)
            stopped.append(records.get(record.id))
            _say(f"pipeline #{record.counter} ({record.name})", stopped[-1].status, asked=asked)
        _end(call, stopped, lambda item: item.to_dict(), none="no pipeline is in progress")


@click.command("stop")
@click.argument("references", metavar="TASKS...", nargs=-1)
@all_option
@json_option
@project_option
@pass_call
def stop_tasks(call: Call, *, references: tuple[str, ...], every: bool) -> None:
    """Stop tasks that are in progress, with their executions; `localhai task resume` goes on with them.

    `--json` prints the tasks as `task list` does.
    """
    from localhai.app.find import find_tasks
    from localhai.app.list import tasks_in_progress
    from localhai.app.stop import stop_task
    from localhai.tasks.task import Task

    words = _named("task", references, every=every)
    with call.look() as look:
        home, project_id = look.home, look.project_id
        stopped = []
        for record in find_tasks(home, project_id, words) if words else tasks_in_progress(home, project_id):
            asked = stop_task(home, record.id)
            stopped.append(Task(home, home.records.tasks.get(record.id)))
            _say(f"task #{record.counter} ({record.name})", stopped[-1].record.status, asked=asked)
        _end(call, stopped, lambda item: item.summary())


@click.command("stop")
@version_argument
@json_option
@project_option
@pass_call
def stop_version(call: Call, reference: str) -> None:
    """Ask the localhai that serves a version to stop it; default: the newest version. `--json` prints the version."""
    from localhai.app.stop import stop_deployment

    with call.look() as look:
        records = look.home.records
        version = records.deployments.find_version(reference, look.project_id)
        asked = stop_deployment(look.home, version)
        name = f"{version.deployment}/{version.name}"
        output.say(f"{name} is asked to stop" if asked else f"{name} is not served")
        if call.json:
            output.emit_json(records.deployments.version(version.id).to_dict())


def _named(noun: str, references: tuple[str, ...], *, every: bool) -> tuple[str, ...]:
    """The words that name some, none for `--all` or `all`. Raises UsageError for both, and for neither."""
    if references == ("all",):
        references, every = (), True
    if bool(references) == every:
        raise UsageError(f"name {noun}s to stop, or say --all", hints=[f"localhai {noun} stop 5", "... --all"])
    return references


def _say(name: str, status: str, *, asked: bool) -> None:
    output.say(f"{name} is asked to stop" if asked else f"{name} has ended already: {status}")


def _end(
    call: Call,
    stopped: Sequence[Stopped],
    document: Callable[[Stopped], Any],
    *,
    none: str = "nothing is in progress",
) -> None:
    if not stopped:
        output.say(none)
    if call.json:
        output.emit_json([document(item) for item in stopped])
