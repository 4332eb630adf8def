"""The click command behind `localhai run`: whose is which word, of `run` itself, STEP, or the step's options."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem
from msgspec import Struct, field

from localhai.cli.call import Call
from localhai.cli.platform import PRIORITY, with_bare_priority

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
        from localhai.cli.completion import names_of_step

        return names_of_step(call, step_name)

    def complete_subject(self, call: Call, incomplete: str) -> list[CompletionItem]:
        """What can stand for STEP."""
        from localhai.cli.completion import steps

        return steps(call, incomplete)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        step = ctx.params.get("step_name")
        own = super().shell_complete(ctx, incomplete)
        names = self.names_of(ctx.ensure_object(Call), step) if step else set()
        options = sorted(f"--{name}" for name in names)
        return [*(CompletionItem(option) for option in options if option.startswith(incomplete)), *own]


class RunWords(Struct):
    """`own` are options of `run` with their values, `rest` is the step's, `after` names own ones behind STEP."""

    own: list[str] = field(default_factory=list)
    step: str | None = None
    rest: list[str] = field(default_factory=list)
    after: set[str] = field(default_factory=set)


def sort_words(arguments: Sequence[str], takes_value: Mapping[str, bool], giving_way: Collection[str] = ()) -> RunWords:
    """Sort a command line as `vh execution run` does: its own options may stand anywhere, unknown ones are the step's.

    `takes_value` has every option of `run` as typed (`--tag`, `-t`) and whether a value follows. Those `giving_way`
    are the step's once STEP has been read. Behind `--` everything is the step's.
    """
    sorted_words = RunWords()
    words = iter(arguments)
    for word in words:
        if word == "--":
            _take_rest(sorted_words, words)
        elif _is_option(word):
            _take_option(sorted_words, word, words, takes_value, giving_way)
        elif sorted_words.step is None:
            sorted_words.step = word
        else:
            sorted_words.rest.append(word)
    return sorted_words


def _is_option(word: str) -> bool:
    return word.startswith("-") and len(word) > 1


def _take_rest(found: RunWords, words: Iterator[str]) -> None:
    rest = list(words)
    if found.step is None and rest:
        found.step = rest.pop(0)
    found.rest.extend(rest)


def _take_option(
    found: RunWords, word: str, words: Iterator[str], takes_value: Mapping[str, bool], giving_way: Collection[str]
) -> None:
    is_long = word.startswith("--")
    name, equals, _ = word.partition("=") if is_long else (word[:2], "", "")
    if name not in takes_value or (found.step is not None and name in giving_way):
        found.rest.append(word)
        return
    if found.step is not None:
        found.after.add(name)
    found.own.append(word)
    has_value = bool(equals) if is_long else len(word) > len(name)
    if takes_value[name] and not has_value:
        found.own.extend(value for value in (next(words, None),) if value is not None)
