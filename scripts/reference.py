"""The generated parts of docs/: settings, commands, exit codes, Python API, fidelity.

`python scripts/reference.py` writes them, `--check` only names the pages that are stale. `make docs` runs the former,
a test the latter. A page holds its parts between `<!-- generated: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from localhai import errors, open_project
from localhai.app.open_project import OpenProject
from localhai.cli.elsewhere import ELSEWHERE
from localhai.cli.main import cli
from localhai.cli.platform import IDLE
from localhai.executions.execution import Execution
from localhai.executions.home import Home
from localhai.project.parity import KINDS, TABLE
from localhai.settings import SPECS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

DOCS = Path(__file__).resolve().parent.parent / "docs"
_REGION = re.compile(r"(<!-- generated: (?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_COMMON = frozenset({"--json", "--project", "--help"})  # said once on the page, not in every table


def main() -> int:
    stale = [page for page in sorted(DOCS.glob("*.md")) if renewed(page) != page.read_text(encoding="utf-8")]
    for page in stale:
        print(f"docs/{page.name}" + (" is stale: python scripts/reference.py" if "--check" in sys.argv else ""))
        if "--check" not in sys.argv:
            page.write_text(renewed(page), encoding="utf-8")
    return 1 if stale and "--check" in sys.argv else 0


def renewed(page: Path) -> str:
    """The text of a page with its generated parts made anew."""
    text = page.read_text(encoding="utf-8")
    return _REGION.sub(lambda match: f"{match[1]}\n{_PARTS[match['name']]().strip()}\n\n{match[3]}", text)


def settings() -> str:
    rows = []
    for spec in SPECS.values():
        place = _toml_example(spec.toml) if spec.toml else ""
        rows.append((place, f"`{spec.env}`" if spec.env else "", _default(spec.default), spec.doc))
    return _table(("localhai.toml", "variable", "default", "what"), rows)


def _toml_example(place: str) -> str:
    table, _, key = place.rpartition(".")
    tables = {"inputs", "images", "environments", "triggers", "environment.variables", "docker.ulimits"}
    return f"`[{place}]`" if place in tables else f"`[{table}]` `{key}`"


def _default(value: Any) -> str:
    if value is None or value in ({}, ()):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else f'{value:g}' if isinstance(value, float) else value}`"


def commands() -> str:
    seen: dict[int, str] = {}
    return "\n".join(_command(path, command, seen) for path, command in command_tree())


def command_tree() -> Iterator[tuple[str, click.Command]]:
    """Every command that is shown, with its path: `localhai execution list`."""
    yield from _walk("localhai", cli)


def _walk(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None:
                yield from _walk(f"{path} {name}", found)


def _command(path: str, command: click.Command, seen: dict[int, str]) -> str:
    head = f"{'##' if path.count(' ') <= 1 else '###'} {path}\n"
    first = seen.setdefault(id(command), path)
    if first != path:
        return f"{head}\nThe same as [`{first}`](#{first.replace(' ', '-')}).\n"
    parts = [head, *_paragraphs(command.help or ""), _call(path, command), *_paragraphs(command.epilog or "")]
    common = _COMMON if path != "localhai" else frozenset()
    options = shown_options(command)
    rows = [_option(option) for option in options if not common & set(option.opts)]
    if rows:
        parts.append(_table(("option", "what"), rows))
    shared = sorted(_names(option) for option in options if common & set(option.opts))
    also = [", ".join(f"`{name}`" for name in names) for names in shared]
    if also:
        parts.append(f"Also {', '.join(also)}.\n")
    return "\n".join(parts)


def _call(path: str, command: click.Command) -> str:
    """How a command is called; of a group, its commands."""
    context = click.Context(command, info_name=path)
    if not isinstance(command, click.Group):
        return f"```text\n{' '.join([path, *command.collect_usage_pieces(context)])}\n```\n"
    anchor = path.replace(" ", "-")
    names = (f"[`{name}`](#{anchor}-{name})" for name in command.list_commands(context))
    return f"Commands: {', '.join(names)}.\n"


def shown_options(command: click.Command) -> list[click.Option]:
    """What `--help` lists."""
    return [item for item in command.params if isinstance(item, click.Option) and not item.hidden]


def _paragraphs(text: str) -> list[str]:
    """Paragraphs of a help text; one that click must not wrap becomes a block."""
    found = []
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        if paragraph.startswith("\b"):
            found.append("```text\n" + paragraph.removeprefix("\b").strip("\n") + "\n```\n")
        elif paragraph:
            found.append(paragraph + "\n")
    return found


def _option(option: click.Option) -> tuple[str, str]:
    names = ", ".join(f"`{name}`" for name in _names(option))
    if option.secondary_opts:
        names += " / " + ", ".join(f"`{name}`" for name in option.secondary_opts)
    value = "" if option.is_flag or option.count else f" `{_metavar(option)}`"
    default = f" Default: {option.default}." if option.show_default and option.default is not None else ""
    return names + value, (option.help or "") + default


def _names(option: click.Option) -> tuple[str, ...]:
    return tuple(sorted(option.opts, key=len, reverse=True))


def _metavar(option: click.Option) -> str:
    if option.metavar:
        return option.metavar
    if isinstance(option.type, click.Choice):
        return "|".join(map(str, option.type.choices))
    return "NUMBER" if "integer" in option.type.name else option.type.name.upper()


def exit_codes() -> str:
    kinds: dict[int, list[str]] = {}
    for kind in error_classes():
        kinds.setdefault(kind.exit_code, []).append(f"`{kind.__name__}`")
    rows = [(f"`{code}`", _CODES[code], ", ".join(kinds.get(code, []))) for code in sorted(_CODES)]
    return _table(("code", "when", "`kind` of the error"), rows)


_CODES = {
    0: "what was asked for is done; an execution is `complete`",
    1: "the execution did not complete: `error`, `stopped` or `crashed`; its own exit code is in its record",
    2: "what was typed cannot be meant: an unknown step, parameter, input, option or id",
    3: "the project is wrong: valohai.yaml, localhai.toml or the files that they name",
    4: "what localhai needs is missing: the engine, an image, an input, disk space, the database",
    5: "no earlier execution could be reused, and `--fail-on-cache-miss` let nothing run",
    130: "it was interrupted: Ctrl-C, SIGTERM",
}


def error_classes() -> list[type[errors.LocalhaiError]]:
    found = (item for item in vars(errors).values() if isinstance(item, type))
    return [item for item in found if issubclass(item, errors.LocalhaiError)]


def error_table() -> str:
    rows = [(f"`{kind.__name__}`", f"`{kind.exit_code}`", _first(kind)) for kind in error_classes()]
    return _table(("error", "exit code", "when"), rows)


def python_api() -> str:
    parts = [_callable("localhai.open_project", open_project)]
    for kind in (OpenProject, Execution, Home):
        parts.append(f"### localhai.{kind.__name__}\n\n{inspect.getdoc(kind)}\n")
        parts.append(_table(("member", "what"), [_member(name, item) for name, item in _members(kind)]))
    return "\n".join(parts)


def _members(kind: type) -> Iterable[tuple[str, Any]]:
    """Its own, then those of the classes that it is made of."""
    return [
        (name, item)
        for base in kind.__mro__[:-1]
        for name, item in vars(base).items()
        if not name.startswith("_") and (isinstance(item, property) or inspect.isfunction(item))
    ]


def _member(name: str, item: Any) -> tuple[str, str]:
    function = item.fget if isinstance(item, property) else item
    signature = _signature(function)
    shown = f"{name}: {signature.return_annotation!r}" if isinstance(item, property) else f"{name}{signature}"
    return f"`{shown}`", " ".join((inspect.getdoc(function) or "").split())


def _callable(name: str, function: Callable[..., Any]) -> str:
    return f"### {name}\n\n```text\n{name}{_signature(function)}\n```\n\n{inspect.getdoc(function)}\n"


class _Plain(str):
    """An annotation that is shown without quotes."""

    __slots__ = ()
    __repr__ = str.__str__


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    """As a caller sees it: no `self`, annotations as they are written."""
    found = inspect.signature(function)
    shown = [
        item.replace(annotation=_Plain(item.annotation)) for item in found.parameters.values() if item.name != "self"
    ]
    return inspect.Signature(shown, return_annotation=_Plain(found.return_annotation))


def parity() -> str:
    """Every key of what is run, one table for each kind of item."""
    return "\n".join(_parity_of(kind) for kind in KINDS)


def _parity_of(kind: str) -> str:
    rows = [(f"`{key}`", entry.level, entry.text) for key, entry in TABLE.items() if key.startswith(f"{kind}.")]
    levels = [level for _, level, _ in rows]
    counts = ", ".join(f"{levels.count(level)} {level}" for level in dict.fromkeys(levels))
    return f"### {kind}\n\n{len(rows)} keys: {counts}.\n\n{_table(('key', 'here', 'how, or why'), rows)}"


def _first(item: Any) -> str:
    return (inspect.getdoc(item) or "").split("\n\n")[0].replace("\n", " ")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def words_of_vh() -> str:
    idle = _table(("option", "why"), [(f"`{item.spelled}`", item.why) for item in IDLE.values()])
    gone = [
        (f"`{item.path}`", "no effect" if item.is_done else "refused", item.why, f"`{item.hint}`" if item.hint else "")
        for item in ELSEWHERE.values()
    ]
    return f"{idle}\n{_table(('command', 'here', 'why', 'instead'), gone)}"


_PARTS: dict[str, Callable[[], str]] = {
    "settings": settings,
    "commands": commands,
    "exit-codes": exit_codes,
    "errors": error_table,
    "python-api": python_api,
    "parity": parity,
    "words-of-vh": words_of_vh,
}

if __name__ == "__main__":
    sys.exit(main())
