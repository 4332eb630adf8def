"""A look at everything that localhai needs around it, each finding with what to do about it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from localhai.errors import LocalhaiError
from localhai.executions.home import Home
from localhai.vocabulary import YAML

if TYPE_CHECKING:
    from localhai.containers.engine import Engine, Image
    from localhai.settings import Settings

Level = Literal["ok", "warning", "problem"]
LITTLE_SPACE = 5 * 10**9
NO_SPACE = 500 * 10**6
SLOW_START = 3.0
FREE_COLUMN = 3  # of df -P: filesystem, blocks, used, available
RECENT = 20


class Finding(Struct, frozen=True):
    """One line of a check-up. `seconds` is set where something was timed."""

    name: str
    level: Level
    text: str
    hints: tuple[str, ...] = ()
    seconds: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """`name, level, text, hints, seconds`."""
        return {
            "name": self.name,
            "level": self.level,
            "text": self.text,
            "hints": list(self.hints),
            "seconds": self.seconds,
        }


def checkup(
    settings: Settings, project: Path | None, *, image: str | None = None, home: Home | None = None
) -> Iterator[Finding]:
    """Look at home, records, store, S3, project and engine, one after another. Raises nothing: it is all findings."""
    opened = home or Home(settings)
    try:
        is_ready = yield from _home(opened)
        if is_ready:
            yield _records(opened)
            yield _store(opened)
        yield from _project(project)
        yield _s3(settings)
        answers = yield from _engine(opened)
        if is_ready and answers:
            yield from _containers(opened, settings, project, image)
    finally:
        if home is None:
            opened.close()


def _problem(name: str, error: LocalhaiError) -> Finding:
    return Finding(name, "problem", error.message, error.hints)


def _home(home: Home) -> Generator[Finding, None, bool]:
    """Gives whether it can be used."""
    try:
        home.ready()
    except LocalhaiError as error:
        yield _problem("home", error)
        return False
    yield Finding("home", "ok", str(home.folder))
    free = shutil.disk_usage(home.folder).free
    yield _space("space in home", free, str(home.folder))
    return True


def _space(name: str, free: int, where: str) -> Finding:
    text = f"{free / 1e9:.1f} GB free in {where}"
    if free < NO_SPACE:
        return Finding(name, "problem", text, ("make room: localhai clean", "docker system df shows what images take"))
    if free < LITTLE_SPACE:
        return Finding(name, "warning", text, ("make room: localhai clean",))
    return Finding(name, "ok", text)


def _records(home: Home) -> Finding:
    where = _without_password(home.settings.database_url) or str(home.folder / "localhai.db")
    try:
        count = home.records.executions.count()
        left = len(home.records.executions.list_open())
        schema = home.records.schema_version()
    except LocalhaiError as error:
        return _problem("records", error)
    going = f", {left} in progress" if left else ""
    return Finding("records", "ok", f"{count} executions{going} in {where}, schema {schema}")


def _without_password(url: str | None) -> str | None:
    if url is None:
        return None
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"


def _store(home: Home) -> Finding:
    try:
        home.store.check(write=True)
        return Finding("store", "ok", f"outputs are kept in {home.store.url}, which takes them")
    except LocalhaiError as error:
        return _problem("store", error)


def _project(project: Path | None) -> Iterator[Finding]:
    if project is None:
        hint = "go to a project's folder to have it checked too"
        yield Finding("project", "warning", "there is no valohai.yaml here or above", (hint,))
        return
    from localhai.project.config import load_config
    from localhai.project.faulty import sentences

    try:
        config = load_config(project / YAML).config
        yield Finding("project", "ok", f"{len(config.steps)} steps in {project / 'valohai.yaml'}")
        for note in sentences(config):
            yield Finding("project", "problem", note, ("see every problem: localhai lint",))
    except LocalhaiError as error:
        yield Finding("project", "problem", error.message, (*error.hints, "see every problem: localhai lint"))


def _s3(settings: Settings) -> Finding:
    if settings.s3_endpoint_url:
        return _endpoint(settings.s3_endpoint_url)
    if settings.s3_folder is None:
        given = any(os.environ.get(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ROLE_ARN"))
        told = "with the AWS credentials of the environment" if given else "no AWS credentials in the environment"
        return Finding("s3", "ok", f"AWS itself; {told}")
    if not settings.s3_folder.is_dir():
        hint = "make it, or correct [s3] folder in localhai.toml"
        return Finding("s3", "problem", f"the folder {settings.s3_folder} is not there", (hint,))
    buckets = sorted(path.name for path in settings.s3_folder.iterdir() if path.is_dir())
    return Finding("s3", "ok", f"served from {settings.s3_folder} (buckets: {', '.join(buckets) or 'none'})")


def _endpoint(url: str) -> Finding:
    import socket
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), timeout=5).close()
    except OSError as error:
        hint = "start it, or correct AWS_ENDPOINT_URL or [s3] endpoint_url in localhai.toml"
        return Finding("s3", "problem", f"nobody answers at {url}: {error}", (hint,))
    return Finding("s3", "ok", f"{url} answers")


def _engine(home: Home) -> Generator[Finding, None, bool]:
    """Gives whether it answers."""
    try:
        info = home.engine.info()
    except LocalhaiError as error:
        yield _problem("engine", error)
        return False
    kind = ", rootless" if info.rootless else ""
    memory = f"{info.memory / 1e9:.1f} GB"
    text = f"{info.name} {info.version} at {info.place}: {info.architecture}, {info.cpus} CPUs, {memory}{kind}"
    yield Finding("engine", "ok", text)
    if info.architecture not in {"amd64", "x86_64"}:
        hint = "images made for amd64 alone are emulated there: slower, and some fail"
        yield Finding("architecture", "warning", f"{info.architecture}, where the platform has amd64", (hint,))
    yield Finding("gpus", "ok", "the engine offers GPUs" if info.gpus else "none: steps run on the CPU")
    return True


def _containers(home: Home, settings: Settings, project: Path | None, image: str | None) -> Iterator[Finding]:
    try:
        engine = home.engine
        found, missing = _images(engine, home, settings, project, image)
    except LocalhaiError as error:
        yield _problem("images", error)
        return
    if missing:
        yield Finding("images", "ok", f"to be pulled when needed: {', '.join(missing)}")
    if found is None:
        yield Finding("container", "warning", "not tried: no image is there", ("docker pull python:3.11-slim",))
        return
    yield from _try_container(engine, home, settings, found)


def _images(
    engine: Engine, home: Home, settings: Settings, project: Path | None, wanted: str | None
) -> tuple[Image | None, list[str]]:
    """An image that is there, and those of the project that are not."""
    names = [wanted] if wanted else []
    if project is not None and not wanted:
        from localhai.project.config import load_config
        from localhai.project.planning import stand_in_image

        try:
            config = load_config(project / YAML).config
            wanted_here = [step.image for step in config.steps.values()]
            wanted_here += [endpoint.image for endpoint in config.endpoints.values()]
            names += [stand_in_image(name, settings.images) for name in wanted_here]
        except LocalhaiError:  # a finding of its own
            names = []
    here = {name: engine.image(name) for name in dict.fromkeys(names)}
    missing = [name for name, image in here.items() if image is None]
    found = next((image for image in here.values() if image is not None), None)
    if found is None and not wanted:
        used = (row.image for row in home.records.executions.list(limit=RECENT, outputs=False))
        candidates = (engine.image(name) for name in (*dict.fromkeys(used), "python:3.11-slim", "busybox"))
        found = next((image for image in candidates if image is not None), None)
    return found, missing


def _try_container(engine: Engine, home: Home, settings: Settings, image: Image) -> Iterator[Finding]:
    from localhai.containers.engine import ContainerSpec
    from localhai.containers.labels import HELPER
    from localhai.containers.trees import canary

    try:
        way = canary.choose(engine, home.folder, image, wanted=settings.files).way
        started = time.monotonic()
        spec = ContainerSpec(name="", image=image.id, command=("true",), labels={HELPER: "doctor"}, network="none")
        code, said = engine.run(spec)
        took = time.monotonic() - started
    except LocalhaiError as error:
        yield _problem("container", error)
        return
    told = "bind mounts: the engine sees this machine's files"
    if way == "volumes":
        told = "volumes, filled and emptied through the engine: it does not see this machine's files"
    yield Finding("files", "ok", told)
    if code != 0:
        text = f"`true` in {image.reference} ended with {code}: {said.decode('utf-8', 'replace').strip()}"
        yield Finding("container", "problem", text, ("try: docker run --rm " + image.reference + " true",))
        return
    slow = took > SLOW_START
    hints = ("a busy machine or a slow disk under the engine",) if slow else ()
    text = f"{took:.2f} s to run `true` in {image.reference}"
    yield Finding("container", "warning" if slow else "ok", text, hints, round(took, 3))
    yield from _space_at_engine(engine, image)


def _space_at_engine(engine: Engine, image: Image) -> Iterator[Finding]:
    """As seen from inside a container: the disk that the engine keeps images and containers on."""
    from localhai.containers.engine import ContainerSpec
    from localhai.containers.labels import HELPER

    spec = ContainerSpec(name="", image=image.id, command=("df", "-Pk", "/"), labels={HELPER: "doctor"}, network="none")
    try:
        code, said = engine.run(spec)
    except LocalhaiError:  # an image without df
        return
    rows = [line.split() for line in said.decode("utf-8", "replace").splitlines()]
    if code == 0 and len(rows) > 1 and len(rows[-1]) > FREE_COLUMN and rows[-1][FREE_COLUMN].isdigit():
        yield _space("space at the engine", int(rows[-1][FREE_COLUMN]) * 1024, "its containers")
