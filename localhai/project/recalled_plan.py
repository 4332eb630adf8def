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

from localhai.project.overrides import Overrides
from localhai.project.plan import ExecutionPlan
from localhai.system import durable, private, strict_json
from localhai.system.credentials import secrets_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from localhai.project.config import ProjectConfig

_KEPT = 200


def plan_file(
    yaml: Path,
    step: str,
    overrides: Overrides | None = None,
    *,
    cache: Path,
    load: Callable[[], ProjectConfig] | None = None,
    words: Sequence[str] = (),
    **settings: Any,
) -> ExecutionPlan:
    """`planning.plan` for the valohai.yaml in a file; `words` and `settings` are its keyword arguments.

    `cache` is a folder for remembered plans; `load` reads the file. Raises what the two raise.
    """
    overrides = overrides or Overrides()
    bare = replace(overrides, title=None, tags=())  # nothing depends on them, and they differ from run to run
    asked = {**settings, "secrets": sorted(settings.get("secrets", ())), "images": _items(settings, "images")}
    is_secret = bool(overrides.environment_variables)  # typed values may be
    place = None if is_secret else _place(cache, yaml, step, list(words), to_builtins(bare), asked)
    made = _recall(place)
    if made is None:
        from localhai.project.config import load_config
        from localhai.project.planning import plan

        config = load_config(yaml) if load is None else load()
        made = plan(config.config, step, bare, words=words, **settings)
        _remember(place, made.to_dict())
    return replace(made, title=overrides.title, tags=tuple(overrides.tags))


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


def _recall(place: Path | None) -> ExecutionPlan | None:
    if place is None:
        return None
    try:
        return strict_json.convert(json.loads(place.read_bytes()), ExecutionPlan)
    except (OSError, ValueError):
        return None


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
