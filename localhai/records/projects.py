"""Projects: folders with a valohai.yaml, known by path, looked up by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from localhai.errors import UsageError
from localhai.records import joining
from localhai.records.access import NounRecords
from localhai.records.database import statement, storable
from localhai.records.ids import new_id
from localhai.records.rows import Project

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from localhai.records.database import Transaction
    from localhai.records.joining import Joined


class ProjectRecords(NounRecords):
    """The projects' part of Records."""

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
                joining.move_to(transaction, earlier.id, str(wanted["path"]), str(wanted["name"]))
            if shared:
                transaction.rows("SELECT pg_advisory_xact_lock(hashtext(:name))", {"name": wanted["name"]})
                other = _of_folder(transaction, wanted, shared=True)
                if other is not None and other.name == wanted["name"]:
                    return other
            transaction.change(
                "INSERT INTO projects (id, name, path, created) VALUES (:id, :name, :path, :created)"
                " ON CONFLICT (path) DO UPDATE SET name = excluded.name",
                values,
            )
            return _select(transaction, "WHERE path = :path", path=wanted["path"])[0]

        return self._write(work)

    def foresee_join(self, old: Project, new: Project) -> Joined:
        """What `join_projects` would do. Raises UsageError for what stands against it."""
        return self._read(lambda transaction: joining.foresee(transaction, old, new))

    def join(self, old: Project, new: Project) -> Joined:
        """All of `new` becomes part of `old`, which is in the folder of `new` from now on. Raises UsageError."""

        def work(transaction: Transaction, again: bool) -> Joined:
            if again and not _select(transaction, "WHERE id = :id", id=new.id):
                return foreseen
            return joining.join(transaction, old, new)

        foreseen = self.foresee_join(old, new)
        return self._write(work)

    def put(self, project_id: str, path: str, name: str) -> None:
        """Make a project whose id somebody chose; one of that id or path stays as it is."""
        values = {"id": project_id, "path": storable(path), "name": storable(name), "created": self._now()}
        self._write(
            lambda transaction, _again: transaction.change(
                "INSERT INTO projects (id, name, path, created) VALUES (:id, :name, :path, :created)"
                " ON CONFLICT DO NOTHING",
                values,
            )
        )

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
    rows = transaction.rows(
        statement("SELECT id, name, path, created FROM projects", where, "ORDER BY name, path"), parameters
    )
    return [Project(**row) for row in rows]
