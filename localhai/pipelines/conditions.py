"""`if` of an action: leval expressions on `metadata.KEY` and `parameter.NAME` (reference 7.5). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def holds(
    conditions: Sequence[str], metadata: Mapping[str, Any], parameters: Mapping[str, Any]
) -> tuple[bool, str | None]:
    """Whether all conditions are true (whether all or any is unconfirmed), and the trouble with one that is not.

    A condition that cannot be evaluated is false (reference 7.5, advice).
    """
    if not conditions:
        return True, None
    from leval.extras.common_boolean_evaluator import CommonBooleanEvaluator

    values: dict[Any, Any] = {}
    for prefix, items in (("metadata", metadata), ("parameter", parameters)):
        values |= {(prefix, *str(name).split(".")): value for name, value in items.items()}
    evaluator = CommonBooleanEvaluator()
    condition = ""
    try:
        for condition in conditions:
            if not evaluator.evaluate(condition, values):
                return False, None
    except Exception as error:  # noqa: BLE001  # leval lets through whatever the operands raise
        return False, f"condition {condition!r} counts as false: {str(error) or type(error).__name__}"
    return True, None
