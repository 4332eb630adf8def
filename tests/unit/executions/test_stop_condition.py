from __future__ import annotations

from localhai.executions.run.stop_condition import StopCondition


def test_it_is_met_by_the_event_that_makes_it_true() -> None:
    condition = StopCondition("accuracy >= 0.9")
    assert not condition.is_met_by([{"accuracy": 0.5}])
    assert condition.is_met_by([{"accuracy": 0.95}, {"accuracy": 0.1}])


def test_values_of_earlier_events_count() -> None:
    condition = StopCondition("accuracy >= 0.9 and epoch > 3")
    assert not condition.is_met_by([{"accuracy": 0.95}])
    assert condition.is_met_by([{"epoch": 4}])


def test_names_may_have_dashes_and_texts_are_compared_as_numbers() -> None:
    assert StopCondition("val-loss < 0.1").is_met_by([{"val-loss": "0.05"}])


def test_a_metric_that_has_not_come_is_no_trouble() -> None:
    condition = StopCondition("accuracy >= 0.9")
    assert not condition.is_met_by([{"loss": 1}])
    assert condition.trouble is None


def test_what_cannot_be_evaluated_is_false_and_said() -> None:
    condition = StopCondition("accuracy >= 0.9")
    assert not condition.is_met_by([{"accuracy": "high"}])
    assert condition.trouble is not None
