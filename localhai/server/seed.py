"""What a server shall know from its start: users, projects, variables and data, from one file.

TOML or YAML, of the same shape; paths start at the folder of the file::

    [[users]]
    name = "ci"
    token = "..."                     # or token_variable = "CI_TOKEN"

    [[projects]]
    name = "demo"
    id = "0178b4f0-..."               # optional: for VALOHAI_PROJECT
    owner = "ci"                      # optional: the first user
    description = ""
    folder = "."                      # optional: its git commits run too
    environment_variables = { EPOCHS = "2", KEY = { value = "...", secret = true } }

    [[projects.data]]
    file = "samples/train.csv"
    name = "train.csv"                # optional: the file's name
    alias = "train"
    tags = ["small"]
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from msgspec import Struct

from localhai.errors import ProjectError
from localhai.executions.uploads import upload
from localhai.records.variables import Variable
from localhai.server import projects
from localhai.system.text import read_file
from localhai.vocabulary import is_variable

if TYPE_CHECKING:
    from localhai.records import DatumRecord, Project
    from localhai.records.users import User
    from localhai.server.state import State

SHORTEST_TOKEN = 8
LONGEST_NAME = 100


class SeededUser(Struct, frozen=True):
    """Somebody with a token."""

    name: str
    token: str


class SeededVariable(Struct, frozen=True):
    """An environment variable of a project."""

    name: str
    value: str
    secret: bool


class SeededDatum(Struct, frozen=True):
    """A file that a project knows as a datum."""

    file: Path
    name: str
    alias: str | None
    tags: tuple[str, ...]


class SeededProject(Struct, frozen=True):
    """A project. `owner` names a user, None is the first; `folder` is where its git repository is, None for nowhere."""

    name: str
    id: str | None
    owner: str | None
    description: str
    folder: Path | None
    variables: tuple[SeededVariable, ...]
    data: tuple[SeededDatum, ...]


class Seed(Struct, frozen=True):
    """A whole file."""

    users: tuple[SeededUser, ...]
    projects: tuple[SeededProject, ...]


def read(path: Path, environ: Mapping[str, str] = os.environ) -> Seed:
    """A file. Raises ProjectError that names the file and the place in it."""
    try:
        content = read_file(path)
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError(f"{path} cannot be read: {error}", where=str(path)) from error
    document = _toml(path, content) if path.suffix.lower() == ".toml" else _yaml(path, content)
    reader = _Reader(path, environ)
    known = reader.table(document, "the file", {"users", "projects"})
    users = tuple(reader.user(item, f"users[{number}]") for number, item in reader.rows(known, "users"))
    projects = tuple(reader.project(item, f"projects[{number}]") for number, item in reader.rows(known, "projects"))
    for words, found in (
        ("users have the name", [user.name for user in users]),
        ("users have the same token", [user.token for user in users]),
        ("projects have the id", [project.id for project in projects if project.id]),
    ):
        twice = next((item for item in found if found.count(item) > 1), None)
        if twice is not None:
            shown = "" if words.endswith("token") else f" {twice}"
            raise reader.wrong(f"two {words}{shown}")
    return Seed(users, projects)


def _toml(path: Path, content: str) -> Any:
    from localhai.setting_values import parse_toml

    return parse_toml(path, content)


def _yaml(path: Path, content: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(content) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        reason = getattr(error, "problem", None) or "it cannot be parsed"
        raise ProjectError(f"{path.name} is not valid YAML: {reason}", where=where) from error


class _Reader(Struct, frozen=True):
    path: Path
    environ: Mapping[str, str]

    def wrong(self, message: str, hint: str | None = None) -> ProjectError:
        return ProjectError(f"{self.path.name}: {message}", where=str(self.path), hints=[hint] if hint else [])

    def table(self, value: Any, place: str, keys: set[str]) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.wrong(f"{place} is not a table")
        for key in value:
            if key not in keys:
                near = difflib.get_close_matches(str(key), keys, n=1)
                hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(keys))}"
                raise self.wrong(f"{place} has an unknown key: {key}", hint)
        return value

    def rows(self, value: Mapping[str, Any], key: str) -> list[tuple[int, Any]]:
        found = value.get(key) or []
        if not isinstance(found, list):
            raise self.wrong(f"{key} is not a list")
        return list(enumerate(found, 1))

    def text(self, value: Mapping[str, Any], key: str, place: str, default: str | None = "") -> str:
        found = value.get(key, default)
        if not isinstance(found, str) or "\0" in found:
            raise self.wrong(f"{place}.{key} is missing" if found is None else f"{place}.{key} is not a text")
        return found

    def named(self, value: Mapping[str, Any], key: str, place: str) -> str:
        """A text that is given, and short."""
        found = self.text(value, key, place, None).strip()
        if not 0 < len(found) <= LONGEST_NAME:
            raise self.wrong(f"{place}.{key} has 1 to {LONGEST_NAME} characters")
        return found

    def secret(self, value: Mapping[str, Any], key: str, place: str) -> str:
        """`key`, or the value of the environment variable that `variable` names."""
        variable = "variable" if key == "value" else f"{key}_variable"
        if (key in value) == (variable in value):
            raise self.wrong(f"{place} needs either {key} or {variable}")
        if key in value:
            return self.text(value, key, place)
        name = self.text(value, variable, place)
        if name not in self.environ:
            raise self.wrong(f"{place}.{variable}: the environment variable {name} is not set")
        return self.environ[name]

    def user(self, value: Any, place: str) -> SeededUser:
        known = self.table(value, place, {"name", "token", "token_variable"})
        token = self.secret(known, "token", place)
        if len(token) < SHORTEST_TOKEN or token != token.strip():
            raise self.wrong(f"{place}.token is too short: a token has {SHORTEST_TOKEN} characters at least")
        return SeededUser(self.named(known, "name", place), token)

    def project(self, value: Any, place: str) -> SeededProject:
        keys = {"name", "id", "owner", "description", "folder", "environment_variables", "data"}
        known = self.table(value, place, keys)
        variables = known.get("environment_variables") or {}
        if not isinstance(variables, dict):
            raise self.wrong(f"{place}.environment_variables is not a table")
        return SeededProject(
            name=self.named(known, "name", place),
            id=self._id(known, place),
            owner=self.text(known, "owner", place) or None,
            description=self.text(known, "description", place),
            folder=self._path(known, "folder", place, Path.is_dir) if known.get("folder") else None,
            variables=tuple(self.variable(name, item, place) for name, item in variables.items()),
            data=tuple(self.datum(item, f"{place}.data[{number}]") for number, item in self.rows(known, "data")),
        )

    def _id(self, value: Mapping[str, Any], place: str) -> str | None:
        if not value.get("id"):
            return None
        try:
            return str(UUID(self.text(value, "id", place)))
        except ValueError:
            raise self.wrong(f"{place}.id is not a UUID") from None

    def variable(self, name: Any, value: Any, place: str) -> SeededVariable:
        if not isinstance(name, str) or not is_variable(name):
            raise self.wrong(f"{place}.environment_variables: {name!r} is not the name of an environment variable")
        place = f"{place}.environment_variables.{name}"
        if isinstance(value, str):
            return SeededVariable(name, value, False)
        if isinstance(value, bool) or not isinstance(value, (int, float, dict)):
            raise self.wrong(f"{place} is not a text, nor a table")
        if not isinstance(value, dict):
            return SeededVariable(name, str(value), False)
        known = self.table(value, place, {"value", "variable", "secret"})
        secret = known.get("secret", False)
        if not isinstance(secret, bool):
            raise self.wrong(f"{place}.secret is not true or false")
        return SeededVariable(name, self.secret(known, "value", place), secret)

    def datum(self, value: Any, place: str) -> SeededDatum:
        known = self.table(value, place, {"file", "name", "alias", "tags"})
        file = self._path(known, "file", place, Path.is_file)
        tags = known.get("tags") or []
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            raise self.wrong(f"{place}.tags is not a list of texts")
        name, alias = self.text(known, "name", place), self.text(known, "alias", place)
        return SeededDatum(file, name or file.name, alias or None, tuple(tags))

    def _path(self, value: Mapping[str, Any], key: str, place: str, right: Callable[[Path], bool]) -> Path:
        path = Path(os.path.abspath(self.path.parent / Path(self.text(value, key, place, None)).expanduser()))
        if not right(path):
            raise self.wrong(f"{place}.{key}: {path} is not there, or no {key}")
        return path


def plant_users(state: State, seed: Seed) -> None:
    """Give every user their token. Raises ProjectError for one that is another's."""
    for item in seed.users:
        other = state.records.users.of_token(item.token)
        if other is not None and other.name != item.name:
            raise ProjectError(f"the seed gives {item.name} the token of {other.name}")
        state.records.users.put(item.name, item.token)


def plant_projects(state: State, seed: Seed) -> list[Project]:
    """Make the projects with what is in them; call `plant_users` first. Raises ProjectError, SurroundingsError."""
    return [_plant(state, item) for item in seed.projects]


def _plant(state: State, item: SeededProject) -> Project:
    user = state.records.users.named(item.owner) if item.owner else state.records.users.list()[0]
    if user is None:
        raise ProjectError(f"the seed gives {item.name} to {item.owner}, whom nobody knows")
    row = _project(state, user, item)
    for variable in item.variables:
        state.records.variables.set(row.id, Variable(variable.name, variable.value, variable.secret))
    for wanted in item.data:
        _datum(state, row, wanted)
    return row


def _project(state: State, user: User, item: SeededProject) -> Project:
    records = state.home.records
    every = records.projects.list()
    known = [row for row in every if (row.path == str(item.folder) if item.folder else row.id == item.id)]
    if not item.folder:
        known = known or [row for row in state.projects_of(user) if row.name == item.name]
    if item.folder and item.id and any(row.id == item.id and row not in known for row in every):
        raise ProjectError(f"the id of the project {item.name} of the seed is another project's")
    if known and item.id and known[0].id != item.id:
        raise ProjectError(f"the project {item.name} of the seed has another id already: {known[0].id}")
    if item.folder:
        if item.id:
            state.records.projects.put(item.id, str(item.folder), item.name)
        row = records.projects.of_folder(item.folder, item.name)
    elif known:
        row = records.projects.of_folder(known[0].path, item.name)
    else:
        row = projects.make(state, user, item.name, item.description, project_id=item.id)
    state.records.users.own(row.id, user.id, item.description)
    return row


def _datum(state: State, project: Project, item: SeededDatum) -> None:
    found = _same(state, project, item)
    if found is None:
        found = upload(state.home_of(project), project, item.file, item.name, tags=item.tags)
    if item.alias:
        state.home.records.aliases.point(project.id, item.alias, found.id)


def _same(state: State, project: Project, item: SeededDatum) -> DatumRecord | None:
    """An upload of that name with those bytes."""
    from localhai.data import checksums

    known = state.home.records.data.list(project.id, name=item.name, purged=False, limit=None)
    known = [row for row in known if row.name == item.name and row.execution_id is None]
    if not known:
        return None
    wanted = checksums.of_file(item.file).sha256
    return next((row for row in known if row.sha256 == wanted), None)
