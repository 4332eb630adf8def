"""`localhai serve`: the Valohai REST API at a local address."""

from __future__ import annotations

import os
import signal
import threading
from importlib import import_module
from typing import TYPE_CHECKING

import click

from localhai.cli import words
from localhai.cli.options import pass_call
from localhai.errors import UsageError

if TYPE_CHECKING:
    import socket

    import uvicorn

    from localhai.cli.call import Call
    from localhai.executions.home import Home
    from localhai.server.state import State

DEFAULT_PORT = 8000
TOKEN = "LOCALHAI_TOKEN"  # noqa: S105  # the name of a variable
SHORTEST_TOKEN = 8
LOOK = 0.5  # seconds; a signal is heard at once
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Listen at this address; 0.0.0.0 is all of them.")
@click.option(
    "--port", "-p", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="0: any free one."
)
@click.option("--jobs", "-j", type=click.IntRange(min=1), help="How many executions run at once. Default: one per CPU.")
@click.option("--allow-host", "hosts", multiple=True, metavar="NAME", help="Answer to this host name too. Repeatable.")
@pass_call
def serve(call: Call, *, host: str, port: int, jobs: int | None, hosts: tuple[str, ...]) -> int:
    """Answer as the Valohai REST API does, over Docker on this machine, until Ctrl-C.

    `vh login --host http://127.0.0.1:8000 --token TOKEN` makes the command line of the platform work with it. The token
    is that of LOCALHAI_TOKEN, else one that is made at the first start, shown once, and kept in the home.
    """
    _require_extra()
    from localhai.server.app import create_app
    from localhai.server.listening import bound, server
    from localhai.server.state import State
    from localhai.server.tokens import kept_secret

    with call.open_home() as home:
        listening = bound(host, port)
        try:
            secret, _made = kept_secret(home.folder / "server", "signing-key")
            state = State(home, secret, say=words.say, jobs=jobs or os.cpu_count() or 1)
            _put_user(home, state)
            state.queue.start()
            names = [*hosts, *([] if host in {*LOOPBACK, "0.0.0.0", "::"} else [host])]  # noqa: S104  # no binding
            running = server(create_app(state, hosts=names))
            _until_told(state, running, listening, host)
        finally:
            listening.close()
    return 0


def _require_extra() -> None:
    try:
        for name in ("fastapi", "python_multipart", "uvicorn"):
            import_module(name)
    except ImportError as error:
        raise UsageError(
            f"localhai serve needs more than is installed: {error.name}",
            hints=["pip install 'localhai[server]'"],
        ) from error


def _put_user(home: Home, state: State) -> None:
    """One user, with the token of the variable or of the home; a token that was made just now is shown once."""
    from localhai.executions.latest import creator_name
    from localhai.server.tokens import kept_secret

    name = state.server.users()[0].name if state.server.users() else creator_name(home.settings)
    token, made = os.environ.get(TOKEN, "").strip(), False
    if token and len(token) < SHORTEST_TOKEN:
        raise UsageError(f"{TOKEN} is too short: a token has {SHORTEST_TOKEN} characters at least", where=TOKEN)
    if not token:
        token, made = kept_secret(home.folder / "server", "token")
    if made:
        words.say(f"made a token, kept in {home.folder / 'server' / 'token'} and not shown again: {token}")
    state.server.put_user(name, token)


def _until_told(state: State, running: uvicorn.Server, listening: socket.socket, host: str) -> None:
    """Serve until a signal; then what runs is stopped, by force at a second signal. What is queued stays queued."""
    from localhai.executions.interruption import Interruption, signals_ask

    def told(number: int, level: int) -> None:
        running.should_exit = True
        state.queue.ask_to_stop()
        if level == 1:
            words.say(f"{signal.Signals(number).name}: {_ending(state)}")

    address, port = listening.getsockname()[:2]
    shown = f"[{address}]" if ":" in address else address
    serving = threading.Thread(target=running.run, kwargs={"sockets": [listening]}, name="localhai-server", daemon=True)
    with signals_ask(Interruption(), told):
        serving.start()
        words.say(f"ready at http://{shown}:{port} (Ctrl-C ends it)")
        if host not in LOOPBACK:
            words.say("other machines can reach it: whoever has the token can run anything here")
        while serving.is_alive():
            serving.join(LOOK)
        state.queue.ask_to_stop()
        state.queue.close()
    state.close()


def _ending(state: State) -> str:
    number, waiting = state.queue.running(), len(state.server.waiting())
    parts = []
    if number:
        parts.append(f"stopping {number} execution{'' if number == 1 else 's'} (once more kills)")
    if waiting:
        parts.append(f"{waiting} stay{'s' if waiting == 1 else ''} queued for the next localhai serve")
    return "; ".join(parts) or "ending"
