"""What an endpoint of valohai.yaml means: its port, its server, its files (platform.md 1.12, 9). Pure."""

from __future__ import annotations

import posixpath
import shlex
from typing import TYPE_CHECKING, Any

from localhai.errors import ProjectError, UsageError
from localhai.project.faulty import find_sound, is_any_faulty
from localhai.project.names import unknown
from localhai.vocabulary import JOINER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from valohai_yaml.objs import Config

DEFAULT_PORT = 8000
SUPPORT = "/valohai/.localhai"  # what localhai adds for serving stands here


def find_endpoint(config: Config, wanted: str) -> dict[str, Any]:
    """The endpoint of that name or unambiguous beginning, as in valohai.yaml. Raises UsageError, ProjectError."""
    known = config.endpoints
    if not known and not is_any_faulty(config, "endpoint"):
        raise ProjectError("valohai.yaml has no endpoints", hints=["an endpoint needs a name, an image and a server"])
    return dict(known[find_sound(config, "endpoint", wanted)].serialize())


def port_of(definition: Mapping[str, Any]) -> int:
    """The port inside on which its server listens."""
    return int(definition.get("port") or DEFAULT_PORT)


def server_script(definition: Mapping[str, Any]) -> str:
    """The shell script that starts its server. Raises ProjectError when there is none to start."""
    command, target = definition.get("server-command"), definition.get("wsgi")
    if command:
        items = [command] if isinstance(command, str) else list(command)
        return JOINER.join(str(item) for item in items) + "\n"
    if target:
        python = "$(command -v python3 || command -v python || echo python)"
        return f"exec {python} {SUPPORT}/wsgi.py {shlex.quote(str(target))} {port_of(definition)}\n"
    name = definition["name"]
    raise ProjectError(
        f"endpoint {name} has neither `server-command` nor `wsgi`",
        where=f"endpoint {name}",
        hints=["add one: `server-command: python serve.py` or `wsgi: module:callable`"],
    )


def parse_files(words: Iterable[str], definitions: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """`NAME=URI` and `ENDPOINT.NAME=URI`, sorted by endpoint and file. Raises UsageError."""
    found: dict[str, dict[str, str]] = {str(item["name"]): {} for item in definitions}
    for word in words:
        name, equals, uri = word.partition("=")
        if not equals or not uri:
            raise UsageError(f"--file {word!r} is not NAME=URI", hints=["for example --file model=datum://my-alias"])
        targets = [item for item in definitions if name in file_names(item)]
        endpoint, dot, file = name.partition(".")
        if not targets and dot:
            targets = [item for item in definitions if item["name"] == endpoint and file in file_names(item)]
            name = file
        if not targets:
            known = [file for item in definitions for file in file_names(item)]
            raise unknown("file", "files", name, known, of=" of the endpoint")
        for item in targets:
            found[str(item["name"])][name] = uri
    return found


def check_files(definition: Mapping[str, Any], given: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """One URI for each file of an endpoint, in its order. Raises UsageError, ProjectError."""
    name = definition["name"]
    for file in given:
        if file not in file_names(definition):
            raise unknown("file", "files", file, file_names(definition), of=f" of endpoint {name}")
    missing = [file for file in file_names(definition) if not given.get(file)]
    if missing:
        raise UsageError(
            f"endpoint {name} needs files that are not given: {', '.join(missing)}",
            where=f"endpoint {name}",
            hints=[f"--file {file}=datum://ALIAS-OR-ID, a path, or a URI" for file in missing],
        )
    for file, uris in given.items():
        if len(uris) > 1:
            raise UsageError(f"file {file} of endpoint {name} is one file, and {len(uris)} are given for it")
    for item in definition.get("files", ()):
        place = posixpath.normpath(str(item["path"]))
        if place.startswith(("/", "../")) or place in {".", ".."}:
            raise ProjectError(
                f"path {item['path']!r} of file {item['name']} leads out of the working directory",
                where=f"endpoint {name}",
                hints=["give a path below it, such as models/model.pkl"],
            )
    return {file: given[file][0] for file in file_names(definition)}


def file_names(definition: Mapping[str, Any]) -> list[str]:
    """The names of an endpoint's files, in the order of valohai.yaml."""
    return [str(item["name"]) for item in definition.get("files") or ()]
