"""`localhai page`: the web page of this home in a browser, logged in; the server under it is found or started."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from localhai.cli import output
from localhai.cli.options import complete_execution, json_option, pass_call, project_option
from localhai.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from click.shell_completion import CompletionItem

    from localhai.app.servers import ServerAddress
    from localhai.cli.call import Call, HomeView
    from localhai.cli.unattended import Found
    from localhai.executions.home import Home

KINDS = ("pipeline", "task", "compare")
DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME", "BROWSER")  # by one of these a browser can show itself


def _complete(ctx: click.Context, argument: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Words for a shell."""
    from click.shell_completion import CompletionItem

    words = [CompletionItem(word) for word in KINDS if incomplete and word.startswith(incomplete)]
    return words + complete_execution(ctx, argument, incomplete)


@click.command("page")
@click.argument("words", metavar="[WHAT]...", nargs=-1, shell_complete=_complete)
@click.option("--no-open", is_flag=True, help="Open no browser: print the address.")
@click.option("--stop", is_flag=True, help="End the server in the background; what it runs is stopped.")
@click.option("--logout", is_flag=True, help="End all sessions of the page, in whichever browser.")
@json_option
@project_option
@pass_call
def page(call: Call, words: tuple[str, ...], *, no_open: bool, stop: bool, logout: bool) -> None:
    """Open the web page: what runs, and what came of it.

    WHAT is an execution (`7`, `latest`), `pipeline 3`, `task 2` or `compare 4 7 9`; without it the page shows the
    project of this folder, elsewhere all projects. A server is started in the background where none answers for this
    home; it ends by itself an hour after the last page was closed and nothing runs, or by --stop. The address that is
    printed lets in once, within ten minutes. `--json` prints `{url, page, server{url, pid, version, started, log}}`.
    """
    from localhai.cli.serve import require_extra

    require_extra("page")
    if stop or logout:
        _end(call, stop=stop, logout=logout)
        return
    from localhai.cli.unattended import found_or_started

    with call.look() as look:
        path = _path(look, words)
        found = found_or_started(look.home.folder)
        url = found.server.url + path
        opened = found.server.url + _login_path(look.home, path)
    if call.json:
        output.emit_json({"url": opened, "page": url, "server": _document(found)})
        return
    _say(found)
    output.emit(opened)
    if not no_open and _has_display():
        _open(opened)


def _path(look: HomeView, words: Sequence[str]) -> str:
    """Of what is meant, on a server of this home. Raises UsageError for what there is not."""
    kind = words[0] if words and words[0] in KINDS else None
    names = words[1:] if kind else words
    if kind == "compare":
        return _compared(look, names)
    if len(names) > 1:
        raise UsageError(
            f"one {kind or 'execution'} at a time: {' '.join(words)}", hints=["several: localhai page compare 4 7 9"]
        )
    if names:
        from localhai.app.find import find_executions, find_pipelines, find_tasks

        find: Any = {"pipeline": find_pipelines, "task": find_tasks, None: find_executions}[kind]
        (record,) = find(look.home, look.project_id, names)
        return f"/p/{record.project_id}/{kind or 'execution'}/{record.id}/"
    if look.project_id is None:
        return "/"
    return f"/p/{look.project_id}/{kind or 'execution'}s/"


def _compared(look: HomeView, names: Sequence[str]) -> str:
    found = look.executions(names)
    if len(found) < 2:  # noqa: PLR2004  # one has nothing to be compared with
        raise UsageError("at least two executions can be compared", hints=["for example: localhai page compare 4 7 9"])
    ids = ",".join(execution.id for execution in found)
    return f"/p/{found[0].record.project_id}/compare/?ids={ids}"


def _login_path(home: Home, path: str) -> str:
    """For whose machine it is: the first user, whom the server has made if nobody else did."""
    from localhai.app.session import login_path

    return login_path(home, home.records.users.list()[0], path)


def _document(found: Found) -> dict[str, Any]:
    server = found.server
    return {
        "url": server.url,
        "pid": server.pid,
        "version": server.version,
        "started": found.started,
        "log": server.log,
    }


def _say(found: Found) -> None:
    from localhai.cli.unattended import IDLE_MINUTES
    from localhai.version import __version__

    server = found.server
    if found.started:
        output.say(f"a server runs in the background now (process {server.pid}, log {server.log})")
        output.say(f"it ends {IDLE_MINUTES} minutes after the last page was closed and nothing runs, or by: {_STOP}")
    elif server.version != __version__:
        output.say(f"the server that answers is localhai {server.version}, this is {__version__}; {_renewed(server)}")


_STOP = "localhai page --stop"


def _renewed(server: ServerAddress) -> str:
    """How a server gets the version that is installed now."""
    return f"for the new page: {_STOP}, then this again" if server.log else "start it again for the new page"


def _has_display() -> bool:
    """Whether a browser could show itself: without a display one that is asked for would be a text one, or none."""
    return sys.platform == "darwin" or any(os.environ.get(name) for name in DISPLAYS)


def _open(url: str) -> None:
    import webbrowser

    try:
        opened = webbrowser.open(url)
    except (OSError, webbrowser.Error):
        opened = False
    if not opened:
        output.say("no browser could be opened: open the address above in one")


def _end(call: Call, *, stop: bool, logout: bool) -> None:
    """The server, the sessions, or both."""
    from localhai.app.session import log_out
    from localhai.cli.unattended import stop as stop_servers

    with call.open_home() as home:
        users = home.records.users.list() if logout else []
        for user in users:
            log_out(home, user)
        ended = stop_servers(home.folder) if stop else []
        if logout:
            output.say("all sessions of the page are ended: `localhai page` opens another")
        if stop:
            output.say(f"ended: process {ended[0].pid}" if ended else _nothing_to_stop(home))
        if call.json:
            output.emit_json({"stopped": [server.pid for server in ended], "logged_out": [user.name for user in users]})


def _nothing_to_stop(home: Home) -> str:
    from localhai.app.servers import answering

    server = answering(home.folder)
    if server is None:
        return "no server runs in the background"
    return f"no server runs in the background; the one at {server.url} ends by Ctrl-C where it was started"
