from __future__ import annotations

import hashlib
import json

from localhai.containers.docker import connect


def test_the_default_context_is_none(tmp_path):
    assert connect.chosen_context(tmp_path, {}) is None
    assert connect.chosen_context(tmp_path, {"DOCKER_CONTEXT": "default"}) is None


def test_certificates_of_a_context_are_found(tmp_path):
    key = hashlib.sha256(b"safe").hexdigest()
    meta, tls = tmp_path / "contexts" / "meta" / key, tmp_path / "contexts" / "tls" / key / "docker"
    meta.mkdir(parents=True)
    tls.mkdir(parents=True)
    endpoint = {"Host": "tcp://far:2376", "SkipTLSVerify": True}
    (meta / "meta.json").write_text(json.dumps({"Endpoints": {"docker": endpoint}}))
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (tls / name).write_text("")

    found = connect.chosen_context(tmp_path, {"DOCKER_CONTEXT": "safe"})

    assert found is not None
    assert found.address is not None
    assert found.address.url == "tcp://far:2376"
    assert found.address.tls == connect.TlsFiles(tls / "ca.pem", tls / "cert.pem", tls / "key.pem", verify=False)


def test_a_configuration_that_is_no_json_counts_as_none(tmp_path):
    (tmp_path / "config.json").write_text("{")

    assert connect.chosen_context(tmp_path, {}) is None
