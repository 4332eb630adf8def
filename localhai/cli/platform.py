"""Words of `vh` that mean nothing on one machine: taken, so that scripts run unchanged, and said in one line when used.

Whatever can have an effect here has it and stands with its command. docs/commands.md lists these tables.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any, Literal

import click
from msgspec import Struct

from localhai.cli import output

if TYPE_CHECKING:
    from localhai.cli.options import Decorated

PRIORITY = "--priority"
_USED = "localhai.cli.platform.used"  # of click's context


class Idle(Struct, frozen=True):
    """An option without effect. A `switch` has a `--no-` beside it; `said_of` is the value that is worth a word."""

    name: str
    why: str
    kind: Literal["flag", "value", "values", "switch"] = "flag"
    said_of: bool = True

    @property
    def spelled(self) -> str:
        """As a person would have typed it."""
        return self.name if self.said_of else f"--no-{self.name[2:]}"

    def option(self, function: Decorated) -> Decorated:
        """Add it to a command, hidden; no function hears of it, `say_without_effect` does."""
        names = f"{self.name}/--no-{self.name[2:]}" if self.kind == "switch" else self.name
        default: dict[str, Any] = {"default": None} if self.kind == "switch" else {}
        return click.option(
            names,
            is_flag=True if self.kind == "flag" else None,
            multiple=self.kind == "values",
            hidden=True,
            expose_value=False,
            callback=self._note,
            **default,
        )(function)

    def _note(self, ctx: click.Context, _option: click.Parameter, value: Any) -> None:
        """Whether it was typed such that somebody might expect something of it."""
        if value is self.said_of if self.kind == "switch" else value not in {None, False, ()}:
            ctx.meta.setdefault(_USED, set()).add(self.name)


_NO_KUBERNETES = "there is no Kubernetes here; maxima of CPUs and memory limit what a container gets, nothing else does"
_NO_SSH = "no container listens for SSH; `localhai shell EXECUTION` opens a shell in its environment"
_NO_ACCOUNT = "there is no account and no host: everything is on this machine"

IDLE = {
    item.name: item
    for item in (
        Idle("--open-browser", "`localhai page NUMBER` opens the page of an execution"),
        Idle("--ssh", _NO_SSH),
        Idle("--autorestart", "this machine is no spot instance that could be taken away", "switch"),
        Idle("--debug-port", _NO_SSH, "value"),
        Idle("--debug-key-file", _NO_SSH, "value"),
        Idle("--k8s-cpu-min", _NO_KUBERNETES, "value"),
        Idle("--k8s-memory-min", _NO_KUBERNETES, "value"),
        Idle("--k8s-device", _NO_KUBERNETES, "values"),
        Idle("--k8s-device-none", _NO_KUBERNETES),
        Idle("--k8s-preset", _NO_KUBERNETES, "value"),
        Idle("--k8s-cache-volume", _NO_KUBERNETES, "values"),
        Idle("--k8s-cache-volume-none", _NO_KUBERNETES),
        Idle("--validate-adhoc", "valohai.yaml is always checked", "switch", said_of=False),
        Idle(PRIORITY, "what is started here begins at once; under `localhai serve` priorities count", "value"),
        Idle("--inherit-env-vars", "variables of the project reach every endpoint", "switch", said_of=False),
        Idle("--valohai-host", _NO_ACCOUNT, "value"),
        Idle("--valohai-token", _NO_ACCOUNT, "value"),
        Idle("--project-mode", "a project is a folder of this machine", "value"),
    )
}
OF_RUNS = tuple(
    name for name in IDLE if name.startswith(("--open", "--ssh", "--debug", "--k8s", "--auto", "--validate", PRIORITY))
)


def without_effect(*names: str) -> Callable[[Decorated], Decorated]:
    """Options of `vh` for a command, which says them by `say_without_effect`."""

    def decorate(function: Decorated) -> Decorated:
        for name in names:
            function = IDLE[name].option(function)
        return function

    return decorate


def say_without_effect(used: Collection[str] | None = None) -> None:
    """One line on those that were typed: `used`, else all of this call."""
    used = click.get_current_context().meta.get(_USED, ()) if used is None else used
    found = [item.spelled for item in IDLE.values() if item.name in used]
    if found:
        output.say(f"without effect on this machine: {', '.join(found)}")
    if "--ssh" in used:
        output.say("a shell in its environment, when it has ended: localhai shell latest")


def with_bare_priority(arguments: Sequence[str]) -> list[str]:
    """`--priority` without a number is one of 1, as with `vh`."""
    found = list(arguments)
    if PRIORITY in found:
        place = found.index(PRIORITY)
        follows = found[place + 1] if place + 1 < len(found) else ""
        if not follows.lstrip("+-").isdigit():
            found[place] = f"{PRIORITY}=1"
    return found
