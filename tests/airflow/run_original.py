"""A DAG that imports airflow_valohai_plugin, run in a process in which that is the original: started by the tests.

run_original.py DAG.py SECONDS          SECONDS between the plugin's looks, 30 otherwise
"""

from __future__ import annotations

import importlib.util
import json
import sys
from importlib.metadata import distribution
from pathlib import Path

import airflow_valohai_plugin
from airflow_valohai_plugin.hooks.valohai_hook import ValohaiHook

script, seconds = sys.argv[1:]
where = Path(airflow_valohai_plugin.__file__).resolve()
installed = {Path(str(file.locate())).resolve() for file in distribution("airflow-valohai-plugin").files or ()}
assert where in installed, f"not the original: {where}"
ValohaiHook.submit_execution.__defaults__ = (float(seconds),)

spec = importlib.util.spec_from_file_location("dag_of_the_original", script)
assert spec is not None
assert spec.loader is not None
module = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = module
spec.loader.exec_module(module)
run = module.dag.test()
states = {item.task_id: str(item.state) for item in run.get_task_instances()}
sys.stdout.write("\n" + json.dumps({"state": str(run.state), "tasks": states}) + "\n")
