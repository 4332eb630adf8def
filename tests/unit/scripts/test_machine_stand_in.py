from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from machine import stand_in
from machine.stand_in import changes, ensure_mmdebstrap, give_certificates

if TYPE_CHECKING:
    from pathlib import Path

USUAL = "-----BEGIN CERTIFICATE-----\nMIIusual+/=\n-----END CERTIFICATE-----"
COMPANY = "-----BEGIN CERTIFICATE-----\nMIIcompany\n-----END CERTIFICATE-----"


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The bundle of a machine whose Debian knows one usual certificate."""
    (tmp_path / "debian").mkdir()
    (tmp_path / "debian" / "usual.crt").write_text(USUAL)
    monkeypatch.setattr(stand_in, "DEBIAN_CERTIFICATES", tmp_path / "debian")
    bundle = tmp_path / "bundle.crt"
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    return bundle


def test_a_companys_certificate_goes_in_and_is_spoken_of(
    trusted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trusted.write_text(f"{USUAL}\n# the proxy\n{COMPANY}\n{COMPANY}\n")
    give_certificates(tmp_path / "given")
    [file] = (tmp_path / "given").iterdir()
    assert file.suffix == ".crt"
    assert file.read_text() == COMPANY + "\n"
    assert "1 certificate(s)" in capsys.readouterr().err


def test_where_nothing_is_special_nothing_goes_in(
    trusted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trusted.write_text(USUAL)
    give_certificates(tmp_path / "given")
    assert list((tmp_path / "given").iterdir()) == []
    assert capsys.readouterr().err == ""


def test_the_stand_in_says_that_it_is_one() -> None:
    lines = changes("python:3.11-slim", "3.11.2")
    assert "LABEL localhai.stand-in=python:3.11-slim" in lines
    assert "ENV LANG=C.UTF-8" in lines
    assert 'CMD ["python3"]' in lines


def test_without_mmdebstrap_and_root_a_person_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(stand_in.Trouble) as caught:
        ensure_mmdebstrap("python:3.11-slim")
    assert "With a network: docker pull python:3.11-slim" in caught.value.advice
