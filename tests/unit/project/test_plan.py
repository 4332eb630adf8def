from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localhai.project.plan import ExecutionPlan, Limits, ParityNote, PlannedInput, PlannedMount
from localhai.system import strict_json

texts = st.text(max_size=8)
maybe = st.none() | texts
numbers = st.none() | st.floats(min_value=0, allow_nan=False, allow_infinity=False)
atoms = texts | st.integers() | st.floats(allow_nan=False) | st.booleans()
plans = st.builds(
    ExecutionPlan,
    step=texts,
    image=texts,
    image_requested=texts,
    command=st.lists(texts, max_size=3).map(tuple),
    script=texts,
    parameters=st.dictionaries(texts, atoms | st.lists(atoms, max_size=3), max_size=3),
    inputs=st.lists(
        st.builds(
            PlannedInput,
            name=texts,
            uris=st.lists(texts, max_size=2).map(tuple),
            keep_directories=st.sampled_from(["none", "suffix", "full"]),
            filename=maybe,
            optional=st.booleans(),
            on_demand=st.booleans(),
        ),
        max_size=2,
    ).map(tuple),
    environment_variables=st.dictionaries(texts, texts, max_size=3),
    environment=maybe,
    limits=st.builds(
        Limits,
        time_limit=numbers,
        no_output_timeout=numbers,
        stop_condition=maybe,
        cpu_max=numbers,
        devices=st.none() | st.dictionaries(texts, st.integers(1, 9), max_size=2),
    ),
    mounts=st.lists(st.builds(PlannedMount, source=texts, destination=texts, readonly=st.booleans()), max_size=2).map(
        tuple
    ),
    upload_store=maybe,
    source_path=maybe,
    title=maybe,
    tags=st.lists(texts, max_size=3).map(tuple),
    project=maybe,
    commit=maybe,
    parity=st.lists(
        st.builds(ParityNote, key=texts, level=st.sampled_from(["emulated", "approximated", "ignored"]), text=texts),
        max_size=2,
    ).map(tuple),
)


@given(plans)
def test_a_plan_survives_json(plan):
    assert strict_json.convert(json.loads(json.dumps(plan.to_dict())), ExecutionPlan) == plan


@given(plans)
def test_the_order_of_parameters_survives_json(plan):
    again = strict_json.convert(json.loads(json.dumps(plan.to_dict())), ExecutionPlan)
    assert list(again.parameters) == list(plan.parameters)


def test_a_plan_cannot_be_changed():
    given_parameters = {"a": 1}
    plan = ExecutionPlan("s", "i", "i", ("c",), "c", parameters=given_parameters)
    given_parameters["a"] = 2
    assert plan.parameters == {"a": 1}
    with pytest.raises(AttributeError):
        plan.step = "other"
    with pytest.raises(TypeError):
        plan.parameters["a"] = 3


def test_unknown_keys_of_a_newer_version_are_passed_over():
    values = {**ExecutionPlan("s", "i", "i", ("c",), "c").to_dict(), "later": 1}
    assert strict_json.convert(values, ExecutionPlan).step == "s"
