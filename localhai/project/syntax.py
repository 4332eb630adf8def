"""YAML's own complaints as sentences: what stands there, and what to write instead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    import yaml


class SyntaxFault(Struct, frozen=True):
    """One syntax fault; `line` and `column` count from 0."""

    message: str
    hint: str | None
    line: int
    column: int


class _Reading(Struct, frozen=True):
    """How one complaint reads. `{0}` is what `pattern` caught, `{opened}` the line where the construct began."""

    pattern: str
    message: str
    hint: str | None = None
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


def explain(error: yaml.MarkedYAMLError) -> SyntaxFault:
    """The fault behind an error of PyYAML."""
    problem, context = error.problem or "", error.context or ""
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    for reading in _READINGS:
        # the duplicate anchor tells its story in the context, all others in the problem
        match = re.search(reading.pattern, problem)
        if match is None or reading.context not in context:
            continue
        if reading.at_context and error.context_mark is not None:
            line, column = error.context_mark.line, error.context_mark.column
        words = _words(match, error)
        return SyntaxFault(
            _fill(reading.message, words), _fill(reading.hint, words) if reading.hint else None, line, column
        )
    return SyntaxFault(f"not valid YAML: {': '.join(filter(None, (context, problem)))}", _INDENT, line, column)


def _words(match: re.Match[str], error: yaml.MarkedYAMLError) -> dict[str, str]:
    caught = next((group for group in match.groups() if group), "")
    opened = str(error.context_mark.line + 1) if error.context_mark is not None else "?"
    return {"{0}": caught, "{opened}": opened, "{brace}": {"]": "[", "}": "{"}.get(caught, caught)}


def _fill(text: str, words: dict[str, str]) -> str:
    for name, word in words.items():
        text = text.replace(name, word)
    return text
