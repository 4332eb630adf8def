from __future__ import annotations

import os
import ssl
import stat
from contextlib import suppress
from datetime import datetime, timedelta, timezone

import pytest
import requests
from fastapi import FastAPI

from localhai.errors import SurroundingsError, UsageError
from localhai.server.certificate import certificate
from localhai.server.listening import serving

LATER = datetime.now(timezone.utc)


@pytest.fixture
def made(tmp_path):
    return certificate(tmp_path / "tls")


def test_clients_that_are_given_the_file_trust_the_server_by_its_names(made, monkeypatch):
    app = FastAPI()
    app.get("/")(lambda: "hello")
    with serving(app, certificate=made) as url:
        assert url.startswith("https://127.0.0.1:")
        for name in ("127.0.0.1", "localhost"):
            there = url.replace("127.0.0.1", name)
            assert requests.get(there, verify=str(made.trust), timeout=10).json() == "hello"
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(made.trust))
        assert requests.get(url, timeout=10).ok
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(url, timeout=10)


def test_the_strictest_checks_of_python_hold(made):
    strict = ssl.create_default_context(cafile=str(made.trust))
    strict.verify_flags |= ssl.VERIFY_X509_STRICT
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(made.file)
    client, server = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = strict.wrap_bio(server, client, server_hostname="localhost")
    answering = own.wrap_bio(client, server, server_side=True)
    for side in (asking, answering):
        with suppress(ssl.SSLWantReadError):
            side.do_handshake()
    asking.do_handshake()
    assert asking.getpeercert()["subject"] == ((("commonName", "localhai serve"),),)


def test_who_trusts_it_still_trusts_everybody_else(made):
    import certifi

    context = ssl.create_default_context(cafile=str(made.trust))
    public = ssl.create_default_context(cafile=certifi.where())
    assert len(context.get_ca_certs()) == len(public.get_ca_certs()) + 1


def test_only_the_owner_reads_the_keys(made):
    for path in made.file.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
    assert stat.S_IMODE(made.file.parent.stat().st_mode) == 0o700


def test_it_is_kept_until_it_is_old_or_lacks_a_name(made):
    folder, first = made.file.parent, made.file.read_bytes()
    assert made.renewed
    assert not certificate(folder).renewed
    assert made.file.read_bytes() == first
    assert certificate(folder, ["build.example"]).renewed
    assert not certificate(folder).renewed, "one name more than needed is no reason"
    trust = made.trust.read_bytes()
    assert certificate(folder, now=LATER + timedelta(days=370)).renewed
    assert made.trust.read_bytes() == trust, "clients need not be told"
    assert certificate(folder, now=LATER + timedelta(days=3600)).renewed
    assert made.trust.read_bytes() != trust


def test_what_is_no_host_name_is_told(tmp_path):
    with pytest.raises(UsageError, match="is not a host name"):
        certificate(tmp_path, ["a..b"])


def test_what_is_no_certificate_is_told(made):
    os.truncate(made.file, 10)
    with pytest.raises(SurroundingsError, match="certificates of the home"):
        certificate(made.file.parent)
