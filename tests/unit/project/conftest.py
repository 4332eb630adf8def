"""Projects that git knows or does not."""

from __future__ import annotations

import os

import pytest


@pytest.fixture
def no_git_configuration(monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"
