"""DAGs shaped as the examples of airflow-valohai-plugin, in both modes. On Airflow 3 only `schedule` is another word.

ORIGINALS may name another folder: that of the examples as they are published.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from standing_in import MNIST, Platform

FOLDER = Path(os.environ.get("ORIGINALS") or Path(__file__).parent / "originals")
RunFile = Callable[[Path], Any]
INPUTS = {
    f"{name}-set-{kind}": f"mnist-{short}-{kind}.gz"
    for name, short in (("training", "train"), ("test", "test"))
    for kind in ("images", "labels")
}


@pytest.fixture
def run_original(airflow: ModuleType, run_file: RunFile, tmp_path: Path) -> Callable[[str], Any]:
    """Run the one file whose name ends so."""

    def run(name: str) -> Any:
        [file] = FOLDER.glob(f"*{name}.py")
        text = file.read_text()
        if not airflow.__version__.startswith("2."):
            assert text.count("schedule_interval=") == 1
            text = text.replace("schedule_interval=", "schedule=")
        (tmp_path / file.name).write_text(text)
        return run_file(tmp_path / file.name)

    return run


@pytest.fixture
def _projects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCALHAI_PROJECTS", f"tensorflow-example={Path(__file__).parent / 'mnist'}")


@pytest.mark.essential
@pytest.mark.docker
@pytest.mark.usefixtures("web", "_projects")
def test_outputs_are_passed_in_dev_mode(run_original: Callable[[str], Any]) -> None:
    ran = run_original("pass_outputs")

    assert ran.state == "success", ran.tasks
    first, second = (ran.xcom(task) for task in sorted(name for name, _ in ran.tasks))
    assert sorted(item["name"] for item in first["outputs"]) == sorted(MNIST)
    ids = {item["name"]: f"datum://{item['id']}" for item in first["outputs"]}
    assert {item["name"]: item["urls"] for item in second["inputs"]} == {
        name: [ids[output]] for name, output in INPUTS.items()
    }


@pytest.mark.docker
@pytest.mark.usefixtures("web", "_projects")
def test_an_output_is_downloaded_in_dev_mode(run_original: Callable[[str], Any]) -> None:
    got = Path(os.environ["AIRFLOW_HOME"], "model.pb")
    got.unlink(missing_ok=True)

    ran = run_original("download")

    assert ran.state == "success", ran.tasks
    assert "--epochs=" in got.read_text()


@pytest.mark.usefixtures("remote")
def test_outputs_are_passed_on_the_platform(platform: Platform, run_original: Callable[[str], Any]) -> None:
    ran = run_original("pass_outputs")

    assert ran.state == "success", ran.tasks
    first, second = platform.posted("executions")
    assert (first["step"], second["step"]) == ("Preprocess dataset (MNIST)", "Train model (MNIST)")
    assert first["inputs"]["test-set-images"] == "https://valohai-mnist.s3.amazonaws.com/t10k-images-idx3-ubyte.gz"
    outputs = {name: key for key, (execution, name, _) in platform.data.items() if execution == "e1"}
    assert second["inputs"] == {name: [f"datum://{outputs[output]}"] for name, output in INPUTS.items()}
    assert sorted(second["parameters"]) == ["batch_size", "dropout", "learning_rate", "max_steps"]
    paths = [(method, path) for method, path, *_ in platform.calls]
    for call in [("GET", "projects"), ("GET", "repositories"), ("GET", "commits"), ("GET", "executions/e1")]:
        assert call in paths
    assert ("GET", f"data/{outputs[MNIST[0]]}/download") in paths


@pytest.mark.usefixtures("remote")
def test_an_output_is_downloaded_from_the_platform(platform: Platform, run_original: Callable[[str], Any]) -> None:
    got = Path(os.environ["AIRFLOW_HOME"], "model.pb")
    got.unlink(missing_ok=True)

    ran = run_original("download")

    assert ran.state == "success", ran.tasks
    [body] = platform.posted("executions")
    assert (body["step"], body["environment"]) == ("train-model", "azure-westeurope-f2sv2")
    assert got.read_text() == "a model"
