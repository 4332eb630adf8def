"""stop-condition: a leval expression over the latest metadata (platform.md 1.1, 7.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class StopCondition:
    """Fed with metadata, says when the expression became true.

    An expression that cannot be evaluated counts as false; the first reason, other than a metric that has not come
    yet, is kept in `trouble` (platform.md 7.5, unconfirmed).
    """

    def __init__(self, expression: str) -> None:
        from leval.extras.common_boolean_evaluator import CommonBooleanEvaluator

        self.expression = expression
        self.trouble: str | None = None
        self._latest: dict[tuple[str, ...] | str, Any] = {}
        self._evaluator = CommonBooleanEvaluator()

    def is_met_by(self, objects: Sequence[Mapping[str, Any]]) -> bool:
        """Whether the expression is true after any of these metadata events, each on top of the ones before."""
        for item in objects:
            self._latest.update({tuple(name.split(".")) if "." in name else name: item[name] for name in item})
            if self._is_true():
                return True
        return False

    def _is_true(self) -> bool:
        from leval.excs import NoSuchValue

        try:
            return bool(self._evaluator.evaluate(self.expression, self._latest))
        except NoSuchValue:
            return False
        except Exception as error:  # noqa: BLE001  # leval lets through whatever the operands raise
            self.trouble = self.trouble or f"{type(error).__name__}: {error}"
            return False
