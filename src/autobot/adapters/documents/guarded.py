"""Child processes that are gone when this process is gone, at whatever moment it was killed.

A shell leads the child's process group and starts a watcher beside it, before the child itself. The watcher reads from a
pipe whose other end this process alone holds: when that closes, by us or by the system after our end, it kills the group.

The system's own signal at a parent's death does not suffice for bubblewrap: its first process asks for it, and its second one
waits for a word of the first; who dies in between leaves a process that waits for ever.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Final

ENVIRONMENT: Final = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
"""All that a child is told."""

_LEAD: Final = (
    "exec 3<&2 2>/dev/null; { read -r _ <&3; kill -KILL 0; } >/dev/null & "
    '"$@" 3<&-; code=$?; kill -KILL $!; wait $!; exit $code'
)
"""The pipe comes in place of standard error. The leader ends as the child did (128 + the signal that ended it)."""

_REFUSED: Final = {2: errno.EAGAIN, 126: errno.EACCES, 127: errno.ENOENT}
"""How the leader ends when the system let it start no child: no more processes, a program that may not run, or none."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """A child with its pipe. `end` must be called."""

    program: str
    process: asyncio.subprocess.Process
    _held: int

    async def wait(self) -> int:
        """Return how the child ended, once it did. Raises OSError when the system started none."""
        code = await self.process.wait()
        if code in _REFUSED:
            raise OSError(_REFUSED[code], os.strerror(_REFUSED[code]), self.program)
        return code

    async def end(self) -> None:
        """End what has not ended, and wait for it."""
        if self.process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        # Ends what is left of the group when its leader was killed alone.
        os.close(self._held)
        await asyncio.shield(self.process.wait())


async def begin(argv: Sequence[str], file: IO[bytes] | None) -> Guarded:
    """Start a program with a file as its standard input. Who leaves meanwhile leaves none: it is ended as soon as it is known."""
    try:
        async with asyncio.TaskGroup() as group:
            starting = group.create_task(_begun(argv, file))
            try:
                return await asyncio.shield(starting)
            except asyncio.CancelledError:
                await (await starting).end()
                raise
    except ExceptionGroup as failed:
        # What the system refused is told as itself.
        raise failed.exceptions[0] from None


async def _begun(argv: Sequence[str], file: IO[bytes] | None) -> Guarded:
    watched, held = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            _LEAD,
            "sh",
            *argv,
            stdin=asyncio.subprocess.DEVNULL if file is None else file,
            stdout=asyncio.subprocess.PIPE,
            stderr=watched,
            env=ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
    except BaseException:
        os.close(held)
        raise
    finally:
        os.close(watched)
    return Guarded(argv[0], process, held)
