"""Notebook executions (wire.md 3.4): a Jupyter server as an execution, with its port open on this machine."""

from __future__ import annotations

import gzip
import io
import secrets
import socket
import tarfile
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Request
from msgspec.structs import asdict

from localhai.server.addresses import Base
from localhai.server.api.executions import execution_shape, queue_execution
from localhai.server.api.executions_body import ExecutionBody, Priority, RunBody, RuntimeConfig
from localhai.server.bodies import Text, reading
from localhai.server.code import NOTEBOOK_YAML, keep_package
from localhai.server.pagination import OnePage
from localhai.server.state import Shared
from localhai.server.tokens import Asking
from localhai.system import strict_json

router = APIRouter(prefix="/notebook-executions", tags=["executions"])
STEP = "notebook"
PORT = 8888  # inside
_ARGUMENTS = f"--ip=0.0.0.0 --port={PORT} --no-browser --allow-root --ServerApp.root_dir=/valohai"
_COMMAND = [
    "command -v jupyter-lab >/dev/null || command -v jupyter-notebook >/dev/null || pip install --quiet notebook",
    f"if command -v jupyter-lab >/dev/null; then jupyter-lab {_ARGUMENTS}; else jupyter-notebook {_ARGUMENTS}; fi",
]


class NotebookBody(RunBody, kw_only=True):
    """A Jupyter server in an image."""

    image: Text
    priority: Priority = 0
    runtime_config: RuntimeConfig = msgspec.field(default_factory=dict)


@router.get("/")
def notebook_executions(
    asking: Asking, state: Shared, page: OnePage, base: Base, project: str | None = None
) -> dict[str, Any]:
    """Notebook executions of one project or of all, newest first."""
    known = [row.id for row in state.projects_of(asking, project)]
    rows, count = state.records.executions.page(known, step=STEP, limit=page.limit, offset=page.offset)
    return page.envelope([execution_shape(row, base=base) for row in rows], count)


@router.post("/", status_code=201)
def create(
    asking: Asking, state: Shared, body: Annotated[NotebookBody, reading(NotebookBody)], request: Request, base: Base
) -> dict[str, Any]:
    """Queue a Jupyter server. `urls.display` is where it answers, with its token: it is shown only here."""
    project = state.project_of(asking, body.project)
    token, port = secrets.token_hex(20), _free_port()
    ours = {"JUPYTER_TOKEN": token, "VH_EXPOSE_PORTS": f"{port}:{PORT}"}
    packed = io.BytesIO(_package(body.image))
    commit = keep_package(state, project, packed, yaml_path=NOTEBOOK_YAML, description="Notebook")
    variables = {**body.environment_variables, **ours}
    asked = {**asdict(body), "step": STEP, "commit": commit.identifier, "environment_variables": variables}
    shown = execution_shape(queue_execution(state, asking, project, ExecutionBody(**asked)), base=base)
    display = f"http://{request.url.hostname}:{port}/?token={token}"
    return {**shown, "urls": {**shown["urls"], "display": display}}


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
