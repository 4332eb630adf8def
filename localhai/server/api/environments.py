"""Environments: here there is one, this machine (wire.md 3.6)."""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_URL, uuid5

from fastapi import APIRouter

from localhai.server.pagination import OnePage
from localhai.server.tokens import Asking

router = APIRouter(prefix="/environments", tags=["environments"])

LOCAL = {
    "id": str(uuid5(NAMESPACE_URL, "localhai:environment:local")),
    "name": "This machine",
    "slug": "local",
    "description": "The Docker Engine that localhai uses",
    "enabled": True,
    "type": "vm",
    "provider": "local",
    "has_gpu": False,
    "gpu_spec": "",
    "spot": False,
    "supports_priority": True,
    "allow_personal_usage": True,
    "owner": None,
    "per_hour_price_usd": "0.00",
    "per_user_queue_quota": 0,  # a number; 0 is shown as unlimited, null would crash `vh environments`
    "unfinished_job_count": 0,
}


@router.get("/")
def environments(_asking: Asking, page: OnePage) -> dict[str, Any]:
    """All environments: executions may name any, and run here."""
    return page.cut([LOCAL], dict)
