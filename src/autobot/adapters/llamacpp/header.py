"""The header of a GGUF file (github.com/ggml-org/ggml, docs/gguf.md): enough to name a file before it is loaded."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

MAGIC: Final = b"GGUF"
VERSIONS: Final = (2, 3)
Pooling = Literal["mean", "cls", "last"]
KEYS_MAX: Final = 10_000
TEXT_MAX: Final = 16 << 20
ITEMS_MAX: Final = 50_000_000

# Value types of §"GGUF" by their number: struct formats; 8 is a text, 9 an array.
_NUMBERS: Final = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}
_TEXT, _ARRAY = 8, 9


# `<architecture>.pooling_type` by its number (llama.cpp, include/llama.h); 0 is none, 4 ranks texts.
_POOLING: Final[Mapping[int, Pooling]] = {1: "mean", 2: "cls", 3: "last"}


class NotGguf(ValueError):
    """The file is no GGUF file, or is cut off inside its header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a file says of itself. `window` is the context length it was trained for, None when not told;
    `pooling` how an embedding model makes one vector of a text, None for a model that writes."""

    architecture: str
    window: int | None
    pooling: Pooling | None = None


def read_header(path: Path) -> Header:
    """Read the metadata of a file. Raises NotGguf, OSError."""
    with path.open("rb") as file:
        if file.read(4) != MAGIC:
            raise NotGguf("it does not begin with GGUF")
        version, _, keys = struct.unpack("<IQQ", _exactly(file, 20))
        if version not in VERSIONS:
            raise NotGguf(f"it has the format version {version}")
        if keys > KEYS_MAX:
            raise NotGguf("its header makes no sense")
        found: dict[str, Any] = {}
        for _ in range(keys):
            name = _text(file)
            # The tokenizer's long lists come after what is looked for; there is no need to read them.
            if name.startswith("tokenizer.") and "general.architecture" in found:
                break
            value = _value(file, _number(file, "<I"))
            if name == "general.architecture" or name.endswith((".context_length", ".pooling_type")):
                found[name] = value
    architecture = found.get("general.architecture")
    architecture = architecture if isinstance(architecture, str) else "unknown"
    window = found.get(f"{architecture}.context_length")
    pooling = found.get(f"{architecture}.pooling_type")
    return Header(
        architecture=architecture,
        window=window if isinstance(window, int) and window > 0 else None,
        pooling=_POOLING.get(pooling) if isinstance(pooling, int) else None,
    )


def _exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise NotGguf("it is cut off in its header")
    return data


def _number(file: BinaryIO, form: str) -> Any:
    return struct.unpack(form, _exactly(file, struct.calcsize(form)))[0]


def _text(file: BinaryIO) -> str:
    size = _number(file, "<Q")
    if size > TEXT_MAX:
        raise NotGguf("its header makes no sense")
    return _exactly(file, size).decode("utf-8", "replace")


def _value(file: BinaryIO, kind: int) -> Any:
    if kind in _NUMBERS:
        return _number(file, _NUMBERS[kind])
    if kind == _TEXT:
        return _text(file)
    if kind != _ARRAY:
        raise NotGguf(f"its header has a value of the unknown type {kind}")
    inner, count = _number(file, "<I"), _number(file, "<Q")
    if count > ITEMS_MAX:
        raise NotGguf("its header makes no sense")
    if inner in _NUMBERS:
        file.seek(struct.calcsize(_NUMBERS[inner]) * count, 1)
    else:
        for _ in range(count):
            _value(file, inner)
    return None
