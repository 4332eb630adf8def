"""A line where people stumble: from how a step ended to what to do. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from localhai.containers.images import cpu_stand_in
from localhai.setting_values import toml_table

NOT_EXECUTABLE, NOT_FOUND = 126, 127
KILLED, SEGFAULT, TERMINATED, ILLEGAL, BUS_ERROR = 137, 139, 143, 132, 135
TAIL = 60
_GPU_IMAGE = re.compile(r"gpu|cuda|cu1\d\d|nvidia|nvcr\.io", re.IGNORECASE)
_MODULE = re.compile(r"ModuleNotFoundError: No module named '([^']+)'|ImportError: No module named (\S+)")
_PACKAGES = {
    "cv2": "opencv-python-headless",
    "sklearn": "scikit-learn",
    "PIL": "pillow",
    "yaml": "pyyaml",
    "valohai": "valohai-utils",
    "bs4": "beautifulsoup4",
    "skimage": "scikit-image",
    "dotenv": "python-dotenv",
    "dateutil": "python-dateutil",
}
_NO_PYTHON = "the image has no Python: take one such as python:3.11-slim with --image or under [images]"
_COMMANDS = {
    "source": "`source` is bash's, and this image has no bash: write `. FILE` instead, or take an image with bash",
    "python": "the image has no `python`: try `python3`, or an image such as python:3.11-slim",
    "pip": "the image has no `pip`: try `pip3`, or an image such as python:3.11-slim",
    "python3": _NO_PYTHON,
    "pip3": _NO_PYTHON,
}
_COMMAND_NOT_FOUND = re.compile(
    r"(?:line \d+: |: \d+: |sh: )([^\s:]+): (?:command )?not found|exec: \"([^\"]+)\": executable file not found"
)
_SCRIPT_NOT_FOUND = re.compile(
    r"(?:line \d+: |: \d+: |sh: )([^\s:]*/[^\s:]+): (?:not found|cannot execute: required file not found)"
    r"|exec (\S+): no such file or directory"
)
_NO_REQUIREMENTS = re.compile(r"Could not open requirements file: .*?No such file or directory: '([^']+)'")
_NO_FILE = re.compile(r"can't open file '?([^':]+)'?: \[Errno 2\]")


class ExecutionFailure(Struct, frozen=True):
    """How an execution ended: the last lines it wrote (both streams), and what it ran on.

    `memory_limit` in bytes when one was set; `architecture` of the image, `engine_architecture` of the engine.
    """

    exit_code: int | None
    lines: Sequence[str] = ()
    oom_killed: bool = False
    image: str = ""
    command: str = ""
    gpus: bool = False
    memory_limit: int | None = None
    stopped: bool = False
    architecture: str = ""
    engine_architecture: str = ""


def hints(exit_code: int | None, **known: Any) -> list[str]:
    """What to do, most telling first; nothing for a step that ended well or was stopped on purpose.

    `known` are the other fields of `ExecutionFailure`.
    """
    ending = ExecutionFailure(exit_code, **known)
    if ending.exit_code == 0 or ending.stopped:
        return []
    found: list[str] = []
    text = "\n".join(ending.lines[-TAIL:])
    for rule in _RULES:
        hint = rule(ending, text)
        if hint and hint not in found:
            found.append(hint)
    return found


def _memory(ending: ExecutionFailure, _text: str) -> str | None:
    if ending.oom_killed:
        limit = f" of {ending.memory_limit // (1024 * 1024)} MB" if ending.memory_limit else ""
        return f"it was killed because it used up its memory{limit}: raise resources.memory.max, or use less"
    if ending.exit_code == KILLED:
        return (
            "exit code 137: something killed it, often the system for want of memory. Give Docker more, "
            "or use less (a smaller batch)"
        )
    return None


def _no_gpu(ending: ExecutionFailure, text: str) -> str | None:
    if ending.gpus:
        return None
    asked = "nvidia-smi" in ending.command and ending.exit_code in {NOT_FOUND, 6, 9, 12}
    words = r"nvidia-smi: (?:command )?not found|NVIDIA-SMI has failed|Found no NVIDIA driver|no CUDA-capable device"
    words += r"|libcuda\.so|Torch not compiled with CUDA|CUDA driver version is insufficient|CUDA_ERROR_NO_DEVICE"
    if not asked and not re.search(words, text):
        return None
    return _without_gpu(ending.image)


def _without_gpu(image: str) -> str:
    hint = "there is no GPU here"
    stand_in = cpu_stand_in(image)
    if stand_in is not None:
        table = toml_table("images", {image: stand_in})
        return (
            f"{hint}: leave nvidia-smi out of the command, and try the image without one: --image={stand_in}, "
            f"or in localhai.toml:\n{table}"
        )
    if _GPU_IMAGE.search(image):
        return f"{hint}, and {image} is made for one: map it to a CPU image under [images] in localhai.toml"
    return f"{hint}: leave nvidia-smi out of the command, and let the code choose the CPU"


def _cuda_memory(ending: ExecutionFailure, text: str) -> str | None:
    if re.search(r"CUDA out of memory|CUBLAS_STATUS_ALLOC_FAILED|OOM when allocating tensor", text):
        return "the GPU ran out of memory: use a smaller batch, or stop what else uses it"
    if ending.gpus and "no kernel image is available for execution" in text:
        return "the image's CUDA does not know this GPU: take a newer image"
    return None


def _requirements(_ending: ExecutionFailure, text: str) -> str | None:
    match = _NO_REQUIREMENTS.search(text)
    if match is None:
        return None
    return f"there is no {match[1]} in the repository: is it committed, or kept out by .gitignore or .vhignore?"


def _missing_file(_ending: ExecutionFailure, text: str) -> str | None:
    match = _NO_FILE.search(text)
    if match is None:
        return None
    name = match[1].strip("'").removeprefix("/valohai/repository/")
    return f"there is no {name} in the repository: is its path right, is it kept out by .gitignore or .vhignore?"


def _missing_module(_ending: ExecutionFailure, text: str) -> str | None:
    match = _MODULE.search(text)
    if match is None:
        return None
    module = (match[1] or match[2]).partition(".")[0]
    package = _PACKAGES.get(module, module)
    return (
        f"the image has no Python module {module}: add `pip install {package}` to the command, "
        "or take an image that has it"
    )


def _missing_command(ending: ExecutionFailure, text: str) -> str | None:
    if _windows_lines(ending, text) or _no_interpreter(ending, text):
        return None
    match = _COMMAND_NOT_FOUND.search(text)
    name = (match[1] or match[2]) if match else ""
    if name == "nvidia-smi" or (not match and ending.exit_code != NOT_FOUND):
        return None
    if name.endswith(("bash", "/sh")):
        return f"the image has no {name}: take one that has it"
    if name:
        return _COMMANDS.get(name) or f"the image has no `{name}`: install it in the command, or take another image"
    return "exit code 127: a command of the step is not in the image"


def _too_long(_ending: ExecutionFailure, text: str) -> str | None:
    if "Argument list too long" in text:
        return (
            "a command line is too long: Linux gives one argument 128 KB. Read the value from "
            "/valohai/config/parameters.json, or give it as an input"
        )
    return None


def _no_interpreter(ending: ExecutionFailure, text: str) -> str | None:
    """A script that is there and yet not found: its first line names what is not."""
    match = _SCRIPT_NOT_FOUND.search(text)
    if match is None or _windows_lines(ending, text) or ending.exit_code not in {NOT_EXECUTABLE, NOT_FOUND}:
        return None
    name = match[1] or match[2]
    if name.endswith(("bash", "/sh")):
        return None
    return (
        f"{name} cannot be started: it is not in the repository, or its first line (#!) names a program that the image "
        "has not. Windows line ends do that too: save it with Unix ones, or set `* text=auto eol=lf` in .gitattributes"
    )


def _not_executable(ending: ExecutionFailure, text: str) -> str | None:
    if "exec format error" in text.lower():
        return "the image, or a program in it, is made for another kind of processor: take another image"
    known = (_too_long, _windows_lines, _no_interpreter)
    if ending.exit_code == NOT_EXECUTABLE and not any(rule(ending, text) for rule in known):
        return "exit code 126: a file was run that is not executable: `chmod +x` it in git, or call its interpreter"
    return None


def _windows_lines(_ending: ExecutionFailure, text: str) -> str | None:
    words = r"\\r['\u2019]: |\r: not found|\^M: bad interpreter|bad interpreter: .*\^M|python[\d.]*\r"
    if re.search(words, text):
        return "a script has Windows line ends: save it with Unix ones, or set `* text=auto eol=lf` in .gitattributes"
    return None


def _denied(_ending: ExecutionFailure, text: str) -> str | None:
    match = re.search(r"PermissionError: \[Errno 13\] Permission denied: '([^']+)'", text)
    if match is None or not match[1].startswith("/valohai/"):
        return None
    if match[1].startswith("/valohai/config"):
        return "/valohai/config cannot be written to: put files into /valohai/outputs"
    return f"the image's user may not write {match[1]}: put files into /valohai/outputs"


def _disk_full(_ending: ExecutionFailure, text: str) -> str | None:
    if re.search(r"No space left on device|Errno 28|Disk quota exceeded", text):
        return "the disk is full: docker system df and localhai clean show what can go"
    return None


def _shared_memory(ending: ExecutionFailure, text: str) -> str | None:
    ran_out = re.search(r"Bus error|insufficient shared memory|unable to (?:open|write).*shm", text, re.IGNORECASE)
    if not ran_out and ending.exit_code != BUS_ERROR:
        return None
    what = "exit code 135 (SIGBUS): " if ending.exit_code == BUS_ERROR else ""
    return (
        f"{what}shared memory (/dev/shm) ran out: raise `shm_size` under [docker] in localhai.toml "
        "(or LOCALHAI_SHM_SIZE=16g), or use fewer DataLoader workers"
    )


def _no_new_privileges(_ending: ExecutionFailure, text: str) -> str | None:
    if re.search(r"no new privileges|effective uid is not 0", text):
        return (
            "sudo gains nothing here: leave it out where the image's user is root, or set no_new_privileges = false"
            " under [docker] in localhai.toml"
        )
    return None


def _pids(_ending: ExecutionFailure, text: str) -> str | None:
    if re.search(r"fork: (?:retry: )?Resource temporarily unavailable|can't start new thread", text):
        return "it has as many processes and threads as it may: pids_limit under [docker] in localhai.toml"
    return None


def _network(_ending: ExecutionFailure, text: str) -> str | None:
    if re.search(r"Temporary failure in name resolution|Could not resolve host|Name or service not known", text):
        return "the container reaches no network: look at proxy and DNS of Docker, and at VH_DOCKER_NETWORK"
    return None


def _signal(ending: ExecutionFailure, _text: str) -> str | None:
    emulated = ending.architecture and ending.engine_architecture and ending.architecture != ending.engine_architecture
    if ending.exit_code in {SEGFAULT, ILLEGAL}:
        if emulated:
            return f"it crashed; the image is made for {ending.architecture}, and is emulated here: take another image"
        return f"exit code {ending.exit_code}: a program in it crashed (not Python's own error)"
    if ending.exit_code == TERMINATED:
        return "exit code 143: something asked it to end (SIGTERM)"
    return None


_RULES: tuple[Callable[[ExecutionFailure, str], str | None], ...] = (
    _memory,
    _no_gpu,
    _cuda_memory,
    _requirements,
    _missing_file,
    _missing_module,
    _windows_lines,
    _too_long,
    _no_interpreter,
    _missing_command,
    _not_executable,
    _denied,
    _disk_full,
    _shared_memory,
    _no_new_privileges,
    _pids,
    _network,
    _signal,
)
