"""Where a Docker Engine may be, in the order in which the docker client would look, then where others put theirs."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from machine.engine import Engine, engine_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SYSTEM_SOCKET = "unix:///var/run/docker.sock"


@dataclass(frozen=True)
class Place:
    """A DOCKER_HOST URL and why it is looked at. `chosen` means that a person chose it: then no other will do."""

    where: str
    why: str
    chosen: bool = False
    tls: bool = False


def find(environ: Mapping[str, str]) -> tuple[Engine | None, list[tuple[Place, str]]]:
    """The first engine that answers, and the places that did not with their reasons."""
    tried: list[tuple[Place, str]] = []
    for place in places(environ):
        engine = engine_at(place.where, tls=place.tls)
        try:
            engine.version()
        except OSError as error:
            tried.append((place, error.strerror or str(error)))
            if place.chosen:
                return None, tried
        else:
            return engine, tried
    return None, tried


def places(environ: Mapping[str, str]) -> Iterator[Place]:
    """DOCKER_HOST, the docker context, the system's socket, then rootless, Desktop, Colima and Podman sockets."""
    if host := environ.get("DOCKER_HOST"):
        yield Place(host, "$DOCKER_HOST", chosen=True, tls=bool(environ.get("DOCKER_TLS_VERIFY")))
    elif context := _context(environ):
        yield context
    home = Path(environ.get("HOME", "/root"))
    yield Place(SYSTEM_SOCKET, "the system's engine")
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        yield Place(f"unix://{runtime}/docker.sock", "rootless Docker")
    yield Place(f"unix://{home}/.docker/run/docker.sock", "Docker Desktop")
    yield Place(f"unix://{home}/.docker/desktop/docker.sock", "Docker Desktop on Linux")
    yield Place(f"unix://{home}/.colima/default/docker.sock", "Colima")
    if runtime:
        yield Place(f"unix://{runtime}/podman/podman.sock", "Podman")


def _context(environ: Mapping[str, str]) -> Place | None:
    """The context that `docker context use` chose, if it is not the default one."""
    folder = Path(environ.get("DOCKER_CONFIG") or Path(environ.get("HOME", "/root"), ".docker"))
    try:
        name = (
            environ.get("DOCKER_CONTEXT") or json.loads((folder / "config.json").read_text("utf-8"))["currentContext"]
        )
        if name == "default":
            return None
        digest = hashlib.sha256(name.encode()).hexdigest()
        meta = json.loads((folder / "contexts" / "meta" / digest / "meta.json").read_text("utf-8"))
        where = str(meta["Endpoints"]["docker"]["Host"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    tls = os.path.isdir(folder / "contexts" / "tls" / digest)
    return Place(where, f"docker context {name}", chosen=True, tls=tls)
