from __future__ import annotations

import pytest

from localhai.containers.hints import hints


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({"exit_code": 137, "oom_killed": True, "memory_limit": 512 << 20}, "used up its memory of 512 MB"),
        ({"exit_code": 137}, "want of memory"),
        (
            {
                "exit_code": 127,
                "lines": ["bash: line 1: nvidia-smi: command not found"],
                "command": "nvidia-smi",
                "image": "tensorflow/tensorflow:2.6.1-gpu",
            },
            "--image=tensorflow/tensorflow:2.6.1",
        ),
        (
            {
                "exit_code": 1,
                "lines": ["RuntimeError: Found no NVIDIA driver on your system."],
                "image": "pytorch/pytorch:2.1-cuda12",
            },
            "map it to a CPU image",
        ),
        ({"exit_code": 127, "lines": ["/bin/sh: 1: source: not found"]}, "write `. FILE`"),
        ({"exit_code": 127, "lines": ["/valohai/config/.command: line 1: python: command not found"]}, "try `python3`"),
        ({"exit_code": 127, "lines": ["sh: python3: not found"]}, "the image has no Python"),
        ({"exit_code": 127, "lines": ["sh: 3: unzip: not found"]}, "the image has no `unzip`"),
        ({"exit_code": 127, "lines": ["?"]}, "exit code 127"),
        ({"exit_code": 126, "lines": ["sh: ./run.sh: Permission denied"]}, "chmod +x"),
        ({"exit_code": 126, "lines": ["exec ./x: exec format error"]}, "another kind of processor"),
        (
            {
                "exit_code": 1,
                "lines": [
                    "ERROR: Could not open requirements file: [Errno 2] No such file or directory: 'requirements.txt'"
                ],
            },
            "no requirements.txt in the repository",
        ),
        (
            {
                "exit_code": 2,
                "lines": ["python: can't open file '/valohai/repository/train.py': [Errno 2] No such file"],
            },
            "no train.py in the repository",
        ),
        (
            {"exit_code": 1, "lines": ["ModuleNotFoundError: No module named 'sklearn.linear_model'"]},
            "pip install scikit-learn",
        ),
        ({"exit_code": 1, "lines": ["OSError: [Errno 28] No space left on device"]}, "disk is full"),
        ({"exit_code": 1, "lines": ["torch.cuda.OutOfMemoryError: CUDA out of memory."], "gpus": True}, "GPU ran out"),
        (
            {"exit_code": 1, "lines": ["PermissionError: [Errno 13] Permission denied: '/valohai/config/x'"]},
            "/valohai/config cannot be written",
        ),
        ({"exit_code": 135}, "`shm_size` under [docker] in localhai.toml"),
        ({"exit_code": 135, "lines": ["DataLoader worker is killed by signal: Bus error."]}, "shared memory"),
        ({"exit_code": 1, "lines": ["socket.gaierror: Temporary failure in name resolution"]}, "reaches no network"),
        (
            {"exit_code": 127, "lines": ["/valohai/config/.command: line 2: $'\\r': command not found"]},
            "Windows line ends",
        ),
        ({"exit_code": 127, "lines": ["/usr/bin/env: 'bash\\r': No such file or directory"]}, "Windows line ends"),
        ({"exit_code": 126, "lines": ["bash: ./a.sh: /bin/sh^M: bad interpreter: No such file"]}, "Windows line ends"),
        (
            {"exit_code": 127, "lines": ["/valohai/config/.command: 1: ./run.sh: not found"]},
            "./run.sh cannot be started",
        ),
        (
            {"exit_code": 127, "lines": ["bash: line 1: ./run.sh: cannot execute: required file not found"]},
            "Windows line ends do that too",
        ),
        ({"exit_code": 126, "lines": ["bash: /usr/bin/python: Argument list too long"]}, "one argument 128 KB"),
        ({"exit_code": 139, "architecture": "arm64", "engine_architecture": "amd64"}, "emulated here"),
        ({"exit_code": 143}, "SIGTERM"),
    ],
)
def test_people_are_told_what_to_do(known, words):
    assert words in "\n".join(hints(**known))


@pytest.mark.parametrize(
    "known",
    [
        {"exit_code": 0, "lines": ["No space left on device"]},
        {"exit_code": 143, "stopped": True},
        {"exit_code": 1, "lines": ["ValueError: nothing we know"]},
        {"exit_code": 1, "image": "x:gpu", "gpus": True, "lines": ["nvidia-smi: command not found"]},
    ],
)
def test_nothing_is_said_without_a_reason(known):
    assert hints(**known) == []


@pytest.mark.parametrize(
    ("known", "misleads"),
    [
        ({"exit_code": 126, "lines": ["bash: /usr/bin/python: Argument list too long"]}, "chmod"),
        ({"exit_code": 127, "lines": ["/valohai/config/.command: 1: ./run.sh: not found"]}, "the image has no `"),
        ({"exit_code": 127, "lines": ["/usr/bin/env: 'bash\\r': No such file or directory"]}, "not in the image"),
        ({"exit_code": 126, "lines": ["bash: ./a.sh: /bin/sh^M: bad interpreter: No such file"]}, "chmod"),
    ],
)
def test_nobody_is_sent_the_wrong_way(known, misleads):
    (hint,) = hints(**known)
    assert misleads not in hint


def test_only_the_last_lines_count():
    lines = ["No space left on device", *["fine"] * 100]

    assert hints(1, lines=lines) == []
