"""What a forked child must not share with its parent: locks that nobody there will open, connections in use."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Renewable(Protocol):
    """Something that has locks, threads or connections."""

    def renew(self) -> None:
        """Begin anew in a child that was just forked: no other thread runs there, and no lock is opened by one."""


_every: weakref.WeakSet[Renewable] = weakref.WeakSet()


def renew_after_fork(instance: Renewable) -> None:
    """Have `instance.renew()` called in every child that is forked while it lives."""
    _every.add(instance)


def _renew() -> None:
    for instance in list(_every):
        instance.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
