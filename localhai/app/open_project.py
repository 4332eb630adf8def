"""A project opened from Python, after a look at what a crash left."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from localhai.app.recover import recover
from localhai.errors import SurroundingsError
from localhai.executions.open_project import OpenProject

if TYPE_CHECKING:
    from pathlib import Path

    from localhai.executions.home import Home
    from localhai.settings import Settings


def open_project(path: str | Path = ".", *, home: Home | None = None, settings: Settings | None = None) -> OpenProject:
    """Open the project whose valohai.yaml is in `path` or in a folder above it.

    `localhai.open_project("my-project").run("train", parameters={"epochs": 3})` is all it takes. Without `home` it is
    the one of the settings, without `settings` they are read from variables and localhai.toml. What a localhai left
    that died is looked after; what that does is told to the home's `tell`. Raises ProjectError when there is no project
    or localhai.toml is wrong, and SurroundingsError when the home cannot be made.
    """
    project = OpenProject.at(path, home=home, settings=settings)
    if project.home.is_used:
        with suppress(SurroundingsError):  # who only plans needs none of it; who runs hears it then
            recover(project.home, project.home.tell or _nobody)
    return project


def _nobody(_text: str) -> None:
    """Nobody listens."""
