"""Whose is which word of `localhai run`: its own options, STEP, or the step's options. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from msgspec import Struct, field


class RunWords(Struct):
    """`own` are options of `run` with their values, `rest` is the step's, `after` names own ones behind STEP."""

    own: list[str] = field(default_factory=list)
    step: str | None = None
    rest: list[str] = field(default_factory=list)
    after: set[str] = field(default_factory=set)


def sort_words(arguments: Sequence[str], takes_value: Mapping[str, bool], giving_way: Collection[str] = ()) -> RunWords:
    """Sort a command line as `vh execution run` does: its own options may stand anywhere, unknown ones are the step's.

    `takes_value` has every option of `run` as typed (`--tag`, `-t`) and whether a value follows. Those `giving_way`
    are the step's once STEP has been read. Behind `--` everything is the step's.
    """
    sorted_words = RunWords()
    words = iter(arguments)
    for word in words:
        if word == "--":
            _take_rest(sorted_words, words)
        elif _is_option(word):
            _take_option(sorted_words, word, words, takes_value, giving_way)
        elif sorted_words.step is None:
            sorted_words.step = word
        else:
            sorted_words.rest.append(word)
    return sorted_words


def _is_option(word: str) -> bool:
    return word.startswith("-") and len(word) > 1


def _take_rest(found: RunWords, words: Iterator[str]) -> None:
    rest = list(words)
    if found.step is None and rest:
        found.step = rest.pop(0)
    found.rest.extend(rest)


def _take_option(
    found: RunWords, word: str, words: Iterator[str], takes_value: Mapping[str, bool], giving_way: Collection[str]
) -> None:
    is_long = word.startswith("--")
    name, equals, _ = word.partition("=") if is_long else (word[:2], "", "")
    if name not in takes_value or (found.step is not None and name in giving_way):
        found.rest.append(word)
        return
    if found.step is not None:
        found.after.add(name)
    found.own.append(word)
    has_value = bool(equals) if is_long else len(word) > len(name)
    if takes_value[name] and not has_value:
        found.own.extend(value for value in (next(words, None),) if value is not None)
