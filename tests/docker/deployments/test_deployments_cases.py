"""Every case of tests/cases/endpoint-*, on the real engine by its command line and over HTTP.

`endpoint.json` says `about`, the rows of `reference`, `words` behind `deployment run`, and `asks`: the `path` behind an
endpoint's URL (of `endpoint`, under `alias` where it is said), the `status` and the `text` or `json` of the answer. In
texts `<version>` is the version's name and `<owner>` its owner. `said` are texts that localhai says.
"""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.docker

CASES = Path(__file__).parents[2] / "cases"
NAMES = sorted(path.parent.name for path in CASES.glob("*/endpoint.json"))
KEYS = {"about", "reference", "words", "asks", "said"}
ASK_KEYS = {"endpoint", "alias", "path", "status", "text", "json"}


@pytest.mark.parametrize("name", NAMES)
def test_endpoint(name: str, bench: Any, deployments: Any, ask: Any) -> None:
    case = json.loads((CASES / name / "endpoint.json").read_text())
    assert not case.keys() - KEYS
    assert case["about"]
    assert case["reference"]
    shutil.copytree(CASES / name, bench.folder, dirs_exist_ok=True)
    run, first = deployments.serve(*case["words"])
    bench.until(lambda: "Ctrl-C" in run.err)
    version = deployments.version()
    bench.until(lambda: run.err.count("serving at ") == len(version["endpoints"]))
    fill = {"<version>": version["name"], "<owner>": first.split("/")[3]}
    for wanted in case["asks"]:
        assert not wanted.keys() - ASK_KEYS
        url = next(item["url"] for item in version["endpoints"] if item["name"] == wanted["endpoint"])
        url = url.replace(version["name"], wanted.get("alias", version["name"]))
        status, body = ask(url, wanted.get("path", ""))
        assert status == wanted.get("status", 200), body
        if "text" in wanted:
            assert body.decode() == filled(wanted["text"], fill)
        if "json" in wanted:
            found = json.loads(body)
            assert {key: found.get(key) for key in wanted["json"]} == filled(wanted["json"], fill)
    for said in case.get("said", ()):
        assert said in run.err + run.out
    run.signal(signal.SIGINT)
    assert run.code() == 130


def filled(value: Any, fill: dict[str, str]) -> Any:
    text = json.dumps(value)
    for name, known in fill.items():
        text = text.replace(name, known)
    return json.loads(text)
