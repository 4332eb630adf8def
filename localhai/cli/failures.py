"""Errors as people see them: one message, where, what to do. With `--json`, one document. Never a traceback."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from localhai.cli import output
from localhai.cli.call import ReaderGone
from localhai.errors import DiskFull, Interrupted, LocalhaiError, ProjectError, UsageError
from localhai.system import private
from localhai.system.credentials import masked_urls
from localhai.system.durable import is_full

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from localhai.cli.call import Call

UNEXPECTED = 1
CLOSED = 141  # 128 + SIGPIPE, what a program has that does not catch it


def report(error: BaseException, call: Call, arguments: Sequence[str]) -> int:
    """Say what went wrong; gives the exit code."""
    if isinstance(error, (ReaderGone, BrokenPipeError)):
        return _closed()
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        error = Interrupted("interrupted")
    known = _known(error)
    as_json = call.json or "--json" in arguments
    if known is None:
        return _report_unexpected(error, call, arguments, as_json=as_json)
    if as_json and not _is_output_full(error):
        document: dict[str, Any] = {"error": known.to_dict()}
        if call.execution is not None:
            document["execution"] = dict(call.execution)
        output.emit_json(document)
    else:
        _say(known)
    return known.exit_code


def _known(error: BaseException) -> LocalhaiError | None:
    """The error in our own tree, None when nobody foresaw it."""
    if isinstance(error, LocalhaiError):
        return error
    if isinstance(error, click.ClickException):
        context = getattr(error, "ctx", None)
        hints = [f"see: {context.command_path} --help"] if context is not None else []
        return UsageError(error.format_message(), hints=hints)
    return _known_of_system(error) if isinstance(error, OSError) else None


def _known_of_system(error: OSError) -> LocalhaiError | None:
    """What can befall any command: a full disk, perhaps behind our stdout, and a working directory that is gone."""
    if is_full(error):
        return DiskFull(
            f"what localhai writes finds no space left: {error.filename or 'where its output goes'}",
            hints=["make room, for instance with `localhai clean`, or send the output elsewhere"],
        )
    if isinstance(error, FileNotFoundError) and _is_gone():
        return UsageError("the folder that you are in does not exist any more", hints=["go to another: cd ~"])
    return None


def _is_output_full(error: BaseException) -> bool:
    """A document about it would not arrive either."""
    return isinstance(error, OSError) and error.filename is None and is_full(error)


def _is_gone() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def _say(error: LocalhaiError) -> None:
    stream = sys.stderr
    head = output.style("Error:", stream, fg="red", bold=True)
    if isinstance(error, ProjectError) and error.problems:
        from localhai.project.sentences import render_problems

        output.write(stream, render_problems(error.problems) + "\n")
        output.write(stream, f"{head} {error.message}\n")
    else:
        where = f" ({error.where})" if error.where and error.where not in error.message else ""
        output.write(stream, f"{head} {error.message}{where}\n")
    for hint in error.hints:
        output.write(stream, "  " + hint.replace("\n", "\n  ").rstrip() + "\n")
    stream.flush()


def _closed() -> int:
    """Whoever read our stdout has gone (`| head`). Python must not find it out again at its exit."""
    with suppress(OSError, ValueError):  # a test's stdout is no real file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return CLOSED


def _report_unexpected(error: BaseException, call: Call, arguments: Sequence[str], *, as_json: bool) -> int:
    if os.environ.get("LOCALHAI_DEBUG"):
        import traceback

        traceback.print_exception(type(error), error, error.__traceback__)
        return UNEXPECTED
    place = _write_crash(error, call, arguments)
    wrapped = LocalhaiError(
        f"localhai made a mistake: {type(error).__name__}: {error}",
        where=str(place) if place else None,
        hints=[
            f"what happened is in {place}: please report it with that file, after a look that it holds no secrets"
            if place
            else "set LOCALHAI_DEBUG=1 to see where",
        ],
    )
    if as_json:
        output.emit_json({"error": wrapped.to_dict()})
    else:
        _say(wrapped)
    return UNEXPECTED


def _write_crash(error: BaseException, call: Call, arguments: Sequence[str]) -> Path | None:
    import platform
    import traceback

    from localhai import __version__
    from localhai.settings import Settings

    try:
        folder = call.home.folder if call.home is not None else Settings.load().home
        private.make_folder(folder)
        place = folder / f"crash-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        head = f"localhai {__version__}, Python {platform.python_version()}, {platform.platform()}"
        said = masked_urls(f"{head}\nlocalhai {' '.join(arguments)}\n\n{text}")
        private.make_file(place)
        place.write_text(said, encoding="utf-8", errors="replace")
    except (OSError, LocalhaiError):
        return None
    return place
