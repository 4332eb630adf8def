"""Durations: `time-limit` and `no-output-timeout` (platform.md 1.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.project.sentences import quoted

if TYPE_CHECKING:
    from localhai.project.checks.findings import Findings

KEYS = ("time-limit", "no-output-timeout")
_FORMS = "write seconds as a number (300), or numbers with units: 1h 30m 5s"


def check(path: tuple[Any, ...], step: dict[str, Any], findings: Findings) -> None:
    """Both durations of a step must be ones that the platform can read, and more than zero."""
    for key in KEYS:
        if key in step:
            _check_one((*path, key), key, step[key], findings)


def _check_one(path: tuple[Any, ...], key: str, value: Any, findings: Findings) -> None:
    from valohai_yaml.utils.duration import parse_duration

    if isinstance(value, str) and value.strip().isdigit():
        message = f"{key} {quoted(value)} is text without a unit, which crashes the platform's parser"
        hint = f"write {value.strip()} without quotes for seconds, or {quoted(value.strip() + 's')}"
        findings.error(path, message, "bad-duration", hint=hint)
        return
    try:
        duration = parse_duration(value)
    except (ValueError, IndexError, OverflowError):
        findings.error(path, f"{key} {quoted(value)} is not a duration", "bad-duration", hint=_FORMS)
        return
    if duration is not None and duration.total_seconds() <= 0:
        findings.warning(path, f"{key} {value} is not more than zero", "bad-duration", hint=_FORMS)
