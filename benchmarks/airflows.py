"""An Airflow of its own for the rows about it, beside Airflow's DockerOperator, in an environment under .nox/."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from measure import IMAGE, environment

ROOT = Path(__file__).resolve().parents[1]
VERSION = os.environ.get("AIRFLOW_VERSION", "2.11.2")
FOLDER = ROOT / ".nox" / f"bench-{VERSION}"
BESIDE = ("apache-airflow-providers-docker", "psycopg2-binary")
YAML = f"""
- step:
    name: noop
    image: {IMAGE}
    command: "true"
- step:
    name: clock
    image: {IMAGE}
    command: date +%s.%N
"""


def python() -> Path:
    """Its interpreter; the environment is made when it is missing. Ends the process where uv is missing too."""
    found = FOLDER / "bin" / "python"
    if not found.exists():
        path = os.pathsep.join([os.environ.get("PATH", ""), str(ROOT / ".venv" / "bin")])
        uv = shutil.which("uv", path=path)
        if uv is None:
            raise SystemExit("the rows about Airflow need uv: https://docs.astral.sh/uv/")
        wanted = "3.11" if VERSION.startswith("2.") else "3.12"
        subprocess.run([uv, "venv", "--quiet", "--seed", "--python", wanted, FOLDER], check=True)
        packages = [f"apache-airflow=={VERSION}", *BESIDE, "-e", str(ROOT)]
        subprocess.run([uv, "pip", "install", "--quiet", "--python", found, *packages], check=True)
    return found


class Airflow:
    """A home, a project with steps that do nothing, and the variables of both."""

    def __init__(self, folder: Path, database: str | None = None, **more: str) -> None:
        self.folder = folder
        self.dags = folder / "dags"
        project = folder / "bench"
        for path in (self.dags, project):
            path.mkdir(parents=True)
        (project / "valohai.yaml").write_text(YAML)
        self.environment = environment(
            AIRFLOW_HOME=str(folder / "airflow"),
            AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=database or f"sqlite:///{folder}/airflow.db",
            AIRFLOW__CORE__DAGS_FOLDER=str(self.dags),
            AIRFLOW__CORE__LOAD_EXAMPLES="False",
            AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION="False",
            LOCALHAI_HOME=str(folder / "home"),
            LOCALHAI_MODE="dev",
            LOCALHAI_PROJECTS=f"bench={project}",
            PATH=os.pathsep.join([str(FOLDER / "bin"), os.environ.get("PATH", "")]),
            **more,
        )

    def command(self, *words: str | Path) -> str:
        """Run a command of its environment to its good end; gives its stdout."""
        done = subprocess.run([str(word) for word in words], env=self.environment, capture_output=True, check=False)
        if done.returncode:
            raise SystemExit(
                f"{' '.join(map(str, words))}:\n{done.stdout.decode()[-2000:]}{done.stderr.decode()[-2000:]}"
            )
        return done.stdout.decode()
