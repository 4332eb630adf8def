"""The table of all commands. A command's path here is the path of its file."""

from __future__ import annotations

from localhai.cli.lazy import Entry, LazyGroup

EXECUTION = {
    "run": Entry("localhai.cli.execution.run:run", "Start an execution of a step and follow it to its end."),
    "list": Entry("localhai.cli.execution.list:list_executions", "Show a list of executions."),
    "info": Entry("localhai.cli.execution.info:info", "Show all about one execution."),
    "logs": Entry("localhai.cli.execution.logs:logs", "Show or follow the log of an execution."),
    "watch": Entry("localhai.cli.execution.watch:watch", "Watch an execution that another localhai runs."),
    "outputs": Entry("localhai.cli.execution.outputs:outputs", "List the outputs of an execution, or copy them."),
    "metadata": Entry("localhai.cli.execution.metadata:metadata", "Show or export the metadata of an execution."),
    "summarize": Entry("localhai.cli.execution.summarize:summarize", "Show several executions side by side."),
    "stop": Entry("localhai.cli.execution.stop:stop", "Stop executions that are in progress."),
    "delete": Entry("localhai.cli.execution.delete:delete", "Delete executions and their outputs."),
    "ls": Entry("localhai.cli.execution.list:list_executions", "", hidden=True),
    "start": Entry("localhai.cli.execution.run:run", "", hidden=True),
}
DATA = {"list": Entry("localhai.cli.data.list:list_data", "Show a list of data.")}
ALIAS = {"list": Entry("localhai.cli.alias.list:list_aliases", "Show the data aliases of the project.")}

_EXECUTION_HELP = "Executions: run, list, look into, stop, delete."
_DATA_HELP = "Data: every output is a datum that a later input can name."
_ALIAS_HELP = "Data aliases: names that stay while the data behind them change."

execution = LazyGroup("execution", EXECUTION, help=_EXECUTION_HELP)
data = LazyGroup("data", DATA, help=_DATA_HELP)
alias = LazyGroup("alias", ALIAS, help=_ALIAS_HELP)

ROOT = {
    "run": Entry("localhai.cli.execution.run:run", "Run a step: short for `execution run`."),
    "plan": Entry("localhai.cli.plan:plan", "Show what `run` would do. Needs neither Docker nor network."),
    "lint": Entry("localhai.cli.lint:lint_command", "Find every problem of a valohai.yaml."),
    "execution": Entry("localhai.cli.commands:execution", _EXECUTION_HELP),
    "data": Entry("localhai.cli.commands:data", _DATA_HELP),
    "alias": Entry("localhai.cli.commands:alias", _ALIAS_HELP),
    "rerun": Entry("localhai.cli.rerun:rerun", "Run an execution again, with the same code, parameters and inputs."),
    "diff": Entry("localhai.cli.diff:diff", "Show in what two executions differ."),
    "shell": Entry("localhai.cli.shell:shell", "Open a shell in the environment of an execution."),
    "doctor": Entry("localhai.cli.doctor:doctor", "Check what localhai needs on this machine."),
    "clean": Entry("localhai.cli.clean:clean", "Free disk space: caches, old executions, leftovers."),
    "completion": Entry("localhai.cli.completion:completion", "Print the completion script for a shell."),
    "exec": Entry("localhai.cli.commands:execution", "", hidden=True),
    "datum": Entry("localhai.cli.commands:data", "", hidden=True),
}
