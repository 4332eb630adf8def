"""Where a person looks at what a task of dev mode started here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localhai.executions.home import Home


def address_of(home: Home, execution_id: str) -> str:
    """The execution's page while a server of this home answers, else its folder, which browsers open by hand only."""
    from localhai.app.servers import page_of

    execution = home.execution(execution_id)
    page = page_of(home.folder, execution.record.project_id, "execution", execution.id)
    return page or execution.folder.absolute().as_uri()
