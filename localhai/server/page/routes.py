"""All that the page asks, in one list (page.md)."""

from __future__ import annotations

from localhai.server.page import executions, log, outputs, projects, sessions, stream

ROUTERS = (sessions.routes, projects.routes, executions.routes, log.routes, outputs.routes, stream.routes)
