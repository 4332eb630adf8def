"""Steps (platform.md 1.1): their durations, image, lists and inputs (1.5)."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from localhai.project.checks import command, expression
from localhai.project.checks.items import check_unique, each, named, names
from localhai.project.sentences import guess, quoted
from localhai.system import image_names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from localhai.project.checks.findings import Findings
    from localhai.project.checks.items import Item


LISTS = {
    "parameters": "parameter",
    "inputs": "input",
    "outputs": "output",
    "environment-variables": "environment variable",
}


def check(item: Item, findings: Findings) -> None:
    """Everything about one sound step that needs no other item."""
    step, path = item.data, item.path
    _check_durations(path, step, findings)
    expression.check_stop_condition(path, step, findings)
    command.check(path, step, findings)
    check_image(item, findings)
    check_lists(path, step, step, f"step {quoted(item.name)}", findings)
    if step.get("runtime-config-preset") and not step.get("environment"):
        message = f"step {quoted(item.name)} has a runtime-config-preset but no environment"
        hint = "a preset belongs to an environment: add `environment:`"
        findings.error((*path, "runtime-config-preset"), message, "missing-environment", hint=hint, key=True)


def check_lists(
    path: tuple[Any, ...], data: dict[str, Any], step: dict[str, Any], owner: str, findings: Findings
) -> None:
    """The named lists of a step, or of an override of `step`."""
    for key, noun in LISTS.items():
        check_unique((*path, key), named(data, key), noun, owner, findings)
    for index, entry in named(data, "parameters"):
        command.check_parameter((*path, "parameters", index), entry, findings)
    for index, entry in named(data, "inputs"):
        _check_input((*path, "inputs", index), entry, step, findings)


_DURATIONS = ("time-limit", "no-output-timeout")
_FORMS = "write seconds as a number (300), or numbers with units: 1h 30m 5s"


def _check_durations(path: tuple[Any, ...], step: dict[str, Any], findings: Findings) -> None:
    """Both durations of a step must be ones that the platform can read, and more than zero."""
    for key in _DURATIONS:
        if key in step:
            _check_duration((*path, key), key, step[key], findings)


def _check_duration(path: tuple[Any, ...], key: str, value: Any, findings: Findings) -> None:
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


def check_image(item: Item, findings: Findings) -> None:
    """A warning, as `[images]` may put another one in its place: what is left is refused where it is to run."""
    image = str(item.data["image"])
    reason = image_names.fault(image)
    if reason is not None:
        message = f"{quoted(image)} is no name of an image: {reason}"
        findings.warning((*item.path, "image"), message, "no-image-name", hint="such as python:3.11-slim")


_VARIABLE = re.compile(r"\$(\w+|{\w+})")
_PARAMETER = re.compile(r"{parameter:(.+?)}")


def _check_input(path: tuple[Any, ...], data: dict[str, Any], step: dict[str, Any], findings: Findings) -> None:
    """One input of a step, or of an override of that step."""
    _check_name((*path, "name"), str(data["name"]), findings)
    uris = each(path, data, "default")
    for at, uri in uris:
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


_MOST_FILES = 500
_MOST_BYTES = 1 << 20
_CODE = (".py", ".sh", ".R", ".r", ".jl", ".js", ".ipynb")
_TAKES = re.compile(r"{param|parameters\.(json|yaml)|VH_CONFIG_DIR|valohai-utils|\bvalohai\b(?!/)")
_READS = re.compile(rb"parameters\.(json|yaml)|VH_CONFIG_DIR|(import|from) valohai\b|valohai\.(parameters|prepare)")
_SCRIPT = re.compile(r"[\w./-]+\.(?:py|sh|R|r|jl|js|ipynb)\b|(?<=-m )[\w.]+")
_LEFT_OUT = frozenset({"node_modules", "venv", "site-packages", "__pycache__"})


def check_passing(item: Item, folder: Path, findings: Findings) -> None:
    """Parameters of a sound step that reach nobody: no placeholder takes them, and no code in the folder their file."""
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
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in _LEFT_OUT]
        yield from (os.path.join(place, name) for name in files if name.endswith(_CODE))
