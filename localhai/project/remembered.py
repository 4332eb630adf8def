"""What is remembered of a project by all that it depends on, so that the next start need not find it out again.

The last snapshot of a folder: an unchanged one is recognised by `lstat` alone. And plans: `localhai run` again does not
read valohai.yaml with its parser again. Loading the parser and the schema takes longer than all else that Python does
before the container starts. Planning is pure, so a plan is a function of the file's bytes, the versions in use and the
arguments, and these are the key.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct, to_builtins
from msgspec.structs import replace

from localhai.project.overrides import Overrides
from localhai.project.plan import ExecutionPlan
from localhai.system import durable, private, strict_json
from localhai.system.credentials import secrets_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from localhai.project.config import ProjectConfig
    from localhai.project.packaging import WorkingTree

T = TypeVar("T")


class Remembered(Struct, frozen=True):
    """The last snapshot of a folder: `key` stands for the state of its files, `fingerprint` for that of its repository.

    An empty key matches no state.
    """

    key: str
    identifier: str
    warnings: tuple[str, ...] = ()
    fingerprint: str | None = None
    dirty: bool = False
    base_commit: str | None = None
    branch: str | None = None


class CopiedFiles(Struct, frozen=True):
    """The files of the last snapshot, each with its traits when it was copied."""

    identifier: str
    files: Mapping[str, list[int]]


class Shelf:
    """Where one project folder's last snapshot is remembered: two small files in the cache."""

    def __init__(self, cache: Path, folder: Path, yaml: str) -> None:
        name = hashlib.sha256(os.fsencode(f"{folder}\0{yaml}")).hexdigest()[:32]
        self._cache = cache
        self._path = cache / ".remembered" / f"{name}.json"
        self._files = cache / ".remembered" / f"{name}.files.json"

    @staticmethod
    def traits(found: os.stat_result) -> list[int]:
        """What tells one state of a file from another."""
        return [found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]

    @classmethod
    def key(cls, package: WorkingTree) -> str:
        """A digest over all paths and their traits."""
        digest = hashlib.sha256()
        for name, found in package.files.items():
            digest.update(os.fsencode(f"{name}\0{cls.traits(found)}\n"))
        for name, other in package.others.items():
            digest.update(os.fsencode(f"{name}\0other {None if other is None else cls.traits(other)}\n"))
        return digest.hexdigest()

    def recall(self) -> Remembered | None:
        """The last snapshot, None when there was none or it cannot be read."""
        return _recalled(self._path, Remembered)

    def previous(self) -> Mapping[str, tuple[Path, list[int]]]:
        """The files of the last snapshot: their copies in the cache and their traits when copied."""
        found = _recalled(self._files, CopiedFiles)
        if found is None or not (root := self._cache / found.identifier).is_dir():
            return {}
        return {name: (root / name, traits) for name, traits in found.files.items()}

    def remember(self, known: Remembered) -> None:
        """Keep it for the next time."""
        _keep(self._path, to_builtins(known))

    def remember_files(self, identifier: str, files: Mapping[str, os.stat_result]) -> None:
        """Keep what `previous` gives."""
        traits = {name: self.traits(found) for name, found in files.items()}
        _keep(self._files, {"identifier": identifier, "files": traits})


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
    made = _recalled(place, ExecutionPlan) if place is not None else None
    if made is None:
        from localhai.project.config import load_config
        from localhai.project.planning import plan

        config = load_config(yaml) if load is None else load()
        made = plan(config.config, step, bare, words=words, **settings)
        if place is not None:
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


def _remember(place: Path, made: dict[str, Any]) -> None:
    if next(secrets_in(made), None) is not None:  # a password in an address is kept nowhere
        return
    _keep(place, made, mode=0o644)
    with contextlib.suppress(OSError):
        kept = sorted(place.parent.iterdir(), key=lambda path: path.stat().st_mtime)
        for path in kept[:-_KEPT]:
            path.unlink(missing_ok=True)


def _recalled(path: Path, kind: type[T]) -> T | None:
    """What was kept there; None when nothing was, or by another version."""
    try:
        return strict_json.convert(json.loads(path.read_bytes()), kind)
    except (OSError, ValueError):
        return None


def _keep(path: Path, value: Any, *, mode: int = 0o600) -> None:
    """What cannot be written is not remembered, and that is all."""
    with contextlib.suppress(OSError, TypeError):
        private.make_folder(path.parent)
        durable.write(path, strict_json.encode(value), mode=mode, synced=False)
