"""The table of all commands. A command's path here is the path of its file."""

from __future__ import annotations

from localhai.cli.lazy import Entry, LazyGroup

EXECUTION = {
    "run": Entry("localhai.cli.execution.run:run", "Start an execution of a step and follow it to its end."),
    "list": Entry("localhai.cli.execution.list:list_executions", "Show a list of executions."),
    "info": Entry("localhai.cli.execution.info:info", "Show all about one execution."),
    "logs": Entry("localhai.cli.execution.logs:logs", "Show or follow the log of an execution."),
    "outputs": Entry("localhai.cli.execution.outputs:outputs", "List the outputs of an execution, or copy them."),
}

ROOT = {
    "run": Entry("localhai.cli.execution.run:run", "Run a step: short for `execution run`."),
    "plan": Entry("localhai.cli.plan:plan", "Show what `run` would do. Needs neither Docker nor network."),
    "lint": Entry("localhai.cli.lint:lint_command", "Find every problem of a valohai.yaml."),
    "execution": Entry("localhai.cli.commands:execution", "Executions: run, list, look into, stop, delete."),
    "exec": Entry("localhai.cli.commands:execution", "", hidden=True),
}

execution = LazyGroup("execution", EXECUTION, help="Executions: run, list, look into, stop, delete.")
