"""One operator in `dag.test()`: against a BashOperator with `docker run`, its import, and how soon it sees the end.

All in one process of a real Airflow, turn by turn, as tests of DAGs do it.
"""

from __future__ import annotations

import json
import statistics

from airflows import Airflow, python
from measure import IMAGE, Bench, Row, difference, ratio

DAGS = f"""
from datetime import datetime

from airflow import DAG
from airflow.operators.bash import BashOperator

from localhai.airflow import ValohaiSubmitExecutionOperator

known = dict(start_date=datetime(2024, 1, 1), schedule=None, catchup=False)
with DAG("ours", **known) as ours:
    ValohaiSubmitExecutionOperator(task_id="noop", project_name="bench", step="noop")
with DAG("theirs", **known) as theirs:
    BashOperator(task_id="noop", bash_command="docker run --rm {IMAGE} true")
with DAG("clock", **known) as clock:
    ValohaiSubmitExecutionOperator(task_id="clock", project_name="bench", step="clock")
"""
RUNS = """
import json, logging, subprocess, sys, time
from pathlib import Path

logging.disable(logging.CRITICAL)
sys.path.insert(0, sys.argv[1])
rounds = int(sys.argv[2])
from airflow.utils.db import initdb
initdb()
import dags
from localhai.airflow.operators.submit_execution import ValohaiSubmitExecutionOperator
from localhai.executions.home import Home

def seconds(dag):
    start = time.perf_counter()
    run = dag.test()
    took = time.perf_counter() - start
    assert str(run.state) == "success", run.state
    return took

pairs, ends = [], []
for number in range(rounds + 1):
    order = [dags.ours, dags.theirs] if number % 2 else [dags.theirs, dags.ours]
    found = {dag.dag_id: seconds(dag) for dag in order}
    pairs.append((found["ours"], found["theirs"]))

execute = ValohaiSubmitExecutionOperator.execute
def timed(self, context):
    found = execute(self, context)
    now = time.time()
    with Home() as home:
        said = home.execution(found["id"]).logs()
    ends.append(now - float(next(line for line in said.split() if line.replace(".", "").isdigit())))
    return found
def docker():
    said = subprocess.run(["docker", "run", "--rm", sys.argv[4], "date", "+%s.%N"], capture_output=True, check=True)
    return time.time() - float(said.stdout)
ValohaiSubmitExecutionOperator.execute = timed
both = []
for number in range(rounds + 1):
    seconds(dags.clock)
    both.append((ends[-1], docker()))
Path(sys.argv[3]).write_text(json.dumps({"pairs": pairs[1:], "ends": both[1:]}))
"""
IMPORT = """
import sys, time
from airflow import DAG
from airflow.operators.bash import BashOperator
start = time.perf_counter()
from localhai.airflow import ValohaiHook, ValohaiSubmitExecutionOperator, ValohaiSubmitPipelineOperator
from localhai.airflow import ValohaiDownloadExecutionOutputsOperator, ValohaiExecutionSensor, pipeline_dag
print(time.perf_counter() - start)
heavy = {"docker", "boto3", "moto"} & set(sys.modules)
assert not heavy, heavy
"""


def measure(bench: Bench) -> list[Row]:
    airflow = Airflow(bench.folder)
    (airflow.dags / "dags.py").write_text(DAGS)
    answer = bench.folder / "answer.json"
    airflow.command(python(), "-c", RUNS, airflow.dags, str(bench.rounds_or(11)), answer, IMAGE)
    found = json.loads(answer.read_text())
    sides = tuple(statistics.median(pair[place] for pair in found["pairs"]) for place in (0, 1))
    imports = [float(airflow.command(python(), "-c", IMPORT).split()[-1]) for _ in range(bench.rounds_or(5) + 1)][1:]
    ends = tuple(statistics.median(pair[place] for pair in found["ends"]) for place in (0, 1))
    return [
        ratio("operator of a no-op step in dag.test()", "BashOperator, docker run --rm IMAGE true", 1.2, sides),
        difference(
            "import of localhai.airflow, pipeline_dag and all",
            "after `from airflow import DAG`",
            0.1,
            (statistics.median(imports), 0.0),
        ),
        difference("end of a command to the operator's result", "to that of docker run", 0.2, ends),
    ]
