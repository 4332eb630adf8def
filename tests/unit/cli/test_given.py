"""What a command takes beside its own arguments is a struct: each option has a field of its name."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import pytest

from localhai.cli import plan, rerun
from localhai.cli.deployment import create_version
from localhai.cli.deployment import run as deployment
from localhai.cli.deployment.create_version import GivenVersion
from localhai.cli.execution import run as execution
from localhai.cli.execution.requested import GivenExecution
from localhai.cli.pipeline import rerun as pipeline_rerun
from localhai.cli.pipeline import run as pipeline
from localhai.cli.pipeline.requested import GivenPipeline
from localhai.cli.task import run as task
from localhai.cli.task.requested import GivenTask

if TYPE_CHECKING:
    import click

    from localhai.cli.options import Given

OF_STEPS = {"want_help", "step_name", "step_arguments"}  # they come as `typed`


@pytest.mark.parametrize(
    ("command", "struct"),
    [
        pytest.param(plan.plan, GivenExecution, id="plan"),
        pytest.param(execution.run, GivenExecution, id="run"),
        pytest.param(rerun.rerun, GivenExecution, id="rerun"),
        pytest.param(task.run, GivenTask, id="task run"),
        pytest.param(task.resume, GivenTask, id="task resume"),
        pytest.param(pipeline.run, GivenPipeline, id="pipeline run"),
        pytest.param(pipeline.plan, GivenPipeline, id="pipeline plan"),
        pytest.param(pipeline_rerun.rerun, GivenPipeline, id="pipeline rerun"),
        pytest.param(deployment.run, GivenVersion, id="deployment run"),
        pytest.param(create_version.create_version, GivenVersion, id="deployment create-version"),
    ],
)
def test_each_option_has_a_field_or_an_argument(command: click.Command, struct: type[Given]) -> None:
    assert command.callback is not None
    arguments = inspect.signature(inspect.unwrap(command.callback)).parameters
    options = {option.name for option in command.params if option.expose_value} - OF_STEPS - arguments.keys()
    assert options <= set(struct.__struct_fields__)
    assert options
