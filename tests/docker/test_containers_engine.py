"""DockerEngine on a real engine."""

from __future__ import annotations

import os
import pty
import sys
import textwrap
import threading
import time

import pytest

from localhai.containers import labels, reap
from localhai.containers.docker.connect import connect
from localhai.containers.engine import ContainerSpec, Mount
from localhai.errors import ImageNotFound, SurroundingsError

pytestmark = pytest.mark.docker

IMAGE = "python:3.11-slim"
SECOND = 1.0


@pytest.fixture
def engine():
    found = connect()
    yield found
    found.close()


@pytest.fixture
def ours(engine):
    """Labels of this test; what carries them is removed afterwards."""
    found = labels.build(execution=f"test-{os.urandom(6).hex()}", project="tests")
    yield found
    reap.remove(engine, reap.of_execution(engine, found[labels.EXECUTION]))


@pytest.fixture
def make(engine, ours):
    def create(*command: str, **spec) -> str:
        return engine.create(ContainerSpec("", IMAGE, command, labels=ours, **spec))

    return create


def both(output) -> dict[str, bytes]:
    found = {"stdout": b"", "stderr": b""}
    for stream, data in output:
        found[stream] += data
    return found


@pytest.mark.parametrize(("more", "expected"), [({"pids": 99}, "1 99"), ({"new_privileges": True}, "0 max")])
def test_a_container_gains_no_rights_and_has_a_limit_of_processes(engine, make, more, expected):
    script = (
        "set -- $(grep NoNewPrivs /proc/self/status); cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max"
        ' 2>/dev/null | while read -r most; do echo "$2 $most"; done'
    )
    container = make("sh", "-c", script, **more)
    output = engine.attach(container)
    engine.start(container)
    assert both(output)["stdout"].decode().strip() == expected


def test_what_a_container_writes_comes_byte_for_byte_live_and_later(engine, make):
    script = (
        r"printf 'a\n\377\376b\r c'; sleep .2; echo err >&2; head -c 200000 /dev/zero | tr '\0' x; echo; printf end"
    )
    container = make("sh", "-c", script)
    output = engine.attach(container)
    engine.start(container)

    live = both(output)
    code = engine.wait(container)
    later = both(engine.logs(container))

    assert code == 0
    assert live == {"stdout": b"a\n\xff\xfeb\r c" + b"x" * 200_000 + b"\nend", "stderr": b"err\n"}
    assert later == live


def test_exit_codes_states_and_the_cleared_entrypoint(engine, make):
    container = make("sh", "-c", "exit 7")
    before = engine.state(container)
    engine.start(container)

    assert engine.wait(container) == 7
    assert engine.wait(container, 1) == 7
    after = engine.state(container)
    assert before is not None
    assert after is not None
    assert (before.status, before.exit_code, before.started) == ("created", None, None)
    assert (after.status, after.exit_code, after.running) == ("exited", 7, False)
    assert after.started is not None
    assert after.image == engine.image(IMAGE).id


def test_wait_gives_up_when_time_is_up(engine, make):
    container = make("sleep", "60")
    engine.start(container)

    assert engine.wait(container, 0.3) is None


def test_stop_reaches_what_a_shell_started(engine, make):
    """The shell is process 1 and ignores SIGTERM; the program below it gets it all the same, well before the grace."""
    container = make("bash", "-c", "trap : TERM; echo up; python3 -c 'import time; time.sleep(600)'; echo code $?")
    output = engine.attach(container)
    engine.start(container)
    first = next(iter(output))
    output.close()
    begun = time.monotonic()

    engine.stop(container, 60)

    assert time.monotonic() - begun < 30 * SECOND
    assert first == ("stdout", b"up\n")
    assert b"code 143" in both(engine.logs(container))["stdout"]


def test_stop_kills_who_does_not_listen(engine, make):
    container = make(
        "python3", "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(600)"
    )
    output = engine.attach(container)
    engine.start(container)
    next(iter(output))
    output.close()

    engine.stop(container, 1)

    assert engine.wait(container) == 137


def test_what_is_gone_is_fine_to_stop_kill_and_remove(engine):
    for act in (lambda: engine.stop("localhai-none", 1), lambda: engine.kill("localhai-none")):
        act()
    engine.remove("localhai-none")
    engine.remove_volume("localhai-none")
    engine.remove_network("localhai-none")

    assert engine.state("localhai-none") is None


def test_out_of_memory_is_told(engine, make):
    container = make("python3", "-c", "x = b'x' * (300 << 20)", memory=64 << 20)
    engine.start(container)

    assert engine.wait(container) == 137
    state = engine.state(container)
    assert state is not None
    assert state.oom_killed


def test_what_an_engine_refuses_is_said_in_plain_words(engine, make, ours):
    cases = {
        "no user nobody-9": {"user": "nobody-9"},
        "has no network localhai-none": {"network": "localhai-none"},
        "more, or for less": {"cpus": 9999.0},
        "cannot see the folder": {"mounts": (Mount("/nowhere/at/all", "/x"),)},
        "asks for a GPU": {"gpus": 1},
    }
    for words, spec in cases.items():
        with pytest.raises(SurroundingsError, match=words):
            engine.start(make("true", **spec))
    with pytest.raises(SurroundingsError, match="the image has no nosuchprogram"):
        engine.start(make("nosuchprogram"))
    with pytest.raises(ImageNotFound):
        engine.create(ContainerSpec("", "localhai-none:1", ("true",), labels=ours))


def test_an_image_that_no_registry_gives_is_not_found(engine):
    assert engine.image("localhai-none:1") is None
    with pytest.raises(ImageNotFound, match="localhai-none"):
        engine.pull("localhost:9/localhai-none:1")


def test_one_port_is_not_given_twice(engine, make):
    first = make("sleep", "60", ports={80: 39471})
    engine.start(first)

    with pytest.raises(SurroundingsError, match="port that the step publishes is taken"):
        engine.start(make("sleep", "60", ports={80: 39471}))


def test_containers_volumes_and_networks_are_found_by_label(engine, make, ours):
    container = make("sh", "-c", "exit 3")
    engine.start(container)
    engine.wait(container)
    name = f"localhai-{ours[labels.EXECUTION]}"
    engine.create_volume(name, ours)
    engine.create_network(name, ours)

    found = reap.of_execution(engine, ours[labels.EXECUTION])

    assert [(item.id, item.exit_code, item.running) for item in found.containers] == [(container, 3, False)]
    assert (found.volumes, found.networks) == ((name,), (name,))
    assert reap.remove(engine, found) == []
    assert not reap.of_execution(engine, ours[labels.EXECUTION])


def test_commands_run_inside_a_running_container(engine, make):
    container = make("sleep", "60")
    engine.start(container)

    # Two pipes, read by the engine side by side: which line comes first is nobody's promise.
    code, said = engine.execute(container, ("sh", "-c", "echo out; echo err >&2; exit 4"))
    assert (code, sorted(said.splitlines())) == (4, [b"err", b"out"])
    assert engine.run(ContainerSpec("", IMAGE, ("sh", "-c", "echo hi; exit 5"), labels={"localhai.helper": "t"})) == (
        5,
        b"hi\n",
    )


def test_fifty_containers_at_once(engine, make):
    codes: list[int | None] = []

    def live() -> None:
        container = make("sh", "-c", "echo x")
        output = engine.attach(container)
        engine.start(container)
        said = both(output)["stdout"]
        codes.append(engine.wait(container) if said == b"x\n" else None)
        engine.remove(container)

    threads = [threading.Thread(target=live) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert codes == [0] * 50


TERMINAL = textwrap.dedent("""
    import sys
    from localhai.containers.docker.connect import connect
    from localhai.containers.engine import ContainerSpec
    labels = {"localhai.helper": "test"}
    sys.exit(connect().interactive(ContainerSpec("", "python:3.11-slim", ("sh",), labels=labels)))
""")


def test_a_terminal_reaches_the_container():
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-c", TERMINAL])  # noqa: S606 - no shell is wanted
    said = b""
    while not said.endswith((b"# ", b"$ ")):
        said += os.read(terminal, 1000)
    os.write(terminal, b"tty; exit 7\n")
    try:
        while True:
            said += os.read(terminal, 1000)
    except OSError:  # the other side is closed
        pass

    assert b"/dev/pts/0" in said
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    os.close(terminal)


def test_piped_input_reaches_the_container():
    import subprocess

    done = subprocess.run(
        [sys.executable, "-c", TERMINAL], input=b"echo hi; echo no >&2; exit 5\n", capture_output=True, check=False
    )

    assert (done.stdout, done.stderr, done.returncode) == (b"hi\n", b"no\n", 5)
