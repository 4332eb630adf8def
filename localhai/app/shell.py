"""A second container like that of a past execution, with a person in it: the same image, code, inputs and config.

Nothing of the execution is changed: the visit has a folder, a container and volumes of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from localhai.app.rerun import pinned
from localhai.containers import images, labels
from localhai.containers.trees import canary
from localhai.containers.trees.canary import way_for
from localhai.containers.trees.ownership import remove_tree
from localhai.executions.log.capture import Capture
from localhai.executions.run.context import RunContext, RunOptions
from localhai.executions.run.inputs import fetch
from localhai.executions.run.observer import Observer
from localhai.executions.run.prepare import container_spec, tree_contents
from localhai.executions.run.secrets import Masker
from localhai.records import new_id

if TYPE_CHECKING:
    from localhai.containers.engine import ContainerSpec, Image
    from localhai.executions.execution import Execution
    from localhai.executions.home import Home
    from localhai.project.snapshot import Snapshot
    from localhai.records import Project
    from localhai.settings import Settings

SHELLS = "shells"
SHELL = ("/bin/sh", "-c", "if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi")


class _ShellContext(RunContext):
    """What is learned on the way is not recorded: the execution is over."""

    def update(self, **changes: Any) -> None:
        """Nothing."""

    def record_inputs(self, inputs: Sequence[Mapping[str, Any]]) -> None:
        """Nothing."""


class _Teller(Observer):
    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def status(self, text: str) -> None:
        self._say(text)


class Visit(Struct, frozen=True):
    """How it ended, and the folder with what was left in outputs, None when that was nothing."""

    exit_code: int
    outputs: Path | None


def visit(
    home: Home,
    project: Project,
    execution: Execution,
    snapshot: Snapshot,
    *,
    settings: Settings,
    secrets: Mapping[str, str],
    command: Sequence[str] = (),
    say: Callable[[str], None],
) -> Visit:
    """Open a shell, or run `command`, in the environment of an execution; blocks until it ends.

    `say` is told in a line what is not as it was. Raises SurroundingsError as a run does.
    """
    key = new_id()
    folder = home.folder / SHELLS / key
    (folder / "outputs").mkdir(parents=True)
    masker = Masker(secrets.values())
    context = _ShellContext(
        home=home,
        settings=settings,
        project=project,
        record=execution.record,
        plan=pinned(execution.plan(), execution.inputs),
        folder=folder,
        capture=Capture(folder, observer=_Teller(say), masker=masker),
        snapshot=snapshot,
        options=RunOptions(pull=settings.pull, secrets=secrets, package_cache=settings.package_cache),
        masker=masker,
    )
    try:
        context.image = image = _image(context, execution, say)
        fetch(context)
        _say_changes(context, execution, say)
        code = _converse(context, image, key, tuple(command) or SHELL)
    finally:
        context.let_go()
        context.capture.end()
        context.capture.close()
        kept = _clear(folder)
    return Visit(code, kept)


def _image(context: RunContext, execution: Execution, say: Callable[[str], None]) -> Image:
    """The image by its digest; where that cannot be had, what its name means now, and say so."""
    engine, name, digest = context.home.engine, context.plan.image, execution.to_dict()["image_digest"]
    found = None
    if digest is not None:
        repository = name.partition("@")[0]
        head, colon, tag = repository.rpartition(":")
        if colon and "/" not in tag:
            repository = head
        found = engine.image(digest) or engine.image(f"{repository}@{digest}")
    if found is None:
        found = images.ensure(
            engine, name, context.options.pull, notify=say, locks=context.home.folder / "cache" / "locks"
        )
        if digest is not None and found.digest != digest:
            say(f"the image {name} is not the one that it ran in: {found.digest} instead of {digest}")
    return found


def _say_changes(context: RunContext, execution: Execution, say: Callable[[str], None]) -> None:
    before = {(item["name"], file["name"]): file["sha256"] for item in execution.inputs for file in item["files"]}
    now = {(file.input, file.name): file.checksums.sha256 for file in context.inputs}
    changed = sorted({name for name, _ in dict(before.items() ^ now.items())})
    if changed:
        say(f"not what the execution had: input {', '.join(changed)}")


def _converse(context: RunContext, image: Image, key: str, command: tuple[str, ...]) -> int:
    engine = context.home.engine
    belonging = labels.build(execution=key, project=context.project.name, home=context.home.id)
    contents = replace(tree_contents(context), key=key, labels=belonging)
    wanted = way_for(contents, context.settings.files, context.capture.status)
    tree = canary.choose(engine, context.home.folder, image, wanted=wanted)
    keeper = None  # never started: files go in and out through it, by whichever way
    try:
        mounts = tree.prepare(contents)
        spec: ContainerSpec = replace(container_spec(context, image, tree, mounts), labels=belonging)
        keeper = engine.create(replace(spec, name=f"localhai-{key}-files"))
        tree.fill(keeper)
        code = engine.interactive(replace(spec, name=f"localhai-{key}", command=command))
        tree.finish(keeper)
        return code
    finally:
        if keeper is not None:
            engine.remove(keeper)
        tree.remove(keeper)


def _clear(folder: Path) -> Path | None:
    """Outputs stay if there are any; everything else goes."""
    outputs = folder / "outputs"
    if not any(outputs.iterdir()):
        remove_tree(str(folder))
        return None
    for path in folder.iterdir():
        if path != outputs:
            remove_tree(str(path)) if path.is_dir() else path.unlink()
    return outputs
