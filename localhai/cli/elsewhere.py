"""The commands of `vh` that are not here: each says why, and where its work is done. docs/commands.md lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct

from localhai.cli import output
from localhai.cli.lazy import Entry, LazyGroup
from localhai.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence


class Elsewhere(Struct, frozen=True):
    """A command of `vh` that is not here. One that `is_done` has nothing to do: scripts go on."""

    path: str
    why: str
    hint: str = ""
    is_done: bool = False


ELSEWHERE = {
    item.path: item
    for item in (
        Elsewhere("login", "there is no account: everything is on this machine", is_done=True),
        Elsewhere("logout", "there is no account: everything is on this machine", is_done=True),
        Elsewhere("project link", "a folder with a valohai.yaml is a project without being linked", is_done=True),
        Elsewhere("project unlink", "a folder with a valohai.yaml is a project without being linked", is_done=True),
        Elsewhere("project create", "a folder with a valohai.yaml is a project already", is_done=True),
        Elsewhere("project fetch", "the folder's own git repository is used: its commits are known", is_done=True),
        Elsewhere("update-check", "localhai asks nobody for newer versions", "pip install --upgrade localhai", True),
        Elsewhere("project commits", "commits are those of the folder's git repository", "git log --oneline"),
        Elsewhere("project list", "projects are folders of this machine", "localhai execution list --all-projects"),
        Elsewhere("project open", "the page of a project is opened by a command of its own", "localhai page"),
        Elsewhere("project status", "a project has no status of its own", "localhai execution list"),
        Elsewhere(
            "project environment-variables list",
            "variables of a project stand in its localhai.toml",
            "[environment.variables] there, or [environment] file for secrets",
        ),
        Elsewhere(
            "project environment-variables create",
            "variables of a project stand in its localhai.toml",
            '[environment.variables] there: NAME = "value"',
        ),
        Elsewhere(
            "project environment-variables delete",
            "variables of a project stand in its localhai.toml",
            "remove it from [environment.variables] there",
        ),
        Elsewhere(
            "environments",
            "there is one environment, this machine",
            "what others may use: [environments] of localhai.toml",
        ),
        Elsewhere("notebook run", "notebooks need a server", "localhai serve, and `vh notebook run` with its host"),
        Elsewhere("init", "it writes a valohai.yaml, for which nothing of this machine is needed", "vh init"),
        Elsewhere("parcel", "what it packs is for an offline worker of the platform", "vh parcel"),
        Elsewhere("pipeline convert-to-api", "it prints a body for the platform's API", "vh pipeline convert-to-api"),
        Elsewhere("yaml step", "it writes valohai.yaml from Python code", "vh yaml step FILE"),
        Elsewhere("yaml pipeline", "it writes valohai.yaml from Python code", "vh yaml pipeline FILE"),
    )
}
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


@click.command("ssh", context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def ssh(words: Sequence[str]) -> None:
    """Say how to get a shell: nothing here listens for SSH."""
    reference = _reference(words)
    raise UsageError(
        "no container here listens for SSH",
        hints=[
            f"a shell in its environment: localhai shell {reference}",
            f"where it still runs: docker exec -it localhai-ID bash; its ID: localhai execution info {reference}",
        ],
    )


@click.command("download", context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def download(words: Sequence[str]) -> None:
    """Say how outputs are copied."""
    hint = f"localhai execution outputs {_reference(words)} --download DIR"
    raise UsageError("outputs are downloaded by `execution outputs`, as with vh", hints=[hint])


def _reference(words: Sequence[str]) -> str:
    return next((word for word in words if not word.startswith("-")), "EXECUTION")
