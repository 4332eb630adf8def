"""The shape of the file: valohai-yaml's own schema, each fault said as a sentence about what was written.

The platform's schema looks at steps, tasks, endpoints and pipelines only. `blueprint` and `deployment` items are held
against theirs here too; what is wrong there is an error where valohai-yaml would crash on it, else a warning.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from localhai.project.checks.faults import Broken, faults
from localhai.project.sentences import described

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

    from localhai.project.checks.findings import Findings

_FREE = frozenset({"settings", "options", "configuration", "defaults", "parameter-sets", "default"})
_UNCHECKED = {"blueprint": "/schemas/pipeline", "deployment": "/schemas/deployment"}


@cache
def validator() -> Draft202012Validator:
    """The schema's validator, with `blueprint` and `deployment` items included.

    Its registry knows every part of the schema by name: without one, each file is checked against a schema that is
    searched anew for every reference from the top.
    """
    from jsonschema import Draft202012Validator
    from referencing.jsonschema import DRAFT202012, EMPTY_REGISTRY
    from valohai_yaml.validation import get_json_schema

    schema = get_json_schema()
    known = schema["items"]["properties"]
    for key, reference in _UNCHECKED.items():
        known.setdefault(key, {"$ref": reference})
    resource = DRAFT202012.create_resource(schema)
    registry = EMPTY_REGISTRY.with_resource(resource.id() or "", resource).crawl()
    return Draft202012Validator(schema, registry=registry)


def check(data: Any, findings: Findings) -> None:
    """Report every fault of shape in the whole file."""
    fatal: dict[tuple[Any, ...], bool] = {}
    for error in validator().iter_errors(_with_text_keys(data, (), findings)):
        for fault in faults(Broken.of(error)):
            item = fault.path[:2]
            findings.misshapen.add(item)
            if item not in fatal:
                fatal[item] = _is_fatal(data, item)
            report = findings.error if fatal[item] else findings.warning
            report(fault.path, fault.message, fault.code, hint=fault.hint, key=fault.at_key)


def _with_text_keys(data: Any, path: tuple[Any, ...], findings: Findings) -> Any:
    """`data` without the keys that are no text (`1:`, `on:`), on which validator and parser would crash."""
    if isinstance(data, list):
        return [_with_text_keys(value, (*path, index), findings) for index, value in enumerate(data)]
    if not isinstance(data, dict):
        return data
    for key in data:
        if not isinstance(key, str) and not _is_free(path):
            message = f"{described(key)} stands here as a key, and keys are text"
            findings.misshapen.add(path[:2])
            findings.error((*path, key), message, "key-not-text", hint="put it in quotes", key=True)
    return {key: _with_text_keys(value, (*path, key), findings) for key, value in data.items() if isinstance(key, str)}


def _is_free(path: tuple[Any, ...]) -> bool:
    """Whether the mapping at `path` may hold any keys: beside an item's kind, or where the schema asks nothing."""
    return len(path) < 2 or not _FREE.isdisjoint(path)  # noqa: PLR2004  # (index, kind)


def _is_fatal(data: Any, path: tuple[Any, ...]) -> bool:
    if len(path) < 2 or path[1] not in _UNCHECKED:  # noqa: PLR2004  # (index, kind, ...)
        return True
    from valohai_yaml.objs import Deployment, Pipeline

    parse = Pipeline.parse if path[1] == "blueprint" else Deployment.parse
    try:
        parse(data[path[0]][path[1]])
    except Exception:  # noqa: BLE001  # whatever it raises, the platform would raise as well
        return True
    return False
