"""Sessions of nox: tests/airflow in each Airflow that localhai is tested with, in an environment of its own.

    nox                                   all of them
    nox -s airflow-2.11.2                 one
    nox -s airflow-3.1.8 -- -m essential  what must hold whatever else changes; all after `--` is for pytest

Environments are kept in .nox/ and made by uv; nothing to do takes a second. An Airflow runs on the Python that runs
nox where it can, else on Python 3.12, which uv finds or fetches.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import nox

ROOT = Path(__file__).parent
AIRFLOWS = {"2.10.5": (3, 12), "2.11.2": (3, 12), "3.1.8": (3, 13), "3.3.2": (3, 13)}  # and the newest Python for each
BESIDE = ("pip", "pytest", "pytest-timeout", "trustme")

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"


def declare(version: str, newest: tuple[int, int]) -> None:
    """A session for one Airflow: localhai beside it, in agreement with it, and the tests."""

    @nox.session(name=f"airflow-{version}", python=None if sys.version_info[:2] <= newest else "3.12")
    def airflow(session: nox.Session) -> None:
        digest = hashlib.sha256(repr((version, BESIDE, sys.version_info[:2])).encode())
        for name in ("pyproject.toml", "compat/pyproject.toml"):
            digest.update((ROOT / name).read_bytes())
        stamp = Path(session.virtualenv.location) / "localhai-stamp"
        if not stamp.exists() or stamp.read_text() != digest.hexdigest():
            session.install(f"apache-airflow=={version}", "-e", ".", "-e", "./compat", *BESIDE)
            stamp.write_text(digest.hexdigest())
        session.run("python", "-m", "pip", "check")
        session.run("python", "-m", "pytest", "-c", "tests/airflow/pytest.ini", "tests/airflow", *session.posargs)


for version, newest in AIRFLOWS.items():
    declare(version, newest)
