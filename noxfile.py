"""Sessions of nox: tests/airflow in each Airflow that localhai is tested with, in an environment of its own.

    nox                                   all of them
    nox -s airflow-2.11.2                 one
    nox -s airflow-3.1.8 -- -m essential  what must hold whatever else changes; all after `--` is for pytest
    nox -s cluster                        tests/cluster: CeleryExecutor with two workers, Redis, PostgreSQL and an S3
    nox -s mutants -- localhai/data/*.py  scripts/mutants.py: whether the fast tests notice changes; only when asked for

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
CLUSTER = "2.11.2"  # a scheduler and workers are all it needs; Airflow 3 has two processes more, and larger ones
CELERY = ("apache-airflow-providers-celery", "celery[redis]<5.7", "psycopg2-binary")  # the provider fails with 5.7
MUTMUT = "mutmut==3.8.1"  # forks a mutant in a tenth of a second, and runs only the tests that reach it
BESIDE = ("pip", "pytest", "pytest-timeout", "trustme")

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"


def install(session: nox.Session, *packages: str) -> None:
    """Install once; again when the packages, or what localhai needs, have changed."""
    digest = hashlib.sha256(repr((packages, sys.version_info[:2])).encode())
    for name in ("pyproject.toml", "compat/pyproject.toml"):
        digest.update((ROOT / name).read_bytes())
    stamp = Path(session.virtualenv.location) / "localhai-stamp"
    if not stamp.exists() or stamp.read_text() != digest.hexdigest():
        session.install(*packages)
        stamp.write_text(digest.hexdigest())
    session.run("python", "-m", "pip", "check")


def python_for(newest: tuple[int, int]) -> str | None:
    return None if sys.version_info[:2] <= newest else "3.12"


def declare(version: str, newest: tuple[int, int]) -> None:
    """A session for one Airflow: localhai beside it, in agreement with it, and the tests."""

    @nox.session(name=f"airflow-{version}", python=python_for(newest))
    def airflow(session: nox.Session) -> None:
        install(session, f"apache-airflow=={version}", "-e", ".", "-e", "./compat", *BESIDE)
        session.run("python", "-m", "pytest", "-c", "tests/airflow/pytest.ini", "tests/airflow", *session.posargs)


for version, newest in AIRFLOWS.items():
    declare(version, newest)


@nox.session(python=python_for(AIRFLOWS[CLUSTER]))
def cluster(session: nox.Session) -> None:
    """Airflow with CeleryExecutor on two machines (tests/cluster)."""
    install(session, f"apache-airflow=={CLUSTER}", *CELERY, "-e", ".", *BESIDE)
    session.run("python", "-m", "pytest", "-c", "tests/cluster/pytest.ini", "tests/cluster", *session.posargs)


@nox.session(default=False)
def mutants(session: nox.Session) -> None:
    """Mutants of the rule books, with mutmut beside what requirements.lock says."""
    install(session, "--constraints=requirements.lock", "-e", ".[server,test]", "pip", MUTMUT)
    session.run("python", "scripts/mutants.py", *session.posargs)
