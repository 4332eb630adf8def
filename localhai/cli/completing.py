"""What a shell can complete: steps, their options, executions. Silent where there is nothing to go by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

from localhai.errors import LocalhaiError

if TYPE_CHECKING:
    from valohai_yaml.objs import Config, Step

    from localhai.cli.call import Call

RECENT = 20


def steps(call: Call, incomplete: str) -> list[CompletionItem]:
    """Steps whose names begin so."""
    config = _config(call)
    if config is None:
        return []
    return [
        CompletionItem(name, help=step.description or "")
        for name, step in config.steps.items()
        if name.lower().startswith(incomplete.lower())
    ]


def names_of_step(call: Call, step_name: str) -> set[str]:
    """The option names, without dashes, of a step's parameters and inputs."""
    from localhai.project.names import option_name

    step = _step(call, step_name)
    return set() if step is None else {option_name(name) for name in (*step.parameters, *step.inputs)}


def executions(call: Call, incomplete: str) -> list[CompletionItem]:
    """Numbers of the latest executions of this project."""
    try:
        with call.open_project() as project:
            rows = project.home.records.executions.list(project.record.id, limit=RECENT, outputs=False)
    except LocalhaiError:
        return []
    found = [("latest", "the newest"), *((str(row.counter), f"{row.step}: {row.status}") for row in rows)]
    return [CompletionItem(word, help=text) for word, text in found if word.startswith(incomplete)]


def _step(call: Call, wanted: str) -> Step | None:
    from localhai.project.planning import find_step

    config = _config(call)
    if config is None:
        return None
    try:
        return find_step(config, wanted)
    except LocalhaiError:
        return None


def _config(call: Call) -> Config | None:
    try:
        with call.open_project() as project:
            return project.config().config
    except LocalhaiError:
        return None
