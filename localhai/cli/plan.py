"""`localhai plan STEP`: what `run` would do. Needs neither Docker nor network."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from localhai.cli import formats, output
from localhai.cli.execution.requested import GivenExecution, planning_options, understand
from localhai.cli.execution.run_command import StepCommand
from localhai.cli.options import json_option, pass_call, project_option
from localhai.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from localhai.cli.call import Call
    from localhai.cli.execution.requested import Requested
    from localhai.cli.execution.run_command import Typed
    from localhai.project.plan import ExecutionPlan

WIDTH = 12


@click.command("plan", cls=StepCommand)
@planning_options
@json_option
@project_option
@pass_call
def plan(
    call: Call,
    /,
    *,
    typed: Typed,
    **words: Any,
) -> int:
    """Show what `localhai run STEP` would do, with the same options. Needs neither Docker nor network."""
    given = GivenExecution(**words)
    if typed.help and typed.subject is None:
        click.echo(typed.help)
        return 0
    if typed.subject is None:
        raise UsageError("which step?", hints=["localhai plan STEP [--NAME=VALUE]...", "see them: localhai run --help"])
    with call.open_project(yaml=given.yaml) as project:
        if typed.help:
            from localhai.cli.execution.requested import config_of
            from localhai.cli.execution.step_help import step_help
            from localhai.project.planning import find_step

            click.echo(step_help(find_step(config_of(project, given.commit).config, typed.subject), "localhai plan"))
            return 0
        show_plan(call, understand(project, typed.subject, typed.words, given))
    return 0


def show_plan(call: Call, requested: Requested) -> None:
    """Plan and print."""
    found = requested.plan(look=True)
    if call.json:
        output.emit_json(found.to_dict())
        return
    for line in plan_lines(found):
        output.emit(line)


def plan_lines(found: ExecutionPlan) -> Iterable[str]:
    """A plan as a person reads it."""
    yield from _fact("Step", f"{found.step} of {found.project}")
    yield from _fact("Commit", found.commit or "your files as they are")
    was = "" if found.image == found.image_requested else f"   (valohai.yaml says {found.image_requested})"
    yield from _fact("Image", found.image + was)
    yield from _fact("Command", "\n".join(found.command))
    parameters = [f"{name} = {formats.value(value)}" for name, value in found.parameters.items()]
    yield from _fact("Parameters", "\n".join([*parameters, *_awaited(found, "parameter")]))
    yield from _fact("Inputs", "\n".join(_inputs(found)))
    variables = [f"{name}={value}" for name, value in found.environment_variables.items()]
    yield from _fact("Variables", "\n".join([*variables, *_awaited(found, "environment-variable")]))
    yield from _fact("Limits", ", ".join(_limits(found)))
    yield from _fact("Mounts", "\n".join(f"{mount.source} -> {mount.destination}" for mount in found.mounts))
    yield from _fact("Environment", found.environment)
    yield from _fact("Title", found.title)
    yield from _fact("Tags", ", ".join(found.tags))
    differences = [note for note in found.parity if note.level != "emulated"]
    yield from _fact("Differs here", "\n".join(f"{note.key}: {note.level}: {note.text}" for note in differences))


def _fact(name: str, text: str | None) -> Iterable[str]:
    if not text:
        return
    first, *more = text.split("\n")
    yield f"{output.style(name.ljust(WIDTH), sys.stdout, bold=True)} {first}"
    for line in more:
        yield f"{'':{WIDTH}} {line}"


def _inputs(found: ExecutionPlan) -> Iterable[str]:
    for item in found.inputs:
        if not item.uris:
            yield f"{item.name}: {found.awaiting.get(f'input {item.name}', 'no files (optional)')}"
        for uri in item.uris:
            yield f"{item.name}: {uri}"


def _awaited(found: ExecutionPlan, kind: str) -> Iterable[str]:
    """What pipelines bring to the step."""
    for item, source in found.awaiting.items():
        of_kind, _, name = item.partition(" ")
        if of_kind == kind:
            yield f"{name}: {source}"


def _limits(found: ExecutionPlan) -> Iterable[str]:
    limits = found.limits
    if limits.time_limit is not None:
        yield f"time {formats.duration(limits.time_limit)}"
    if limits.no_output_timeout is not None:
        yield f"silence {formats.duration(limits.no_output_timeout)}"
    if limits.stop_condition:
        yield f"stops when {limits.stop_condition}"
    if limits.cpu_max is not None:
        yield f"{limits.cpu_max:g} CPUs"
    if limits.memory_max is not None:
        yield f"memory {limits.memory_max:g} MB"
