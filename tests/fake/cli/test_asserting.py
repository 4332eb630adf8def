"""`localhai execution assert`: a gate over metadata."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def ran(shared):
    assert shared("run", "train").code == 0
    return shared


def test_conditions_that_are_met(ran, tmp_path):
    answer = ran("execution", "assert", "latest", "loss <= 0.4", "epoch == 2", "--junit", str(tmp_path / "out.xml"))
    assert answer.code == 0
    assert answer.out.splitlines() == ["met: loss <= 0.4", "met: epoch == 2"]
    assert 'tests="2" failures="0"' in (tmp_path / "out.xml").read_text()


def test_conditions_that_are_not(ran, tmp_path):
    answer = ran("execution", "assert", "1", "loss < 0.1", "accuracy > 0.9", "--junit", str(tmp_path / "out.xml"))
    assert answer.code == 1
    first, second = answer.out.splitlines()
    assert first == "NOT MET: loss < 0.1 (loss is 0.4)"
    assert "a key is missing" in second
    assert "epoch, loss" in second
    report = (tmp_path / "out.xml").read_text()
    assert 'tests="2" failures="2"' in report
    assert 'name="loss &lt; 0.1" time="0"><failure message="loss is 0.4" /></testcase>' in report


def test_json(ran):
    document = ran("execution", "assert", "1", "loss < 0.1", "--json").json
    assert document["passed"] is False
    assert document["conditions"] == [{"condition": "loss < 0.1", "passed": False, "reason": "loss is 0.4"}]


def test_what_is_no_condition(ran):
    answer = ran("execution", "assert", "1", "loss <")
    assert answer.code == 2
    assert "is no condition" in answer.err


def test_an_execution_that_failed_meets_nothing(localhai, engine):
    engine.behave(lambda container: container.out('{"loss": 0}\n') or 1, step="train")
    localhai("run", "train")
    answer = localhai("execution", "assert", "latest", "loss == 0")
    assert (answer.code, answer.out) == (1, "NOT MET: loss == 0 (execution #1 is error)\n")
