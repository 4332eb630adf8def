"""`localhai completion SHELL`: prints the script that makes a shell complete our commands, steps and options."""

from __future__ import annotations

import click

from localhai.cli import output

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

    from localhai.cli.main import cli

    made = get_completion_class(shell)
    if made is None:  # click knows all three
        raise click.UsageError(f"there is no completion for {shell}")
    output.emit(made(cli, {}, "localhai", "_LOCALHAI_COMPLETE").source())
    if output.is_terminal(sys.stdout):
        output.hint(HOW[shell])
