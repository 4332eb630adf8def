"""What users test their own projects and DAGs with: a pytest plugin, and an engine without Docker.

`FakeEngine` runs Python functions or canned results instead of containers; see `localhai.containers.fake.engine`. The
fixtures of the plugin are in `localhai.testing.plugin`. Each name loads when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localhai.containers.fake.engine import Canned, FakeContainer, FakeEngine, Killed, Stopped
    from localhai.testing.fake_valohai import FakeValohai

__all__ = ["Canned", "FakeContainer", "FakeEngine", "FakeValohai", "Killed", "Stopped"]


def __getattr__(name: str) -> Any:
    """A plugin that is installed and not used costs nothing."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    place = "localhai.testing.fake_valohai" if name == "FakeValohai" else "localhai.containers.fake.engine"
    return getattr(import_module(place), name)
