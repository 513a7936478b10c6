"""Reads files in a child process that may do little: no network, no secrets, no files to write, memory and time bounded.

Where bubblewrap is there, the child also sees nothing of the data folder and no process but itself.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Literal

import msgspec

from autobot.adapters.documents.guarded import Guarded, begin
from autobot.adapters.documents.reading.kinds import TEXT, looks_like_html
from autobot.adapters.documents.reading.said import cleaned
from autobot.contexts.knowledge.ports.parsing import Parsed, Unread
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Absent, AutoBotError, ConfigurationError, InvalidInput, TooLarge

PROGRAM: Final = "autobot.adapters.documents.reading"
INSTALL: Final = "autobot add documents"
KILLED: Final = frozenset({-signal.SIGKILL, 128 + signal.SIGKILL})
OUT_OF_TIME: Final = frozenset({-signal.SIGXCPU, 128 + signal.SIGXCPU})
Sandbox = Literal["bubblewrap", "limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParserOptions:
    """What reading one file may take.

    Attributes:
        memory_mib: address space of the child (64–16,384 MiB).
        cpu_s: processor time (1–3,600 s).
        wall_s: time (1–3,600 s).
        answer_mib: what the child may answer (1–1,024 MiB).
        tries: how often a child is started that somebody kills from outside (1–10).
        bubblewrap: the program, None to do without.
    """

    memory_mib: int = 1024
    cpu_s: int = 60
    wall_s: float = 120.0
    answer_mib: int = 128
    tries: int = 3
    bubblewrap: str | None = "bwrap"

    def __post_init__(self) -> None:
        """Raise ConfigurationError for a value outside its range."""
        ranges = (
            ("memory_mib", 64, 16_384),
            ("cpu_s", 1, 3_600),
            ("wall_s", 1, 3_600),
            ("answer_mib", 1, 1_024),
            ("tries", 1, 10),
        )
        for name, low, high in ranges:
            if not low <= getattr(self, name) <= high:
                raise ConfigurationError(f"{name} must be between {low} and {high}.")


class ChildParser:
    """Implements `Parser`. `hidden` are folders that the child must not see, where the system can hide them.

    What was pasted as text needs no child (decision 0036).
    """

    def __init__(self, hidden: Sequence[Path] = (), options: ParserOptions | None = None) -> None:
        self._hidden, self._options = tuple(hidden), options or ParserOptions()
        self._sandbox: Sandbox | None = None
        self._proving = asyncio.Lock()
        self.pids: set[int] = set()
        """The children that read now."""

    async def parse(self, unread: Unread, context: CallContext) -> Parsed:
        if unread.pasted and unread.size <= PASTED_BYTES:
            raw = b"".join([piece async for piece in unread.pieces()])
            pasted = await asyncio.to_thread(_pasted, raw)
            if pasted is not None:
                return pasted
        options = self._options
        asked = {
            "memory": options.memory_mib * 1024 * 1024,
            "cpu": options.cpu_s,
            "name": unread.filename[-255:],
            "media_type": unread.media_type[:200],
            "web": unread.web,
        }
        argv = [*await self._around(), sys.executable, "-I", "-m", PROGRAM, json.dumps(asked)]
        with tempfile.TemporaryFile() as file:
            async for piece in unread.pieces():
                await asyncio.to_thread(file.write, piece)
            await asyncio.to_thread(file.flush)
            for _ in range(options.tries):
                await asyncio.to_thread(file.seek, 0)
                code, answer = await self._read(argv, file)
                if code not in KILLED:
                    return await asyncio.to_thread(self._said, code, answer)
        raise InvalidInput(f"What reads this file was killed {options.tries} times.")

    async def sandbox(self) -> Sandbox:
        """Return what the child is confined by, beside its own limits."""
        async with self._proving:
            if self._sandbox is None:
                self._sandbox = "bubblewrap" if await self._wraps() else "limits"
        return self._sandbox

    async def _wraps(self) -> bool:
        program = self._options.bubblewrap
        if program is None or shutil.which(program) is None:
            return False
        proof = await self._started([*self._wrapped(), sys.executable, "-I", "-c", ""], None)
        try:
            return await proof.wait() == 0
        finally:
            await proof.end()

    async def _around(self) -> list[str]:
        return self._wrapped() if await self.sandbox() == "bubblewrap" else []

    def _wrapped(self) -> list[str]:
        hidden = [word for one in self._hidden if one.is_dir() for word in ("--tmpfs", str(one.resolve()))]
        bind = ["--ro-bind", "/", "/", "--dev", "/dev", "--tmpfs", "/proc"]
        apart = ["--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--chdir", "/"]
        return [str(self._options.bubblewrap), *apart, *bind, *hidden, "--"]

    async def _started(self, argv: Sequence[str], file: IO[bytes] | None) -> Guarded:
        return await begin(argv, file)

    async def _read(self, argv: Sequence[str], file: IO[bytes]) -> tuple[int, bytes]:
        """Return how a child ended, and what it answered. However this ends, the child is gone then."""
        child = await self._started(argv, file)
        self.pids.add(child.process.pid)
        try:
            async with asyncio.timeout(self._options.wall_s):
                answer = await self._answer(child.process)
                return await child.wait(), answer
        except TimeoutError:
            raise TooLarge(f"Reading it takes longer than {self._options.wall_s:.0f} s.") from None
        finally:
            self.pids.discard(child.process.pid)
            await child.end()

    async def _answer(self, child: asyncio.subprocess.Process) -> bytes:
        assert child.stdout is not None
        most = self._options.answer_mib * 1024 * 1024
        parts, size = [], 0
        while piece := await child.stdout.read(1 << 18):
            size += len(piece)
            if size > most:
                raise TooLarge("It holds more text than is kept.")
            parts.append(piece)
        return b"".join(parts)

    def _said(self, code: int, answer: bytes) -> Parsed:
        if code in OUT_OF_TIME:
            raise TooLarge(f"Reading it takes more than {self._options.cpu_s} s of processor time.")
        if code != 0:
            raise InvalidInput("It could not be read: what reads it ended early.")
        try:
            said = msgspec.json.decode(answer)
            if "unreadable" in said:
                raise _meant(said["unreadable"])
            return _parsed(said["found"])
        except (msgspec.MsgspecError, KeyError, TypeError) as error:
            raise InvalidInput("It could not be read: what reads it answered nothing of use.") from error


PASTED_BYTES: Final = 4 * 1024 * 1024


def _pasted(raw: bytes) -> Parsed | None:
    """Return a text that somebody gave as text. None for a page in HTML: that has to be parsed.

    There is nothing in it to parse, and so nothing that a process apart would keep from this one.
    """
    if looks_like_html(raw[:4096]):
        return None
    try:
        return Parsed(text=cleaned(raw.decode("utf-8")), media_type=TEXT)
    except UnicodeDecodeError:
        return None


def _parsed(found: Mapping[str, Any]) -> Parsed:
    headings = [{"start": start, "level": level, "text": text} for start, level, text in found["headings"]]
    return msgspec.convert({**found, "headings": headings}, Parsed)


def _meant(said: Mapping[str, str]) -> AutoBotError:
    detail, hint = said["detail"], said["hint"] or None
    if said["kind"] == "large":
        return TooLarge(detail, hint=hint)
    if said["kind"] == "absent":
        return Absent("documents", f"Files of this kind are not read: {detail}", hint=INSTALL)
    return InvalidInput(detail, hint=hint)
