"""Placeholders behind a brace that is not closed, or closed at once: to the platform they begin at that brace.

Its pattern is `{(.+?)}` (platform.md 1.4), and so `{ {parameters}` is one placeholder called ` {parameters`, which it
does not know, and `{} {parameters}` one called `} {parameters`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localhai.project.checks.findings import Findings

_PLACEHOLDER = re.compile(r"parameters|params|source-path|parameter(-value)?:.+")


def check(path: tuple[Any, ...], text: str, findings: Findings) -> None:
    """One item of a command."""
    from valohai_yaml.commands import interpolable_re

    for match in interpolable_re.finditer(text):
        _, brace, inner = match[1].rpartition("{")
        if brace and _PLACEHOLDER.fullmatch(inner):
            message = (
                f"{{{inner}}} reaches the shell as it stands: a brace before it on its line is taken for its beginning"
            )
            hint = "begin a new line between that brace and the placeholder"
            findings.warning(path, message, "unclosed-brace", hint=hint)
