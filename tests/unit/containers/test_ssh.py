from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from localhai.containers.docker.ssh import command


def test_user_and_port_reach_ssh():
    found = command(urlsplit("ssh://me@far.example:2222"))

    assert found[0] == "ssh"
    assert found[-4:] == ["far.example", "docker", "system", "dial-stdio"]
    assert found[found.index("-l") + 1] == "me"
    assert found[found.index("-p") + 1] == "2222"


@pytest.mark.parametrize("url", ["ssh://", "ssh://-oProxyCommand=x", "ssh://-x@host"])
def test_a_host_that_ssh_would_read_as_an_option_is_refused(url):
    with pytest.raises(ValueError, match="names no host"):
        command(urlsplit(url))
