"""Who asked for an execution, and what the addresses of its inputs may reach because of that.

A client of the server's API is named in the record of what it asked for, and so in those of its nodes and children:
whoever goes on with one, after a restart too, resolves its addresses as that client's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.containers import limits
from localhai.data.access import EVERYTHING, NO_FILE, Access
from localhai.errors import UsageError
from localhai.executions.run.context import Creator

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from localhai.data.wanted import Reach
    from localhai.executions.home import Home
    from localhai.executions.run.context import RunContext
    from localhai.project.plan import ExecutionPlan
    from localhai.settings import Settings

REQUESTER = "requester"


def requester_of(document: Mapping[str, Any]) -> str | None:
    """The id of the client's user by whom something recorded was asked for; None: the person at this machine."""
    found = document.get(REQUESTER)
    return None if found is None else str(found)


def creator_of(document: Mapping[str, Any]) -> Creator | None:
    """That user, by whom and in whose name others go on with it; without a name where none was recorded."""
    requester = requester_of(document)
    return None if requester is None else Creator(requester, document.get("user") or document.get("creator") or "")


def recorded(requester: str | None) -> dict[str, str]:
    """What a record keeps of it."""
    return {} if requester is None else {REQUESTER: requester}


def asked_by(context: RunContext) -> str | None:
    """The same of an execution on its way."""
    return context.options.requester or requester_of(context.record.document)


def require_allowed(home: Home, settings: Settings, plan: ExecutionPlan, requester: str | None) -> None:
    """Raises UsageError for what a plan would open of this machine, beside its inputs, to a client."""
    if requester is None:
        return
    allowed = home.settings.serve_networks
    network = limits.foreign_network(plan.environment_variables, own=settings.network, allowed=allowed)
    if network is not None:
        raise UsageError(
            f"VH_DOCKER_NETWORK={network}: clients of the server name only networks that whoever runs it allows"
            " (--allow-docker-network)"
        )
    access = access_of(home, requester)
    shut = [mount.source for mount in plan.mounts if not access.may_read(mount.source)]
    if shut:
        raise UsageError(f"mount {shut[0]}: {NO_FILE}")


def access_of(home: Home, requester: str | None) -> Access:
    """What the addresses of one who asks may reach now: by the settings of the home, and whose projects are whose."""
    if requester is None:
        return EVERYTHING

    settings = home.settings
    store = str(settings.store or "")
    in_bucket = store.lower().startswith("s3://")
    return Access(
        folders=tuple(map(str, settings.serve_folders)),
        closed=tuple(map(str, (home.folder, *([] if in_bucket or not store else [store]), *_files_of(settings)))),
        networks=settings.serve_addresses,
        projects=home.records.users.visible(requester, home.records.projects.list()),
        store=store if in_bucket else None,
    )


def _files_of(settings: Settings) -> list[Path]:
    """What stays shut in a folder that is open: secrets of steps."""
    return [] if settings.env_file is None else [settings.env_file]


def reach_of(home: Home, settings: Settings, project_id: str, requester: str | None) -> Reach:
    """What the addresses of one execution are resolved with, for one who asks, in one project."""
    from localhai.executions.datums import Addresses

    access = access_of(home, requester)
    addresses = Addresses(home.records, project_id, readable=access.projects)
    return {
        "sources": home.sources_for(settings),
        "cache": home.data_cache,
        "prefetch": addresses.prefetch,
        "datum_lookup": addresses.datum,
        "version_lookup": addresses.files,
        "input_map": settings.inputs,
        "access": access,
    }
