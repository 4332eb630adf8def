"""Where engines are looked for: DOCKER_HOST, then the docker context, then the sockets that engines use.

Contexts are read from the files that the docker client keeps.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from localhai.containers.docker.engine import DockerEngine
from localhai.containers.docker.errors import EngineRefused
from localhai.containers.docker.transport import Address, TlsFiles, Transport
from localhai.errors import EngineLost, EngineNotFound

NEWEST_API = (1, 47)  # what this room was written against; an older engine is spoken to in its own version
ANSWER_WITHIN = 10.0
_SSH_ANSWERS_WITHIN = 30.0
_DENIED = "permission denied"
_ANSWERS: dict[int | None, str] = {
    errno.ENOENT: "missing",
    errno.EACCES: _DENIED,
    errno.EPERM: _DENIED,
    errno.ECONNREFUSED: "refused: nobody listens there",
}
_INSTALL_HINT = "start Docker, or install it: https://docs.docker.com/engine/install"


class EngineAddress(Struct, frozen=True):
    """One place to look: how a person would name it, and its address, or what is wrong with it."""

    name: str
    address: Address | None
    problem: str = ""


def connect(environ: Mapping[str, str] | None = None, *, home: Path | None = None) -> DockerEngine:
    """The engine that the docker client would use, else the first socket that answers.

    Whoever set DOCKER_HOST or chose a context gets that engine or an error, never another one. Raises EngineNotFound
    with every place tried and what it said.
    """
    environ = os.environ if environ is None else environ
    tried: list[tuple[str, str]] = []
    for place in places(environ, home or Path.home()):
        if place.address is None:
            tried.append((place.name, place.problem))
            continue
        try:
            return _reach(place.address)
        except (EngineLost, EngineRefused, OSError, ValueError) as error:
            tried.append((place.name, answer(place.address, error)))
    raise EngineNotFound(
        "no Docker Engine answers. Tried:\n" + "\n".join(f"  {name}: {said}" for name, said in tried),
        tried=tried,
        hints=hints(tried),
    )


def places(environ: Mapping[str, str], home: Path) -> list[EngineAddress]:
    """Where to look, in order. Pure but for reading the docker client's own files."""
    folder = Path(environ.get("DOCKER_CONFIG") or home / ".docker")
    host = environ.get("DOCKER_HOST")
    if host:
        return [EngineAddress(f"DOCKER_HOST={host}", _from_environment(host, environ, folder))]
    context = chosen_context(folder, environ)
    if context is not None:
        where = f" ({context.address.url})" if context.address else ""
        return [EngineAddress(f"docker context {context.name}{where}", context.address, context.problem)]
    runtime = Path(environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    sockets = (
        Path("/var/run/docker.sock"),
        runtime / "docker.sock",  # rootless Docker
        home / ".docker" / "run" / "docker.sock",  # Docker Desktop, macOS
        home / ".docker" / "desktop" / "docker.sock",  # Docker Desktop, Linux
        home / ".orbstack" / "run" / "docker.sock",
        home / ".rd" / "docker.sock",  # Rancher Desktop
        home / ".colima" / "default" / "docker.sock",
        home / ".config" / "colima" / "default" / "docker.sock",
        runtime / "podman" / "podman.sock",
        Path("/run/podman/podman.sock"),
        home / ".local" / "share" / "containers" / "podman" / "machine" / "podman.sock",
    )
    return [EngineAddress(str(path), Address(f"unix://{path}")) for path in sockets]


def answer(address: Address, error: Exception) -> str:
    """What a place said, in a few words."""
    cause: BaseException = error.__cause__ or error
    number = cause.errno if isinstance(cause, OSError) else None
    if number in _ANSWERS:
        return _ANSWERS[number]
    if isinstance(cause, TimeoutError):
        return f"no answer within {ANSWER_WITHIN:g} seconds"
    if isinstance(error, EngineRefused):
        return f"it is no Docker Engine: it answered {error.status} {error.message[:100]}"
    if address.url.startswith("ssh://"):
        return f"no engine behind ssh: try `ssh {address.url.removeprefix('ssh://')} docker info` ({cause})"
    return str(cause) or type(cause).__name__


def hints(tried: list[tuple[str, str]]) -> list[str]:
    """What to do about it."""
    found = []
    if any(said == _DENIED for _place, said in tried):
        found.append("you may not use the engine: sudo usermod -aG docker $USER, then log in again")
    if any(place.startswith("DOCKER_HOST=") for place, _said in tried):
        found.append("DOCKER_HOST decides alone: correct it, or unset it to look in the usual places")
    elif any(place.startswith("docker context") for place, _said in tried):
        found.append("the docker context decides alone: see `docker context ls`, `docker context use default`")
    if not found:
        found.append(_INSTALL_HINT)
    return found


def _from_environment(host: str, environ: Mapping[str, str], folder: Path) -> Address:
    if not environ.get("DOCKER_TLS_VERIFY") and not environ.get("DOCKER_CERT_PATH"):
        return Address(host)
    certificates = Path(environ.get("DOCKER_CERT_PATH") or folder)
    verify = bool(environ.get("DOCKER_TLS_VERIFY"))
    return Address(host, tls_files(certificates, verify=verify))


def _reach(address: Address) -> DockerEngine:
    """Ping, which also tells the newest API version: cheaper than asking for the version."""
    transport = Transport(address)
    timeout = _SSH_ANSWERS_WITHIN if address.url.startswith("ssh://") else ANSWER_WITHIN
    try:
        reply = transport.open("GET", "/_ping", timeout=timeout)
    except BaseException:
        transport.close()
        raise
    version, podman = reply.header("Api-Version"), reply.header("Libpod-Api-Version")
    reply.read()
    transport.version = _spoken(version)
    return DockerEngine(transport, podman=podman is not None)


def _spoken(version: str | None) -> str | None:
    """The API version to speak; None leaves it to the engine."""
    try:
        major, minor = (int(number) for number in (version or "").split("."))
    except ValueError:
        return None
    return ".".join(map(str, min((major, minor), NEWEST_API)))


class ChosenContext(Struct, frozen=True):
    """A context by name; `address` None when its files are missing or unreadable, and `problem` says why."""

    name: str
    address: Address | None = None
    problem: str = ""


def chosen_context(folder: Path, environ: Mapping[str, str]) -> ChosenContext | None:
    """The context that is in use, None for the default one. `folder` is the docker client's (~/.docker)."""
    name = environ.get("DOCKER_CONTEXT") or str(_read(folder / "config.json").get("currentContext") or "")
    if not name or name == "default":
        return None
    key = hashlib.sha256(name.encode()).hexdigest()
    file = folder / "contexts" / "meta" / key / "meta.json"
    if not file.exists():
        return ChosenContext(name, problem=f"there is no such context ({file} is missing)")
    endpoint = (_read(file).get("Endpoints") or {}).get("docker") or {}
    if not endpoint.get("Host"):
        return ChosenContext(name, problem=f"{file} names no engine")
    tls = tls_files(folder / "contexts" / "tls" / key / "docker", verify=not endpoint.get("SkipTLSVerify"))
    return ChosenContext(name, Address(str(endpoint["Host"]), tls))


def tls_files(folder: Path, *, verify: bool = True) -> TlsFiles | None:
    """ca.pem, cert.pem and key.pem of a folder, None when it has none of them."""
    ca, certificate, key = (folder / name for name in ("ca.pem", "cert.pem", "key.pem"))
    if not ca.exists() and not certificate.exists():
        return None
    return TlsFiles(
        ca if ca.exists() else None,
        certificate if certificate.exists() else None,
        key if key.exists() else None,
        verify,
    )


def _read(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
