"""Deployments (platform.md 1.12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.project.sentences import quoted

if TYPE_CHECKING:
    from localhai.project.checks.findings import Findings
    from localhai.project.checks.items import Item


def check(item: Item, findings: Findings) -> None:
    """One sound deployment: without a target it cannot be created by a pipeline."""
    if not (item.data.get("defaults") or {}).get("target"):
        message = f"deployment {quoted(item.name)} has no defaults.target, so no pipeline can create it"
        hint = "add `defaults:` with `target:` naming the cluster"
        findings.warning(item.path, message, "missing-target", hint=hint, key=True)
