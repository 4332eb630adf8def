"""Bodies of requests: JSON, or a form for flat fields (wire.md 1.4), each decoded into a Struct of its own.

The Struct's types say what OpenAPI shows; the Reads of a field says what clients may send for it, and in which words
anything else is refused (wire.md 1.6). Fields that a Struct does not have are left alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from typing import Annotated, Any, TypeVar, get_type_hints

import msgspec
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.routing import APIRoute
from msgspec import UNSET, Meta, Struct

from localhai.server.errors import Refused, field, said
from localhai.system.text import clean_value

T = TypeVar("T", bound=Struct)
LONGEST_TEXT = 10_000
LONGEST_NAME = 200
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_number_re = re.compile(r"-?[0-9]{1,12}")


class Reads(Struct, frozen=True):
    """How a field is read: `read` gets its name and what came, and gives a value, or UNSET for what counts as absent.

    It raises Refused for what it cannot be.
    """

    read: Callable[[str, Any], Any]


class _Field(Struct, frozen=True):
    name: str
    sent: tuple[str, ...]
    required: bool
    read: Callable[[str, Any], Any]


def decode(kind: type[T], given: Mapping[str, Any]) -> T:
    """The Struct of what came. Raises Refused for the first of its fields that is missing or wrong.

    One that is needed and was not sent is read as null. Names come with hyphens as well where `hyphens` is True.
    """
    found: dict[str, Any] = {}
    for known in _fields(kind):
        value = next((given[name] for name in known.sent if name in given), None if known.required else UNSET)
        if value is not UNSET:
            value = known.read(known.name, value)
        if value is not UNSET:
            found[known.name] = value
        elif known.required:
            raise missing(known.name)
    return kind(**found)


@cache
def _fields(kind: type[Struct]) -> list[_Field]:
    hints, hyphens = get_type_hints(kind, include_extras=True), getattr(kind, "hyphens", False)
    found = []
    for item in msgspec.structs.fields(kind):
        reads = next(one for one in hints[item.name].__metadata__ if isinstance(one, Reads))
        sent = (item.name.replace("_", "-"), item.name) if hyphens else (item.name,)
        found.append(_Field(item.name, sent, item.required, reads.read))
    return found


def missing(name: str) -> Refused:
    """What is raised for a field that is needed and was not sent."""
    return field(name, "This field is required.", "required")


async def read_body(request: Request) -> dict[str, Any]:
    """The fields of a body; a form has only those that are texts. Raises Refused for what is no JSON object."""
    if request.headers.get("content-type", "").startswith(_FORMS):
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


class _Reading(Struct, frozen=True):
    """A dependency of a route: its body as a Struct of this kind."""

    kind: type[Struct]

    async def __call__(self, request: Request) -> Any:
        return decode(self.kind, await read_body(request))


def reading(kind: type[Struct]) -> Any:
    """What a route gives beside the type of its body: the dependency that decodes it."""
    return Depends(_Reading(kind))


def describe_bodies(app: FastAPI, routers: Iterable[APIRouter], prefix: str) -> None:
    """Let the OpenAPI document say what each route's body holds. `routers` are included with this prefix."""
    make = app.openapi
    bodies = [found for router in routers for found in _bodies(router)]

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = make()
            for path, method, kind in bodies:
                schema = _schema(kind)
                content = {"application/json": {"schema": schema}}
                operation = document["paths"][f"{prefix}{path}"][method]
                operation["requestBody"] = {"content": content, "required": bool(schema.get("required"))}
        return dict(app.openapi_schema or {})

    app.openapi = described  # type: ignore[method-assign]  # as FastAPI's documentation says


def _bodies(router: APIRouter) -> list[tuple[str, str, type[Struct]]]:
    found = []
    for route in router.routes:
        if isinstance(route, APIRoute):
            kinds = [item.call.kind for item in route.dependant.dependencies if isinstance(item.call, _Reading)]
            found += [(route.path_format, method.lower(), kind) for method in route.methods or () for kind in kinds]
    return found


def shaped(kind: Any) -> Meta:
    """Lets OpenAPI show this type for a field that is read later."""
    return Meta(extra_json_schema=_schema(kind))


def _schema(kind: Any) -> dict[str, Any]:
    (schema,), parts = msgspec.json.schema_components([kind], ref_template="{name}")
    whole: dict[str, Any] = _whole(schema, parts)
    return whole


def _whole(schema: Any, parts: Mapping[str, Any]) -> Any:
    """A schema in which nothing refers to something else."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _whole({**parts[schema["$ref"]], **{key: schema[key] for key in schema if key != "$ref"}}, parts)
        found = {key: _whole(item, parts) for key, item in schema.items()}
        return {"type": "string", **found} if isinstance(found.get("enum"), list) else found
    return [_whole(item, parts) for item in schema] if isinstance(schema, list) else schema


def text(name: str, value: Any, *, most: int = LONGEST_TEXT) -> Any:
    """A text; an empty one is absent."""
    if value is None or value == "":
        return UNSET
    if not isinstance(value, str) or len(value) > most or "\0" in value:
        raise field(name, f"Not a text of at most {most} characters.")
    return value


def truth(name: str, value: Any) -> bool:
    """True or false; forms say it in words."""
    if isinstance(value, str) and value.lower() in {"true", "false", "1", "0"}:
        return value.lower() in {"true", "1"}
    if not isinstance(value, bool):
        raise field(name, "Must be a valid boolean.")
    return value


def number(name: str, value: Any) -> Any:
    """A whole number, as JSON or as a form says it."""
    if value is None or value == "":
        return UNSET
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, str)) or not _number_re.fullmatch(str(value)):
        raise field(name, "A whole number is needed.")
    return int(value)


def mapping(name: str, value: Any) -> dict[str, Any]:
    """An object, {} for nothing."""
    found = value or {}
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise field(name, "Expected an object.")
    return found


def texts(name: str, value: Any) -> dict[str, str]:
    """An object of texts; what is null in it is left out."""
    found = mapping(name, value)
    for key, item in found.items():
        if isinstance(item, (dict, list)) or "\0" in f"{key}{item}":
            raise field(name, f"{key}: a text is needed.")
    return {key: _worded(item) for key, item in found.items() if item is not None}


def _worded(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def listed(words: str, fits: Callable[[Any], bool], name: str, value: Any) -> list[Any]:
    """A list whose items fit, [] for nothing; `words` say what is needed."""
    found = value or []
    if not isinstance(found, list) or not all(map(fits, found)):
        raise field(name, words)
    return found


def _is_text(item: Any) -> bool:
    return isinstance(item, str)


def _is_tag(item: Any) -> bool:
    return isinstance(item, str) and len(item) <= LONGEST_NAME


def _is_name(item: Any) -> bool:
    return isinstance(item, str) and 0 < len(item) <= LONGEST_NAME


def objects(name: str, value: Any) -> list[Any]:
    """A list of objects, [] for nothing."""
    return listed("Expected a list of objects.", lambda item: isinstance(item, dict), name, value)


def as_it_is(_name: str, value: Any) -> Any:
    """What the server reads later, or not at all."""
    return value


Text = Annotated[str, Reads(text)]
Name = Annotated[str, Meta(max_length=LONGEST_NAME), Reads(partial(text, most=LONGEST_NAME))]
Id = Annotated[str, Meta(extra_json_schema={"format": "uuid"}), Reads(text)]
Flag = Annotated[bool, Reads(truth)]
Number = Annotated[int, Reads(number)]
Object = Annotated[dict[str, Any], Reads(mapping)]
Map = Annotated[dict[str, str], Reads(texts)]
Texts = Annotated[list[str], Reads(partial(listed, "Expected a list of texts.", _is_text))]
Names = Annotated[list[str], Reads(partial(listed, "Expected a list of names.", _is_name))]
Tags = Annotated[
    list[str], Reads(partial(listed, f"Expected a list of texts of at most {LONGEST_NAME} characters.", _is_tag))
]
ProjectId = Annotated[Id, Meta(description="The id of the project")]
Commit = Annotated[Text, Meta(description="The identifier of a commit, or a branch; default: the newest")]
