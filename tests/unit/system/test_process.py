from __future__ import annotations

import ipaddress
import os
import resource
import socket
import subprocess
import sys

import pytest

from localhai.system import process

MANY = resource.RLIM_INFINITY
NOWHERE = "/nowhere-at-all"


def answering(**answers):
    """What `ask` would give on a Mac: by the program's name."""
    asked = []

    def ask(*command):
        asked.append(command)
        return answers.get(os.path.basename(command[0]), "")

    ask.asked = asked
    return ask


def fake_proc(folder, *, state="S"):
    fields = [state, *(str(number) for number in range(4, 30))]
    (folder / "self").mkdir()
    (folder / "self" / "stat").write_text("")
    (folder / "42").mkdir()
    (folder / "42" / "stat").write_text(f"42 (a) odd) {' '.join(fields)}")
    boot = folder / "sys" / "kernel" / "random"
    boot.mkdir(parents=True)
    (boot / "boot_id").write_text("8d1f-boot\n")
    return str(folder)


def test_linux_tells_the_boot_in_proc(tmp_path):
    assert process.read_boot_id(fake_proc(tmp_path), answering()) == "8d1f-boot"


def test_macos_tells_the_boot_by_sysctl():
    ask = answering(sysctl="0C3F-SESSION")

    assert process.read_boot_id(NOWHERE, ask) == "0C3F-SESSION"
    assert ask.asked == [("/usr/sbin/sysctl", "-n", "kern.bootsessionuuid")]


def test_linux_tells_the_start_of_a_process_whatever_its_name(tmp_path):
    proc = fake_proc(tmp_path)

    assert process.read_process_start(42, proc, answering()) == "22"
    assert process.read_process_start(43, proc, answering(ps="S Mon Nov 30 1 2026")) is None


def test_a_zombie_has_ended(tmp_path):
    assert process.read_process_start(42, fake_proc(tmp_path, state="Z"), answering()) is None
    assert process.read_process_start(42, NOWHERE, answering(ps="Z+   Mon Nov 30 07:12:01 2026")) is None


@pytest.mark.parametrize(
    ("printed", "started"),
    [
        ("Ss   Mon Nov 30 07:12:01 2026", "Mon Nov 30 07:12:01 2026"),
        ("R+   Tue Dec  1 17:02:11 2026    ", "Tue Dec 1 17:02:11 2026"),
        ("", None),
    ],
)
def test_macos_tells_the_start_of_a_process_by_ps(printed, started):
    assert process.read_process_start(42, NOWHERE, answering(ps=printed)) == started


def test_ps_is_asked_for_a_time_that_no_time_zone_changes(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")

    said = process.ask(sys.executable, "-c", "import os; print(os.environ['TZ'], os.environ['LC_ALL'])")

    assert said == "UTC C"
    assert process.ask("/no/such/program") == ""


def test_this_process_runs_and_an_ended_one_does_not():
    mine = process.process_start(os.getpid())
    done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)

    assert process.is_running(os.getpid(), mine, process.boot_id())
    assert process.is_running(os.getpid(), "", process.boot_id())
    assert not process.is_running(os.getpid(), mine + "0", process.boot_id())
    assert not process.is_running(os.getpid(), mine, "another start of the machine")
    assert not process.is_running(int(done.stdout), "", process.boot_id())


@pytest.fixture
def renamed(monkeypatch):
    """This machine got another name since an owner was written down."""
    process.host_name.cache_clear()
    monkeypatch.setattr(process.socket, "gethostname", lambda: "another-name.lan")
    yield
    process.host_name.cache_clear()


@pytest.mark.usefixtures("renamed")
def test_a_mac_that_is_called_otherwise_in_another_network_is_the_same_machine(monkeypatch):
    monkeypatch.setattr(process, "shares_boots", lambda: False)

    assert process.is_this_machine("mac.local", process.boot_id())
    assert not process.is_this_machine("mac.local", "another start")
    assert not process.is_this_machine("mac.local", "")


@pytest.mark.usefixtures("renamed")
def test_containers_on_linux_share_the_start_of_their_machine_and_are_others(monkeypatch):
    monkeypatch.setattr(process, "shares_boots", lambda: True)

    assert not process.is_this_machine("container-1", process.boot_id())
    assert process.is_this_machine("another-name.lan", "whatever")


def test_a_process_keeps_the_name_that_it_began_with(monkeypatch):
    name = process.host_name()
    monkeypatch.setattr(process.socket, "gethostname", lambda: "another-name.lan")

    assert process.host_name() == name


def test_the_address_of_this_machine_is_one():
    assert ipaddress.ip_address(process.own_address()).version == 4


@pytest.mark.parametrize("trouble", [OSError("no route"), None])
def test_a_machine_in_no_network_has_its_loopback_address(monkeypatch, trouble):
    class Probe:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def connect(self, _address):
            if trouble:
                raise trouble

        def getsockname(self):
            return ("0.0.0.0", 0)  # noqa: S104  # what some systems say

    monkeypatch.setattr(socket, "socket", lambda *_: Probe())
    assert process.own_address() == "127.0.0.1"


@pytest.mark.parametrize(
    ("soft", "hard", "after"),
    [
        (256, MANY, (8192, MANY)),  # macOS
        (1024, 1_048_576, (8192, 1_048_576)),  # Linux
        (1024, 4096, (4096, 4096)),
        (65536, 65536, None),
        (MANY, MANY, None),
    ],
)
def test_the_limit_is_raised_and_never_lowered(monkeypatch, soft, hard, after):
    made = []
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _kind, limits: made.append(limits))

    process.allow_many_files()

    assert made == ([] if after is None else [after])


def test_a_system_that_refuses_is_left_as_it_is(monkeypatch):
    def refuse(_kind, _limits):
        raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr(resource, "getrlimit", lambda _kind: (256, MANY))
    monkeypatch.setattr(resource, "setrlimit", refuse)

    process.allow_many_files()
