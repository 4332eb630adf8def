"""Credentials for pulls, from the user's docker configuration. The only place that loads docker-py."""

from __future__ import annotations

import os
from typing import Any


def login_header(name: str) -> dict[str, str]:
    """The header that logs in at the registry of an image name; empty when nobody has logged in there.

    Understands plain entries, `credsStore` and `credHelpers`. A credential helper that fails counts as no login:
    public images must not need one.
    """
    folder = os.environ.get("DOCKER_CONFIG") or os.path.join(os.path.expanduser("~"), ".docker")
    if not os.path.exists(os.path.join(folder, "config.json")):
        return {}
    from docker import auth
    from docker.errors import DockerException

    try:
        config: Any = auth.load_config(os.path.join(folder, "config.json"))
        registry, _rest = auth.resolve_repository_name(name)
        found = auth.resolve_authconfig(config, registry)
        return {"X-Registry-Auth": auth.encode_header(found).decode()} if found else {}
    except (DockerException, OSError, ValueError, KeyError):
        return {}
