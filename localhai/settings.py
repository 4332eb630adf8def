"""One Settings object. Precedence: flag > environment (LOCALHAI_*) > localhai.toml > default.

Every setting is declared once, as a field of `Settings` with its TOML place and its environment variable; reading,
documentation and precedence derive from that.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localhai.errors import Position, Problem, ProjectError
from localhai.system.text import clean, read_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FILE_NAME = "localhai.toml"
PROJECTS = "projects"

PULL_POLICIES = ("missing", "always", "never")
FILE_WAYS = ("auto", "bind", "volumes")
SAME_NAMES = ("last", "all")


def _setting(default: Any, *, toml: str | None, env: str | None = None, doc: str) -> Any:
    metadata = {"toml": toml, "env": env, "doc": doc}
    if isinstance(default, dict):
        return field(default_factory=dict, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """Everything that can be set. Paths are absolute once loaded; those in localhai.toml start at its folder."""

    home: Path = _setting(
        Path("~/.localhai"), toml=None, env="LOCALHAI_HOME", doc="one home for all projects: records, outputs, cache"
    )
    database_url: str | None = _setting(
        None, toml=None, env="LOCALHAI_DATABASE_URL", doc="records elsewhere than in SQLite: postgresql://..."
    )
    store: str | None = _setting(
        None,
        toml="store.url",
        env="LOCALHAI_STORE",
        doc="where outputs are kept: a folder or s3://bucket/prefix; default HOME/store",
    )
    project_name: str | None = _setting(None, toml="project.name", doc="the project's name; default the folder's name")
    s3_folder: Path | None = _setting(
        None,
        toml="s3.folder",
        env="LOCALHAI_S3_FOLDER",
        doc="serve s3:// from this folder (BUCKET/KEY...) with the embedded S3",
    )
    s3_endpoint_url: str | None = _setting(
        None, toml="s3.endpoint_url", env="AWS_ENDPOINT_URL", doc="an S3 of your own: MinIO, moto, LocalStack"
    )
    inputs: Mapping[str, str] = _setting(
        {}, toml="inputs", doc='stand-ins for inputs: "datum://0178..." = "samples/train.csv"; * matches'
    )
    images: Mapping[str, str] = _setting(
        {}, toml="images", doc='stand-ins for images: "tensorflow:2.6.1-gpu" = "tensorflow:2.6.1"; * matches'
    )
    environments: Mapping[str, str] = _setting(
        {},
        toml="environments",
        doc='what environments may use here: "aws-eu-west-1-c5-xlarge" = "cpus=4, memory=8192"; * matches',
    )
    pull: str = _setting("missing", toml="docker.pull", env="LOCALHAI_PULL", doc="missing, always or never")
    files: str = _setting(
        "auto", toml="docker.files", env="LOCALHAI_FILES", doc="how files reach containers: auto, bind or volumes"
    )
    triggers: Mapping[str, str] = _setting(
        {}, toml="triggers", doc='webhooks that code finds by title (valohai.triggers): "retrain" = "http://..."'
    )
    same_names: str = _setting(
        "last",
        toml="data.same_names",
        env="LOCALHAI_SAME_NAMES",
        doc="of several files of one name in an input: last, as on Valohai, or all, numbered 1-NAME, 2-NAME",
    )
    patience: float = _setting(
        30.0,
        toml="data.patience",
        env="LOCALHAI_PATIENCE",
        doc="seconds for which a source of inputs or a store that is busy or away is asked again",
    )
    network: str | None = _setting(
        None, toml="docker.network", env="LOCALHAI_NETWORK", doc="Docker network of the containers"
    )
    mounts: bool = _setting(
        False, toml="docker.mounts", env="LOCALHAI_MOUNTS", doc="honour `mounts` of steps: they expose this machine"
    )
    package_cache: bool = _setting(
        True, toml="docker.package_cache", env="LOCALHAI_PACKAGE_CACHE", doc="share pip, uv, conda and apt downloads"
    )
    stop_grace: float = _setting(
        10.0, toml="docker.stop_grace", env="LOCALHAI_STOP_GRACE", doc="seconds from SIGTERM to SIGKILL"
    )
    host_timeout: float = _setting(
        60.0,
        toml=None,
        env="LOCALHAI_HOST_TIMEOUT",
        doc="seconds without a sign of life after which a process on another machine is taken for dead",
    )
    env_file: Path | None = _setting(
        None, toml="environment.file", env="LOCALHAI_ENV_FILE", doc="NAME=value lines given to containers, masked"
    )
    environment_variables: Mapping[str, str] = _setting(
        {}, toml="environment.variables", doc="the project's environment variables, as set on the platform"
    )
    no_new_privileges: bool = _setting(
        True,
        toml="docker.no_new_privileges",
        env="LOCALHAI_NO_NEW_PRIVILEGES",
        doc="no program in a container gains rights (setuid); false where steps need sudo",
    )
    pids_limit: int = _setting(
        16384,
        toml="docker.pids_limit",
        env="LOCALHAI_PIDS_LIMIT",
        doc="processes and threads that a container may have at once; 0: as many as the machine bears",
    )
    serve_folders: tuple[Path, ...] = _setting(
        (),
        toml="serve.folders",
        env="LOCALHAI_SERVE_FOLDERS",
        doc="folders whose files clients of `serve` may name as inputs; default none. As a variable with : between",
    )
    serve_addresses: tuple[str, ...] = _setting(
        (),
        toml="serve.addresses",
        env="LOCALHAI_SERVE_ADDRESSES",
        doc="addresses beside public ones that are asked for clients of `serve`: 10.1.0.0/16, or private for all",
    )
    serve_networks: tuple[str, ...] = _setting(
        (),
        toml="serve.docker_networks",
        env="LOCALHAI_SERVE_DOCKER_NETWORKS",
        doc="Docker networks that clients of `serve` may name in VH_DOCKER_NETWORK; default none",
    )
    creator: str | None = _setting(
        None, toml="user.name", env="LOCALHAI_USER", doc="who runs executions; default the login name"
    )

    def served_by(self, server: Settings) -> Settings:
        """These of a project as a server takes them: where its home is and what clients may reach is its own say."""
        own = {spec.name: getattr(server, spec.name) for spec in fields(self) if spec.name in _OF_SERVERS}
        return replace(self, **own)

    @classmethod
    def load(
        cls,
        project_folder: Path | None = None,
        *,
        flags: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Settings:
        """Settings for a project folder (or none). `flags` holds values given on the command line; None means unset.

        Raises ProjectError with a position when localhai.toml is not TOML or has an unknown key or a value of the
        wrong type, and when an environment variable cannot be read as what its setting is.
        """
        environ = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        if project_folder is not None:
            values.update(_from_toml(project_folder / FILE_NAME))
        for spec in fields(cls):
            name = spec.metadata["env"]
            if name and environ.get(name):
                values[spec.name] = _cast(spec.name, environ[name], f"${name}", base=Path.cwd())
        values.update({name: value for name, value in (flags or {}).items() if value is not None})
        settings = cls(**values)
        object.__setattr__(settings, "home", Path(settings.home).expanduser().absolute())
        return settings


def read_projects(path: Path) -> dict[str, Path]:
    """`[projects]` of a localhai.toml: the folders of projects by name, for whoever knows only names, as Airflow does.

    Paths start at the folder of the file. Raises ProjectError for a file that cannot be read or holds anything else.
    """
    try:
        data = parse_toml(path, read_file(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError(f"{path} cannot be read: {error}", where=str(path)) from error
    try:
        named = _mapping(data.get(PROJECTS, {}), path.parent)
    except TypeError as error:
        raise ProjectError(f"{PROJECTS} in {path}: {error}", where=str(path)) from error
    return {name: _path(value, path.parent.absolute()) for name, value in named.items()}


def _from_toml(path: Path) -> dict[str, Any]:
    try:
        text = read_file(path)
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError(f"{path} cannot be read: {error}", where=str(path)) from error
    return _interpret(path, text, parse_toml(path, text))


def parse_toml(path: Path, text: str) -> dict[str, Any]:
    """The text of a TOML file. Raises ProjectError with its line and column."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        data: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problem = Problem("error", f"not valid TOML: {error}", "toml-syntax", _toml_position(path, text, str(error)))
        raise ProjectError(f"{path.name} is not valid TOML: {error}", problems=[problem], where=str(path)) from error
    return data


def _toml_position(path: Path, text: str, message: str) -> Position | None:
    import re

    match = re.search(r"line (\d+), column (\d+)", message)
    if match is None:
        return None
    line, column = int(match[1]), int(match[2])
    lines = text.splitlines()
    return Position(str(path), line, column, lines[line - 1] if line <= len(lines) else "")


def _interpret(path: Path, text: str, data: Mapping[str, Any]) -> dict[str, Any]:
    by_place = {spec.metadata["toml"]: spec.name for spec in fields(Settings) if spec.metadata["toml"]}
    tables = {place for place, name in by_place.items() if name in _MAPPINGS}
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
        return _CASTS[name](value, base) if name in _CASTS else _text(value, base)
    except (TypeError, ValueError) as error:
        raise ProjectError(f"{source}: {error}", where=source) from error


def _text(value: Any, _base: Path) -> str:
    return clean(_as_given(value))


def _as_given(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"text is needed, not {value!r}")
    return value


def _path(value: Any, base: Path) -> Path:
    return (base / Path(_as_given(value)).expanduser()).absolute()


def _boolean(value: Any, _base: Path) -> bool:
    if isinstance(value, bool):
        return value
    known = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if isinstance(value, str) and value.lower() in known:
        return known[value.lower()]
    raise ValueError(f"true or false is needed, not {value!r}")


def _seconds(value: Any, _base: Path) -> float:
    wrong = f"a number of seconds is needed, not {value!r}"
    try:
        seconds = float(value)
    except (TypeError, ValueError) as error:
        raise ValueError(wrong) from error
    if isinstance(value, bool) or not 0 <= seconds < float("inf"):
        raise ValueError(wrong)
    return seconds


def _count(value: Any, _base: Path) -> int:
    if isinstance(value, bool) or not str(value).strip().isdecimal():
        raise ValueError(f"a whole number from 0 is needed, not {value!r}")
    return int(value)


def _folders(value: Any, base: Path) -> tuple[Path, ...]:
    items = value.split(os.pathsep) if isinstance(value, str) else value
    return tuple(_path(word, base) for word in _words(items, base))


def _addresses(value: Any, base: Path) -> tuple[str, ...]:
    from localhai.system.networks import networks

    return tuple(network for word in _words(value, base) for network in networks(word))


def _words(value: Any, base: Path) -> tuple[str, ...]:
    """A list of texts; a variable has them in one, with spaces or commas between."""
    found = value.replace(",", " ").split() if isinstance(value, str) else value
    if not isinstance(found, (list, tuple)):
        raise TypeError(f"a list of texts is needed, not {value!r}")
    return tuple(word.strip() for word in (_text(item, base) for item in found) if word.strip())


def _mapping(value: Any, _base: Path) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError(f"a table of texts is needed, not {value!r}")
    for key, item in value.items():
        if not isinstance(item, str):
            raise TypeError(f"{key}: text is needed, not {item!r}")
    return dict(value)


def _one_of(*allowed: str) -> Callable[[Any, Path], str]:
    def cast(value: Any, _base: Path) -> str:
        if value not in allowed:
            raise ValueError(f"one of {', '.join(allowed)} is needed, not {value!r}")
        return str(value)

    return cast


def _local_inputs(value: Any, base: Path) -> dict[str, str]:
    """Stand-ins without a scheme are paths that start at the folder of localhai.toml."""
    found = _mapping(value, base)
    return {uri: target if "://" in target else str(_path(target, base)) for uri, target in found.items()}


def _store(value: Any, base: Path) -> str:
    text = _as_given(value)
    return clean(text) if "://" in text else str(_path(text, base))


_OF_SERVERS = frozenset({"home", "database_url", "serve_folders", "serve_addresses", "serve_networks"})
_MAPPINGS = frozenset({"inputs", "images", "environment_variables", "environments", "triggers"})
_CASTS: dict[str, Callable[[Any, Path], Any]] = {
    "home": _path,
    "store": _store,
    "s3_folder": _path,
    "env_file": _path,
    "inputs": _local_inputs,
    "images": _mapping,
    "environment_variables": _mapping,
    "environments": _mapping,
    "triggers": _mapping,
    "pull": _one_of(*PULL_POLICIES),
    "files": _one_of(*FILE_WAYS),
    "same_names": _one_of(*SAME_NAMES),
    "mounts": _boolean,
    "package_cache": _boolean,
    "no_new_privileges": _boolean,
    "pids_limit": _count,
    "serve_folders": _folders,
    "serve_addresses": _addresses,
    "serve_networks": _words,
    "stop_grace": _seconds,
    "host_timeout": _seconds,
    "patience": _seconds,
}
