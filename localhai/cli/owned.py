"""Lists of what somebody started, and of what was deleted: options that every list of `vh` has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from localhai.cli import output

if TYPE_CHECKING:
    from localhai.cli.call import Call, HomeView


class _Record(Protocol):
    @property
    def document(self) -> Mapping[str, Any]: ...


Found = TypeVar("Found", bound=_Record)


def newest_of_caller(look: HomeView, newest: Callable[..., list[Found]], count: int) -> list[Found]:
    """At most `count` of who asks; `newest(limit=...)` gives those of anybody."""
    from localhai.executions.latest import creator_name

    user, limit = creator_name(look.home.settings), count
    while True:
        found = newest(limit=limit)
        own = [record for record in found if record.document.get("user") == user]
        if len(own) >= count or len(found) < limit:
            return own[:count]
        limit *= 4


def print_no_deleted(call: Call, what: str) -> None:
    """The list of what was deleted: nothing is kept of it."""
    if call.json:
        output.emit_json([])
    else:
        output.say(f"no deleted {what}: nothing is kept of what is deleted here")
