"""One execution, and what is done with one or many: stopped, deleted, tagged (page.md 4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from msgspec import Struct
from starlette.responses import Response

from localhai.app.details import Turns, details
from localhai.app.stop import stop_execution
from localhai.errors import LocalhaiError
from localhai.executions.delete import delete as forget
from localhai.executions.execution import Execution
from localhai.records import ExecutionRecord
from localhai.server.bodies import Flag, Reads, Tags, listed, reading
from localhai.server.errors import field, without_places
from localhai.server.page.answers import Answer, Told, router
from localhai.server.page.outputs import kind_of
from localhai.server.page.visitors import LONGEST, Visiting, Visitor, execution_of, is_first
from localhai.server.state import Shared, State
from localhai.vocabulary import INCOMPLETE

routes = router()
MOST = 1000  # executions of one request


def _is_id(item: Any) -> bool:
    return isinstance(item, str) and 0 < len(item) <= LONGEST


def _ids(name: str, value: Any) -> list[str]:
    found: list[str] = listed("A list of ids is needed.", _is_id, name, value)
    if not 0 < len(found) <= MOST:
        raise field(name, f"A list of 1 to {MOST} ids is needed.")
    return list(dict.fromkeys(found))


Ids = Annotated[list[str], Reads(_ids)]


class StopBody(Struct):
    """Which."""

    ids: Ids


class DeleteBody(Struct):
    """Whether the bytes of outputs go too; else they stay as data of the project."""

    outputs: Flag = False


class DeleteManyBody(DeleteBody, kw_only=True):
    """And which."""

    ids: Ids


class SetTagsBody(Struct):
    """These and no others."""

    tags: Tags


class TagManyBody(Struct):
    """What each of them gets and loses."""

    ids: Ids
    add: Tags = []
    remove: Tags = []


@routes.post("/executions/stop/")
def stop_many(visitor: Visiting, state: Shared, body: Annotated[StopBody, reading(StopBody)]) -> Response:
    """Those that have ended stay as they are."""
    return _each(state, visitor, body.ids, lambda row: _stop(state, row))


@routes.post("/executions/delete/")
def delete_many(visitor: Visiting, state: Shared, body: Annotated[DeleteManyBody, reading(DeleteManyBody)]) -> Response:
    """Those that run are refused."""
    return _each(state, visitor, body.ids, lambda row: _delete(state, row, outputs=body.outputs))


@routes.post("/executions/tags/")
def tag_many(visitor: Visiting, state: Shared, body: Annotated[TagManyBody, reading(TagManyBody)]) -> Response:
    """Add tags, and take some away."""
    gone = set(body.remove)

    def tag(row: ExecutionRecord) -> None:
        tags = [tag for tag in dict.fromkeys([*row.tags, *body.add]) if tag not in gone]
        state.home.records.executions.update(row.id, tags=tags)

    return _each(state, visitor, body.ids, tag)


@routes.get("/executions/{reference}/")
def execution(visitor: Visiting, state: Shared, reference: str, project: str | None = None) -> Response:
    """All that is known of one."""
    return Answer(shown(state, visitor, execution_of(state, visitor, reference, project)))


@routes.post("/executions/{reference}/stop/")
def stop(visitor: Visiting, state: Shared, reference: str, project: str | None = None) -> Response:
    """Ask it to stop; one that has ended stays as it is."""
    row = execution_of(state, visitor, reference, project)
    _stop(state, row)
    return Answer({"status": str(state.home.records.executions.get(row.id).status)})


@routes.post("/executions/{reference}/delete/")
def delete(
    visitor: Visiting,
    state: Shared,
    reference: str,
    body: Annotated[DeleteBody, reading(DeleteBody)],
    project: str | None = None,
) -> Response:
    """Forget one that has ended: its record, its log, and its outputs if asked."""
    _delete(state, execution_of(state, visitor, reference, project), outputs=body.outputs)
    return Response(status_code=204)


@routes.post("/executions/{reference}/tags/")
def tags(
    visitor: Visiting,
    state: Shared,
    reference: str,
    body: Annotated[SetTagsBody, reading(SetTagsBody)],
    project: str | None = None,
) -> Response:
    """Give it these tags and no others."""
    row = execution_of(state, visitor, reference, project)
    return Answer({"tags": list(state.home.records.executions.update(row.id, tags=body.tags).tags)})


@routes.get("/executions/{reference}/outputs/")
def outputs(visitor: Visiting, state: Shared, reference: str, project: str | None = None) -> Response:
    """What it put out, in that order."""
    row = execution_of(state, visitor, reference, project)
    own = is_first(state, visitor.user)
    return Answer([_output(item, own=own) for item in Execution(state.home, row).outputs])


def shown(state: State, visitor: Visitor, row: ExecutionRecord) -> dict[str, Any]:
    """The details of an execution for one who may see it."""
    found = details(state.home, row, Turns(state.queue.running(), state.jobs))
    own = is_first(state, visitor.user)
    return {**found, "outputs": [_output(item, own=own) for item in found["outputs"]]}


def _output(item: dict[str, Any], *, own: bool) -> dict[str, Any]:
    """Where its file is, is for who made the home."""
    where = {} if own else {"path": None, "uri": None}
    return {**item, "kind": kind_of(item["name"]), **where}


def _stop(state: State, row: ExecutionRecord) -> None:
    if row.status in INCOMPLETE:
        stop_execution(state.home, row)


def _delete(state: State, row: ExecutionRecord, *, outputs: bool) -> None:
    """Raises Told for one that runs, UsageError, FilesNotHere."""
    if row.status in INCOMPLETE:
        raise Told(409, f"Execution #{row.counter} is {row.status}.", ("stop it first, then delete it",))
    home = state.home_of(state.project(row.project_id))
    forget(home, Execution(home, row), keep_outputs=not outputs)


def _each(state: State, visitor: Visitor, ids: list[str], action: Callable[[ExecutionRecord], None]) -> Answer:
    """`{done, refused}`: what cannot be done with one keeps none of the others from it."""

    def refusal(key: str) -> str | None:
        try:
            action(execution_of(state, visitor, key))
        except (Told, LocalhaiError) as error:
            return error.message
        return None

    refusals = {key: refusal(key) for key in ids}
    refused = [{"id": key, "message": message} for key, message in refusals.items() if message is not None]
    done = [key for key, message in refusals.items() if message is None]
    return Answer({"done": done, "refused": without_places(state.home, refused)})
