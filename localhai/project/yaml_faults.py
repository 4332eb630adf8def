"""What keeps a YAML text from being read: bounds, held before anything is built from it, and YAML's own complaints.

Bounds are nesting, the number of values, and what aliases expand to. The complaints become sentences on what to write.
"""

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


class _Reading(Struct, frozen=True):
    """How one complaint reads. `{0}` is what `pattern` caught, `{opened}` the line where the construct began."""

    pattern: str
    message: str
    hint: str = ""
    context: str = ""
    at_context: bool = False


_INDENT = "lines of one block start in the same column; look at the spaces before this line and those above it"
_QUOTE = "put the whole value in quotes"

_READINGS = (
    _Reading(
        "mapping values are not allowed",
        "a second ': ' stands where YAML sees one value",
        "indent this line like its neighbours, or put text that holds ': ' in quotes",
    ),
    _Reading(
        r"character '\\t' that|a tab character",
        "a tab stands where YAML wants spaces",
        "indent with spaces only",
    ),
    _Reading("character '(.)' that cannot start", "text cannot begin with {0}", _QUOTE),
    _Reading("could not find expected ':'", "this line is neither `key: value` nor a list item", _INDENT, "", True),
    _Reading(
        "found unexpected end of stream",
        "the quote that opens here is never closed",
        "close it, or double a quote that belongs to the text",
        "quoted scalar",
        True,
    ),
    _Reading("unknown escape character '?(.?)", "\\{0} means nothing between double quotes", "use single quotes"),
    _Reading(
        "expected ',' or '(.)'",
        "the {brace} opened in line {opened} is not closed before this",
        "close it with {0}; text that holds brackets, braces or commas goes in quotes",
    ),
    _Reading("undefined alias '?([^']*)", "*{0} names an anchor that is not defined above", "define it with &{0}"),
    _Reading(
        "expected alphabetic or numeric character",
        "* begins an alias, and this is not one",
        _QUOTE,
        "an alias",
    ),
    _Reading(
        "expected alphabetic or numeric character",
        "% at the beginning of a line begins an instruction to YAML, and this is none",
        _QUOTE,
        "a directive",
    ),
    _Reading("expected alphabetic or numeric character", "& begins an anchor, and this is not one", _QUOTE),
    _Reading("found another document", "a second YAML document begins here", "the platform reads one: remove `---`"),
    _Reading(
        "unhashable key",
        "a list or mapping stands where a key has to be",
        "text with braces goes in quotes: '{{ ... }}'",
    ),
    _Reading("constructor for the tag '(?:tag:yaml.org,2002:)?([^']*)'", "the tag {0} is not known", "remove it"),
    _Reading("duplicate anchor '?([^']*)|second occurrence", "this anchor is defined twice", "give it another name"),
    _Reading("for merging, but found", "<< merges mappings only", "point it at a mapping: `<<: *anchor`"),
    _Reading(
        "a comment or a line break|chomping or indentation|comment or line break",
        "the text of a block begins on the line after | or >",
        "move it to the next line, indented, or put the value in quotes",
    ),
    _Reading("found incompatible YAML document", "this asks for another YAML than 1.x", "remove the %YAML line"),
    _Reading("expected '?<document start>", "nothing can follow the end of the document here", "remove this line"),
    _Reading(
        "expected <block end>, but found '<block|expected key",
        "this line is indented differently from the block it belongs to",
        _INDENT,
    ),
    _Reading(
        "expected <block end>, but found|expected '-' indicator",
        "this line does not belong to the list that began in line {opened}",
        "list items begin with '- ' in one column; what belongs to an item stands further right",
    ),
)


def refused_syntax(error: yaml.MarkedYAMLError, positions: PositionMap) -> ProjectError:
    """The error for what PyYAML says, in words of ours where there are any."""
    problem, context = error.problem or "", error.context or ""
    mark = error.problem_mark or error.context_mark
    message, hint = f"not valid YAML: {': '.join(filter(None, (context, problem)))}", _INDENT
    for reading in _READINGS:
        # the duplicate anchor tells its story in the context, all others in the problem
        match = re.search(reading.pattern, problem)
        if match is not None and reading.context in context:
            if reading.at_context and error.context_mark is not None:
                mark = error.context_mark
            words = _words(match, error)
            message, hint = _fill(reading.message, words), _fill(reading.hint, words)
            break
    position = positions.at(mark.line, mark.column) if mark is not None else positions.start()
    return refused(Problem("error", message, "yaml-syntax", position, hint or None))


def _words(match: re.Match[str], error: yaml.MarkedYAMLError) -> dict[str, str]:
    caught = next((group for group in match.groups() if group), "")
    opened = str(error.context_mark.line + 1) if error.context_mark is not None else "?"
    return {"{0}": caught, "{opened}": opened, "{brace}": {"]": "[", "}": "{"}.get(caught, caught)}


def _fill(text: str, words: dict[str, str]) -> str:
    for name, word in words.items():
        text = text.replace(name, word)
    return text
