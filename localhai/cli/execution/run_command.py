"""The click command behind `localhai run`: one command line shared by `run` and by a step with options of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem
from msgspec import Struct

from localhai.cli.call import Call
from localhai.cli.execution.words_of_run import sort_words
from localhai.cli.platform import PRIORITY, with_bare_priority

if TYPE_CHECKING:
    from localhai.cli.execution.words_of_run import RunWords

# Options that `vh` has too win over parameters of the same name, as they do there; ours give way behind STEP.
LIKE_VH = frozenset({
    "--commit", "--environment", "--image", "--title", "--watch", "--var", "--tag", "--sync", "--adhoc", "--yaml",
    "--git-packaging", "--no-git-packaging", "--validate-adhoc", "--no-validate-adhoc", "--open-browser", "--help",
    "--debug-port", "--debug-key-file", "--ssh", "--autorestart", "--no-autorestart", "--k8s-cpu-min",
    "--k8s-memory-min", "--k8s-cpu-max", "--k8s-memory-max", "--k8s-device", "--k8s-device-none", "--k8s-preset",
    "--k8s-cache-volume", "--k8s-cache-volume-none", "--priority", "--environment-variable-groups",
    "--include-untracked", "--no-include-untracked", "--parameter-file", "--time-limit", "--max-queued",
})  # fmt: skip


class Typed(Struct, frozen=True):
    """What was typed beside the options of the command: STEP, all behind it, and the help where that was asked for."""

    subject: str | None
    words: tuple[str, ...]
    help: str | None


class StepCommand(click.Command):
    """Options of its own anywhere, then STEP and whatever options that step has: `typed` of the function."""

    metavar = "STEP"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "add_help_option": False})
        self.params += [
            click.Option(
                ["--help", "-h", "want_help"], is_flag=True, help="Show this; behind STEP, the step's options."
            ),
            click.Argument(
                ["step_name"],
                required=False,
                metavar=f"[{self.metavar}]",
                shell_complete=lambda ctx, _argument, text: self.complete_subject(ctx.ensure_object(Call), text),
            ),
            click.Argument(["step_arguments"], nargs=-1, type=click.UNPROCESSED, metavar="[STEP-OPTIONS]..."),
        ]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if any(PRIORITY in option.opts for option in self.params):
            args = with_bare_priority(args)
        found = self._sorted(ctx, args)
        words = [*found.own, "--"]
        if found.step is not None:
            words += [found.step, *found.rest]
        elif found.rest and not ctx.resilient_parsing:
            raise click.UsageError(f"{found.rest[0]} is an option of a step: name the STEP first.", ctx)
        return super().parse_args(ctx, words)

    def invoke(self, ctx: click.Context) -> Any:
        wants_help = ctx.params.pop("want_help")
        subject, typed = ctx.params.pop("step_name"), ctx.params.pop("step_arguments")
        ctx.params["typed"] = Typed(subject, typed, ctx.get_help() if wants_help else None)
        return super().invoke(ctx)

    def _sorted(self, ctx: click.Context, args: list[str]) -> RunWords:
        table = {
            name: not option.is_flag
            for option in self.params
            if isinstance(option, click.Option)
            for name in (*option.opts, *option.secondary_opts)
        }
        found = sort_words(args, table)
        doubtful = {name for name in found.after - LIKE_VH if name.startswith("--")}
        if doubtful and found.step is not None and not ctx.resilient_parsing:
            taken = doubtful & {f"--{name}" for name in self.names_of(ctx.ensure_object(Call), found.step)}
            if taken:
                found = sort_words(args, table, taken)
        return found

    def names_of(self, call: Call, step_name: str) -> set[str]:
        """Option names, without dashes, of the parameters and inputs of the step; none when that cannot be told."""
        from localhai.cli.completing import names_of_step

        return names_of_step(call, step_name)

    def complete_subject(self, call: Call, incomplete: str) -> list[CompletionItem]:
        """What can stand for STEP."""
        from localhai.cli.completing import steps

        return steps(call, incomplete)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        step = ctx.params.get("step_name")
        own = super().shell_complete(ctx, incomplete)
        names = self.names_of(ctx.ensure_object(Call), step) if step else set()
        options = sorted(f"--{name}" for name in names)
        return [*(CompletionItem(option) for option in options if option.startswith(incomplete)), *own]
