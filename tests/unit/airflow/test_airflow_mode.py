from __future__ import annotations

import pytest

from localhai.airflow.platform import decide, refuse_in_dev
from localhai.errors import UsageError


def test_the_variable_decides_before_the_connection():
    mode = decide({"mode": "remote"}, environ={"LOCALHAI_MODE": "dev"})
    assert str(mode) == "dev mode, because LOCALHAI_MODE=dev"
    assert decide({"mode": "dev"}, environ={}).is_dev
    assert not decide({}, environ={"LOCALHAI_MODE": ""}).is_dev


def test_a_typing_error_never_means_the_platform():
    with pytest.raises(UsageError, match="dev or remote"):
        decide(environ={"LOCALHAI_MODE": "devv"})


def test_in_dev_mode_the_network_is_refused():
    with pytest.raises(UsageError, match="nothing reaches the platform"):
        refuse_in_dev("https://app.valohai.com", environ={"LOCALHAI_MODE": "DEV"})
