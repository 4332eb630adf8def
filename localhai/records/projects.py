"""Projects: folders with a valohai.yaml, known by path, looked up by name, joined where a folder moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import asdict, replace

from localhai.errors import UsageError
from localhai.records.access import NounRecords
from localhai.records.database import placeholders, statement, storable
from localhai.records.ids import new_id
from localhai.records.mapper import Table
from localhai.vocabulary import INCOMPLETE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from localhai.records.database import Transaction

_COUNTED = ("executions", "tasks", "pipelines")
_PLAIN = ("data", "datum_alias_changes", "execution_keys", "queue", "datasets", "models", "deployments")
_OF_ONE_NAME = ("datasets", "models", "deployments")
_OLDER_WINS = {"commits": "identifier", "project_variables": "name"}


class Project(Struct, frozen=True):
    """A folder with a valohai.yaml. `id` is made once and kept; `name` may change; `path` is absolute."""

    id: str
    name: str
    path: str
    created: str

    def to_dict(self) -> dict[str, Any]:
        """`id, name, path, created`."""
        return asdict(self)


class Joined(Struct, frozen=True):
    """What `join` moves: how many executions, and by how much their counters grow."""

    executions: int
    offset: int


PROJECTS = Table(Project, "projects", "p", noun="project", texts=("name", "path"))


class ProjectRecords(NounRecords):
    """`records.projects`."""

    table = PROJECTS

    def of_folder(
        self,
        path: Path | str,
        name: str,
        *,
        declared: bool = False,
        moved: Callable[[], Project | None] | None = None,
    ) -> Project:
        """The project of a folder: made the first time, its id kept since; a new name replaces the old one.

        Records in PostgreSQL may be those of several machines. There a new folder whose name is `declared` (written in
        localhai.toml) belongs to the oldest project of that name; the row that is given has the folder asked for.
        `moved` is asked of a folder that is not known: which project it was in another place.
        """
        wanted = {"path": storable(str(path)), "name": storable(name)}
        shared = declared and self._access.locks_rows
        found = self._read(lambda transaction: _of_folder(transaction, wanted, shared=shared))
        if found is not None and found.name == wanted["name"]:
            return found
        earlier = moved() if found is None and moved is not None else None
        values = {**wanted, "id": new_id(), "created": self._now()}

        def work(transaction: Transaction, _again: bool) -> Project:
            if earlier is not None and not _select(transaction, "WHERE path = :path", path=wanted["path"]):
                _move_to(transaction, earlier.id, str(wanted["path"]), str(wanted["name"]))
            if shared:
                transaction.rows("SELECT pg_advisory_xact_lock(hashtext(:name))", {"name": wanted["name"]})
                other = _of_folder(transaction, wanted, shared=True)
                if other is not None and other.name == wanted["name"]:
                    return other
            PROJECTS.insert(transaction, values, "(path) DO UPDATE SET name = excluded.name")
            return _select(transaction, "WHERE path = :path", path=wanted["path"])[0]

        return self._write(work)

    def foresee_join(self, old: Project, new: Project) -> Joined:
        """What `join_projects` would do. Raises UsageError for what stands against it."""
        return self._read(lambda transaction: _foresee(transaction, old, new))

    def join(self, old: Project, new: Project) -> Joined:
        """All of `new` becomes part of `old`, which is in the folder of `new` from now on. Raises UsageError."""

        def work(transaction: Transaction, again: bool) -> Joined:
            if again and not _select(transaction, "WHERE id = :id", id=new.id):
                return foreseen
            return _join(transaction, old, new)

        foreseen = self.foresee_join(old, new)
        return self._write(work)

    def put(self, project_id: str, path: str, name: str) -> None:
        """Make a project whose id somebody chose; one of that id or path stays as it is."""
        values = {"id": project_id, "path": path, "name": name, "created": self._now()}
        self._write(lambda transaction, _again: PROJECTS.insert(transaction, values, "DO NOTHING"))

    def find(self, name: str) -> Project:
        """The project of this name, or of this id. Raises UsageError when there is none, and when there are several."""
        every = self.list()
        found = [project for project in every if name in {project.name, project.id}]
        if len(found) == 1:
            return found[0]
        if found:
            raise UsageError(
                f"{len(found)} projects have the name {name!r}",
                where=name,
                hints=[
                    *(f"{project.path} (id {project.id})" for project in found),
                    "say which by its id, or give one another name: `name` under [project] in its localhai.toml",
                ],
            )
        known = ", ".join(sorted({project.name for project in every}))
        raise UsageError(
            f"no project has the name {name!r}",
            where=name,
            hints=[f"known: {known}" if known else "none is known yet: a project is known once something ran in it"],
        )

    def list(self) -> list[Project]:
        """All projects, by name, then path."""
        return self._read(_select)


def _of_folder(transaction: Transaction, wanted: Mapping[str, str | None], *, shared: bool) -> Project | None:
    """The project of this folder, else, where projects are `shared`, the oldest one of this name."""
    found = _select(transaction, "WHERE path = :path", path=wanted["path"])
    if not found and shared:
        named = _select(transaction, "WHERE name = :name", name=wanted["name"])
        found = [replace(min(named, key=lambda project: project.id), path=str(wanted["path"]))] if named else []
    return found[0] if found else None


def _select(transaction: Transaction, where: str = "", **parameters: str | None) -> list[Project]:
    return PROJECTS.select(transaction, statement(where, "ORDER BY name, path"), parameters)


def _foresee(transaction: Transaction, old: Project, new: Project) -> Joined:
    """What would be moved. Raises UsageError for what stands against it. Changes nothing."""
    key = {"old": old.id, "new": new.id}
    listed, parameters = placeholders(sorted(str(status) for status in INCOMPLETE))
    running = statement(
        "SELECT counter FROM executions WHERE project_id IN (:old, :new) AND status IN", listed, "LIMIT 1"
    )
    if transaction.rows(running, {**key, **parameters}):
        raise UsageError("executions of these projects are in progress", hints=["join them when these have ended"])
    for table in _OF_ONE_NAME:
        both = (
            f"SELECT a.name FROM {table} a JOIN {table} b ON b.name = a.name"  # noqa: S608  # words of this file
            " WHERE a.project_id = :old AND b.project_id = :new ORDER BY a.name"
        )
        names = [str(row["name"]) for row in transaction.rows(both, key)]
        if names:
            raise UsageError(f"both projects have {table} of one name, which cannot be joined: {', '.join(names)}")
    count = transaction.rows("SELECT count(*) AS number FROM executions WHERE project_id = :new", key)[0]["number"]
    return Joined(int(count), _counters(transaction, old.id).get("execution", 0))


def _join(transaction: Transaction, old: Project, new: Project) -> Joined:
    """All of `new` becomes part of `old`, which gets its folder and name; counters go on from those of `old`."""
    found = _foresee(transaction, old, new)
    before, key = _counters(transaction, old.id), {"old": old.id, "new": new.id}
    for table in _COUNTED:
        move = f"UPDATE {table} SET project_id = :old, counter = counter + :offset WHERE project_id = :new"  # noqa: S608  # as above
        transaction.change(move, {**key, "offset": before.get(table.removesuffix("s"), 0)})
    for table in _PLAIN:
        _move(transaction, table, key)
    transaction.change(
        "DELETE FROM datum_aliases WHERE project_id = :old"
        " AND name IN (SELECT name FROM datum_aliases WHERE project_id = :new)",
        key,
    )
    _move(transaction, "datum_aliases", key)
    for table, name in _OLDER_WINS.items():
        known = f"(SELECT {name} FROM {table} WHERE project_id = :old)"  # noqa: S608  # as above
        transaction.change(f"DELETE FROM {table} WHERE project_id = :new AND {name} IN {known}", key)  # noqa: S608
        _move(transaction, table, key)
    if transaction.rows("SELECT user_id FROM project_owners WHERE project_id = :old", {"old": old.id}):
        transaction.change("DELETE FROM project_owners WHERE project_id = :new", {"new": new.id})
    _move(transaction, "project_owners", key)
    for noun, value in _counters(transaction, new.id).items():
        total = {"project_id": old.id, "noun": noun, "value": before.get(noun, 0) + value}
        transaction.change(
            "INSERT INTO counters (project_id, noun, value) VALUES (:project_id, :noun, :value)"
            " ON CONFLICT (project_id, noun) DO UPDATE SET value = excluded.value",
            total,
        )
    transaction.change("DELETE FROM counters WHERE project_id = :new", {"new": new.id})
    transaction.change("DELETE FROM projects WHERE id = :new", {"new": new.id})
    _move_to(transaction, old.id, new.path, new.name)
    return found


def _move_to(transaction: Transaction, project_id: str, path: str, name: str) -> None:
    """The project is in this folder now, and has this name."""
    sql = "UPDATE projects SET path = :path, name = :name WHERE id = :id"
    transaction.change(sql, {"id": project_id, "path": path, "name": name})


def _move(transaction: Transaction, table: str, key: dict[str, str]) -> None:
    sql = f"UPDATE {table} SET project_id = :old WHERE project_id = :new"  # noqa: S608  # words of this file
    transaction.change(sql, key)


def _counters(transaction: Transaction, project_id: str) -> dict[str, int]:
    sql = "SELECT noun, value FROM counters WHERE project_id = :id"
    return {row["noun"]: int(row["value"]) for row in transaction.rows(sql, {"id": project_id})}
