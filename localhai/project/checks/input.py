"""Inputs of steps (platform.md 1.5)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from localhai.project.checks.items import names
from localhai.project.sentences import guess, quoted

if TYPE_CHECKING:
    from localhai.project.checks.findings import Findings

_VARIABLE = re.compile(r"\$(\w+|{\w+})")
_PARAMETER = re.compile(r"{parameter:(.+?)}")


def check(path: tuple[Any, ...], data: dict[str, Any], step: dict[str, Any], findings: Findings) -> None:
    """One input of a step, or of an override of that step."""
    _check_name((*path, "name"), str(data["name"]), findings)
    default = data.get("default")
    uris = default if isinstance(default, list) else [default]
    for index, uri in enumerate(uris):
        at = (*path, "default", index) if isinstance(default, list) else (*path, "default")
        if isinstance(uri, str):
            _check_uri(at, uri, step, findings)
    if data.get("filename") and len(uris) > 1:
        message = f"filename has no effect on input {quoted(data['name'])}: it has several files"
        findings.hint((*path, "filename"), message, "no-effect", key=True)
    elif isinstance(data.get("filename"), str):
        _check_filename((*path, "filename"), data["filename"], data["name"], findings)


def _check_name(path: tuple[Any, ...], name: str, findings: Findings) -> None:
    if {".", ".."} & set(name.split("/")):
        message = f"an input called {quoted(name)} has no folder of its own: its files lie in /valohai/inputs/NAME"
        findings.warning(path, message, "bad-name", hint="give it a name of letters, digits and dashes")


def _check_filename(path: tuple[Any, ...], filename: str, input_name: str, findings: Findings) -> None:
    parts = [part for part in filename.split("/") if part not in {"", "."}]
    if ".." not in parts and not filename.startswith("/"):
        return
    inside = "/".join(part for part in parts if part != "..")
    message = f"filename {quoted(filename)} leads out of the folder of input {quoted(input_name)}: no file lands there"
    hint = f"write {inside}, as which it will lie in /valohai/inputs/{input_name}" if inside else "write a name"
    findings.warning(path, message, "filename-outside", hint=hint)


def _check_uri(path: tuple[Any, ...], uri: str, step: dict[str, Any], findings: Findings) -> None:
    for match in _PARAMETER.finditer(uri):
        known = names(step, "parameters")
        if match[1] not in known:
            message = f"the address takes parameter {quoted(match[1])}, which the step does not have"
            findings.warning(path, message, "unfilled-placeholder", hint=guess(match[1], known, plural="parameters"))
    variable = _VARIABLE.search(uri)
    if variable is not None:
        message = f"{variable[0]} stays as it is: the platform does not fill in variables here"
        findings.hint(path, message, "literal-variable", hint="write the address out, or use {parameter:NAME}")


def is_required(data: dict[str, Any]) -> bool:
    """Whether an execution cannot be created without a file for this input."""
    return not data.get("optional") and not data.get("default")
