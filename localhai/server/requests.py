"""What a client asks an execution to be, made into a plan (wire.md E18)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from localhai.app import start
from localhai.app.start import StartRequest
from localhai.executions.open_project import OpenProject
from localhai.executions.reading import require_allowed
from localhai.executions.run.context import Creator, RunOptions
from localhai.executions.run.secrets import read_env_file
from localhai.project.folder import ProjectFolder
from localhai.project.overrides import Overrides
from localhai.server.auth import require_own
from localhai.server.bodies import text
from localhai.server.code import code_of, config_of
from localhai.server.errors import field
from localhai.server.routes.environments import LOCAL
from localhai.server.runtime import limited
from localhai.system.text import path_of as shown_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from localhai.project.plan import ExecutionPlan
    from localhai.project.snapshot import Snapshot
    from localhai.records import ExecutionRecord, Project
    from localhai.records.server import User
    from localhai.server.state import State
    from localhai.settings import Settings

HIGHEST_PRIORITY = 10_000
PROJECT_DEFAULT = "PROJECT_DEFAULT"  # as clients say that they name no environment
_number_re = re.compile(r"-?[0-9]{1,12}")


def create(state: State, user: User, project: Project, body: Mapping[str, Any]) -> ExecutionRecord:
    """Queue one execution. Raises Refused, ProjectError, UsageError for what is wrong with the request."""
    code = code_of(state, project, _optional_text(body, "commit"))
    home = state.home_of(project)
    options = options_of(state, project, home.settings, requester=user.id)
    plan = plan_of(state, project, body, code, options)
    require_allowed(home, home.settings, plan, user.id)
    require_own(state, user, project, (uri for item in plan.inputs for uri in item.uris))
    creator = Creator(user.id, user.name)
    request = StartRequest(project, plan, code, home.settings, options, creator, _priority(body))
    record = start.enqueue(home, request)
    state.queue.wake()
    return record


def options_of(
    state: State, project: Project, settings: Settings, *, requester: str | None, inherits: bool = True
) -> RunOptions:
    """How the settings say that steps run; secret variables of the project are secrets like those of a file.

    `requester` is the id of the user who asks, as a record has it. Without `inherits` the project's variables are left
    out.
    """
    secrets = read_env_file(settings.env_file) if settings.env_file else {}
    variables = state.records.variables.list(project.id) if inherits else []
    secrets = {**secrets, **{item.name: item.value for item in variables if item.secret}}
    return RunOptions(
        pull=settings.pull,
        secrets=secrets,
        env_file=str(settings.env_file) if settings.env_file else None,
        package_cache=settings.package_cache,
        requester=requester,
        calls=lambda execution_id: state.calls.of(execution_id, settings.network),
    )


def plan_of(
    state: State, project: Project, body: Mapping[str, Any], code: Snapshot, options: RunOptions
) -> ExecutionPlan:
    """The plan of one execution of a commit."""
    plan = opened(state, project, code).plan(
        text(dict(body), "step"),
        overrides=overrides_of(body),
        secrets=tuple(options.secrets),
        config=config_of(state, code),
    )
    return replace(plan, commit=code.identifier, limits=limited(plan.limits, body))


def opened(
    state: State, project: Project, code: Snapshot, *, creator: str | None = None, inherits: bool = True
) -> OpenProject:
    """The project with its settings and those variables of it that are no secrets, over the code of a commit.

    Without `inherits` the project's variables are left out.
    """
    home = state.home_of(project)
    variables = state.records.variables.list(project.id) if inherits else []
    known = {item.name: item.value for item in variables if not item.secret}
    settings = replace(home.settings, environment_variables={**home.settings.environment_variables, **known})
    if creator is not None:
        settings = replace(settings, creator=creator)
    return OpenProject(home, ProjectFolder(path_of(project), project.name, path_of(project) / code.yaml), settings)


def overrides_of(body: Mapping[str, Any]) -> Overrides:
    """What a body changes of its step."""
    return Overrides(
        parameters={name: unwrapped(value) for name, value in mapping(body, "parameters").items()},
        inputs=_inputs(body),
        environment_variables=texts(body, "environment_variables"),
        environment_variable_groups=_strings(body, "environment_variable_groups"),
        image=_optional_text(body, "image"),
        environment=_environment(body),
        time_limit=_seconds(body),
        title=_optional_text(body, "title"),
        tags=_tags(body),
    )


def unwrapped(value: Any) -> Any:
    """A plain value: what the web page shows as a call wraps each into `{style: single, rules: {value}}`."""
    if isinstance(value, dict) and value.get("style") == "single" and isinstance(value.get("rules"), dict):
        return value["rules"].get("value")
    return value


def tags_of(body: Mapping[str, Any]) -> list[str]:
    """The field `tags`."""
    return _tags(body)


def path_of(project: Project) -> Path:
    """The project's folder."""
    return shown_path(project.path)


def mapping(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A field that is an object, {} where it is not given. Raises Refused."""
    found = body.get(name) or {}
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise field(name, "Expected an object.")
    return found


def texts(body: Mapping[str, Any], name: str) -> dict[str, str]:
    """A field that is an object of texts; what is null in it is left out. Raises Refused."""
    found = mapping(body, name)
    for key, value in found.items():
        if isinstance(value, (dict, list)) or "\0" in f"{key}{value}":
            raise field(name, f"{key}: a text is needed.")
    return {key: _worded(value) for key, value in found.items() if value is not None}


def _worded(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _inputs(body: Mapping[str, Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in mapping(body, "inputs").items():
        uris = [value] if isinstance(value, str) else value
        if not isinstance(uris, list) or not all(isinstance(uri, str) for uri in uris):
            raise field("inputs", f"{name}: a list of URIs is needed.")
        found[name] = uris
    return found


def _tags(body: Mapping[str, Any]) -> list[str]:
    found = body.get("tags") or []
    if not isinstance(found, list) or not all(isinstance(tag, str) and len(tag) <= 200 for tag in found):  # noqa: PLR2004  # as the page says
        raise field("tags", "Expected a list of texts of at most 200 characters.")
    return found


def _strings(body: Mapping[str, Any], name: str) -> list[str]:
    found = body.get(name) or []
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise field(name, "Expected a list of texts.")
    return found


def _environment(body: Mapping[str, Any]) -> str | None:
    """None for this machine, by whatever name it is meant: others run here too, but keep their names."""
    given = _optional_text(body, "environment")
    return None if given in {LOCAL["id"], LOCAL["slug"], PROJECT_DEFAULT} else given


def _optional_text(body: Mapping[str, Any], name: str) -> str | None:
    return text(dict(body), name, "") or None


def _seconds(body: Mapping[str, Any]) -> float | None:
    """None for 0: no limit of its own."""
    return float(number(body, "time_limit")) or None


def _priority(body: Mapping[str, Any]) -> int:
    found = number(body, "priority")
    if abs(found) > HIGHEST_PRIORITY:
        raise field("priority", f"A whole number of at most {HIGHEST_PRIORITY} is needed.")
    return found


def number(body: Mapping[str, Any], name: str) -> int:
    """A field that is a whole number, as JSON or as a form says it; 0 where it is not given."""
    value = body.get(name)
    if value is None or value == "":
        return 0
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, str)) or not _number_re.fullmatch(str(value)):
        raise field(name, "A whole number is needed.")
    return int(value)
