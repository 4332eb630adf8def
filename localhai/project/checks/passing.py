"""Parameters that reach nobody: no placeholder in the command takes them, and no code beside it reads their file."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from localhai.project.checks.items import named

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from localhai.project.checks.findings import Findings
    from localhai.project.checks.items import Item

_MOST_FILES = 500
_MOST_BYTES = 1 << 20
_CODE = (".py", ".sh", ".R", ".r", ".jl", ".js", ".ipynb")
_TAKES = re.compile(r"{param|parameters\.(json|yaml)|VH_CONFIG_DIR|valohai-utils|\bvalohai\b(?!/)")
_READS = re.compile(rb"parameters\.(json|yaml)|VH_CONFIG_DIR|(import|from) valohai\b|valohai\.(parameters|prepare)")
_SCRIPT = re.compile(r"[\w./-]+\.(?:py|sh|R|r|jl|js|ipynb)\b|(?<=-m )[\w.]+")
_LEFT_OUT = frozenset({"node_modules", "venv", "site-packages", "__pycache__"})


def check(item: Item, folder: Path, findings: Findings) -> None:
    """One sound step, held against the code in the folder of its valohai.yaml."""
    step = item.data
    command = step["command"] if isinstance(step["command"], str) else "\n".join(step["command"])
    if not step.get("parameters") or _TAKES.search(command) or _are_in_addresses(step):
        return
    if any(_is_there(folder, name) for name in _SCRIPT.findall(command)) and not _is_read(folder):
        message = "nothing passes the parameters on: the command has no {parameters}, and no code reads parameters.json"
        hint = "write {parameters}, or {parameter:NAME}, behind the program that takes them"
        findings.hint((*item.path, "parameters"), message, "unpassed-parameters", hint=hint, key=True)


def _are_in_addresses(step: dict[str, Any]) -> bool:
    return any("{parameter" in str(entry.get("default")) for _, entry in named(step, "inputs"))


def _is_there(folder: Path, script: str) -> bool:
    module = script.replace(".", "/")
    return any((folder / name).is_file() for name in (script, f"{module}.py", f"{module}/__main__.py"))


def _is_read(folder: Path) -> bool:
    """Also where there is more code than is looked at."""
    for number, path in enumerate(_code(folder)):
        if number >= _MOST_FILES:
            return True
        try:
            with open(path, "rb") as file:
                content = file.read(_MOST_BYTES)
        except OSError:
            continue
        if _READS.search(content):
            return True
    return False


def _code(folder: Path) -> Iterator[str]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in _LEFT_OUT]
        yield from (os.path.join(place, name) for name in names if name.endswith(_CODE))
