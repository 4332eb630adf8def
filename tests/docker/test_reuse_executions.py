"""Reuse on the real engine: a hit starts no container, each part that differs is said, two at once are two."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import postgresql
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.docker

COMMAND = ["cat main.txt", "cp /valohai/inputs/data/* /valohai/outputs/ 2>/dev/null || true", "echo {parameters}"]


@pytest.fixture
def project(bench: Any) -> Any:
    (bench.folder / "main.txt").write_text("one\n")
    (bench.folder / "data.csv").write_text("1\n")
    parameters = [{"name": "lr", "type": "float", "default": 0.1}]
    bench.step(COMMAND, parameters=parameters, inputs=[{"name": "data", "default": str(bench.folder / "data.csv")}])
    return bench


def run(bench: Any, *words: str) -> dict[str, Any]:
    answer = bench.call("run", "work", "--json", *words)
    assert answer.process.returncode == 0, answer.err
    found: dict[str, Any] = json.loads(answer.out)
    return found


def test_a_hit_then_what_differs(project: Any) -> None:
    first = run(project)
    again = run(project, "--reuse")
    assert (again["id"], again["reuse"]["hit"]) == (first["id"], True)
    assert run(project, "--reuse", "--lr=0.2")["reuse"]["reasons"] == ["parameter lr: 0.1 -> 0.2"]
    found = run(project, "--reuse", "--var", "COLOUR=red")["reuse"]
    assert found["reasons"] == ["environment variable COLOUR: is new"]
    (project.folder / "main.txt").write_text("two\n")
    assert run(project, "--reuse")["reuse"]["reasons"] == ["code: main.txt changed"]


def test_a_purged_output_is_no_hit(project: Any) -> None:
    first = run(project)
    assert first["outputs"]
    answer = project.call("execution", "delete", str(first["counter"]), "--yes")
    assert answer.process.returncode == 0, answer.err
    assert run(project, "--reuse")["reuse"]["hit"] is False


def test_a_miss_in_ci_starts_nothing(project: Any) -> None:
    answer = project.call("run", "work", "--fail-on-cache-miss")
    assert answer.process.returncode == 5
    assert "no earlier execution of step work is complete" in answer.err
    assert project.records() == []


def test_two_at_once_are_two_executions_and_the_third_is_one_of_them(project: Any) -> None:
    run(project, "--lr=0.5")
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: run(project, "--reuse"), range(2)))
    assert {item["status"] for item in both} == {"complete"}
    third = run(project, "--reuse")
    assert third["id"] in {item["id"] for item in both}
    assert third["reuse"]["hit"] is True


def test_a_hit_fetches_and_copies_nothing(bench: Any) -> None:
    large = bench.folder.parent / "large.bin"
    with large.open("wb") as file:
        file.truncate(256 << 20)
    bench.step("cp /valohai/inputs/data/large.bin /valohai/outputs/", inputs=[{"name": "data", "default": str(large)}])
    first = run(bench)
    answer = bench.call("run", "work", "--reuse", "--json")
    assert json.loads(answer.out)["outputs"][0]["id"] == first["outputs"][0]["id"]
    assert "in the cache" not in answer.err
    assert len(bench.records()) == 1


@pytest.fixture
def postgresql_url() -> Iterator[str]:
    server = postgresql.Server.create()
    yield server.url()
    server.remove()


def test_records_in_postgresql_are_reused_by_another_home_too(project: Any, postgresql_url: str) -> None:
    project.environment["LOCALHAI_DATABASE_URL"] = postgresql_url
    first = run(project)
    again = run(project, "--reuse")
    assert (again["id"], again["reuse"]["hit"], again["outputs"]) == (first["id"], True, first["outputs"])
    assert run(project, "--reuse", "--lr=0.2")["reuse"]["reasons"] == ["parameter lr: 0.1 -> 0.2"]
    project.home = project.tmp / "another-home"
    there = run(project, "--reuse")
    assert (there["id"], there["reuse"]["hit"]) == (first["id"], True)
    secret = project.folder.parent / "secrets"
    secret.write_text("TOKEN=swordfish\n")
    mine = run(project, f"--env-file={secret}")
    assert run(project, f"--env-file={secret}", "--reuse")["id"] == mine["id"]
    project.home = project.tmp / "a-third-home"  # its key is another: no digest of a secret can be compared
    reasons = run(project, f"--env-file={secret}", "--reuse")["reuse"]["reasons"]
    assert reasons == ["environment variable TOKEN: a secret, and that of another home cannot be compared"]
