"""A server put together: its state, and what runs in threads of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.server.calls import Calls
from localhai.server.queue import Queue
from localhai.server.readiness import Readiness

if TYPE_CHECKING:
    from localhai.server.state import State


def assemble(state: State) -> State:
    """The state, with its queue, its calls of containers and its health. Nothing begins before `queue.start`."""
    state.equip(Queue(state, state.jobs), Calls(state, state.container_host), Readiness(state))
    return state
