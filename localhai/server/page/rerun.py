"""An execution again, with some values changed: the same code, values and data but for these (page.md 4.7)."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Struct
from starlette.responses import Response

from localhai.app.rerun import execution_again
from localhai.app.start import start_execution
from localhai.errors import UsageError
from localhai.executions.execution import Execution
from localhai.executions.reading import require_allowed
from localhai.executions.run.context import Creator
from localhai.executions.run.runner import ExecutionStart
from localhai.project.overrides import Overrides
from localhai.records import ExecutionRecord
from localhai.server.auth import require_own
from localhai.server.bodies import Name, Object, Tags, reading
from localhai.server.code import open_commit
from localhai.server.errors import Refused
from localhai.server.page.answers import Answer, Told, router
from localhai.server.page.visitors import Visiting, Visitor, execution_of
from localhai.server.state import Shared, State

routes = router()


class RerunBody(Struct):
    """What is another; the rest is as it was."""

    parameters: Object = {}
    title: Name = ""
    tags: Tags = []


@routes.post("/executions/{reference}/rerun/")
def rerun(
    visitor: Visiting,
    state: Shared,
    reference: str,
    body: Annotated[RerunBody, reading(RerunBody)],
    project: str | None = None,
) -> Response:
    """Let it wait for its turn on this server."""
    row = execution_of(state, visitor, reference, project)
    made = _queued(state, visitor, row, body)
    return Answer({"id": made.id, "counter": made.counter}, 201)


def _queued(state: State, visitor: Visitor, row: ExecutionRecord, body: RerunBody) -> ExecutionRecord:
    """Raises Told, ProjectError, UsageError, FilesNotHere."""
    project, user = state.project(row.project_id), visitor.user
    try:
        commit = open_commit(state, project, row.commit)
    except Refused:
        hints = (f"localhai rerun {row.counter} --current runs the files of your folder as they are now",)
        raise Told(409, f"The code that execution #{row.counter} ran with is not here any more.", hints) from None
    home, options, config = commit.source.home, commit.options(Creator(user.id, user.name)), commit.config
    secrets = tuple(options.secrets)
    overrides = execution_again(Execution(state.home, row), config, _changes(body), secrets=secrets)
    plan = commit.source.plan(row.step, overrides=overrides, secrets=secrets, config=config)
    try:
        require_allowed(home, home.settings, plan, user.id)
        require_own(state, user, project, (uri for item in plan.inputs for uri in item.uris))
    except (Refused, UsageError) as error:
        message = error.message if isinstance(error, UsageError) else _of_inputs(error.body)
        raise Told(400, message, (f"in a terminal: localhai rerun {row.counter}",)) from None
    return start_execution(ExecutionStart(commit.source, plan, commit.code, options), state.queue)


def _changes(body: RerunBody) -> Overrides:
    return Overrides(parameters=body.parameters, title=body.title or None, tags=tuple(body.tags))


def _of_inputs(body: Any) -> str:
    return "; ".join(str(problem["message"]) for problems in body.values() for problem in problems)
