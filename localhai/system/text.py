r"""Text cleaned where it enters: inside, every text is valid Unicode, and whoever writes can rely on it.

Two things come that are none: bytes that are not UTF-8, which Python carries as surrogates (arguments, variables, file
names), and halves of a character, as JSON and YAML can escape them (`"\ud800"`). A file's path is kept as it is for as
long as the file shall be opened; all else passes through here. Pure, but for `read_file` and `path_of`.
"""

from __future__ import annotations

import codecs
import os
import re
from pathlib import Path
from typing import Any

_SURROGATES = re.compile("[\ud800-\udfff]")
_SHOWN = re.compile(r"\\x([89a-f][0-9a-f])")
_STEP = 1000  # between the units of sizes
_BYTES = range(0xDC80, 0xDD00)  # where Python puts bytes that are not UTF-8
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def is_clean(text: str) -> bool:
    """Whether it is valid Unicode."""
    return text.isascii() or _SURROGATES.search(text) is None


def clean(text: str) -> str:
    r"""Valid Unicode: bytes that were not UTF-8 are shown as `\xe9`, halves of a character as `\ud800`.

    Two halves that stand together are the character that they mean.
    """
    if is_clean(text):
        return text
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return _SURROGATES.sub(_shown, joined)


def _shown(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code - 0xDC00:02x}" if code in _BYTES else f"\\u{code:04x}"


def cut(text: str, most: int) -> str:
    """The text, or so many of its first characters and `…` where it has more."""
    return text if len(text) <= most else f"{text[:most]}…"


def clean_value(value: Any) -> Any:
    """A value as JSON and YAML give it, with every text in it clean, those of keys too; itself where nothing was."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        made = {clean_value(key): clean_value(item) for key, item in value.items()}
        return value if _same(value.items(), made.items()) else made
    if isinstance(value, (list, tuple)):
        items = [clean_value(item) for item in value]
        return value if _same(value, items) else type(value)(items)
    return value


def _same(before: Any, after: Any) -> bool:
    """Whether each part is the very object that it was."""
    for old, new in zip(before, after, strict=False):
        if old is not new and not (isinstance(old, tuple) and old[0] is new[0] and old[1] is new[1]):
            return False
    return len(before) == len(after)


def as_bytes(path: str) -> bytes:
    """A path as the file system has it."""
    try:
        return path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a character is no part of any path
        return clean(path).encode()


def path_of(text: str) -> Path:
    """The path that `clean` made a text of: as it stands where that is there, else with the bytes that it had."""
    if "\\x" in text and not os.path.lexists(text):
        restored = _SHOWN.sub(lambda match: chr(0xDC00 + int(match[1], 16)), text)
        text = restored if os.path.lexists(restored) else text
    return Path(text)


def file_name(path: bytes | str) -> str:
    """Any path as a name: `%XX` for bytes that are not UTF-8, and then `%25` for `%` itself, so it can be undone.

    A name that is UTF-8 stays as it is.
    """
    path = path if isinstance(path, bytes) else as_bytes(path)
    try:
        return path.decode()
    except UnicodeDecodeError:
        text = path.replace(b"%", b"%25").decode("utf-8", "surrogateescape")
    return "".join(f"%{ord(char) - 0xDC00:02X}" if ord(char) in _BYTES else char for char in text)


def human_size(size: float, least: str = "B") -> str:
    """`28.9 kB`: bytes in powers of 1000, as the platform writes them (platform.md 2.5); below that whole ones."""
    for unit in (least, "kB", "MB", "GB"):
        if size < _STEP:
            return f"{size:.0f} {unit}" if unit == least else f"{size:.1f} {unit}"
        size /= _STEP
    return f"{size:.1f} TB"


def read_file(path: Path) -> str:
    """A file that people write: UTF-8, with or without a byte order mark. Raises OSError, UnicodeDecodeError."""
    return decode_file(path.read_bytes())


def decode_file(content: bytes) -> str:
    """The text of a file that people write. Raises UnicodeDecodeError, which says of UTF-16 that it is that."""
    if content.startswith(_WIDE):
        raise UnicodeDecodeError("utf-8", content[:2], 0, 2, "the file is UTF-16: save it as UTF-8")
    return without_mark(content.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n"))


def without_mark(text: str) -> str:
    """`text` without the byte order mark that some editors put before it."""
    return text.removeprefix("\ufeff")
