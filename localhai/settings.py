"""One Settings object. Precedence: flag > variable (LOCALHAI_*) > the project's localhai.toml > the home's > default.

Every setting is declared once, as a field of `Settings` with its TOML place, its environment variable and how its value
is read; reading, documentation and precedence derive from that (`SPECS`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import force_setattr, replace

from localhai import setting_values as read
from localhai.errors import Position, Problem, ProjectError
from localhai.system.text import read_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

FILE_NAME = "localhai.toml"
PROJECTS = "projects"


class Spec(Struct, frozen=True, gc=False):
    """What a setting is: its place in localhai.toml, its variable, how a value is read, its sentence in the docs."""

    default: Any
    toml: str | None
    env: str | None
    cast: Callable[[Any, Path], Any]
    doc: str


_declared: list[Spec] = []  # in the order of the fields below


def _setting(
    default: Any, *, toml: str | None, env: str | None = None, cast: Callable[[Any, Path], Any] = read.text, doc: str
) -> Any:
    _declared.append(Spec(default, toml, env, cast, doc))
    return default


class Settings(Struct, frozen=True, kw_only=True):
    """Everything that can be set. Paths are absolute once loaded; those in localhai.toml start at its folder."""

    home: Path = _setting(
        Path("~/.localhai"),
        toml=None,
        env="LOCALHAI_HOME",
        cast=read.path,
        doc="one home for all projects: records, outputs, cache",
    )
    database_url: str | None = _setting(
        None, toml=None, env="LOCALHAI_DATABASE_URL", doc="records elsewhere than in SQLite: postgresql://..."
    )
    store: str | None = _setting(
        None,
        toml="store.url",
        env="LOCALHAI_STORE",
        cast=read.store,
        doc="where outputs are kept: a folder or s3://bucket/prefix; default HOME/store",
    )
    project_name: str | None = _setting(None, toml="project.name", doc="the project's name; default the folder's name")
    s3_folder: Path | None = _setting(
        None,
        toml="s3.folder",
        env="LOCALHAI_S3_FOLDER",
        cast=read.path,
        doc="serve s3:// from this folder (BUCKET/KEY...) with the embedded S3",
    )
    s3_endpoint_url: str | None = _setting(
        None, toml="s3.endpoint_url", env="AWS_ENDPOINT_URL", doc="an S3 of your own: MinIO, moto, LocalStack"
    )
    inputs: Mapping[str, str] = _setting(
        {},
        toml="inputs",
        cast=read.local_inputs,
        doc='stand-ins for inputs: "datum://0178..." = "samples/train.csv"; * matches',
    )
    images: Mapping[str, str] = _setting(
        {},
        toml="images",
        cast=read.mapping,
        doc='stand-ins for images: "tensorflow:2.6.1-gpu" = "tensorflow:2.6.1"; * matches',
    )
    environments: Mapping[str, str] = _setting(
        {},
        toml="environments",
        cast=read.mapping,
        doc='what environments may use here: "aws-eu-west-1-c5-xlarge" = "cpus=4, memory=8192"; * matches',
    )
    pull: str = _setting(
        "missing",
        toml="docker.pull",
        env="LOCALHAI_PULL",
        cast=read.one_of(*read.PULL_POLICIES),
        doc="missing, always or never",
    )
    files: str = _setting(
        "auto",
        toml="docker.files",
        env="LOCALHAI_FILES",
        cast=read.one_of(*read.FILE_WAYS),
        doc="how files reach containers: auto, bind or volumes",
    )
    triggers: Mapping[str, str] = _setting(
        {},
        toml="triggers",
        cast=read.mapping,
        doc='webhooks that code finds by title (valohai.triggers): "retrain" = "http://..."',
    )
    same_names: str = _setting(
        "last",
        toml="data.same_names",
        env="LOCALHAI_SAME_NAMES",
        cast=read.one_of(*read.SAME_NAMES),
        doc="of several files of one name in an input: last, as on Valohai, or all, numbered 1-NAME, 2-NAME",
    )
    patience: float = _setting(
        30.0,
        toml="data.patience",
        env="LOCALHAI_PATIENCE",
        cast=read.seconds,
        doc="seconds for which a source of inputs or a store that is busy or away is asked again",
    )
    network: str | None = _setting(
        None, toml="docker.network", env="LOCALHAI_NETWORK", doc="Docker network of the containers"
    )
    mounts: bool = _setting(
        False,
        toml="docker.mounts",
        env="LOCALHAI_MOUNTS",
        cast=read.boolean,
        doc="honour `mounts` of steps: they expose this machine",
    )
    package_cache: bool = _setting(
        True,
        toml="docker.package_cache",
        env="LOCALHAI_PACKAGE_CACHE",
        cast=read.boolean,
        doc="share pip, uv, conda and apt downloads",
    )
    shm_size: str | None = _setting(
        None,
        toml="docker.shm_size",
        env="LOCALHAI_SHM_SIZE",
        cast=read.form(r"\d+(\.\d+)?\s*([kmgt]i?)?b?", "a size such as 8g or 512m"),
        doc="size of /dev/shm: 8g, 512m; default half of the engine's memory",
    )
    gpus: str | None = _setting(
        None,
        toml="docker.gpus",
        env="LOCALHAI_GPUS",
        cast=read.form(r"all|\d+", "all or a number"),
        doc="GPUs of steps that ask for none by `resources.devices`: all, or how many",
    )
    ipc: str | None = _setting(
        None,
        toml="docker.ipc",
        cast=read.one_of("private", "shareable", "host", "none"),
        doc="IPC namespace: private, shareable, host or none",
    )
    runtime: str | None = _setting(None, toml="docker.runtime", doc="runtime of the engine, such as nvidia")
    ulimits: Mapping[str, str] = _setting(
        {},
        toml="docker.ulimits",
        cast=read.ulimits,
        doc='limits of processes: memlock = "-1", nofile = "1024:65536" (soft:hard)',
    )
    devices: Sequence[str] = _setting(
        (),
        toml="docker.devices",
        cast=read.words_like(r"/\S+", "path of a device"),
        doc='devices of this machine: ["/dev/kfd", "/dev/dri"], or HERE:INSIDE:rwm',
    )
    group_add: Sequence[str] = _setting(
        (),
        toml="docker.group_add",
        cast=read.words_like(r"[\w.-]+", "name or number of a group"),
        doc='further groups of the user: ["video"]',
    )
    cap_add: Sequence[str] = _setting(
        (),
        toml="docker.cap_add",
        cast=read.words_like(r"[A-Za-z_]+", "capability"),
        doc='capabilities of Linux: ["SYS_PTRACE"]',
    )
    stop_grace: float = _setting(
        10.0,
        toml="docker.stop_grace",
        env="LOCALHAI_STOP_GRACE",
        cast=read.seconds,
        doc="seconds from SIGTERM to SIGKILL",
    )
    host_timeout: float = _setting(
        60.0,
        toml=None,
        env="LOCALHAI_HOST_TIMEOUT",
        cast=read.seconds,
        doc="seconds without a sign of life after which others take a process of this machine for dead",
    )
    env_file: Path | None = _setting(
        None,
        toml="environment.file",
        env="LOCALHAI_ENV_FILE",
        cast=read.path,
        doc="NAME=value lines given to containers, masked",
    )
    environment_variables: Mapping[str, str] = _setting(
        {},
        toml="environment.variables",
        cast=read.mapping,
        doc="the project's environment variables, as set on the platform",
    )
    no_new_privileges: bool = _setting(
        True,
        toml="docker.no_new_privileges",
        env="LOCALHAI_NO_NEW_PRIVILEGES",
        cast=read.boolean,
        doc="no program in a container gains rights (setuid); false where steps need sudo",
    )
    pids_limit: int = _setting(
        16384,
        toml="docker.pids_limit",
        env="LOCALHAI_PIDS_LIMIT",
        cast=read.count,
        doc="processes and threads that a container may have at once; 0: as many as the machine bears",
    )
    serve_folders: tuple[Path, ...] = _setting(
        (),
        toml="serve.folders",
        env="LOCALHAI_SERVE_FOLDERS",
        cast=read.folders,
        doc="folders whose files clients of `serve` may name as inputs; default none. As a variable with : between",
    )
    serve_addresses: tuple[str, ...] = _setting(
        (),
        toml="serve.addresses",
        env="LOCALHAI_SERVE_ADDRESSES",
        cast=read.addresses,
        doc="addresses beside public ones that are asked for clients of `serve`: 10.1.0.0/16, or private for all",
    )
    serve_networks: tuple[str, ...] = _setting(
        (),
        toml="serve.docker_networks",
        env="LOCALHAI_SERVE_DOCKER_NETWORKS",
        cast=read.words,
        doc="Docker networks that clients of `serve` may name in VH_DOCKER_NETWORK; default none",
    )
    creator: str | None = _setting(
        None, toml="user.name", env="LOCALHAI_USER", doc="who runs executions; default the login name"
    )

    def served_by(self, server: Settings) -> Settings:
        """These of a project as a server takes them: where its home is and what clients may reach is its own say."""
        own = {name: getattr(server, name) for name in _OF_SERVERS}
        return replace(self, **own)

    @classmethod
    def load(
        cls,
        project_folder: Path | None = None,
        *,
        flags: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Settings:
        """Settings for a project folder (or none); the home may have a localhai.toml too.

        `flags` holds values given on the command line; None means unset.

        Raises ProjectError with a position when a localhai.toml is not TOML or has an unknown key or a value of the
        wrong type, and when an environment variable cannot be read as what its setting is.
        """
        environ = os.environ if environ is None else environ
        flags = flags or {}
        home = Path(flags.get("home") or environ.get("LOCALHAI_HOME") or SPECS["home"].default).expanduser().absolute()
        values = _of_home(home)
        if project_folder is not None:
            own = _from_toml(project_folder / FILE_NAME)
            tables = {name: {**own[name], **_others(values, name, own)} for name in TABLES & own.keys()}
            values.update({**own, **tables})
        for name, spec in SPECS.items():
            if spec.env and environ.get(spec.env):
                values[name] = _cast(name, environ[spec.env], f"${spec.env}", base=Path.cwd())
        values.update({name: value for name, value in flags.items() if value is not None})
        settings = cls(**values)
        force_setattr(settings, "home", Path(settings.home).expanduser().absolute())
        return settings


SPECS = dict(zip(Settings.__struct_fields__, _declared, strict=True))
TABLES = frozenset(name for name, spec in SPECS.items() if isinstance(spec.default, dict))


def read_projects(path: Path) -> dict[str, Path]:
    """`[projects]` of a localhai.toml: the folders of projects by name, for whoever knows only names, as Airflow does.

    Paths start at the folder of the file. Raises ProjectError for a file that cannot be read or holds anything else.
    """
    try:
        data = read.parse_toml(path, read_file(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError(f"{path} cannot be read: {error}", where=str(path)) from error
    try:
        named = read.mapping(data.get(PROJECTS, {}), path.parent)
    except TypeError as error:
        raise ProjectError(f"{PROJECTS} in {path}: {error}", where=str(path)) from error
    return {name: read.path(value, path.parent.absolute()) for name, value in named.items()}


def _of_home(home: Path) -> dict[str, Any]:
    """What holds for all projects of a home, unless theirs says otherwise."""
    try:
        values = _from_toml(home / FILE_NAME)
    except ProjectError as error:
        if isinstance(error.__cause__, PermissionError):  # it is said when the home is used
            return {}
        raise
    if "project_name" in values:
        where = str(home / FILE_NAME)
        raise ProjectError("project.name belongs into the localhai.toml of its project", where=where)
    return values


def _others(values: Mapping[str, Any], name: str, own: Mapping[str, Any]) -> dict[str, Any]:
    """What the home adds to a table of the project, behind it: of wildcards the first that fits counts."""
    return {key: value for key, value in values.get(name, {}).items() if key not in own[name]}


def _from_toml(path: Path) -> dict[str, Any]:
    try:
        text = read_file(path)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError(f"{path} cannot be read: {error}", where=str(path)) from error
    return _interpret(path, text, read.parse_toml(path, text))


def _interpret(path: Path, text: str, data: Mapping[str, Any]) -> dict[str, Any]:
    by_place = {spec.toml: name for name, spec in SPECS.items() if spec.toml}
    tables = {place for place, name in by_place.items() if name in TABLES}
    values: dict[str, Any] = {}
    for place, value in _leaves(data, tables):
        if place.split(".")[0] == PROJECTS:  # see read_projects
            continue
        if place not in by_place:
            raise _unknown_key(path, text, place, sorted(by_place))
        name = by_place[place]
        values[name] = _cast(name, value, f"{place} in {path}", base=path.parent.absolute())
    return values


def _leaves(data: Mapping[str, Any], tables: set[str], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in data.items():
        place = f"{prefix}{key}"
        if isinstance(value, dict) and place not in tables:
            found.extend(_leaves(value, tables, f"{place}."))
        else:
            found.append((place, value))
    return found


def _unknown_key(path: Path, text: str, place: str, known: list[str]) -> ProjectError:
    import difflib

    key = place.rsplit(".", 1)[-1]
    near = difflib.get_close_matches(place, known, n=1)
    hint = f"did you mean {near[0]}?" if near else "known: " + ", ".join(known)
    position = next(
        (
            Position(str(path), number, line.index(key) + 1, line)
            for number, line in enumerate(text.splitlines(), 1)
            if line.strip().startswith((key, f'"{key}"', f"[{place}"))
        ),
        None,
    )
    problem = Problem("error", f"{place} is not a setting of localhai", "unknown-setting", position, hint)
    return ProjectError(f"{place} is not a setting of localhai", problems=[problem], where=str(path), hints=[hint])


def _cast(name: str, value: Any, source: str, *, base: Path) -> Any:
    try:
        return SPECS[name].cast(value, base)
    except (TypeError, ValueError) as error:
        raise ProjectError(f"{source}: {error}", where=source) from error


_OPENS_THE_MACHINE = frozenset({"devices", "cap_add", "group_add", "ipc", "runtime"})
_OF_SERVERS = _OPENS_THE_MACHINE | {"home", "database_url", "serve_folders", "serve_addresses", "serve_networks"}
