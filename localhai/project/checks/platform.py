"""The platform's own parser and linter have the last word: what they refuse and our checks let pass is said as well.

So a newer valohai-yaml that knows more than these checks is never overruled, and nothing it raises reaches a user bare.
"""

from __future__ import annotations

import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any

from localhai.project.sentences import quoted

if TYPE_CHECKING:
    from collections import OrderedDict

    from valohai_yaml.objs import Config, Pipeline

    from localhai.project.checks.findings import Findings
    from localhai.project.checks.items import Item, Items


def check(data: Any, items: Items, findings: Findings) -> Config | None:
    """The parsed config, None when the file has errors."""
    for item in items.all:
        if not findings.has_errors_in(item.path):
            _check_parse(item, findings)
    if findings.has_errors_in(()):
        return None
    from valohai_yaml.objs import Config

    config = Config.parse(data)
    for item in items.all:
        if items.of_kind(item.kind).get(item.name or "") is item:
            _check_lint(item, config, findings)
    return config


def _check_parse(item: Item, findings: Findings) -> None:
    from valohai_yaml.objs import Config

    _, parse = Config.get_top_level_parsers()[item.key]
    try:
        parse(item.data)
    except Exception as error:  # noqa: BLE001  # each of them means that the platform cannot read it
        _refused(item, error, findings)


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
        findings.error(item.path, f"{found['message']}", "platform", key=True)


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
    findings.error(item.path, f"the platform's parser cannot read {who} ({reason})", "platform", key=True)
