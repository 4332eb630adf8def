"""Several executions on one command line: `3 5-8 !6 latest 01a2...`, as `vh` takes ranges of counters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from localhai.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from localhai.cli.call import HomeView
    from localhai.executions.execution import Execution

_range_re = re.compile(r"#?(\d{1,7})-#?(\d{1,7})")
WIDEST = 10_000


def find_executions(look: HomeView, words: Iterable[str]) -> list[Execution]:
    """The executions that are named, each once, in order. Those of a range that are gone are passed over."""
    wanted: dict[str, Execution] = {}
    unwanted: set[str] = set()
    for word in words:
        if word.startswith("!"):
            unwanted |= {execution.id for execution in _find(look, word[1:])}
        else:
            wanted.update({execution.id: execution for execution in _find(look, word)})
    return [execution for key, execution in wanted.items() if key not in unwanted]


def _find(look: HomeView, word: str) -> list[Execution]:
    match = _range_re.fullmatch(word)
    if match is None:
        return [look.execution(word)]
    counters = range(int(match[1]), int(match[2]) + 1)
    if look.project is None or not 0 < len(counters) <= WIDEST:
        raise UsageError(f"{word!r} is no range of execution numbers", hints=["for example 5-8, in a project's folder"])
    found = look.home.records.executions.list(look.project_id, counters=counters, limit=None)
    if not found:
        raise UsageError(f"there are no executions {word}")
    from localhai.executions.execution import Execution

    return [Execution(look.home, row) for row in reversed(found)]
