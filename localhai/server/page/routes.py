"""All that the page asks, in one list (page.md)."""

from __future__ import annotations

from localhai.server.page import sessions

ROUTERS = (sessions.routes,)
