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
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from localhai.project.overrides import Overrides
from localhai.project.plan import ExecutionPlan

if TYPE_CHECKING:
    from pathlib import Path

_KEPT = 200


def plan_file(
    yaml: Path,
    step: str,
    overrides: Overrides | None = None,
    *,
    cache: Path,
    verdicts: Path | None = None,
    **settings: Any,
) -> ExecutionPlan:
    """`planning.plan` for the valohai.yaml in a file; `settings` are its keyword arguments.

    `cache` is a folder for remembered plans, `verdicts` as in `config.load_config`. Raises what these two raise.
    """
    overrides = overrides or Overrides()
    place = _place(cache, yaml, step, overrides, settings)
    if place is not None and (known := _recall(place)) is not None:
        return known
    from localhai.project.config import load_config
    from localhai.project.planning import plan

    made = plan(load_config(yaml, verdicts=verdicts).config, step, overrides, **settings)
    if place is not None:
        with contextlib.suppress(OSError):
            _remember(place, made)
    return made


def _place(cache: Path, yaml: Path, step: str, overrides: Overrides, settings: dict[str, Any]) -> Path | None:
    """The file for this plan; None where nothing may be kept or the key cannot be told."""
    if overrides.environment_variables:  # typed values may be secret
        return None
    settings = {**settings, "secrets": sorted(settings.get("secrets", ())), "images": _items(settings, "images")}
    try:
        content = hashlib.sha256(yaml.read_bytes()).hexdigest()
        key = json.dumps([content, _versions(), step, asdict(overrides), settings])
    except (OSError, TypeError):
        return None
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


def _recall(place: Path) -> ExecutionPlan | None:
    try:
        return ExecutionPlan.from_dict(json.loads(place.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _remember(place: Path, made: ExecutionPlan) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    scratch = place.with_suffix(f".{os.getpid()}")
    scratch.write_text(json.dumps(made.to_dict()), encoding="ascii")
    scratch.replace(place)
    kept = sorted(place.parent.iterdir(), key=lambda path: path.stat().st_mtime)
    for path in kept[:-_KEPT]:
        path.unlink(missing_ok=True)
