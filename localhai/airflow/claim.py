"""Whether what an earlier try of a task left behind is what this try asks for. Pure.

A retry of the same chain of tries takes it; a task that was cleared begins a chain of its own, which Airflow shows by
moving the number of its last try. And nothing is taken that differs in code, parameters, inputs or image.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from localhai.airflow.request import ORIGIN
from localhai.system import strict_json

MARK = f"{ORIGIN}until-try-"
_DIGITS = 16  # of a digest
_NO_WORK = frozenset({"title", "tags", "parity", "commit", "project"})  # of a plan: `code` says the commit


class Claim(Struct, frozen=True):
    """What one try asks for: the last try of its chain as Airflow counts, None if it does not, and a digest."""

    last_try: int | None
    digest: str

    @property
    def tag(self) -> str:
        """`airflow:until-try-LAST-DIGEST`: what is started carries it beside the tag of its task."""
        return f"{MARK}{self.last_try or 0}-{self.digest}"

    def against(self, tags: Iterable[str]) -> str | None:
        """Why what has these tags is not taken; None when it is."""
        marks = [tag for tag in tags if tag.startswith(MARK)]
        if self.tag in marks:
            return None
        if not any(mark.startswith(f"{MARK}{self.last_try or 0}-") for mark in marks):
            return "the task was cleared since"
        return "the code, parameters, inputs or image are others now"


def claim(last_try: int | None, *, code: str | None, asked: Mapping[str, Any]) -> Claim:
    """`code` is a commit; `asked` an `ExecutionPlan` or a `PipelinePlan` as a dict, or a body for the platform."""
    known = {name: value for name, value in asked.items() if name not in _NO_WORK}
    text = strict_json.dumps([code, known], sort_keys=True, default=str)
    return Claim(last_try, hashlib.sha256(text.encode()).hexdigest()[:_DIGITS])
