"""Notebook executions: a Jupyter server as an execution, with its port open on this machine."""

from __future__ import annotations

import gzip
import io
import secrets
import socket
import tarfile
from typing import TYPE_CHECKING, Any

from localhai.server import requests
from localhai.server.bodies import text
from localhai.server.code import NOTEBOOK_YAML, keep_package
from localhai.server.requests import texts
from localhai.system import strict_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localhai.records import ExecutionRecord, Project
    from localhai.records.server import User
    from localhai.server.state import State

STEP = "notebook"
PORT = 8888  # inside
_ARGUMENTS = f"--ip=0.0.0.0 --port={PORT} --no-browser --allow-root --ServerApp.root_dir=/valohai"
_COMMAND = [
    "command -v jupyter-lab >/dev/null || command -v jupyter-notebook >/dev/null || pip install --quiet notebook",
    f"if command -v jupyter-lab >/dev/null; then jupyter-lab {_ARGUMENTS}; else jupyter-notebook {_ARGUMENTS}; fi",
]


def create(state: State, user: User, project: Project, body: Mapping[str, Any]) -> tuple[ExecutionRecord, str, int]:
    """Queue one. Gives it, its token, and the port of this machine where it will answer. Raises Refused, UsageError."""
    image = text(dict(body), "image")
    token, port = secrets.token_hex(20), _free_port()
    variables = texts(body, "environment_variables")
    asked = {
        **body,
        "step": STEP,
        "commit": keep_package(
            state, project, io.BytesIO(_package(image)), yaml_path=NOTEBOOK_YAML, description="Notebook"
        ).identifier,
        "environment_variables": {**variables, "JUPYTER_TOKEN": token, "VH_EXPOSE_PORTS": f"{port}:{PORT}"},
        "parameters": None,
        "inputs": None,
    }
    return requests.create(state, user, project, asked), token, port


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _package(image: str) -> bytes:
    """Code with nothing in it but the step: the same bytes for the same image."""
    step = {"name": STEP, "image": image, "command": _COMMAND}
    content = strict_json.dumps([{"step": step}]).encode()  # JSON is YAML
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as tar:
        entry = tarfile.TarInfo(NOTEBOOK_YAML)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()
