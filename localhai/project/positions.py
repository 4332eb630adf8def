"""Where things stand in a YAML file: from a path such as `(0, "step", "image")` to line, column and source line.

The composed YAML nodes are kept and walked when a position is asked for, so a file without problems pays nothing.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from localhai.errors import Position

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Sequence

    import yaml

    DataPath = Sequence[Hashable]

_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")  # what YAML 1.1 counts as the end of a line
_LONGEST_SOURCE = 500


class PositionMap:
    """Positions of keys and values of one YAML text.

    A path lists mapping keys and list indexes (from 0) from the root down. A part that is not in the file is answered
    with the position of the nearest thing around it, so every question has an answer.
    """

    def __init__(self, file: str, text: str, root: yaml.Node | None) -> None:
        self.file = file
        self.text = text
        self._root = root

    @cached_property
    def lines(self) -> list[str]:
        """The lines of the text, without their ends."""
        return _LINE_BREAK.split(self.text)

    def at(self, line: int, column: int) -> Position:
        """The position of a line and column that count from 0, as YAML's marks do."""
        source = self.lines[line] if line < len(self.lines) else ""
        return Position(self.file, line + 1, column + 1, source[: max(_LONGEST_SOURCE, column + 1)])

    def start(self) -> Position:
        """The beginning of the file."""
        return self.at(0, 0)

    def value(self, path: DataPath) -> Position:
        """Where the value at `path` begins; an empty value is shown at its key."""
        key, value = self._nodes(path)
        if key is not None and (value is None or value.start_mark.index == value.end_mark.index):
            return self._of(key)
        return self._of(value)

    def key(self, path: DataPath) -> Position:
        """Where the key that ends `path` stands; for an item of a list, where the item begins."""
        key, value = self._nodes(path)
        return self._of(key if key is not None else value)

    def item(self, kinds: Collection[str], name: str) -> DataPath:
        """The path of the last item of the file of one of these kinds (`task`) with this name: the one that counts.

        Without one, the path of the whole file.
        """
        for index in reversed(range(len(getattr(self._root, "value", ())))):
            for kind in kinds:
                path = (index, kind)
                found = self._deepest((*path, "name"))
                if found is not None and key_of(found) == name:
                    return path
        return ()

    def _deepest(self, path: DataPath) -> yaml.Node | None:
        """The value node at `path`, None when the file has no such path."""
        value = self._root
        for part in path:
            found = _child(value, part)
            if found is None:
                return None
            value = found[1]
        return value

    def _of(self, node: yaml.Node | None) -> Position:
        if node is None:
            return self.start()
        return self.at(node.start_mark.line, node.start_mark.column)

    def _nodes(self, path: DataPath) -> tuple[yaml.Node | None, yaml.Node | None]:
        """The key node (None for list items and the root) and the value node of the deepest part that exists."""
        key: yaml.Node | None = None
        value = self._root
        for part in path:
            found = _child(value, part)
            if found is None:
                break
            key, value = found
        return key, value


def _child(node: yaml.Node | None, part: Hashable) -> tuple[yaml.Node | None, yaml.Node] | None:
    content = getattr(node, "value", None)
    if not isinstance(content, list) or not content:
        return None
    if isinstance(content[0], tuple):  # a mapping: the last of equal keys wins, as when it is read
        return next(((key, value) for key, value in reversed(content) if key_of(key) == part), None)
    if isinstance(part, int) and 0 <= part < len(content):
        return None, content[part]
    return None


def key_of(node: yaml.Node) -> Any:
    """The value of a scalar node used as a key, as reading gives it; None for a key that is a list or mapping."""
    if not isinstance(node.value, str):
        return None
    if node.tag == "tag:yaml.org,2002:str":
        return node.value
    import yaml

    try:
        return yaml.SafeLoader("").construct_object(node, deep=True)
    except (ValueError, yaml.YAMLError):
        return node.value
