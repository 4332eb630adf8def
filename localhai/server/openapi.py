"""What the OpenAPI document says of bodies: routes read them themselves, since clients send JSON and forms alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from fastapi.routing import APIRoute

from localhai.pipelines.plan import OnError
from localhai.server.bodies import read_body

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastapi import APIRouter, FastAPI

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
TEXTS: Schema = {"type": "array", "items": TEXT}
OBJECT: Schema = {"type": "object"}
NUMBER: Schema = {"type": "integer"}
FLAG: Schema = {"type": "boolean"}
UUID: Schema = {"type": "string", "format": "uuid"}
MAP: Schema = {"type": "object", "additionalProperties": TEXT}
URIS: Schema = {"type": "object", "additionalProperties": {"anyOf": [TEXTS, TEXT]}}
VARIANTS: Schema = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "properties": {
            "style": {"type": "string", "enum": ["linear", "logspace", "multiple", "random", "single"]},
            "rules": OBJECT,
        },
        "required": ["style", "rules"],
    },
}
_OF_STEP: Schema = {
    "project": UUID,
    "commit": TEXT,
    "step": TEXT,
    "inputs": URIS,
    "image": TEXT,
    "environment": TEXT,
    "title": TEXT,
    "tags": TEXTS,
    "environment_variables": MAP,
    "priority": NUMBER,
    "time_limit": NUMBER,
}
_NODE: Schema = {
    "type": "object",
    "properties": {
        "name": TEXT,
        "type": {"type": "string", "enum": ["execution", "task", "deployment", "mimic"]},
        "template": {"type": "object", "properties": {"commit": TEXT, "step": TEXT, "inputs": URIS}},
        "on_error": {"type": "string", "enum": list(get_args(OnError))},
        "source": TEXT,
    },
    "required": ["name", "type"],
}
_EDGE_KEYS = ("source_node", "source_type", "source_key", "target_node", "target_type", "target_key")
_EDGE: Schema = {"type": "object", "properties": dict.fromkeys(_EDGE_KEYS, TEXT), "required": list(_EDGE_KEYS)}
_VERSION: Schema = {"name": TEXT, "tags": TEXTS, "files": {"type": "array", "items": {"type": "object"}}}

# Properties by method and path; those in the second part are required. A route that is not here takes an object.
BODIES: dict[tuple[str, str], tuple[Schema, tuple[str, ...]]] = {
    ("post", "/get-token/"): ({"username": TEXT, "password": TEXT}, ("username", "password")),
    ("post", "/projects/"): ({"name": TEXT, "description": TEXT, "owner": TEXT}, ("name",)),
    ("put", "/projects/{project_id}/"): ({"name": TEXT, "description": TEXT}, ()),
    ("patch", "/projects/{project_id}/"): ({"name": TEXT, "description": TEXT}, ()),
    ("post", "/projects/{project_id}/environment_variable/"): (
        {"name": TEXT, "value": TEXT, "secret": FLAG},
        ("name",),
    ),
    ("delete", "/projects/{project_id}/environment_variable/"): ({"name": TEXT}, ("name",)),
    ("post", "/executions/"): ({**_OF_STEP, "parameters": OBJECT}, ("project", "step")),
    ("post", "/executions/{reference}/tags/"): ({"tags": TEXTS}, ("tags",)),
    ("post", "/tasks/"): (
        {
            **_OF_STEP,
            "type": TEXT,
            "parameters": VARIANTS,
            "configuration": OBJECT,
            "maximum_queued_executions": NUMBER,
            "on_child_error": TEXT,
            "task_stop_expression": TEXT,
            "allow_reuse": FLAG,
        },
        ("project", "step"),
    ),
    ("post", "/pipelines/"): (
        {
            "project": UUID,
            "title": TEXT,
            "tags": TEXTS,
            "parameters": OBJECT,
            "nodes": {"type": "array", "items": _NODE},
            "edges": {"type": "array", "items": _EDGE},
            "reuse_executions": FLAG,
        },
        ("project", "nodes"),
    ),
    ("post", "/pipelines/create-from-template/"): (
        {"project": UUID, "commit": TEXT, "name": TEXT},
        ("project", "name"),
    ),
    ("post", "/datum-aliases/"): ({"project": UUID, "name": TEXT, "datum": TEXT}, ("project", "name", "datum")),
    ("post", "/deployments/"): ({"project": UUID, "name": TEXT}, ("project", "name")),
    ("post", "/deployment-versions/"): (
        {
            "deployment": UUID,
            "commit": TEXT,
            "name": TEXT,
            "enabled": FLAG,
            "environment_variables": MAP,
            "inherit_environment_variables": FLAG,
            "endpoint_configurations": OBJECT,
        },
        ("deployment", "commit"),
    ),
    ("post", "/datasets/"): ({"name": TEXT, "owner": TEXT, "project": UUID}, ("name",)),
    ("post", "/dataset-versions/"): ({**_VERSION, "dataset": UUID}, ("dataset",)),
    ("post", "/models/"): ({"name": TEXT, "project": UUID, "tags": TEXTS}, ("name",)),
    ("post", "/model-versions/"): ({**_VERSION, "model": UUID}, ("model",)),
    ("post", "/data/create-upload/"): (
        {"project": UUID, "name": TEXT, "size": NUMBER, "tags": TEXTS},
        ("project", "name"),
    ),
    ("post", "/stores/{store_id}/adopt/"): ({"url": TEXT, "project": UUID}, ("url", "project")),
    ("post", "/notebook-executions/"): (
        {"project": UUID, "image": TEXT, "environment": TEXT, "environment_variables": MAP},
        ("project", "image"),
    ),
}


def describe_bodies(app: FastAPI, routers: Iterable[APIRouter], prefix: str) -> None:
    """Add to the document what each route that reads a body takes. `routers` are included with this prefix."""
    make = app.openapi
    reading = [found for router in routers for found in _reading_bodies(router)]

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = make()
            for path, method in reading:
                document["paths"][f"{prefix}{path}"][method]["requestBody"] = _body(method, path)
        return dict(app.openapi_schema or {})

    app.openapi = described  # type: ignore[method-assign]  # as FastAPI's documentation says


def _reading_bodies(router: APIRouter) -> list[tuple[str, str]]:
    found = []
    for route in router.routes:
        if isinstance(route, APIRoute) and any(item.call is read_body for item in route.dependant.dependencies):
            found += [(route.path_format, method.lower()) for method in route.methods or ()]
    return found


def _body(method: str, path: str) -> Schema:
    properties, required = BODIES.get((method, path), ({}, ()))
    schema: Schema = {"type": "object"}
    if properties:
        schema["properties"] = properties
    if required:
        schema["required"] = list(required)
    return {"content": {"application/json": {"schema": schema}}, "required": bool(required)}
