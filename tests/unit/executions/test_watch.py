from __future__ import annotations

import pytest

from localhai.executions.run.verdict import ContainerExit, Watch, final_status, verdict


def test_no_limits_are_never_exceeded() -> None:
    watch = Watch(started=0.0)
    assert watch.exceeded(1e9, 0.0) is None
    assert watch.next_look(1e9, 0.0, 0.25) == 0.25


def test_the_time_limit_counts_from_the_start() -> None:
    watch = Watch(started=100.0, time_limit=60.0)
    assert watch.exceeded(159.9, 159.0) is None
    assert watch.exceeded(160.0, 160.0) == ("time-limit", "the time limit of 60 s was reached")


def test_silence_counts_from_the_last_output() -> None:
    watch = Watch(started=0.0, no_output_timeout=5.0)
    assert watch.exceeded(104.0, 100.0) is None
    assert watch.exceeded(105.0, 100.0) == ("no-output-timeout", "nothing was written for 5 s")


def test_the_next_look_is_when_the_nearest_limit_could_be_reached() -> None:
    watch = Watch(started=0.0, time_limit=10.0, no_output_timeout=3.0)
    assert watch.next_look(9.9, 9.0, 0.25) == pytest.approx(0.1)
    assert watch.next_look(11.0, 9.0, 0.25) == 0.0


@pytest.mark.parametrize(
    ("cause", "exit_code", "status"),
    [
        (None, 0, "complete"),
        (None, 1, "error"),
        (None, None, "crashed"),
        ("requested", 143, "stopped"),
        ("interrupted", 0, "stopped"),
        ("stop-condition", 143, "stopped"),
        ("time-limit", 143, "error"),
        ("no-output-timeout", 137, "error"),
        ("failed-here", None, "error"),
    ],
)
def test_final_statuses(cause: str | None, exit_code: int | None, status: str) -> None:
    assert final_status(cause, exit_code) == status  # type: ignore[arg-type]


def test_a_memory_kill_names_the_limit() -> None:
    result = verdict(ContainerExit(137, oom_killed=True), memory_limit=64)
    assert result.status == "error"
    assert result.error == "it used more memory than its limit of 64 MB and was killed (exit code 137)"


def test_a_kill_from_outside_names_the_signal() -> None:
    assert verdict(ContainerExit(137)).error == "it was killed by SIGKILL (exit code 137)"


def test_an_ordinary_failure_has_its_exit_code() -> None:
    assert verdict(ContainerExit(3)).error == "its command ended with exit code 3"


def test_success_has_no_error() -> None:
    assert verdict(ContainerExit(0)).error is None
