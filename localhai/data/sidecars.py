"""Properties of outputs: `<file>.metadata.json` and `valohai.metadata.jsonl` (platform.md 5)."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from localhai.system.text import clean_value
from localhai.vocabulary import has_scheme, without_scheme

if TYPE_CHECKING:
    from typing import TypeAlias

    Warn: TypeAlias = Callable[[str], None]
    Interpret: TypeAlias = Callable[[Any, Warn], Any]

SIDECAR_SUFFIX = ".metadata.json"
PROPERTIES_FILE = "valohai.metadata.jsonl"
CONTAINER_OUTPUTS = "/valohai/outputs/"


class DatasetVersion(Struct, frozen=True):
    """A dataset version that a file joins. `uri` is `dataset://NAME/VERSION`, `base` the version it starts `from`."""

    uri: str
    base: str | None = None
    start_fresh: bool = False
    exclude: tuple[str, ...] = ()
    targeting_aliases: tuple[str, ...] = ()
    packaging: bool = False
    tags: tuple[str, ...] = ()


class ModelVersion(Struct, frozen=True):
    """A model version that a file joins. `uri` is `model://NAME/` (the next version) or `model://NAME/VERSION`."""

    uri: str
    tags: tuple[str, ...] = ()
    release_note: str | None = None


class OutputProperties(Struct, frozen=True):
    """What a step said of one output: reserved keys as types, all others in `properties`; all as `written`."""

    tags: tuple[str, ...] = ()
    alias: str | None = None
    dataset_versions: tuple[DatasetVersion, ...] = ()
    model_versions: tuple[ModelVersion, ...] = ()
    properties: Mapping[str, Any] = field(default_factory=dict)
    written: Mapping[str, Any] = field(default_factory=dict)


NO_PROPERTIES = OutputProperties()


def interpret(data: Mapping[str, Any], warn: Warn) -> OutputProperties:
    """Properties from one JSON object. What is malformed is left out and said to `warn`, as a sentence."""
    return OutputProperties(
        tags=_texts(data, "valohai.tags", warn),
        alias=_text(data, "valohai.alias", warn),
        dataset_versions=tuple(_each(data, "valohai.dataset-versions", _dataset_version, warn)),
        model_versions=tuple(_each(data, "valohai.model-versions", _model_version, warn)),
        properties={key: value for key, value in data.items() if key not in _RESERVED},
        written=dict(data),
    )


def parse_sidecar(content: bytes) -> dict[str, Any]:
    """The one JSON object of a `.metadata.json`. Raises ValueError with a reason in words."""
    return _json_object(content, "the file")


def parse_properties_file(content: bytes, warn: Warn) -> dict[str, dict[str, Any]]:
    """`valohai.metadata.jsonl`: metadata by output name. A bad line is said to `warn` and left out.

    Several lines for one file are merged, later ones win. The format is that of valohai-utils (platform.md 5).
    """
    found: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            name, metadata = _properties_line(line)
        except ValueError as error:
            warn(f"{PROPERTIES_FILE}, line {number}: {error}")
            continue
        found.setdefault(name, {}).update(metadata)
    return found


def _properties_line(line: bytes) -> tuple[str, dict[str, Any]]:
    data = _json_object(line, "the line")
    name, metadata = data.get("file"), data.get("metadata")
    if not isinstance(name, str) or not isinstance(metadata, dict):
        raise ValueError('"file" must be a text and "metadata" an object')  # noqa: TRY004 - the content is wrong
    return posixpath.normpath(name.removeprefix(CONTAINER_OUTPUTS)), metadata


def _json_object(content: bytes, what: str) -> dict[str, Any]:
    try:
        data = clean_value(json.loads(content))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{what} is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise ValueError(f"{what} must hold one JSON object, not {_kind(data)}")  # noqa: TRY004 - the content is wrong
    return data


def _kind(value: Any) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}
    return "null" if value is None else names.get(type(value), "an object")


def _text(data: Mapping[str, Any], key: str, warn: Warn) -> str | None:
    value = data.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        warn(f"{key} must be one text, not {_kind(value)}: left out")
        return None
    return value


def _texts(data: Mapping[str, Any], key: str, warn: Warn) -> tuple[str, ...]:
    """A list of texts. One bare text is taken as a list of one: people write that."""
    value = data.get(key)
    if value is None:
        return ()
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list):
        warn(f"{key} must be a list of texts, not {_kind(value)}: left out")
        return ()
    good = tuple(item for item in items if isinstance(item, str) and item)
    if len(good) != len(items):
        warn(f"{key} must hold texts only: the others are left out")
    return tuple(dict.fromkeys(good))


def _each(data: Mapping[str, Any], key: str, interpret_one: Interpret, warn: Warn) -> Iterator[Any]:
    value = data.get(key)
    for item in value if isinstance(value, list) else [] if value is None else [value]:
        found = _or_warn(key, item, interpret_one, warn)
        if found is not None:
            yield found


def _or_warn(key: str, item: Any, interpret_one: Interpret, warn: Warn) -> Any:
    try:
        return interpret_one(item, warn)
    except ValueError as error:
        warn(f"{key}: {error}: left out")
        return None


def _dataset_version(item: Any, warn: Warn) -> DatasetVersion:
    if isinstance(item, str):
        return DatasetVersion(_uri(item, "dataset"))
    if not isinstance(item, dict):
        raise ValueError(f"a text or an object is needed, not {_kind(item)}")  # noqa: TRY004 - the content is wrong
    return DatasetVersion(
        uri=_uri(item.get("uri"), "dataset"),
        base=_text(item, "from", warn),
        start_fresh=item.get("start_fresh") is True,
        exclude=_texts(item, "exclude", warn),
        targeting_aliases=_texts(item, "targeting_aliases", warn),
        packaging=item.get("packaging") is True,
        tags=_texts(item, "valohai.tags", warn),
    )


def _model_version(item: Any, warn: Warn) -> ModelVersion:
    if isinstance(item, str):
        return ModelVersion(_uri(item, "model"))
    if not isinstance(item, dict):
        raise ValueError(f"a text or an object is needed, not {_kind(item)}")  # noqa: TRY004 - the content is wrong
    return ModelVersion(
        uri=_uri(item.get("model_uri"), "model"),
        tags=_texts(item, "model_version_tags", warn),
        release_note=_text(item, "model_release_note", warn),
    )


def _uri(value: Any, kind: str) -> str:
    example = "dataset://NAME/VERSION" if kind == "dataset" else "model://NAME/"
    if not isinstance(value, str) or not has_scheme(value, kind):
        raise ValueError(f"{example} is needed, not {value!r}")
    parts = without_scheme(value, kind).split("/")
    if not parts[0] or (kind == "dataset" and (len(parts) != 2 or not parts[1])):  # noqa: PLR2004 - NAME and VERSION
        raise ValueError(f"{example} is needed, not {value!r}")
    return value


_RESERVED = frozenset({"valohai.tags", "valohai.alias", "valohai.dataset-versions", "valohai.model-versions"})
