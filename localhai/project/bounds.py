"""Bounds of a YAML text, held before anything is built from it: nesting, number of values, what aliases expand to."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import yaml
from msgspec import Struct

from localhai.errors import Position, Problem, ProjectError

if TYPE_CHECKING:
    from localhai.project.positions import PositionMap

MOST_VALUES = 500_000
DEEPEST = 100

_SAFE_DEPTH = 400  # what the C parser's recursion bears on any stack
_INDENTS = re.compile(r"^[ ?-]+", re.MULTILINE)
_FAST: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEPTH_OF: dict[type, int] = {
    yaml.SequenceStartEvent: 1,
    yaml.MappingStartEvent: 1,
    yaml.SequenceEndEvent: -1,
    yaml.MappingEndEvent: -1,
}


class DuplicateKey(Struct, frozen=True):
    """A key that stands twice in one mapping: the second one wins."""

    name: str
    position: Position
    first: Position


def refused(problem: Problem) -> ProjectError:
    """The error for a text that one problem makes unreadable."""
    return ProjectError(problem.message, problems=[problem], where=str(problem.position))


def refused_at(node: Any, positions: PositionMap, message: str, code: str, hint: str) -> ProjectError:
    """The same for a problem at a YAML node or event."""
    position = positions.at(node.start_mark.line, node.start_mark.column)
    return refused(Problem("error", message, code, position, hint))


def check_text(text: str, positions: PositionMap) -> None:
    """Refuse what is nested too deep for a parser that recurses, or has more values than any project needs.

    Counting characters clears nearly every file; the others are read event by event, where neither stack nor memory
    grows. Raises ProjectError.
    """
    deepest_indent = max((len(found) for found in _INDENTS.findall(text)), default=0)
    brackets = text.count("[") + text.count("{")
    if 2 * deepest_indent + brackets < _SAFE_DEPTH and sum(map(text.count, "\n,:?[{-")) < MOST_VALUES:
        return
    depth = values = 0
    try:
        for event in yaml.parse(text, Loader=_FAST):
            depth += _DEPTH_OF.get(type(event), 0)
            values += isinstance(event, yaml.NodeEvent)
            if depth > DEEPEST:
                message = f"values are nested more than {DEEPEST} deep here"
                raise refused_at(event, positions, message, "too-deep", "is this the right file?")
            if values > MOST_VALUES:
                message = f"the file has more than {MOST_VALUES:,} values"
                raise refused_at(event, positions, message, "too-many-values", "is this the right file?")
    except yaml.YAMLError:
        return  # the parser proper says it, at its place


def children(node: yaml.Node) -> list[yaml.Node]:
    """The nodes right below a node: keys and values of a mapping, items of a list."""
    if isinstance(node, yaml.MappingNode):
        return [child for pair in node.value for child in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def survey(root: yaml.Node, positions: PositionMap) -> tuple[DuplicateKey, ...]:
    """One look at every node: counts what aliases expand to without expanding them, and finds duplicate keys.

    Raises ProjectError for an alias bomb, and for an alias inside its own anchor.
    """
    sizes: dict[int, int] = {}
    around: set[int] = set()
    duplicates: list[DuplicateKey] = []
    stack: list[tuple[yaml.Node, bool]] = [(root, False)]
    while stack:
        node, is_done = stack.pop()
        name = id(node)
        if is_done:
            around.discard(name)
            sizes[name] = _checked_size(node, sizes, positions)
        elif name in around:
            message = "an alias in here points at the very value that it stands in"
            raise refused_at(node, positions, message, "alias-loop", "write the values out")
        elif name not in sizes:
            around.add(name)
            stack.append((node, True))
            stack.extend((child, False) for child in children(node))
            if isinstance(node, yaml.MappingNode):
                _find_duplicates(node, positions, duplicates.append)
    return tuple(duplicates)


def _checked_size(node: yaml.Node, sizes: dict[int, int], positions: PositionMap) -> int:
    size = 1 + sum(sizes[id(child)] for child in children(node))
    if size > MOST_VALUES:
        message = f"the aliases in here expand to more than {MOST_VALUES:,} values"
        raise refused_at(node, positions, message, "alias-bomb", "write the values out, or use fewer aliases")
    return size


def _find_duplicates(node: yaml.MappingNode, positions: PositionMap, add: Callable[[DuplicateKey], None]) -> None:
    seen: dict[tuple[str, str], yaml.Node] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
            continue
        first = seen.setdefault((key.tag, key.value), key)
        if first is not key:
            here, there = (positions.at(mark.line, mark.column) for mark in (key.start_mark, first.start_mark))
            add(DuplicateKey(key.value, here, there))
