"""What takes space on this machine and can go: caches, old executions, what crashes left on the engine."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from localhai.errors import EngineLost, EngineNotFound, SurroundingsError, UsageError
from localhai.executions.delete import delete, folder_size
from localhai.executions.execution import Execution
from localhai.executions.run import uncollected
from localhai.executions.run.owner import has_files
from localhai.records import times
from localhai.vocabulary import FINAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localhai.containers.engine import Engine
    from localhai.containers.reap import Leftovers
    from localhai.executions.home import Home

REMEMBERED = 7 * 24 * 3600.0  # seconds for which a plan or verdict may still be of use
_uuid_re = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Portion(Struct, frozen=True):
    """Something that can go: how many of what, its bytes where they are known, and how it is removed.

    `remove` gives a sentence for each thing that resisted.
    """

    what: str
    count: int
    size: int | None
    remove: Callable[[], Sequence[str]]

    def to_dict(self) -> dict[str, str | int | None]:
        """`what, count, size`."""
        return {"what": self.what, "count": self.count, "size": self.size}


def cached(home: Home) -> Iterator[Portion]:
    """Inputs, code that no remembered execution ran with, downloaded packages, old plans and verdicts."""
    from localhai.data.cache import Cache

    report = Cache(home.folder).report()
    if report.files or report.unfinished:
        yield Portion("downloaded inputs", report.files, report.size + report.unfinished, partial(_clean_inputs, home))
    unused = _unused_code(home)
    if unused:
        sizes = sum(folder_size(home.code_cache / name) for name in unused)
        yield Portion("code snapshots of no execution or deployment", len(unused), sizes, partial(_clean_code, home))
    packages = home.folder / "cache" / "packages"
    if packages.is_dir():
        count = sum(path.is_file() for path in packages.rglob("*"))
        yield Portion("downloaded packages", count, folder_size(packages), partial(_clean_packages, home))
    yield from _remembered(home)


def _remembered(home: Home) -> Iterator[Portion]:
    """Plans and verdicts are looked up by all they depend on: after a change of the file the old ones serve nobody."""
    folders = [home.folder / "cache" / name for name in ("plans", "verdicts")]
    before = time.time() - REMEMBERED
    old = [path for folder in folders if folder.is_dir() for path in folder.iterdir() if _unused_since(path, before)]
    if old:
        size = sum(path.stat().st_size for path in old)
        yield Portion("remembered plans and verdicts", len(old), size, partial(_forget, old))


def _unused_since(path: Path, moment: float) -> bool:
    try:
        return path.is_file() and path.stat().st_mtime < moment
    except FileNotFoundError:  # another process was faster
        return False


def _forget(paths: Sequence[Path]) -> Sequence[str]:
    for path in paths:
        path.unlink(missing_ok=True)
    return ()


def old_executions(home: Home, project_id: str | None, older_than: float, now: datetime) -> Iterator[Portion]:
    """Executions that ended more than `older_than` seconds before `now`, with their outputs."""
    before = times.text(now - timedelta(seconds=older_than))
    found = [item for item in home.records.executions.ended_before(before, project_id) if _is_of(home, item[0])]
    if found:
        size = sum(_size_of(home, folder) for _, folder in found)
        ids = [id_ for id_, _ in found]
        yield Portion("executions with logs and outputs", len(ids), size, partial(_delete_all, home, ids))


def _is_of(home: Home, execution_id: str) -> bool:
    """Whether this home made it: others that share its records clean up after themselves."""
    return not home.settings.database_url or has_files(home, home.records.executions.get(execution_id))


def leftovers(home: Home) -> Iterator[Portion]:
    """Containers, volumes, networks and scratch files of executions that have ended. Raises EngineNotFound."""
    from localhai.containers import reap

    engine = home.engine
    ended = [found for found in (reap.of_execution(engine, id_) for id_ in _ended_on(engine, home)) if found]
    helpers = reap.helpers(engine)
    count = sum(len(item.containers) + len(item.volumes) + len(item.networks) for item in ended) + len(helpers)
    if count:
        everything = [*ended, reap.Leftovers(tuple(helpers))]
        yield Portion("leftover containers, volumes and networks", count, None, partial(_reap, engine, everything))
    folders = [place for place in (home.folder / "executions").glob("*/*/scratch") if _is_left(home, place)]
    if folders:
        size = sum(folder_size(folder) for folder in folders)
        yield Portion("leftover scratch folders", len(folders), size, partial(_remove_scratch, folders))


def _is_left(home: Home, scratch: Path) -> bool:
    """Its engine was away when it ended. Outputs that nobody could collect are better left than lost."""
    _counter, _, execution = scratch.parent.name.partition("-")
    if scratch.is_symlink() or not scratch.is_dir() or not _is_final(home, execution):
        return False
    if uncollected.read(scratch.parent) is not None:
        return False
    return not any(path.is_file() for path in (scratch / "live").rglob("*"))


def _remove_scratch(folders: Sequence[Path]) -> Sequence[str]:
    from localhai.containers.trees.ownership import remove_tree

    resisting = [folder for folder in folders if not remove_tree(str(folder))]
    return [f"{folder} holds files of another user: sudo rm -r {folder}" for folder in resisting]


def _ended_on(engine: Engine, home: Home) -> Iterator[str]:
    """Executions that something on the engine belongs to and that nobody runs."""
    from localhai.containers import labels, reap

    states = reap.containers(engine)
    owned = [(item.labels[labels.EXECUTION], labels.parse_owner(item.labels)) for item in states]
    host = labels.own_owner().host
    afar = {execution for execution, owner in owned if owner is not None and owner.host != host}
    alive = {execution for execution, owner in owned if execution not in afar and labels.is_alive(owner)}
    states = [item for item in states if home.has_made(item.labels.get(labels.HOME)) is not False]
    names = [*_own_names(engine.volumes, home), *_own_names(engine.networks, home)]
    found = {item.labels[labels.EXECUTION] for item in states} | {
        id_ for name in names for id_ in _uuid_re.findall(name)
    }
    running = {item.labels[labels.EXECUTION] for item in states if item.running}
    for execution in sorted(found - alive):
        is_final = _is_final(home, execution)
        is_nobodys = is_final is None and execution not in running | afar  # unknown here: of another home, and over
        if is_nobodys or (is_final and not _waits(home, execution)):
            yield execution


def _waits(home: Home, execution: str) -> bool:
    """Whether it holds outputs that nobody could collect yet: `execution collect` does, or `execution delete`."""
    folder = home.records.executions.get(execution).folder
    return bool(folder) and uncollected.read(home.folder / folder) is not None


def _own_names(listed: Callable[[Mapping[str, str | None]], Sequence[str]], home: Home) -> list[str]:
    """Volumes, or networks, of executions that this home made, or that name no home."""
    from localhai.containers import labels

    of_homes = set(listed({labels.EXECUTION: None, labels.HOME: None}))
    own = set(listed({labels.EXECUTION: None, labels.HOME: home.known_id})) if of_homes and home.known_id else set()
    return [name for name in listed({labels.EXECUTION: None}) if name in own or name not in of_homes]


def _is_final(home: Home, execution: str) -> bool | None:
    try:
        return home.records.executions.get(execution).status in FINAL
    except UsageError:
        return None


def _reap(engine: Engine, everything: Sequence[Leftovers]) -> list[str]:
    from localhai.containers import reap

    return [problem for item in everything for problem in reap.remove(engine, item)]


def _clean_inputs(home: Home) -> Sequence[str]:
    from localhai.data.cache import Cache

    cleaned = Cache(home.folder).clean()
    return [f"{cleaned.kept} inputs stay: another localhai uses them right now"] if cleaned.kept else []


def _unused_code(home: Home) -> list[str]:
    used = _used_code(home)
    places = home.code_cache.iterdir() if home.code_cache.is_dir() else ()
    return [path.name for path in places if not path.name.startswith(".") and path.name.partition("+")[0] not in used]


def _used_code(home: Home) -> set[str]:
    """Of executions, and of deployment versions, which may be served again."""
    served = {version.commit for version in home.records.deployments.versions(limit=None)}
    return served | home.records.executions.commits()


def _clean_code(home: Home) -> Sequence[str]:
    from localhai.project.snapshot import prune

    prune(home.code_cache, keep=_used_code(home), idle=60.0)  # one that is being started has just been touched
    return ()


def _clean_packages(home: Home) -> Sequence[str]:
    from localhai.containers import package_cache
    from localhai.containers.trees.ownership import remove_tree

    folder = home.folder / "cache" / "packages"
    try:
        return package_cache.clear(home.engine, home.folder, _some_image(home))
    except (EngineNotFound, EngineLost):
        return [] if remove_tree(str(folder)) else [f"{folder} holds files of root's: sudo rm -r {folder}"]


def _some_image(home: Home) -> str:
    """An image that is on the engine: that of the newest execution."""
    for row in home.records.executions.list(limit=20, outputs=False):
        image = home.engine.image(row.image)
        if image is not None:
            return image.id
    return ""


def _size_of(home: Home, folder: str | None) -> int:
    """Its folder; outputs in the store are the same bytes under a second name, or elsewhere."""
    return folder_size(home.folder / folder) if folder else 0


def _delete_all(home: Home, ids: Sequence[str]) -> Sequence[str]:
    return [problem for id_ in ids for problem in _delete(home, id_)]


def _delete(home: Home, id_: str) -> Sequence[str]:
    try:
        delete(home, Execution(home, home.records.executions.get(id_)))
    except UsageError:  # somebody else was faster
        return ()
    except SurroundingsError as error:
        return [" -> ".join((error.message, *error.hints))]
    return ()
