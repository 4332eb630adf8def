"""Groups whose commands load when they are called: `localhai --help` reads a table and imports nothing."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct

from localhai.system.text import clean

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

PATHS = frozenset({"DIR", "FILE", "PATH"})  # by these metavars: the bytes of a path are those of its file


class Text(click.types.StringParamType):
    """An argument that names no file: what is not UTF-8 in it is cleaned."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return clean(super().convert(value, param, ctx))


TEXT = Text()


class Entry(Struct, frozen=True):
    """A command: where it is (`module:attribute`) and its line in the list of commands. Hidden ones are synonyms."""

    place: str
    help: str
    hidden: bool = False


class LazyGroup(click.Group):
    """A group over a table of entries. Unambiguous beginnings of names will do, as with `vh`."""

    def __init__(self, name: str, table: Mapping[str, Entry], *, help: str) -> None:  # noqa: A002  # click's word
        super().__init__(name, help=help)
        self.table = table

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """A group alone shows its help: that is no mistake."""
        return super().make_context(info_name, args or ["--help"], parent, **extra)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return [name for name, entry in self.table.items() if not entry.hidden]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # as above
        entry = self.table.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.place.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        for parameter in command.params:
            if parameter.type is click.STRING and parameter.metavar not in PATHS:
                parameter.type = TEXT
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = self._find(ctx, args[0])
        return name, self.get_command(ctx, name), args[1:]

    def _find(self, ctx: click.Context, wanted: str) -> str:
        name = wanted.replace("_", "-")
        if name in self.table:
            return name
        found = [known for known in self.list_commands(ctx) if known.startswith(name)]
        if len(found) == 1:
            return found[0]
        if found:
            raise click.UsageError(f"{wanted!r} could be any of {', '.join(found)}.", ctx)
        raise click.UsageError(f"There is no command {wanted!r}.{self._advice(ctx, name)}", ctx)

    def _advice(self, ctx: click.Context, name: str) -> str:
        import difflib

        near = difflib.get_close_matches(name, self.list_commands(ctx), n=1)
        return f" Did you mean {near[0]!r}?" if near else f" Known: {', '.join(self.list_commands(ctx))}."

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # as above
        rows = [(name, entry.help) for name, entry in self.table.items() if not entry.hidden]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        found = [
            CompletionItem(name, help=entry.help)
            for name, entry in self.table.items()
            if name.startswith(incomplete) and not entry.hidden
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)
