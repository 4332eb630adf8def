"""What the platform itself refuses: the shape of the file, by its schema, and what its parser and linter do not take.

Its schema looks at steps, tasks, endpoints and pipelines only. `blueprint` and `deployment` items are held against
theirs here too; what is wrong there is an error where valohai-yaml would crash on it, else a warning.

Its parser and linter have the last word: what they refuse and our checks let pass is said as well. So a newer
valohai-yaml that knows more than these checks is never overruled, and nothing it raises reaches a user bare.
"""

from __future__ import annotations

import copy
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from localhai.project.checks.faults import Broken, faults
from localhai.project.faulty import note_faults
from localhai.project.sentences import described, quoted

if TYPE_CHECKING:
    from collections import OrderedDict

    from jsonschema import Draft202012Validator
    from valohai_yaml.objs import Config, Pipeline

    from localhai.project.checks.findings import Findings
    from localhai.project.checks.items import Item, Items

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


def check_shape(data: Any, findings: Findings) -> None:
    """Report every fault of shape in the whole file, each as a sentence about what was written."""
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


_CODE = "platform"


def check_reading(data: Any, items: Items, findings: Findings) -> Config | None:
    """The parsed config, with the items that have errors noted; None when the file as a whole cannot be read."""
    for item in items.all:
        if not findings.has_errors_in(item.path):
            _check_parse(item, findings)
    faulty = dict(findings.errors_by_item())
    sound = {item.path: item for item in items.all if item.is_sound and item.name is not None}
    unreadable = any(problem.code == _CODE for problems in faulty.values() for problem in problems)
    if unreadable or not faulty.keys() <= sound.keys():
        return None
    from valohai_yaml.objs import Config

    unread = {path[0] for path in faulty if _refusal(sound[path]) is not None}
    config = Config.parse([entry for index, entry in enumerate(data) if index not in unread])
    counting = [item for item in items.all if items.of_kind(item.kind).get(item.name or "") is item]
    for item in counting:
        if item.path not in faulty:
            _check_lint(item, config, findings)
    note_faults(config, {(item.kind, item.name or ""): faulty[item.path] for item in counting if item.path in faulty})
    return config


def _check_parse(item: Item, findings: Findings) -> None:
    error = _refusal(item)
    if error is not None:
        _refused(item, error, findings)


def _refusal(item: Item) -> Exception | None:
    """Why the platform's parser cannot read an item."""
    from valohai_yaml.objs import Config

    _, parse = Config.get_top_level_parsers()[item.key]
    try:
        parse(item.data)
    except Exception as error:  # noqa: BLE001  # each of them means that the platform cannot read it
        return error
    return None


def _check_lint(item: Item, config: Config, findings: Findings) -> None:
    from valohai_yaml.lint import LintResult

    result = LintResult()
    one = getattr(config, f"{item.kind}s")[item.name]
    try:
        (_with_index(one) if item.kind == "pipeline" else one).lint(result, {"config": config})
    except Exception as error:  # noqa: BLE001  # each of them means that the platform cannot look at it
        _refused(item, error, findings)
        return
    for found in result.errors:
        findings.error(item.path, f"{found['message']}", _CODE, key=True)


def _with_index(pipeline: Pipeline) -> Pipeline:
    """The same pipeline, which makes its map of nodes once and not again for each of its edges and parameters."""
    from valohai_yaml.objs import Pipeline

    class Indexed(Pipeline):
        @cached_property
        def node_map(self) -> OrderedDict[str, Any]:
            return super().node_map

    found = copy.copy(pipeline)
    found.__class__ = Indexed
    return found


def _refused(item: Item, error: Exception, findings: Findings) -> None:
    who = f"{item.key} {quoted(item.name)}" if item.name else f"this {item.key}"
    reason = f"{type(error).__name__}: {error}"
    findings.error(item.path, f"the platform's parser cannot read {who} ({reason})", _CODE, key=True)
