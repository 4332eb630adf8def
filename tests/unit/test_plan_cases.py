"""What tests/cases say of plans and of refused plans: needs no engine."""

from __future__ import annotations

import cases_support as cases
import pytest

from localhai import Home
from localhai.errors import LocalhaiError
from localhai.settings import Settings

FILL = {"http": "http://127.0.0.1:1/case"}
PLANNED = [
    pytest.param(case, run, id=f"{case.name}-{number}")
    for case in cases.load_cases()
    for number, run in enumerate(case.runs, 1)
    if run.commit is None and (run.plan is not None or (run.refused is not None and run.refused.at == "plan"))
]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    flags = {"home": tmp_path_factory.mktemp("home")}
    with Home(Settings.load(None, flags=flags, environ={})) as home:
        yield home


@pytest.mark.parametrize(("case", "run"), PLANNED)
def test_case(case, run, home, tmp_path):
    fill = {**FILL, "project": str(tmp_path / case.name)}
    case.lay_out(tmp_path / case.name, fill)
    project = cases.open_case(tmp_path / case.name, run, home)
    if run.refused is not None and run.refused.at == "plan":
        with pytest.raises(LocalhaiError) as caught:
            project.plan(run.step, overrides=run.overrides(fill), secrets=tuple(project.options().secrets))
        expected = cases.expected_error(run, fill)
        assert cases.error_facts(caught.value, expected) == expected
        return
    plan = project.plan(run.step, overrides=run.overrides(fill), secrets=tuple(project.options().secrets))
    expected = cases.filled(run.plan, fill)
    assert cases.plan_facts(plan, expected) == expected


def test_every_case_says_what_it_is_about():
    for case in cases.load_cases():
        assert case.about.endswith(".")
        assert case.reference
        assert case.runs
        assert all(run.plan is not None or run.refused or run.ended or run.reuse for run in case.runs), case.name
