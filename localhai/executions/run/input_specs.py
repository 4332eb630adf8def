"""What a plan says of its inputs, as the room of data takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.data.files import InputSpec

if TYPE_CHECKING:
    from localhai.project.plan import ExecutionPlan
    from localhai.settings import Settings


def input_specs(plan: ExecutionPlan, settings: Settings, *, on_demand: bool = True) -> list[InputSpec]:
    """Of inputs that have an address. Without `on_demand` those are fetched beforehand, as all others."""
    return [
        InputSpec(
            item.name,
            item.uris,
            item.keep_directories,
            item.filename,
            item.optional,
            item.on_demand and on_demand,
            keep_all=settings.same_names == "all",
        )
        for item in plan.inputs
        if item.uris
    ]
