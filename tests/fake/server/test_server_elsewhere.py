"""Executions whose files are in another home that shares the records: the answer says so."""

from __future__ import annotations

import pytest


@pytest.fixture
def elsewhere(state, demo):
    """An execution that another home ran."""
    records = state.home.records
    home = {"id": "another", "host": "far-away", "folder": "/home/far/.localhai"}
    document = {"home": home, "metadata": {"loss": 0.5}}
    made = records.executions.create(
        demo.id, step="train", image="i", commit=None, document=document, owner=None, folder="executions/demo/1-x"
    )
    for status in ("queued", "started", "complete"):
        records.executions.transition(made.id, status)
    return made.id


@pytest.mark.parametrize("path", ["events/", "status-events/", "metadata/", "stream/"])
def test_what_lies_in_another_home_is_said_to_lie_there(ada, elsewhere, path):
    answer = ada.get(f"/api/v0/executions/{elsewhere}/{path}")
    assert answer.status_code == 404
    assert answer.json() == {"detail": "Log and files of execution #1 are in another home, on far-away."}


def test_a_table_of_metadata_says_so_too(ada, elsewhere):
    answer = ada.request("GET", "/api/v0/executions/multi_download_metadata_csv/", json={"ids": [elsewhere]})
    assert (answer.status_code, "far-away" in answer.json()["detail"]) == (404, True)


def test_what_the_records_know_is_answered(ada, elsewhere):
    answer = ada.get(f"/api/v0/executions/{elsewhere}/")
    assert (answer.status_code, answer.json()["status"]) == (200, "complete")
