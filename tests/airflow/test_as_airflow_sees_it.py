"""What Airflow reads before a task runs: the provider, the connection's form, serialised DAGs."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest
from conftest import DAGS

HEAVY = {"docker", "boto3", "moto", "alembic", "valohai_yaml", "leval"}
LATE = ("localhai.executions", "localhai.records", "localhai.containers", "localhai.data", "localhai.project")


def serialised(name: str) -> str:
    try:
        from airflow.serialization.serialized_objects import DagSerialization
    except ImportError:  # before Airflow 3.2
        from airflow.serialization.serialized_objects import SerializedDAG as DagSerialization
    dag = runpy.run_path(str(DAGS / f"{name}.py"))["dag"]
    return json.dumps(DagSerialization.to_dict(dag), sort_keys=True)


@pytest.mark.essential
@pytest.mark.parametrize("name", ["passing", "one_of_each", "original_names"])
def test_a_dag_is_serialised_the_same_in_each_mode(
    airflow: ModuleType,  # noqa: ARG001  # its tables
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    connections: Any,
) -> None:
    texts = [serialised(name)]
    monkeypatch.setenv("LOCALHAI_MODE", "neither of the two")
    texts.append(serialised(name))
    monkeypatch.delenv("LOCALHAI_MODE")
    texts.append(serialised(name))

    assert texts[0] == texts[1] == texts[2]
    assert " at 0x" not in texts[0], "another version of the DAG each time it is read"
    assert connections() == set()


def test_reading_a_dag_loads_nothing_of_docker_and_no_records() -> None:
    code = (
        "import runpy, sys, airflow.models.dag, airflow.triggers.base, airflow.sensors.base\n"
        "before = set(sys.modules)\n"
        f"runpy.run_path({str(DAGS / 'one_of_each.py')!r})\n"
        "print(*sorted(set(sys.modules) - before))\n"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()[-1].split()
    assert "localhai.airflow.operators.submit_execution" in loaded
    assert not {name.partition(".")[0] for name in loaded} & HEAVY
    assert not [name for name in loaded if name.startswith(LATE)]


@pytest.mark.essential
def test_airflow_lists_the_provider_and_its_link(airflow: ModuleType) -> None:  # noqa: ARG001
    from airflow.providers_manager import ProvidersManager

    manager = ProvidersManager()

    assert "localhai" in manager.providers
    hook = manager.hooks["valohai"]
    assert hook is not None
    assert (hook.hook_class_name, hook.hook_name) == ("localhai.airflow.hook.ValohaiHook", "Valohai")
    assert hook.connection_testable
    assert "localhai.airflow.link.ValohaiLink" in manager.extra_links_class_names


@pytest.mark.essential
def test_the_form_of_a_connection(airflow: ModuleType) -> None:
    if airflow.__version__.startswith("2."):
        from airflow.providers_manager import ProvidersManager

        form = ProvidersManager().field_behaviours["valohai"]
        assert (form["relabeling"]["password"], form["placeholders"]["host"]) == ("API token", "app.valohai.com")
        return
    code = (  # in a process of its own: the first who asks decides what Airflow 3.1 finds
        "from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService\n"
        "[meta] = [item for item in HookMetaService.hook_meta_data() if item.connection_type == 'valohai']\n"
        "print(meta.model_dump_json())\n"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    fields = json.loads(done.stdout.splitlines()[-1])["standard_fields"]
    assert (fields["password"]["title"], fields["host"]["placeholder"]) == ("API token", "app.valohai.com")
    assert fields["login"]["hidden"]


@pytest.mark.docker
def test_the_button_of_the_connection_in_dev_mode(airflow: ModuleType) -> None:  # noqa: ARG001
    from localhai.airflow import ValohaiHook

    good, said = ValohaiHook().test_connection()

    assert good, said
    assert said.startswith("dev mode, because LOCALHAI_MODE=dev: Docker answers")


@pytest.mark.usefixtures("remote", "platform")
def test_the_button_of_the_connection_to_the_platform(airflow: ModuleType) -> None:  # noqa: ARG001
    from localhai.airflow import ValohaiHook

    good, said = ValohaiHook().test_connection()

    assert good, said
    assert "knows the token as somebody" in said


def test_how_often_it_looks(airflow: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    from localhai.airflow import ValohaiHook

    assert ValohaiHook().interval() == 1.0
    assert ValohaiHook(polling_interval=7).interval() == 7
    monkeypatch.setenv("LOCALHAI_MODE", "remote")
    assert ValohaiHook().interval() == 30.0


QUIET = """
import importlib, sys, warnings
import airflow, airflow.models, airflow.triggers.base, airflow.plugins_manager, airflow.providers_manager
try:
    import airflow.sdk
    from airflow.sdk import BaseHook, BaseSensorOperator, Param, TaskGroup
except ImportError:
    import airflow.sensors.base, airflow.hooks.base, airflow.models.param, airflow.utils.task_group
warnings.simplefilter("error")
for name in sys.argv[1:]:
    importlib.import_module(name)
from localhai.airflow import *
"""


@pytest.mark.essential
def test_no_warning_when_a_dag_imports_us(airflow: ModuleType) -> None:  # noqa: ARG001
    names = ["localhai.airflow.operators.base", "localhai.airflow.pipelines.dag", "localhai.airflow.plugin"]
    done = subprocess.run([sys.executable, "-c", QUIET, *names], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr[-2000:]
