"""The table of all commands. A small noun is one file, a large one a folder; each entry names the place."""

from __future__ import annotations

from localhai.cli.lazy import Entry, LazyGroup

EXECUTION = {
    "run": Entry("localhai.cli.execution.run:run", "Start an execution of a step and follow it to its end."),
    "list": Entry("localhai.cli.execution.list:list_executions", "Show a list of executions."),
    "info": Entry("localhai.cli.execution.info:info", "Show all about one execution."),
    "logs": Entry("localhai.cli.execution.logs:logs", "Show or follow the log of an execution."),
    "watch": Entry("localhai.cli.execution.logs:watch", "Watch an execution that another localhai runs."),
    "outputs": Entry("localhai.cli.execution.outputs:outputs", "List the outputs of an execution, or copy them."),
    "metadata": Entry("localhai.cli.execution.metadata:metadata", "Show or export the metadata of an execution."),
    "assert": Entry("localhai.cli.execution.metadata:assert_execution", "Fail unless the metadata meet conditions."),
    "summarize": Entry("localhai.cli.execution.list:summarize", "Show several executions side by side."),
    "stop": Entry("localhai.cli.stop:stop_executions", "Stop executions that are in progress."),
    "collect": Entry("localhai.cli.execution.outputs:collect", "Collect outputs that could not be collected."),
    "delete": Entry("localhai.cli.execution.delete:delete", "Delete executions and their outputs."),
    "open": Entry("localhai.cli.execution.info:open_execution", "Open the folder of an execution."),
    "ssh": Entry("localhai.cli.elsewhere:ssh", "", hidden=True),
    "download": Entry("localhai.cli.elsewhere:download", "", hidden=True),
    "ls": Entry("localhai.cli.execution.list:list_executions", "", hidden=True),
    "start": Entry("localhai.cli.execution.run:run", "", hidden=True),
}
DATA = {
    "list": Entry("localhai.cli.data:list_data", "Show a list of data."),
    "info": Entry("localhai.cli.data:info", "Show all about one datum."),
}
ALIAS = {
    "list": Entry("localhai.cli.alias:list_aliases", "Show the data aliases of the project."),
    "info": Entry("localhai.cli.alias:info", "Show what an alias points to, and pointed to before."),
    "create": Entry("localhai.cli.alias:create", "Make a data alias."),
    "update": Entry("localhai.cli.alias:update", "Point a data alias to another datum."),
    "delete": Entry("localhai.cli.alias:delete", "Forget data aliases."),
}
DATASET = {
    "list": Entry("localhai.cli.dataset:list_datasets", "Show the datasets of the project."),
    "info": Entry("localhai.cli.dataset:info", "Show the versions of a dataset, or the files of one."),
}
MODEL = {
    "list": Entry("localhai.cli.model:list_models", "Show the models of the project."),
    "info": Entry("localhai.cli.model:info", "Show a model and its versions."),
    "versions": Entry("localhai.cli.model:versions", "Show the versions of a model."),
    "version": Entry("localhai.cli.model:version", "Show one version of a model."),
    "describe": Entry("localhai.cli.model:describe", "Describe a model in Markdown."),
    "approve": Entry("localhai.cli.model:approve", "Approve a version of a model."),
    "reject": Entry("localhai.cli.model:reject", "Reject a version of a model."),
}
TASK = {
    "run": Entry("localhai.cli.task.run:run", "Run a task, or a sweep over a step, and compare what came of it."),
    "list": Entry("localhai.cli.task.list:list_tasks", "Show a list of tasks."),
    "info": Entry("localhai.cli.task.list:info", "Compare the executions of a task."),
    "stop": Entry("localhai.cli.stop:stop_tasks", "Stop tasks that are in progress."),
    "resume": Entry("localhai.cli.task.run:resume", "Go on with a task that was stopped, failed or crashed."),
    "ls": Entry("localhai.cli.task.list:list_tasks", "", hidden=True),
    "rerun": Entry("localhai.cli.task.run:resume", "", hidden=True),
}
PIPELINE = {
    "run": Entry("localhai.cli.pipeline.run:run", "Start a pipeline and follow it to its end."),
    "plan": Entry("localhai.cli.pipeline.run:plan", "Draw a pipeline. Needs neither Docker nor network."),
    "list": Entry("localhai.cli.pipeline.list:list_pipelines", "Show a list of the pipelines that ran."),
    "info": Entry("localhai.cli.pipeline.list:info", "Show all about one run of a pipeline."),
    "stop": Entry("localhai.cli.stop:stop_pipelines", "Stop pipelines that are in progress."),
    "approve": Entry("localhai.cli.pipeline.list:approve", "Let a node go on that waits for approval."),
    "rerun": Entry("localhai.cli.pipeline.rerun:rerun", "Run a pipeline again, or what of it did not succeed."),
    "ls": Entry("localhai.cli.pipeline.list:list_pipelines", "", hidden=True),
    "start": Entry("localhai.cli.pipeline.run:run", "", hidden=True),
    "convert-to-api": Entry("localhai.cli.elsewhere:pipeline__convert_to_api", "", hidden=True),
}
DEPLOYMENT = {
    "run": Entry("localhai.cli.deployment.run:run", "Build an endpoint and serve it on a local port."),
    "create-version": Entry("localhai.cli.deployment.create_version:create_version", "Make a version, and build it."),
    "list": Entry("localhai.cli.deployment.list:list_versions", "Show a list of deployment versions."),
    "info": Entry("localhai.cli.deployment.list:info", "Show all about one deployment version."),
    "logs": Entry("localhai.cli.deployment.list:logs", "Show the log of an endpoint."),
    "stop": Entry("localhai.cli.stop:stop_version", "Stop a version that is served."),
}
PROJECT = {
    "join": Entry("localhai.cli.project:join", "Go on with the history of a project that was elsewhere."),
    **{
        name: Entry(f"localhai.cli.elsewhere:project__{name.replace('-', '_')}", "", hidden=True)
        for name in (
            "link",
            "unlink",
            "create",
            "fetch",
            "commits",
            "list",
            "open",
            "status",
            "environment-variables",
        )
    },
}
AIRFLOW = {
    "check": Entry("localhai.cli.airflow:check_dags", "Show what the DAGs of a folder will do in dev mode."),
}

_EXECUTION_HELP = "Executions: run, list, look into, stop, delete."
_DATA_HELP = "Data: every output is a datum that a later input can name."
_ALIAS_HELP = "Data aliases: names that stay while the data behind them change."
_DATASET_HELP = "Datasets: versions of files that an input can name together."
_MODEL_HELP = "Models: numbered versions of files, with tags and release notes."
_TASK_HELP = "Tasks: one step with many parameter sets, compared."
_PIPELINE_HELP = "Pipelines: draw, run, stop, approve, resume."
_DEPLOYMENT_HELP = "Deployments: build and serve the endpoints of valohai.yaml."
_PROJECT_HELP = "Projects: what folders are remembered as."
_AIRFLOW_HELP = "Airflow: look at DAGs before they run."

execution = LazyGroup("execution", EXECUTION, help=_EXECUTION_HELP)
data = LazyGroup("data", DATA, help=_DATA_HELP)
alias = LazyGroup("alias", ALIAS, help=_ALIAS_HELP)
dataset = LazyGroup("dataset", DATASET, help=_DATASET_HELP)
model = LazyGroup("model", MODEL, help=_MODEL_HELP)
deployment = LazyGroup("deployment", DEPLOYMENT, help=_DEPLOYMENT_HELP)
project = LazyGroup("project", PROJECT, help=_PROJECT_HELP)
airflow = LazyGroup("airflow", AIRFLOW, help=_AIRFLOW_HELP)
task = LazyGroup("task", TASK, help=_TASK_HELP)
pipeline = LazyGroup("pipeline", PIPELINE, help=_PIPELINE_HELP)

ROOT = {
    "run": Entry("localhai.cli.execution.run:run", "Run a step: short for `execution run`."),
    "plan": Entry("localhai.cli.plan:plan", "Show what `run` would do. Needs neither Docker nor network."),
    "lint": Entry("localhai.cli.lint:lint_command", "Find every problem of a valohai.yaml."),
    "parity": Entry("localhai.cli.lint:parity", "Show which keys of valohai.yaml are emulated, and which are not."),
    "execution": Entry("localhai.cli.commands:execution", _EXECUTION_HELP),
    "pipeline": Entry("localhai.cli.commands:pipeline", _PIPELINE_HELP),
    "task": Entry("localhai.cli.commands:task", _TASK_HELP),
    "deployment": Entry("localhai.cli.commands:deployment", _DEPLOYMENT_HELP),
    "data": Entry("localhai.cli.commands:data", _DATA_HELP),
    "alias": Entry("localhai.cli.commands:alias", _ALIAS_HELP),
    "dataset": Entry("localhai.cli.commands:dataset", _DATASET_HELP),
    "model": Entry("localhai.cli.commands:model", _MODEL_HELP),
    "project": Entry("localhai.cli.commands:project", _PROJECT_HELP),
    "airflow": Entry("localhai.cli.commands:airflow", _AIRFLOW_HELP),
    "lineage": Entry("localhai.cli.data:lineage", "Show what a datum was made from, and what was made from it."),
    "rerun": Entry("localhai.cli.rerun:rerun", "Run an execution again, with the same code, parameters and inputs."),
    "diff": Entry("localhai.cli.diff:diff", "Show in what two executions differ."),
    "serve": Entry("localhai.cli.serve:serve", "Answer as the Valohai REST API does."),
    "page": Entry("localhai.cli.page:page", "Open the web page: what runs, and what came of it."),
    "shell": Entry("localhai.cli.shell:shell", "Open a shell in the environment of an execution."),
    "doctor": Entry("localhai.cli.doctor:doctor", "Check what localhai needs on this machine."),
    "clean": Entry("localhai.cli.clean:clean", "Free disk space: caches, old executions, leftovers."),
    "completion": Entry("localhai.cli.completion:completion", "Print the completion script for a shell."),
    "exec": Entry("localhai.cli.commands:execution", "", hidden=True),
    "datum": Entry("localhai.cli.commands:data", "", hidden=True),
    **{
        name: Entry(f"localhai.cli.elsewhere:{name.replace('-', '_')}", "", hidden=True)
        for name in ("login", "logout", "environments", "notebook", "init", "parcel", "update-check", "yaml")
    },
}
