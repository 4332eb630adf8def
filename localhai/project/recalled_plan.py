"""Plans remembered by all they depend on: `localhai run` again does not read valohai.yaml with its parser again.

Loading the parser and the schema takes longer than all else that Python does before the container starts. Planning is
pure, so a plan is a function of the file's bytes, the versions in use and the arguments, and these are the key.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins
from msgspec.structs import replace

from localhai.project.overrides import Overrides, StepArguments
from localhai.project.plan import ExecutionPlan
from localhai.system import durable, private, strict_json
from localhai.system.credentials import secrets_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from localhai.project.config import ProjectConfig

    Loaded = Callable[[ProjectConfig], None]

_KEPT = 200


def plan_file(
    yaml: Path,
    step: str,
    overrides: Overrides | None = None,
    *,
    cache: Path,
    verdicts: Path | None = None,
    loaded: Loaded | None = None,
    **settings: Any,
) -> ExecutionPlan:
    """`planning.plan` for the valohai.yaml in a file; `settings` are its keyword arguments.

    `cache` is a folder for remembered plans, `verdicts` as in `config.load_config`; `loaded` is told of the file when
    it is read. Raises what these two raise.
    """
    overrides = overrides or Overrides()
    bare = replace(overrides, title=None, tags=())  # nothing depends on them, and they differ from run to run

    def load() -> ProjectConfig:
        return _load(yaml, verdicts, loaded)

    made = _bare_plan(yaml, step, bare, cache, load, settings)
    return replace(made, title=overrides.title, tags=tuple(overrides.tags))


def _bare_plan(
    yaml: Path,
    step: str,
    overrides: Overrides,
    cache: Path,
    load: Callable[[], ProjectConfig],
    settings: dict[str, Any],
) -> ExecutionPlan:
    secret = bool(overrides.environment_variables)  # typed values may be
    asked = {**settings, "secrets": sorted(settings.get("secrets", ())), "images": _items(settings, "images")}
    place = None if secret else _place(cache, yaml, step, to_builtins(overrides), asked)
    known = _recall(place)
    if known is not None:
        with contextlib.suppress(KeyError, TypeError, AttributeError, ValueError):
            return strict_json.convert(known, ExecutionPlan)
    from localhai.project.planning import plan

    made = plan(load().config, step, overrides, **settings)
    _remember(place, made.to_dict())
    return made


def _load(yaml: Path, verdicts: Path | None, loaded: Loaded | None) -> ProjectConfig:
    from localhai.project.config import load_config

    config = load_config(yaml, verdicts=verdicts)
    if loaded is not None:
        loaded(config)
    return config


def step_arguments_file(
    yaml: Path,
    step: str,
    arguments: Sequence[str],
    *,
    cache: Path,
    verdicts: Path | None = None,
    loaded: Loaded | None = None,
) -> tuple[str, StepArguments]:
    """The name of the step that is meant and what was typed for it: `find_step`, `parse_step_arguments`, remembered.

    Raises what these two and `config.load_config` raise.
    """
    place = _place(cache, yaml, step, list(arguments))
    known = _recall(place)
    if known is not None:
        with contextlib.suppress(KeyError, TypeError):
            return str(known["step"]), StepArguments(dict(known["parameters"]), dict(known["inputs"]))
    from localhai.project.overrides import parse_step_arguments
    from localhai.project.planning import find_step

    found = find_step(_load(yaml, verdicts, loaded).config, step)
    typed = parse_step_arguments(found, arguments)
    _remember(place, {"step": found.name, "parameters": typed.parameters, "inputs": typed.inputs})
    return found.name, typed


def _place(cache: Path, yaml: Path, *asked: Any) -> Path | None:
    """The file for what is asked of a valohai.yaml; None where that cannot be read."""
    try:
        content = hashlib.sha256(yaml.read_bytes()).hexdigest()
    except OSError:
        return None
    key = repr((content, _versions(), *asked))
    return cache / f"{hashlib.sha256(key.encode()).hexdigest()}.json"


def _items(settings: dict[str, Any], name: str) -> list[Any]:
    """A mapping whose order counts."""
    return list((settings.get(name) or {}).items())


def _versions() -> list[Any]:
    """What tells one installation from another without loading it: also one that is being worked on."""
    with os.scandir(os.path.dirname(__file__)) as files:
        found = [(file.name, file.stat()) for file in files if file.name.endswith(".py")]
    ours = sorted((name, state.st_size, state.st_mtime_ns) for name, state in found)
    parser = importlib.util.find_spec("valohai_yaml")
    if parser is None or parser.origin is None:
        return [ours]
    with open(parser.origin, "rb") as init:  # it holds the version
        return [ours, parser.origin, hashlib.sha256(init.read()).hexdigest()]


def _recall(place: Path | None) -> dict[str, Any] | None:
    if place is None:
        return None
    try:
        known = json.loads(place.read_bytes())
    except (OSError, ValueError):
        return None
    return known if isinstance(known, dict) else None


def _remember(place: Path | None, made: dict[str, Any]) -> None:
    """What cannot be written is not remembered, and that is all."""
    if place is None or next(secrets_in(made), None) is not None:  # a password in an address is kept nowhere
        return
    with contextlib.suppress(OSError, TypeError):
        private.make_folder(place.parent)
        durable.write(place, strict_json.encode(made), mode=0o644, synced=False)
        kept = sorted(place.parent.iterdir(), key=lambda path: path.stat().st_mtime)
        for path in kept[:-_KEPT]:
            path.unlink(missing_ok=True)
