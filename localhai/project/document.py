"""From bytes to YAML data with positions. Whatever cannot be read is one problem with its place.

Reading is PyYAML's safe_load (YAML 1.1, platform.md 1.0), by its C parser where that is built in.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from msgspec import Struct

from localhai.errors import Position, Problem, ProjectError
from localhai.project.positions import PositionMap
from localhai.project.sentences import quoted
from localhai.project.yaml_faults import check_text, children, refused, refused_at, refused_syntax, survey
from localhai.system.text import clean, clean_value
from localhai.vocabulary import YAML

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localhai.project.yaml_faults import DuplicateKey

MOST_BYTES = 8 * 1024 * 1024

_CONTROL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # YAML 1.1, section 5.1
_PurePython: Any = yaml.SafeLoader
_Fast: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Document(Struct, frozen=True):
    """What a YAML text holds: `data` as safe_load gives it, and where each part of it stands."""

    file: str
    data: Any
    positions: PositionMap
    duplicate_keys: tuple[DuplicateKey, ...] = ()
    has_byte_order_mark: bool = False


def read_bytes(path: Path) -> bytes:
    """The content of the file `path`. Raises ProjectError: no such file, a folder, no permission, far too big."""
    try:
        if path.is_dir():
            raise _folder(path)
        if path.exists() and not path.is_file():
            raise unreadable(str(path), f"{path} is not a regular file", "not-a-file")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError as error:
        raise _missing(path) from error
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise unreadable(str(path), f"{path} cannot be read: {reason}", "unreadable-file") from error
    if len(content) > MOST_BYTES:
        raise unreadable(
            str(path),
            f"{path} has more than {MOST_BYTES // 2**20} MB, which no valohai.yaml needs",
            "file-too-big",
            "is this the right file?",
        )
    return content


def unreadable(file: str, message: str, code: str, hint: str | None = None) -> ProjectError:
    """The error for a file that cannot be looked into at all."""
    problem = Problem("error", message, code, Position(file, 1, 1), hint)
    return ProjectError(message, problems=[problem], where=file, hints=[hint] if hint else [])


def _folder(path: Path) -> ProjectError:
    inside = path / YAML
    hint = f"name the file: {inside}" if inside.is_file() else "name the valohai.yaml to read"
    return unreadable(str(path), f"{path} is a folder", "is-a-folder", hint)


def _missing(path: Path) -> ProjectError:
    spellings = [path.with_name(name) for name in (YAML, "valohai.yml", ".valohai.yaml")]
    near = next((str(other) for other in spellings if other != path and other.is_file()), None)
    hint = f"did you mean {near}?" if near else "write one, or name another file"
    return unreadable(str(path), f"there is no file {path} (looked at {path.absolute()})", "no-such-file", hint)


def parse(content: bytes | str, file: str, *, trusted: bool = False) -> Document:
    """The document in `content`; `file` is the name that positions carry.

    `trusted` content was read before and found in bounds, so looking at it again is spared.
    Raises ProjectError with one problem.
    """
    text, marked = _decoded(content, file) if isinstance(content, bytes) else (clean(content), False)
    if text.startswith("\ufeff"):
        text, marked = text[1:], True
    if not trusted:
        positions = PositionMap(file, text, None)
        _check_characters(text, positions)
        check_text(text, positions)
    # the pure parser refuses tabs that the C parser lets pass, and the platform uses the pure one
    loader_class = _PurePython if "\t" in text else _Fast
    try:
        return _load(loader_class, text, file, marked=marked, trusted=trusted)
    except yaml.YAMLError as error:
        if loader_class is _PurePython:
            raise _syntax_error(error, text, file) from error
    try:
        return _load(_PurePython, text, file, marked=marked, trusted=trusted)
    except yaml.YAMLError as error:
        raise _syntax_error(error, text, file) from error


def _load(loader_class: Any, text: str, file: str, *, marked: bool, trusted: bool) -> Document:
    loader = loader_class(text)
    try:
        root = loader.get_single_node()
        positions = PositionMap(file, text, root)
        duplicates = () if trusted or root is None else survey(root, positions)
        data = _constructed(loader, root, positions) if root is not None else None
    finally:
        loader.dispose()
    if loader_class is _PurePython:  # it takes halves of characters, written as escapes, which the C parser refuses
        data = clean_value(data)
    return Document(file, data, positions, duplicates, marked)


def _constructed(loader: Any, root: yaml.Node, positions: PositionMap) -> Any:
    try:
        return loader.construct_document(root)
    except (ValueError, OverflowError, AttributeError) as error:
        raise _bad_scalar(root, positions) from error


def _bad_scalar(root: yaml.Node, positions: PositionMap) -> ProjectError:
    """YAML reads `2020-13-45` as a date and then fails without saying where: look for the value that does so."""
    for node in _nodes(root):
        if not isinstance(node, yaml.ScalarNode):
            continue
        try:
            yaml.SafeLoader("").construct_object(node, deep=True)
        except (ValueError, OverflowError, AttributeError):
            kind = node.tag.rsplit(":", 1)[-1].replace("int", "number").replace("timestamp", "date")
            message = f"YAML reads {quoted(node.value)} as a {kind}, and it is none"
            return refused_at(node, positions, message, "bad-value", "put it in quotes")
        except yaml.YAMLError:
            continue
    return refused_at(root, positions, "a value of this file cannot be read", "bad-value", "put texts in quotes")


def _nodes(root: yaml.Node) -> list[yaml.Node]:
    found: dict[int, yaml.Node] = {}
    stack = [root]
    while stack:
        node = stack.pop()
        if id(node) not in found:
            found[id(node)] = node
            stack.extend(children(node))
    return list(found.values())


def _decoded(content: bytes, file: str) -> tuple[str, bool]:
    if content[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        raise unreadable(file, f"{file} is UTF-16, not UTF-8", "not-utf-8", "save it as UTF-8")
    try:
        return content.decode("utf-8"), False
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8")
        shown = PositionMap(file, content.decode("utf-8", "replace"), None)
        position = place(shown, before)
        message = f"byte 0x{content[error.start]:02x} here is not UTF-8"
        raise refused(Problem("error", message, "not-utf-8", position, "save the file as UTF-8")) from error


def place(positions: PositionMap, before: str) -> Position:
    """The position right behind `before`, which is the beginning of the text."""
    lines = PositionMap("", before, None).lines
    return positions.at(len(lines) - 1, len(lines[-1]))


def _check_characters(text: str, positions: PositionMap) -> None:
    match = _CONTROL.search(text)
    if match is None:
        return
    position = place(positions, text[: match.start()])
    message = f"the control character U+{ord(match[0]):04X} stands here, which YAML does not allow"
    raise refused(Problem("error", message, "control-character", position, "remove it"))


def _syntax_error(error: yaml.YAMLError, text: str, file: str) -> ProjectError:
    positions = PositionMap(file, text, None)
    odd = find_odd_space(text)
    if odd is not None:
        position = place(positions, text[: odd[0]])
        return refused(Problem("error", odd[1], "odd-space", position, ODD_SPACE_HINT))
    if not isinstance(error, yaml.MarkedYAMLError):
        return refused(Problem("error", f"not valid YAML: {error}", "yaml-syntax", positions.start()))
    return refused_syntax(error, positions)


_ODD = "\u00a0\u2000-\u200b\u202f\u205f\u3000\ufeff"
_ODD_PLACE = re.compile(rf"(?m)^[ ]*(?:- +)*(?:-|[\w-]+:)?([{_ODD}])")
_ODD_INSIDE = re.compile(rf"^[{_ODD}]|^[\w-]+:[{_ODD}]|^-[{_ODD}]|[{_ODD}]$")
ODD_SPACE_HINT = "replace it with a plain space, and look at the lines around it"


def find_odd_space(text: str) -> tuple[int, str] | None:
    """Where the first of them stands in the structure of a text, counted in characters, and what to say."""
    match = _ODD_PLACE.search(text)
    if match is None:
        return None
    return match.start(1), f"U+{ord(match[1]):04X} stands here, which looks like a space and is none to YAML"


def is_odd_in_structure(data: Any) -> bool:
    """Whether keys or values as they were read begin with one, or hold `key:` and one: then it was meant as a space."""
    return any(_ODD_INSIDE.search(text) for text in _texts(data))


def _texts(data: Any) -> Iterator[str]:
    waiting = [data]
    while waiting:
        here = waiting.pop()
        if isinstance(here, dict):
            yield from (key for key in here if isinstance(key, str))
            waiting.extend(here.values())
        elif isinstance(here, list):
            waiting.extend(here)
        elif isinstance(here, str) and "\n" not in here:
            yield here
