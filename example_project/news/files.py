"""Where Valohai puts files, and where it collects them."""

import json
import os
from pathlib import Path

INPUTS = Path(os.environ.get("VH_INPUTS_DIR", "/valohai/inputs"))
OUTPUTS = Path(os.environ.get("VH_OUTPUTS_DIR", "/valohai/outputs"))
CONFIG = Path(os.environ.get("VH_CONFIG_DIR", "/valohai/config"))


def input_files(name: str) -> list[Path]:
    """Every file of an input, in the order of their names."""
    return sorted(path for path in (INPUTS / name).rglob("*") if path.is_file())


def input_file(name: str) -> Path:
    """The one file of an input."""
    files = input_files(name)
    if len(files) != 1:
        raise SystemExit(f"the input {name} must be one file; it is {[file.name for file in files]}")
    return files[0]


def execution_counter() -> int | None:
    """The number of this execution, or None outside Valohai."""
    try:
        return json.loads((CONFIG / "execution.json").read_text())["valohai.execution-counter"]
    except FileNotFoundError:
        return None


def describe(output: Path, **properties: object) -> None:
    """Give an output its tags, alias and properties by a sidecar beside it. Underscores stand for `valohai.`'s dots."""
    reserved = {"tags": "valohai.tags", "alias": "valohai.alias"}
    metadata = {reserved.get(key, key): value for key, value in properties.items()}
    output.with_name(output.name + ".metadata.json").write_text(json.dumps(metadata))


def log(**metadata: object) -> None:
    """A line of JSON on stdout is metadata."""
    print(json.dumps(metadata), flush=True)
