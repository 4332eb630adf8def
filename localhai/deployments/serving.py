"""Endpoints served on this machine: containers, their health, the proxy before them, and their end."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec import Struct

from localhai.containers import limits
from localhai.containers.engine import ContainerSpec
from localhai.containers.launching import launch
from localhai.containers.trees import archives
from localhai.containers.trees.archives import ArchiveMember
from localhai.containers.trees.layout import REPOSITORY
from localhai.deployments.endpoint import SUPPORT, port_of, server_script
from localhai.deployments.proxy import PREFIX_HEADER
from localhai.deployments.work import work_id
from localhai.deployments.wsgi import NOT_IMPORTABLE
from localhai.errors import Interrupted, LocalhaiError, SurroundingsError
from localhai.executions.latest import creator_name
from localhai.executions.run.heartbeat import at_work, own_owner
from localhai.executions.run.stop import Beside, Pace, Stopping
from localhai.system import strict_json

if TYPE_CHECKING:
    from localhai.containers.engine import OutputStream
    from localhai.deployments.proxy import Proxy
    from localhai.deployments.work import Work

LOOK = 0.2  # seconds between looks at what goes on
ASK_WITHIN = 2.0
AT_LAST = 30.0  # seconds after the grace time in which a stop must come to its end
USER_AGENT = "localhai-health-check"
METADATA = "valohai-metadata.json"


class _Server(Struct):
    """A container that serves an endpoint, and the thread that takes in what it writes."""

    work: Work
    container: str
    output: OutputStream
    thread: threading.Thread
    address: tuple[str, int] | None = None


def prefixes(work: Work) -> list[str]:
    """`owner/project/deployment/version/endpoint`, then the same with each alias (platform.md 9)."""
    version = work.version
    first = f"{creator_name(work.settings, work.options.creator)}/{version.project}/{version.deployment}"
    return [f"{first}/{name}/{work.endpoint}" for name in (version.name, *version.aliases)]


def serve(
    works: Sequence[tuple[Work, str]],
    proxy: Proxy,
    *,
    ready_within: float,
    ready: Callable[[Sequence[str]], None],
) -> None:
    """Serve endpoints, built as images, until somebody stops them. `ready` hears their URLs once all answer.

    The logs of `works` stay open. Raises Interrupted after a signal before they answered, and LocalhaiError when a
    server cannot be started, does not answer within `ready_within` seconds, or ends by itself. Whatever happens,
    nothing is left on the engine.
    """
    with ExitStack() as stack:
        servers: list[_Server] = []
        for work, image in works:
            servers.append(_start(work, image, stack))
        stack.enter_context(proxy.running())
        urls = []
        for server in servers:
            server.address = _wait_until_ready(server, ready_within)
            for prefix in prefixes(server.work):
                proxy.routes.add(prefix, server.address)
            url = f"http://127.0.0.1:{proxy.port}/{prefixes(server.work)[0]}"
            urls.append(url)
            _change(server.work, "serving", url=url, error=None)
        ready(urls)
        _watch(servers)


def _start(work: Work, image: str, stack: ExitStack) -> _Server:
    engine = work.home.engine
    stack.enter_context(at_work(work_id(work.version.id, work.endpoint)))
    if not work.home.records.deployments.hold_endpoint(work.version.id, work.endpoint, "starting", own_owner()):
        raise SurroundingsError(f"endpoint {work.endpoint} of version {work.version.name} is served already")
    stack.callback(_let_go, work)
    stack.push(lambda _kind, error, _trace: _note(work, error))
    container = engine.create(_spec(work, image))
    stack.callback(engine.remove, container)
    engine.put_archive(container, "/", archives.pack(_support(work)))
    output = engine.attach(container)
    thread = threading.Thread(target=work.capture.pump, args=(output,), daemon=True)
    engine.start(container)
    thread.start()
    stack.callback(thread.join, 10.0)
    stack.callback(_stop, work, container)
    return _Server(work, container, output, thread)


def _note(work: Work, error: BaseException | None) -> bool:
    if error is not None and not isinstance(error, (Interrupted, KeyboardInterrupt)):
        said = error.message if isinstance(error, LocalhaiError) else f"{type(error).__name__}: {error}"
        _change(work, "error", error=said)
    return False


def _stop(work: Work, container: str) -> None:
    """It has the grace time to end by itself, unless somebody interrupts once more. Removing it comes next."""
    grace = work.settings.stop_grace
    stopping, until = Stopping(work.home.engine, container, work.capture.status), time.monotonic() + grace + AT_LAST
    ended, forced = stopping.begin(grace), False
    while ended.is_alive() and time.monotonic() < until:
        ended.join(LOOK)
        stopping.look()
        if work.interruption.forced and not forced:
            forced = True
            stopping.force()
    stopping.over()


def _let_go(work: Work) -> None:
    found = work.home.records.deployments.version(work.version.id).endpoint(work.endpoint)
    if found is not None and found.owner == own_owner():
        _change(work, "stopped", url=None)


def _change(work: Work, status: str, **facts: Any) -> None:
    work.home.records.deployments.change_endpoint(work.version.id, work.endpoint, status=status, **facts)


def _spec(work: Work, image: str) -> ContainerSpec:
    port = port_of(work.definition)
    info = work.home.engine.info()
    is_here = not info.place.startswith(("tcp:", "ssh:", "http"))
    resources = work.definition.get("resources") or {}
    found = limits.container_limits(
        work.settings,
        info,
        cpu_max=(resources.get("cpu") or {}).get("max"),
        memory_max=(resources.get("memory") or {}).get("max"),
        devices=resources.get("devices") or {},
    )
    for note in found.notes:
        work.capture.status(note)
    variables = work.version.document.get("environment_variables", {})
    return ContainerSpec(
        name=f"localhai-{work.version.id}-{work.endpoint}",
        image=image,
        command=launch(f"{SUPPORT}/serve", work.settings.stop_grace),
        environment={
            "PYTHONUNBUFFERED": "1",  # live output; unconfirmed on the platform
            **work.settings.environment_variables,
            **work.options.secrets,
            **variables,
            "VH_DEFAULT_PREFIX": prefixes(work)[0],
            "VALOHAI_PORT": str(port),
        },
        labels=work.labels,
        working_dir=REPOSITORY,
        **{**found.fields, "ports": {port: 0}, "ports_at": "127.0.0.1" if is_here else ""},
    )


def _support(work: Work) -> Iterator[ArchiveMember]:
    """What is added to the image for serving. Docs open the metadata file relative to the working directory."""
    metadata = strict_json.dumps(_metadata(work), indent=2).encode()
    yield ArchiveMember("valohai")
    yield ArchiveMember(f"valohai/{METADATA}", metadata, 0o444)
    yield ArchiveMember(f"{REPOSITORY[1:]}/{METADATA}", metadata, 0o444)
    yield ArchiveMember(SUPPORT[1:])
    yield ArchiveMember(f"{SUPPORT[1:]}/serve", server_script(work.definition).encode(), 0o755)
    yield ArchiveMember(f"{SUPPORT[1:]}/wsgi.py", Path(__file__).with_name("wsgi.py").read_bytes(), 0o644)


def _metadata(work: Work) -> dict[str, Any]:
    """Its shape beyond these keys is unconfirmed (platform.md 9)."""
    version = work.version
    return {
        "deployment": {
            "id": version.deployment_id,
            "name": version.deployment,
            "project": {"id": version.project_id, "name": version.project},
            "target": {"name": "localhai"},
        },
        "version": {
            "id": version.id,
            "name": version.name,
            "ctime": version.created,
            "commit": {"identifier": version.commit},
            "endpoints": [
                {
                    "name": endpoint.name,
                    "files": [
                        {"name": file.name, "path": file.path, "datum": {**file.to_dict(), "id": file.datum}}
                        for file in endpoint.files
                    ],
                }
                for endpoint in version.endpoints
            ],
        },
    }


def _wait_until_ready(server: _Server, seconds: float) -> tuple[str, int]:
    """Where it answers: any answer to HTTP counts (how the platform looks is unconfirmed)."""
    work = server.work
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if work.interruption.asked:
            raise Interrupted(f"interrupted before endpoint {work.endpoint} answered")
        _check_running(server, "before it answered")
        for address in _addresses(server):
            status = _answer(address, prefixes(work)[0])
            if status is not None:
                work.capture.status(f"it answers: localhai asked once for its prefix, and the status was {status}")
                return address
        time.sleep(LOOK)
    raise LocalhaiError(
        f"endpoint {work.endpoint} did not answer HTTP on port {port_of(work.definition)} within {seconds:g} seconds",
        where=f"endpoint {work.endpoint}",
        hints=["its server must listen on 0.0.0.0 and the port of valohai.yaml", *work.last_lines()],
    )


def _addresses(server: _Server) -> list[tuple[str, int]]:
    engine, port = server.work.home.engine, port_of(server.work.definition)
    state = engine.state(server.container)
    place = urlsplit(engine.info().place)
    host = place.hostname if place.scheme in {"tcp", "ssh", "http", "https"} and place.hostname else "127.0.0.1"
    if state is None:
        return []
    found = [(host, state.ports[port])] if port in state.ports else []
    found += [(address, port) for address in state.addresses]
    return found or [(host, port)]


def _answer(address: tuple[str, int], prefix: str) -> int | None:
    """The status of its answer, None when there is none. The server may count and log this request: see USER_AGENT."""
    connection = http.client.HTTPConnection(*address, timeout=ASK_WITHIN)
    try:
        connection.request("GET", f"/{prefix}", headers={PREFIX_HEADER: prefix, "User-Agent": USER_AGENT})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _check_running(server: _Server, when: str) -> None:
    work = server.work
    state = work.home.engine.state(server.container)
    if state is not None and state.running:
        return
    with suppress(RuntimeError):
        server.thread.join(5.0)
    code = None if state is None else state.exit_code
    hints = work.last_lines()
    message = f"the server of endpoint {work.endpoint} ended with exit code {code} {when}"
    if code == NOT_IMPORTABLE and work.definition.get("wsgi"):
        message = f"`wsgi: {work.definition['wsgi']}` of endpoint {work.endpoint} cannot be imported"
    raise LocalhaiError(message, where=f"endpoint {work.endpoint}", hints=hints)


def _watch(servers: Sequence[_Server]) -> None:
    """Until somebody interrupts, all are asked to stop, or one ends."""
    pace = Pace(at_once=True)
    work = servers[0].work
    wishes = Beside(partial(work.home.records.deployments.stop_requested_endpoints, work.version.id), at_once=True)
    while not work.interruption.asked and not wishes.look():
        if pace.is_due():
            for server in servers:
                _check_running(server, "while it served")
        time.sleep(LOOK)
