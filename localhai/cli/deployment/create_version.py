"""`localhai deployment create-version`, and what it shares with `deployment run`: how a version is made and built."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from localhai.cli import output
from localhai.cli.options import (
    Given,
    env_file_option,
    git_packaging_option,
    json_option,
    package_cache_option,
    pass_call,
    project_option,
    pull_option,
    together,
    untracked_option,
)
from localhai.cli.platform import say_without_effect, without_effect
from localhai.errors import LocalhaiError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from localhai.app.open_project import OpenProject
    from localhai.cli.call import Call
    from localhai.deployments.work import Work
    from localhai.executions.run.stop import Interruption
    from localhai.project.snapshot import Snapshot
    from localhai.records.deployments import DeploymentVersion

# What a version is made of.
making_options = together(
    click.option("--deployment", "-d", metavar="NAME", help="The deployment; default: the only one of valohai.yaml."),
    click.option("--name", "-n", metavar="NAME", help="Name of the version; default: the date and a number."),
    click.option("--alias", "aliases", multiple=True, metavar="NAME", help="Point this alias to the version."),
    click.option("--file", "files", multiple=True, metavar="NAME=URI", help="A file: datum://, a path, http(s), s3."),
    click.option("--var", "-v", "variables", multiple=True, metavar="NAME=VALUE", help="An environment variable."),
    click.option("--commit", "-c", metavar="SHA", help="Take a commit's code, not your files as they are now."),
    click.option("--adhoc", "-a", is_flag=True, help="Your files as they are now: the default."),
    git_packaging_option,
    untracked_option,
    without_effect("--inherit-env-vars"),
    click.option("--yaml", metavar="FILE", help="Another file than valohai.yaml."),
)

# How to build and serve.
how_options = together(
    env_file_option,
    pull_option,
    package_cache_option,
    click.option("--quiet", "-q", is_flag=True, help="Nothing but the output of the server."),
)


class GivenVersion(Given, frozen=True, kw_only=True):
    """What was typed for a version of a deployment, and for how to build and serve it."""

    deployment: str | None = None
    name: str | None = None
    aliases: Sequence[str] = ()
    files: Sequence[str] = ()
    variables: Sequence[str] = ()


def make(
    project: OpenProject, endpoints: Sequence[str], given: GivenVersion, interruption: Interruption
) -> tuple[DeploymentVersion, Snapshot]:
    """A new version of what was typed. Raises UsageError, ProjectError, InputNotFound."""
    from localhai.deployments.building import look_at_images
    from localhai.deployments.endpoint import find_endpoint, parse_files
    from localhai.deployments.versions import make_version
    from localhai.pipelines.sources import Sources

    sources = Sources(
        project,
        given.commit,
        git_packaging=given.git_packaging,
        include_untracked=given.include_untracked,
    )
    say_without_effect()
    config = sources.config().config
    wanted = list(endpoints) or list(config.endpoints)
    if not endpoints and len(wanted) != 1:
        raise UsageError("which endpoint?", hints=[", ".join(wanted) or "there are none in this valohai.yaml"])
    definitions = [find_endpoint(config, name) for name in wanted]
    output.say_all(project.take_notes())
    files = parse_files(given.files, definitions)
    of_endpoints = [(item, {name: (uri,) for name, uri in files[str(item["name"])].items()}) for item in definitions]
    variables = dict(_variable(word) for word in given.variables)
    if len(definitions) > 1:
        look_at_images(project, definitions, given.pull or project.settings.pull, output.say)
    version = make_version(
        project,
        deployment=_deployment(list(config.deployments), given.deployment),
        endpoints=of_endpoints,
        snapshot=sources.snapshot(),
        name=given.name,
        aliases=given.aliases,
        variables=variables,
        interruption=interruption,
    )
    return version, sources.snapshot()


@contextmanager
def building(
    call: Call,
    project: OpenProject,
    version: DeploymentVersion,
    name: str,
    snapshot: Snapshot,
    given: GivenVersion,
    interruption: Interruption,
) -> Iterator[tuple[Work, str]]:
    """An endpoint of a version with its image, built under a screen; both log and screen are closed at the end."""
    from localhai.cli.execution.screen import Screen
    from localhai.deployments.versions import build_endpoint, work_on

    screen = Screen(name, as_json=call.json, quiet=given.quiet, progress=True, prefix=True)
    screen.status(f"endpoint {name} of {version.deployment}/{version.name}")
    options = given.over(project.options())
    work = work_on(project, version, name, snapshot, options=options, observer=screen, interruption=interruption)
    try:
        yield work, build_endpoint(project, work)
    finally:
        work.capture.end()
        work.capture.close()
        screen.close()


def snapshot_of(project: OpenProject, version: DeploymentVersion) -> Snapshot:
    """The code of a version. Raises UsageError when it is gone."""
    try:
        return project.snapshot(version.commit)
    except LocalhaiError as error:
        hints = ["make a new version: localhai deployment run ENDPOINT"]
        raise UsageError(f"the code of version {version.name} is gone: {error.message}", hints=hints) from error


def _deployment(known: Sequence[str], wanted: str | None) -> str:
    if wanted is not None:
        return wanted
    return known[0] if len(known) == 1 else "local"


def _variable(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals or not name:
        raise UsageError(f"--var {word!r} is not NAME=VALUE")
    return name, value


@click.command("create-version")
@click.option("--endpoint", "--endpoints", "-e", "endpoints", multiple=True, metavar="NAME", help="May be repeated.")
@making_options
@how_options
@json_option
@project_option
@pass_call
def create_version(call: Call, /, *, endpoints: tuple[str, ...], **words: Any) -> None:
    """Make a version of a deployment and build the images of its endpoints, to be served later.

    `--json` prints the version.
    """
    given = GivenVersion(**words)
    from localhai.executions.run.stop import Interruption, signals_ask

    interruption = Interruption()
    with call.open_project(yaml=given.yaml, recover=True) as project, signals_ask(interruption, lambda *_: None):
        version, snapshot = make(project, endpoints, given, interruption)
        for endpoint in version.endpoints:
            with building(call, project, version, endpoint.name, snapshot, given, interruption):
                pass
        if call.json:
            output.emit_json(project.home.records.deployments.version(version.id).to_dict())
        else:
            output.emit(f"{version.deployment}/{version.name}")
            output.hint(f"localhai deployment run --version {version.deployment}/{version.name}")
