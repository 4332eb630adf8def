"""Dev mode or remote: where the executions of this Airflow run. Asked when a task executes, never at import. Pure."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from localhai.errors import UsageError

VARIABLE = "LOCALHAI_MODE"
_KNOWN: dict[str, Literal["dev", "remote"]] = {"dev": "dev", "remote": "remote"}


class Mode(Struct, frozen=True):
    """`reason` completes the sentence "... mode, because"."""

    name: Literal["dev", "remote"]
    reason: str

    @property
    def is_dev(self) -> bool:
        return self.name == "dev"

    def __str__(self) -> str:
        return f"{self.name} mode, because {self.reason}"


def decide(extra: Mapping[str, Any] | None = None, *, environ: Mapping[str, str] | None = None) -> Mode:
    """LOCALHAI_MODE, else `mode` in the connection's extra, else remote.

    Raises UsageError for any other word: a typing error must not send a test to the platform.
    """
    environ = os.environ if environ is None else environ
    said = environ.get(VARIABLE, "").strip()
    if said:
        return Mode(_known(said, f"the variable {VARIABLE}"), f"{VARIABLE}={said}")
    said = str((extra or {}).get("mode") or "").strip()
    if said:
        return Mode(_known(said, "`mode` in the connection's extra"), f"the connection's extra says mode {said}")
    return Mode("remote", f"{VARIABLE} is not set")


def _known(said: str, where: str) -> Literal["dev", "remote"]:
    if said.lower() not in _KNOWN:
        raise UsageError(f"{where} is {said!r}: dev or remote is needed", hints=[f"set {VARIABLE}=dev"])
    return _KNOWN[said.lower()]


def refuse_in_dev(what: str, *, environ: Mapping[str, str] | None = None) -> None:
    """The last gate before the network: raises UsageError while LOCALHAI_MODE says dev, whoever asks."""
    said = (os.environ if environ is None else environ).get(VARIABLE, "").strip().lower()
    if said == "dev":
        raise UsageError(f"{what} is not asked: {VARIABLE}=dev, and in dev mode nothing reaches the platform")
