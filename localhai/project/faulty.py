"""Items of valohai.yaml with errors, in a file whose other items work. Asked by whoever looks an item up by its name.

The platform reads a file of sound shape whatever its pipelines name, so one bad edge refuses its pipeline and no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.errors import ProjectError
from localhai.project.names import find_by_prefix
from localhai.project.sentences import summary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from valohai_yaml.objs import Config

    from localhai.errors import Problem

    Faults = Mapping[tuple[str, str], Sequence[Problem]]

_FAULTS = "_localhai_faults"


def note_faults(config: Config, faults: Faults) -> None:
    """Keep with a config which of its items have errors: by kind (`pipeline`) and name."""
    setattr(config, _FAULTS, faults)


def is_any_faulty(config: Config, kind: str) -> bool:
    """Whether the file has an item of this kind with errors, which the config may lack."""
    return any(of_kind == kind for of_kind, _ in _faults(config))


def refuse_faulty(config: Config, kind: str, name: str) -> None:
    """Raises ProjectError, with every error and its position, when the item of this name has any."""
    problems = _faults(config).get((kind, name))
    if problems:
        message = f"{kind} {name} has {summary(problems)}"
        raise ProjectError(message, problems=tuple(problems), where=f"{kind} {name}")


def find_sound(config: Config, kind: str, wanted: str) -> str:
    """The name of the item that is meant, by itself or by an unambiguous beginning.

    Raises UsageError with the known ones, ProjectError when it has errors.
    """
    known = getattr(config, f"{kind}s")
    faulty = [name for of_kind, name in _faults(config) if of_kind == kind and name not in known]
    name = find_by_prefix(kind, f"{kind}s", wanted, [*known, *faulty])
    refuse_faulty(config, kind, name)
    return name


def sentences(config: Config) -> tuple[str, ...]:
    """What to say once to those who run another item of the file."""
    return tuple(
        f"{kind} {name} of valohai.yaml has {summary(problems)} and cannot run: see localhai lint"
        for (kind, name), problems in _faults(config).items()
    )


def _faults(config: Config) -> Faults:
    found: Faults = getattr(config, _FAULTS, {})
    return found
