from __future__ import annotations

import pytest
from machine import browser, system
from machine.say import Trouble

SCRIPT = "#!/bin/sh\n"


@pytest.fixture
def nothing_here(bin_folder, monkeypatch):
    """A machine without any browser, as a user who may install nothing."""
    monkeypatch.setenv("PATH", str(bin_folder))
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(browser, "APPLICATIONS", ())
    monkeypatch.setattr(system, "may_install", lambda: False)
    monkeypatch.setattr(system, "family", lambda: "debian")


@pytest.mark.usefixtures("nothing_here")
class TestEnsure:
    def test_one_that_is_there_is_used_as_it_is(self, command, monkeypatch):
        monkeypatch.setattr(system, "install", lambda *_packages: pytest.fail("nothing is to be installed"))
        known = command("google-chrome", SCRIPT)
        assert browser.ensure() == known
        better = command("chromium", SCRIPT)
        assert browser.ensure() == better

    def test_the_variable_names_another_one(self, command, monkeypatch):
        command("chromium", SCRIPT)
        other = command("brave", SCRIPT)
        monkeypatch.setenv("CHROMIUM", "brave")
        assert browser.ensure() == other
        monkeypatch.setenv("CHROMIUM", "nothing")
        with pytest.raises(Trouble, match="CHROMIUM=nothing is no program"):
            browser.ensure()

    def test_a_missing_one_is_installed_where_that_may_be_done(self, command, monkeypatch):
        installed = []
        monkeypatch.setattr(system, "may_install", lambda: True)
        monkeypatch.setattr(system, "install", lambda name: installed.append(command(name, SCRIPT)))
        assert [browser.ensure()] == installed

    def test_elsewhere_a_message_tells_how(self):
        with pytest.raises(Trouble) as trouble:
            browser.ensure()
        assert "sudo apt-get install chromium" in trouble.value.advice[0]

    def test_an_application_of_a_mac_is_found(self, tmp_path, monkeypatch):
        monkeypatch.setattr(browser, "APPLICATIONS", (tmp_path / "no", tmp_path))
        assert browser.ensure() == tmp_path
