"""Pipelines and tasks say, as executions do, which of their keys are other here than on the platform."""

ITEMS = """\
- task:
    name: rates
    step: train
    type: grid_search
    description: shown only
    parameters:
      - {name: learning_rate, style: linear, rules: {start: 1, end: 2, step: 1}}
- pipeline:
    name: p
    nodes:
      - {name: one, type: execution, step: train, on-error: retry, override: {environment: big}}
      - {name: sweep, type: task, task: rates}
    edges: [[one.dependency.*, sweep.dependency.*]]
"""
OF_PIPELINE = "approximated: nodes.on-error; ignored: nodes.override.environment (see localhai parity)"
OF_TASK = "approximated: parameters.rules.end (see localhai parity)"


def differing(document):
    return [(note["key"], note["level"]) for note in document["parity"] if note["level"] != "emulated"]


def add_items(localhai):
    yaml = localhai.project / "valohai.yaml"
    yaml.write_text(yaml.read_text() + ITEMS)


def test_a_task_says_once_what_differs_and_remembers_it(localhai):
    add_items(localhai)
    call = localhai("task", "run", "rates", "--json")
    assert call.err.count(OF_TASK) == 1
    keys = [("description", "ignored"), ("parameters.rules.end", "approximated")]
    assert differing(call.json) == keys
    assert differing(localhai("task", "info", "1", "--json").json) == keys
    assert [differing(item) for item in localhai("task", "list", "--json").json] == [keys]
    assert "parity" not in call.json["plan"]
    assert OF_TASK not in localhai("task", "run", "rates", "-q").err


def test_a_pipeline_says_it_of_itself_and_of_its_task_nodes(localhai):
    add_items(localhai)
    call = localhai("pipeline", "run", "p", "--json")
    assert call.err.count(OF_PIPELINE) == 1
    assert call.err.count(f"node sweep: {OF_TASK}") == 1
    keys = [("nodes.on-error", "approximated"), ("nodes.override.environment", "ignored")]
    assert differing(call.json) == keys
    assert differing(localhai("pipeline", "info", "1", "--json").json) == keys
    assert OF_PIPELINE not in localhai("pipeline", "run", "p", "-q").err
