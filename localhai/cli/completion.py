"""`localhai completion`: the script for a shell, and what that can complete. Silent where there is nothing to go by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from localhai.cli import output
from localhai.errors import LocalhaiError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from valohai_yaml.objs import Config, Step

    from localhai.cli.call import Call

HOW = {
    "bash": 'add to ~/.bashrc:  eval "$(localhai completion bash)"',
    "zsh": 'add to ~/.zshrc:  eval "$(localhai completion zsh)"',
    "fish": "localhai completion fish > ~/.config/fish/completions/localhai.fish",
}
HELP = """Print a completion script: commands, options, steps and their parameters.

\b
bash:  eval "$(localhai completion bash)"      in ~/.bashrc
zsh:   eval "$(localhai completion zsh)"       in ~/.zshrc
fish:  localhai completion fish > ~/.config/fish/completions/localhai.fish
"""  # \b keeps click from wrapping the lines


@click.command("completion", help=HELP)
@click.argument("shell", type=click.Choice(sorted(HOW)))
def completion(shell: str) -> None:
    import sys

    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    if made is None:  # click knows all three
        raise click.UsageError(f"there is no completion for {shell}")
    output.emit(made(click.get_current_context().find_root().command, {}, "localhai", "_LOCALHAI_COMPLETE").source())
    if output.is_terminal(sys.stdout):
        output.hint(HOW[shell])


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
    return _numbers(((row.counter, f"{row.step}: {row.status}") for row in rows), incomplete)


def pipelines(call: Call, incomplete: str) -> list[CompletionItem]:
    """Numbers of the latest runs of this project."""
    try:
        with call.open_project() as project:
            rows = project.home.records.pipelines.list(project.record.id, limit=RECENT)
    except LocalhaiError:
        return []
    return _numbers(((row.counter, f"{row.name}: {row.status}") for row in rows), incomplete)


def _numbers(rows: Iterable[tuple[int, str]], incomplete: str) -> list[CompletionItem]:
    found = [("latest", "the newest"), *((str(counter), text) for counter, text in rows)]
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
