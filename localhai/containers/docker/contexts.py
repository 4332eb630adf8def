"""Docker contexts: the engine that `docker context use` chose, read from the files the docker client keeps."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from localhai.containers.docker.transport import Address, TlsFiles


class ChosenContext(Struct, frozen=True):
    """A context by name; `address` None when its files are missing or unreadable, and `problem` says why."""

    name: str
    address: Address | None = None
    problem: str = ""


def chosen(folder: Path, environ: Mapping[str, str]) -> ChosenContext | None:
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
