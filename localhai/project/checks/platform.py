"""The platform's own parser and linter have the last word: what they refuse and our checks let pass is said as well.

So a newer valohai-yaml that knows more than these checks is never overruled, and nothing it raises reaches a user bare.
"""

from __future__ import annotations

import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any

from localhai.project.faulty import note_faults
from localhai.project.sentences import quoted

if TYPE_CHECKING:
    from collections import OrderedDict

    from valohai_yaml.objs import Config, Pipeline

    from localhai.project.checks.findings import Findings
    from localhai.project.checks.items import Item, Items


_CODE = "platform"


def check(data: Any, items: Items, findings: Findings) -> Config | None:
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
