"""The one kind of JSON answer that the server gives: a strict document."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse

from localhai.system import strict_json


class Json(JSONResponse):
    """As JSONResponse, by the encoder that all of localhai uses."""

    def render(self, content: Any) -> bytes:
        return strict_json.encode(content, compact=True, ascii=False)
