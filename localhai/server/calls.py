"""What containers may call: api.json (platform.md 2.4), and the listener behind it that they reach.

The listener is not the API's: it stands where containers see this machine, and answers only to what one execution may
ask about itself, by a token of that execution alone.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from localhai.errors import LocalhaiError
from localhai.server.listening import server
from localhai.server.tokens import token_of
from localhai.system.process import own_address_towards

if TYPE_CHECKING:
    from pathlib import Path

    import uvicorn

    from localhai.containers.engine import Gateway
    from localhai.server.state import State

ANSWER_WITHIN = 20  # seconds, of calls that code makes in passing
BACKLOG = 128
_PORTS = "ports"
_REMEMBERED_PORTS = 8
_ENDPOINTS = (
    ("set_status_detail", "POST", "status-detail"),
    ("input_request", "POST", "inputs"),
    ("trigger_catalog", "GET", "triggers"),
)


class Calls:
    """Listeners by network, opened when an execution on that network starts.

    `address`, if given, is where this machine is reached from all of them: needed where the engine is elsewhere.
    """

    def __init__(self, state: State, address: str | None = None) -> None:
        self._state = state
        self._address = address
        self._lock = threading.Lock()
        self._bases: dict[str | None, str | None] = {}
        self._running: list[tuple[uvicorn.Server, threading.Thread, socket.socket]] = []

    def of(self, execution_id: str, network: str | None) -> dict[str, Any]:
        """api.json of an execution: empty where its container has no way to this machine, which is said once."""
        base = self._base(network)
        if base is None:
            return {}
        token = token_of(self._state.secret, execution_id)
        host = base.rpartition("://")[2].rpartition(":")[0].strip("[]")
        return {
            name: {
                "url": f"{base}/executions/{execution_id}/{path}/",
                "method": method,
                "headers": {"Authorization": f"Execution {token}"},
                "timeout": ANSWER_WITHIN,
                "proxies": {"no_proxy": host},  # a proxy of the step's variables does not know this machine
            }
            for name, method, path in _ENDPOINTS
        }

    def resume(self) -> None:
        """Listen again where executions that still run were told to call, by a server before this one."""
        folder = self._state.home.folder / "server" / _PORTS
        with suppress(OSError):
            for file in sorted(folder.iterdir()):
                self._base(None if file.name == "default" else file.name.removeprefix("network-"))

    def close(self) -> None:
        """Listen no more."""
        with self._lock:
            running, self._running = self._running, []
        for one, _thread, _listening in running:
            one.should_exit = True
        for _one, thread, listening in running:
            thread.join()
            listening.close()

    def _base(self, network: str | None) -> str | None:
        with self._lock:
            if network not in self._bases:
                try:
                    self._bases[network] = self._open(network)
                except (LocalhaiError, OSError) as error:
                    self._state.say(f"containers cannot call this server: {error}")
                    return None
            return self._bases[network]

    def _open(self, network: str | None) -> str | None:
        place = _place(self._state.home.engine.gateway(network), self._address)
        if place is None:
            self._state.say(
                f"containers of the network {network or 'of the engine'} cannot call this server: the engine is"
                " elsewhere (--container-host says how this machine is reached)"
            )
            return None
        own, shown = place
        listening = self._bound(own, network)
        from localhai.server.container_api import create_inside

        running = server(create_inside(self._state))
        thread = threading.Thread(
            target=running.run, kwargs={"sockets": [listening]}, name="localhai-calls", daemon=True
        )
        thread.start()
        self._running.append((running, thread, listening))
        return f"http://{f'[{shown}]' if ':' in shown else shown}:{listening.getsockname()[1]}"

    def _bound(self, own: str, network: str | None) -> socket.socket:
        """At a port of earlier times if one is free, which containers that still run know; each server has its own."""
        folder = self._state.home.folder / "server" / _PORTS
        file = folder / ("default" if network is None else f"network-{network.replace('/', '_')}")
        known = _known_ports(file)
        made = next(filter(None, (_listen_if_free(own, port) for port in known)), None) or _listen(own, 0)
        port = made.getsockname()[1]
        if port not in known:
            with suppress(OSError):  # a full disk keeps nobody from listening
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                file.write_text("\n".join(map(str, [*known, port][-_REMEMBERED_PORTS:])))
        return made


def _known_ports(file: Path) -> list[int]:
    """The ports at which servers of this home have listened, oldest first."""
    try:
        return [int(line) for line in file.read_text().split()]
    except (OSError, ValueError):
        return []


def _listen_if_free(address: str, port: int) -> socket.socket | None:
    try:
        return _listen(address, port)
    except (OSError, OverflowError):
        return None


def _place(gateway: Gateway | None, address: str | None) -> tuple[str, str] | None:
    """Where to listen, and how containers name that. None: there is no way."""
    if address is not None:
        return (address if _is_ours(address) else "0.0.0.0"), address  # noqa: S104  # asked for; tokens guard it
    if gateway is None:
        return None
    if not gateway.subnet:
        return "127.0.0.1", gateway.address
    own = own_address_towards(gateway.address)
    with suppress(ValueError):
        if own and ipaddress.ip_address(own) in ipaddress.ip_network(gateway.subnet, strict=False):
            return own, own  # this machine's bridge, or a container that is on it as they are
    return (gateway.address, gateway.address) if _is_ours(gateway.address) else None


def _is_ours(address: str) -> bool:
    try:
        _listen(address, 0).close()
    except OSError:
        return False
    return True


def _listen(address: str, port: int) -> socket.socket:
    family, kind, protocol, _, place = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(place)
        made.listen(BACKLOG)
    except BaseException:
        made.close()
        raise
    return made
