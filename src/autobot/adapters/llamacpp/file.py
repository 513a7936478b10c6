"""A model file, and how llama.cpp serves it in a child process."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from autobot.adapters.llamacpp.header import Header, NotGguf, read_header
from autobot.kernel.core.errors import Absent, AutoBotError, ConfigurationError

PART: Final = "llamacpp"
INSTALL: Final = "autobot add local-llm"


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamaOptions:
    """How a file is served. Times in seconds.

    Attributes:
        file: the GGUF file.
        window: tokens of one conversation, at most (256–1,000,000); the file's own is the other bound.
        parallel: conversations at once (1–64); each takes memory for a whole window.
        threads: processor threads, 0 for llama.cpp's choice.
        cache_mib: memory for prompts that were read before, 0 for none.
        load_s: the most that loading may take (1–3,600).
        environment: what the process sees.
    """

    file: Path
    window: int = 8192
    parallel: int = 1
    threads: int = 0
    cache_mib: int = 256
    load_s: float = 600.0
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Raise ConfigurationError for a value outside its range."""
        if not 256 <= self.window <= 1_000_000 or not 1 <= self.parallel <= 64:
            raise ConfigurationError("The local model's window must be 256–1,000,000 and parallel 1–64.")
        if self.threads < 0 or self.cache_mib < 0 or not 1 <= self.load_s <= 3_600:
            raise ConfigurationError("The local model's threads, cache or load time are out of range.")


class LlamaFile:
    """One file. It is the plan of its child process."""

    what: Final = "local model server"
    module: Final = "autobot.adapters.llamacpp.server"

    def __init__(self, options: LlamaOptions) -> None:
        self._options = options
        self._served: Header | None = None
        self.load_s = options.load_s
        # llama.cpp's debugger hook stays off.
        self.environment = {**options.environment, "GGML_NO_BACKTRACE": "1"}

    @property
    def name(self) -> str:
        """The model's name: the file's, without its ending."""
        return self._options.file.stem

    async def header(self) -> Header:
        """Return what the file says of itself. Raises Absent, with the step that helps."""
        file = self._options.file
        if importlib.util.find_spec("xllamacpp") is None:
            raise Absent(PART, "llama.cpp is not installed.", hint=INSTALL)
        try:
            return await asyncio.to_thread(read_header, file)
        except FileNotFoundError:
            raise Absent(PART, f"There is no file {file}.", hint="Set model.file to a GGUF file") from None
        except NotGguf as error:
            raise Absent(
                PART, f"{file} is not a GGUF file: {error}.", hint="Set model.file to one"
            ) from error
        except OSError as error:
            raise Absent(
                PART, f"{file} cannot be read ({error.strerror}).", hint="Let AutoBot's user read it"
            ) from error

    async def embeds(self, *, served: bool) -> bool:
        """Return whether the file is a model that embeds: the one that is `served` now, else what its header says.

        Raises as `header`.
        """
        held = self._served if served else None
        return (held or await self.header()).pooling is not None

    def window(self, header: Header) -> int:
        """Return the tokens of one conversation."""
        return min(self._options.window, header.window or self._options.window)

    async def wishes(self) -> dict[str, Any]:
        """Return what the child process is told. Raises as `header`."""
        header = self._served = await self.header()
        return {
            "file": str(self._options.file),
            "name": self.name,
            "window": self.window(header),
            "parallel": self._options.parallel,
            "threads": self._options.threads,
            "cache_mib": self._options.cache_mib,
            "pooling": header.pooling,
        }

    def refused(self, told: Mapping[str, Any]) -> AutoBotError:
        """Return why there is no server."""
        return Absent(
            PART,
            f"llama.cpp could not load {self._options.file}: it may be damaged, of a kind that is not known, "
            "or too large for this machine.",
            hint="Look at the log of the local model in the support bundle, or choose another file",
        )
