"""Bodies of requests: JSON, or a form for flat fields; clients and old scripts send both (wire.md 1.4)."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import Depends, Request

from localhai.server.errors import field, said
from localhai.system.text import clean_value


async def read_body(request: Request) -> dict[str, Any]:
    """The fields of a body; a form has only those that are texts. Raises Refused for what is no JSON object."""
    if request.headers.get("content-type", "").startswith(("application/x-www-form-urlencoded", "multipart/form-data")):
        form = await request.form()
        return {name: value for name, value in form.items() if isinstance(value, str)}
    read = await request.body()
    if not read.strip():
        return {}
    try:
        found = json.loads(read.decode())
        valid = clean_value(found) is found  # half a character, as an escape, can be neither kept nor answered
    except (ValueError, RecursionError):
        valid = False
    if not valid:
        raise said(400, "the request is no JSON", "parse_error")
    if not isinstance(found, dict):
        raise said(400, "the request is not a JSON object", "invalid")
    return found


Body = Annotated[dict[str, Any], Depends(read_body)]


def text(body: dict[str, Any], name: str, default: str | None = None, *, most: int = 10_000) -> str:
    """A field that is text. Raises Refused when it is missing without a default, or something else."""
    value = body.get(name)
    if value is None or value == "":
        if default is None:
            raise field(name, "This field is required.", "required")
        return default
    if not isinstance(value, str) or len(value) > most or "\0" in value:
        raise field(name, f"Not a text of at most {most} characters.")
    return value


def truth(body: dict[str, Any], name: str, default: bool) -> bool:
    """A field that is true or false; forms say it in words."""
    value = body.get(name, default)
    if isinstance(value, str) and value.lower() in {"true", "false", "1", "0"}:
        return value.lower() in {"true", "1"}
    if not isinstance(value, bool):
        raise field(name, "Must be a valid boolean.")
    return value
