"""The commands of `vh` that are not here: each says why, and where its work is done (`platform.ELSEWHERE`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from localhai.cli import output
from localhai.cli.lazy import Entry, LazyGroup
from localhai.cli.platform import ELSEWHERE
from localhai.errors import UsageError

if TYPE_CHECKING:
    from localhai.cli.platform import Elsewhere

_ANY = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": ["--help"]}


def __getattr__(name: str) -> click.Command:  # what tables of commands ask for, by path
    path = name.replace("__", " ").replace("_", "-")
    if path in ELSEWHERE:
        return _command(ELSEWHERE[path])
    below = {item.removeprefix(f"{path} ").split()[0]: item for item in ELSEWHERE if item.startswith(f"{path} ")}
    if not below:
        raise AttributeError(name)
    table = {word: Entry(f"{__name__}:{_attribute(path, word)}", "not here") for word in below}
    return LazyGroup(path.split()[-1], table, help="Words of `vh` that are not here: each says why.")


def _attribute(path: str, word: str) -> str:
    return f"{path} {word}".replace("-", "_").replace(" ", "__")


def _command(item: Elsewhere) -> click.Command:
    def callback(**_given: Any) -> None:
        if not item.is_done:
            raise UsageError(f"`{item.path}` of vh is not here: {item.why}", hints=[item.hint] if item.hint else [])
        output.say(f"`{item.path}` has no effect here: {item.why}")
        if item.hint:
            output.hint(item.hint)

    sentence = f"{item.why[0].upper()}{item.why[1:]}."
    return click.Command(
        item.path.split()[-1],
        callback=callback,
        params=[click.Argument(["ignored"], nargs=-1, type=click.UNPROCESSED, metavar="...")],
        context_settings=_ANY,
        help=sentence,
    )
