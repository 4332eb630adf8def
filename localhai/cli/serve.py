"""`localhai serve`: the Valohai REST API at a local address."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct

from localhai.cli import output
from localhai.cli.options import pass_call
from localhai.errors import UsageError
from localhai.version import __version__
from localhai.vocabulary import SERVER_PORT

if TYPE_CHECKING:
    from localhai.cli.call import Call
    from localhai.executions.home import Home
    from localhai.server.certificate import Certificate
    from localhai.server.idle import Idleness
    from localhai.server.listening import Listener
    from localhai.server.state import State

DEFAULT_HTTPS_PORT = 8443
TOKEN = "LOCALHAI_TOKEN"  # noqa: S105  # the name of a variable
LOOK = 0.5  # seconds; a signal is heard at once
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_IDLE = "nobody has asked for anything for a while, and nothing runs: the server ends"
EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104  # no binding


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Listen at this address; 0.0.0.0 is all of them.")
@click.option(
    "--port", "-p", type=click.IntRange(0, 65535), default=SERVER_PORT, show_default=True, help="0: any free one."
)
@click.option("--https", is_flag=True, help="Answer by https too, with a certificate that is made for this machine.")
@click.option(
    "--https-port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_HTTPS_PORT,
    show_default=True,
    help="Where; 0: any free one.",
)
@click.option("--jobs", "-j", type=click.IntRange(min=1), help="How many executions run at once. Default: one per CPU.")
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    metavar="NAME",
    envvar="LOCALHAI_ALLOW_HOST",
    help="Answer to this host name too. Repeatable; LOCALHAI_ALLOW_HOST has several with spaces between.",
)
@click.option(
    "--container-host",
    metavar="ADDRESS",
    help="By which containers reach this machine. Default: found out; needed where the Docker Engine is elsewhere.",
)
@click.option(
    "--allow-folder",
    "serve_folders",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Let clients name files of this folder as inputs. Default: of none. Repeatable.",
)
@click.option(
    "--allow-address",
    "serve_addresses",
    multiple=True,
    metavar="NETWORK",
    help="Fetch from this address (10.1.0.0/16) for clients; `private` is all. Default: public ones. Repeatable.",
)
@click.option(
    "--allow-docker-network",
    "serve_networks",
    multiple=True,
    metavar="NAME",
    help="Let clients run steps in this Docker network (VH_DOCKER_NETWORK). Default: in none. Repeatable.",
)
@click.option(
    "--seed",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar="LOCALHAI_SEED",
    help="Users, projects and data to begin with: a TOML or YAML file. Also LOCALHAI_SEED.",
)
@click.option(
    "--end-when-idle",
    type=click.FloatRange(min=0, min_open=True),
    metavar="MINUTES",
    help="End after so many minutes without a request or an open page, once nothing runs or waits.",
)
@click.option(
    "--unattended", type=click.Path(dir_okay=False, path_type=Path), hidden=True
)  # by `localhai page`: its log
@click.option("--ephemeral", is_flag=True, help="Keep nothing: a home of its own, removed at the end.")
@pass_call
def serve(call: Call, /, *, ephemeral: bool, **options: Any) -> int:
    """Answer as the Valohai REST API does, over Docker on this machine, until Ctrl-C.

    `vh login --host http://127.0.0.1:8000 --token TOKEN` makes the command line of the platform work with it. The token
    is that of LOCALHAI_TOKEN, else one that is made at the first start, shown once, and kept in the home. The
    localhai.toml of the folder in which it starts holds for projects that have none: a store, an emulated S3, limits.
    """
    require_extra()
    wanted = ServeOptions(**options)
    if not ephemeral:
        return _serve(call, wanted)
    from localhai.cli.ephemeral import ephemeral_home

    with ephemeral_home():
        return _serve(call, wanted)


class ServeOptions(Struct, frozen=True):
    """The options of `localhai serve`."""

    host: str
    port: int
    https: bool
    https_port: int
    jobs: int | None
    hosts: tuple[str, ...]
    container_host: str | None
    serve_folders: tuple[Path, ...]
    serve_addresses: tuple[str, ...]
    serve_networks: tuple[str, ...]
    seed: Path | None
    end_when_idle: float | None = None
    unattended: Path | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """Those settings that it changes. Raises UsageError for what is no address."""
        from localhai.system.networks import networks

        try:
            addresses = tuple(network for word in self.serve_addresses for network in networks(word))
        except ValueError as error:
            raise UsageError(f"--allow-address: {error}") from error
        folders = tuple(folder.absolute() for folder in self.serve_folders)
        given = {"serve_folders": folders, "serve_addresses": addresses, "serve_networks": self.serve_networks}
        return {name: value for name, value in given.items() if value}

    @property
    def names(self) -> list[str]:
        """Host names beside this machine's own by which clients may call the server."""
        return [*self.hosts, *([] if self.host in {*LOOPBACK, *EVERYWHERE} else [self.host])]


def _serve(call: Call, wanted: ServeOptions) -> int:
    from localhai.server.app import assemble, create_app
    from localhai.server.background import of_threads
    from localhai.server.idle import Attendance, Idleness
    from localhai.server.listening import Listener, bound
    from localhai.server.recovery import Recovering
    from localhai.server.serving import serve_enabled
    from localhai.server.state import State
    from localhai.server.tokens import kept_secret
    from localhai.system.process import allow_many_files

    allow_many_files()
    with ExitStack() as closing:
        home = closing.enter_context(call.open_home(call.folder or Path.cwd(), wanted.settings))
        ports = [wanted.port, *([wanted.https_port] if wanted.https else [])]
        sockets = [closing.enter_context(bound(wanted.host, port)) for port in ports]
        secret, _made = kept_secret(home.folder / "server", "signing-key")
        jobs = wanted.jobs or os.cpu_count() or 1
        state = assemble(State(home, secret, say=output.say, jobs=jobs, container_host=wanted.container_host))
        closing.callback(state.close)
        closing.enter_context(of_threads(state))
        _put_users(home, state, wanted.seed, shown=wanted.unattended is None)
        attended = Attendance(create_app(state, hosts=wanted.names))
        idleness = Idleness(attended, state.queue, wanted.end_when_idle)
        certificates = [None, _certificate(home, wanted) if wanted.https else None]
        listeners = [Listener.of(attended, *pair) for pair in zip(sockets, certificates, strict=False)]
        state.queue.start()
        recovering = Recovering(state)
        recovering.start()
        closing.callback(recovering.close)
        serve_enabled(state)

        def ready() -> None:
            _say_ready(listeners, wanted, certificates[1])
            closing.enter_context(_announced(state, listeners[0], wanted))

        told = _until_told(state, listeners, ready, idleness)
    return 0 if told else 1


@contextmanager
def _announced(state: State, listener: Listener, wanted: ServeOptions) -> Iterator[None]:
    """Until the end of the block others on this machine find the server; its page is open to who watches it."""
    from localhai.app.servers import announced
    from localhai.app.session import login_path

    url = listener.url_here
    if wanted.unattended is None:
        output.say(f"page: {url}{login_path(state.home, state.records.users.list()[0])}")
    with announced(state.home.folder, url, __version__, wanted.unattended):
        yield


def _certificate(home: Home, wanted: ServeOptions) -> Certificate:
    from localhai.server.certificate import certificate

    return certificate(home.folder / "server" / "tls", wanted.names)


def _say_ready(listeners: Sequence[Listener], wanted: ServeOptions, certificate: Certificate | None) -> None:
    output.say(f"ready at {' and '.join(listener.url for listener in listeners)} (Ctrl-C ends it)")
    if certificate is not None:
        trust = quote(str(certificate.trust))
        output.say(f"clients trust it by: export REQUESTS_CA_BUNDLE={trust} SSL_CERT_FILE={trust}")
    if wanted.host not in LOOPBACK:
        output.say("other machines can reach it: whoever has the token can run anything here")


def require_extra(command: str = "serve") -> None:
    """Raises UsageError where parts are missing that a server is made of."""
    try:
        for name in ("cryptography", "fastapi", "python_multipart", "uvicorn"):
            import_module(name)
    except ImportError as error:
        raise UsageError(
            f"localhai {command} needs more than is installed: {error.name}",
            hints=["pip install --upgrade localhai"],
        ) from error


def _put_users(home: Home, state: State, path: Path | None, *, shown: bool) -> None:
    """The users of the seed, and what is theirs. Where there is no user one is made, with the token of the variable.

    A token that somebody has is replaced only by one that is given: by the variable, or by the seed. One that is made
    is `shown` where a person reads it.
    """
    from localhai.server.seed import plant_projects, plant_users, read

    seed = read(path) if path else None
    if os.environ.get(TOKEN, "").strip() or not (seed and seed.users):
        _put_user(home, state, shown=shown)
    if seed is None:
        return
    plant_users(state, seed)
    token = os.environ.get(TOKEN, "").strip()
    if token and not state.records.users.of_token(token):
        raise UsageError(f"{TOKEN} and the seed give one user different tokens", where=str(path))
    for project in plant_projects(state, seed):
        output.say(f"project {project.name}: {project.id}")


def _put_user(home: Home, state: State, *, shown: bool) -> None:
    """One user, with the token of the variable or of the home; a token that was made just now is shown once."""
    from localhai.executions.latest import creator_name
    from localhai.server.seed import SHORTEST_TOKEN
    from localhai.server.tokens import kept_secret

    token, made = os.environ.get(TOKEN, "").strip(), False
    if token and len(token) < SHORTEST_TOKEN:
        raise UsageError(f"{TOKEN} is too short: a token has {SHORTEST_TOKEN} characters at least", where=TOKEN)
    if token and state.records.users.of_token(token):
        return
    users, kept = state.records.users.list(), home.folder / "server" / "token"
    if users and not token:
        output.say(_whose_token(state, users[0].name, kept))
        return
    if not token:
        token, made = kept_secret(kept.parent, kept.name)
    if made and shown:
        output.say(f"made a token, kept in {kept} and not shown again: {token}")
    state.records.users.put(users[0].name if users else creator_name(home.settings), token)


def _whose_token(state: State, name: str, kept: Path) -> str:
    """How to get at a token again: of tokens themselves only their digests are on record."""
    if kept.is_file() and state.records.users.of_token(kept.read_text().strip()):
        return f"clients ask with the token in {kept}, or with those of the seed"
    return (
        f"the users of this home keep their tokens; {TOKEN}=... or a seed gives {name} another one"
        " (the old one is good for nothing then)"
    )


def _until_told(state: State, listeners: Sequence[Listener], ready: Callable[[], None], idleness: Idleness) -> bool:
    """Serve until a signal; then what runs is stopped, by force at a second signal. What is queued stays queued.

    False: it ended though nobody told it to, nor had anything to do.
    """
    from localhai.executions.run.stop import Interruption, signals_ask

    def told(number: int, level: int) -> None:
        for listener in listeners:
            listener.end()
        state.queue.ask_to_stop()
        if level == 1:
            output.say(f"{signal.Signals(number).name}: {_ending(state)}")

    threads = [listener.thread() for listener in listeners]
    interruption = Interruption()
    with signals_ask(interruption, told):
        for thread in threads:
            thread.start()
        ready()
        idle = False
        while not idle and all(thread.is_alive() for thread in threads):
            threads[0].join(LOOK)
            idle = idleness.has_come()
        if not interruption.asked:
            output.say(_IDLE if idle else "the server listens no more, though nobody asked it to end; it ends")
            for listener in listeners:
                listener.end()
        state.queue.ask_to_stop()
        state.queue.close()
    return interruption.asked or idle


def _ending(state: State) -> str:
    number, waiting = state.queue.running(), len(state.queue.waiting())
    parts = []
    if number:
        parts.append(f"stopping {number} execution{'' if number == 1 else 's'} (once more kills)")
    if waiting:
        parts.append(f"{waiting} stay{'s' if waiting == 1 else ''} queued for the next localhai serve")
    return "; ".join(parts) or "ending"
