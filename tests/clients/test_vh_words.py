"""Every command and option of the newest `vh` is taken by `localhai` too."""

from __future__ import annotations

import json
import subprocess

import click

from localhai.cli.elsewhere import ELSEWHERE
from localhai.cli.main import cli

TREE = """
import click, json
from valohai_cli.cli import cli

def walk(command, path=()):
    context = click.Context(command, info_name=path[-1] if path else "vh")
    options = [name for item in command.params if isinstance(item, click.Option)
               for name in (*item.opts, *item.secondary_opts)]
    yield " ".join(path), options
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            yield from walk(command.get_command(context, name), (*path, name))

print(json.dumps(dict(walk(cli))))
"""


def of_vh(vh_program) -> dict[str, list[str]]:
    python = vh_program.parent / "python"
    done = subprocess.run([str(python), "-c", TREE], capture_output=True, text=True, check=True, timeout=120)
    return json.loads(done.stdout)


def ours(path: str) -> click.Command:
    """The command that these words call, hidden ones too."""
    command: click.Command = cli
    for word in path.split():
        assert isinstance(command, click.Group), f"`{path}` of vh is not here"
        _, found, _ = command.resolve_command(click.Context(command), [word])
        assert found is not None, f"`{path}` of vh is not here"
        command = found
    return command


def test_every_word_of_vh_is_taken(vh_program):
    refused = []
    tree = of_vh(vh_program)
    assert {"execution run", "task run", "project fetch"} <= tree.keys()
    for path, options in tree.items():
        command = ours(path)
        known = {name for item in command.params for name in (*item.opts, *item.secondary_opts)}
        if not command.context_settings.get("ignore_unknown_options"):  # those only say where their work is done
            refused += [f"{path} {option}" for option in options if option not in known]
    assert refused == []


def test_what_is_said_to_be_elsewhere_is_a_command_of_vh(vh_program):
    """A command that `vh` gave up, or that is here now, is not explained for ever."""
    known = {path.replace("_", "-") for path in of_vh(vh_program)}
    assert set(ELSEWHERE) <= known
