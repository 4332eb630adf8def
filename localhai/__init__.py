"""localhai: the local Valohai. Runs a project's valohai.yaml on one machine with Docker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.version import __version__

if TYPE_CHECKING:
    from localhai.app.open_project import OpenProject, open_project
    from localhai.executions.execution import Execution
    from localhai.executions.home import Home

__all__ = ["Execution", "Home", "OpenProject", "__version__", "open_project"]

_PLACES = {
    "Execution": "localhai.executions.execution",
    "Home": "localhai.executions.home",
    "OpenProject": "localhai.app.open_project",
    "open_project": "localhai.app.open_project",
}


def __getattr__(name: str) -> Any:
    """Heavy parts load when first used: `import localhai` stays instant and needs no docker."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PLACES[name]), name)
