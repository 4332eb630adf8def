"""Conditions on metadata and parameters, in the platform's expression language (platform.md 7.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.project.sentences import quoted

if TYPE_CHECKING:
    from localhai.project.checks.findings import Findings

DEEPEST = 8
GRAMMAR = "an expression compares values: `accuracy >= 0.99`, `loss < 0.1 and epoch > 3`"


def fault(expression: str) -> str | None:
    """Why `expression` cannot be read, None when it can."""
    from leval.universe.verifier import VerifierUniverse
    from valohai_yaml.utils.lint import _KeywordRewriterEvaluator

    try:
        _KeywordRewriterEvaluator(VerifierUniverse(), max_depth=DEEPEST).evaluate_expression(expression)
    except Exception as error:  # noqa: BLE001  # the platform's linter calls whatever is raised a fault
        return _reason(error)
    return None


def _reason(error: Exception) -> str:
    text = getattr(error, "msg", None) or str(error) or type(error).__name__
    return text[:1].lower() + text[1:]


def check_stop_condition(path: tuple[Any, ...], data: dict[str, Any], findings: Findings) -> None:
    """`stop-condition` of a step or task must be an expression."""
    expression = data.get("stop-condition")
    if expression is None:
        return
    reason = fault(expression)
    if reason is not None:
        message = f"stop-condition {quoted(expression)} is not an expression: {reason}"
        findings.error((*path, "stop-condition"), message, "bad-expression", hint=GRAMMAR)
