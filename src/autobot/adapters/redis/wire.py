"""One connection: the commands of all callers in one stream, each turn of the loop one write, answers in their order.

RESP2, read and written by hiredis. A caller that is cancelled leaves its answer unread; the connection goes on.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from typing import Any, Final, cast

from hiredis import Reader, ReplyError, pack_command

from autobot.adapters.redis.address import Address
from autobot.adapters.redis.errors import LINK, broken, refused
from autobot.kernel.core.errors import AutoBotError, ConfigurationError, ConnectionLost

TIMEOUT_S: Final = 5.0
"""How long a connection may take to be made, or say nothing while an answer is due."""


class Wire(asyncio.Protocol):
    """A connection, made by `connected`. `quiet_s` is how long an answer may take.

    With `told` answers are not waited for: each is handed over as it comes, and None at the end.
    """

    def __init__(self, quiet_s: float = TIMEOUT_S, told: Callable[[Any], None] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._reader = Reader()
        self._quiet_s = quiet_s
        self._told = told
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._out: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._heard_at = 0.0
        self.closed = False

    # -------------------------------------------------------------------------------------------- for callers

    def call(self, *words: Any) -> asyncio.Future[Any]:
        """Send a command; the future has its answer, or the error of the tree that the answer means."""
        future: asyncio.Future[Any] = self._loop.create_future()
        if self.closed:
            future.set_exception(broken())
            return future
        self._write(words)
        self._waiting.append(future)
        if self._watch is None:
            self._heard_at = self._loop.time()
            self._watch = self._loop.call_later(self._quiet_s, self._look)
        return future

    def say(self, *words: Any) -> None:
        """Send a command whose answer is told, not waited for."""
        if not self.closed:
            self._write(words)

    def close(self) -> None:
        """End the connection; who waits hears that it broke."""
        if self._transport is not None:
            self._transport.abort()
        self.connection_lost(None)

    def _write(self, words: tuple[Any, ...]) -> None:
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(pack_command(words))

    def _flush(self) -> None:
        out, self._out = self._out, []
        if self._transport is None or self.closed:
            return
        try:
            self._transport.write(b"".join(out))
        except RuntimeError:
            # What uvloop says of a connection that was cut off a moment before.
            self.close()

    def _look(self) -> None:
        """Give up a connection on which an answer is due and nothing came for long."""
        self._watch = None
        if not self._waiting:
            return
        left = self._heard_at + self._quiet_s - self._loop.time()
        if left > 0:
            self._watch = self._loop.call_later(left, self._look)
        else:
            self.close()

    # ------------------------------------------------------------------------------------------- from the loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        # Not asserted: uvloop's transports are of no class of asyncio.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Hand each answer to who waits for it."""
        self._heard_at = self._loop.time()
        self._reader.feed(data)
        while True:
            try:
                answer = self._reader.gets()
            except Exception:  # noqa: BLE001 - whatever does not speak the protocol is no Redis
                self.close()
                return
            if answer is False:
                return
            if self._told is not None:
                self._told(answer)
                continue
            if not self._waiting:
                self.close()
                return
            future = self._waiting.popleft()
            if future.done():
                continue
            if isinstance(answer, ReplyError):
                future.set_exception(refused(str(answer)))
            else:
                future.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everybody who waits."""
        if self.closed:
            return
        self.closed = True
        if self._watch is not None:
            self._watch.cancel()
        waiting, self._waiting = self._waiting, deque()
        for future in waiting:
            if not future.done():
                future.set_exception(broken(exc))
        if self._told is not None:
            self._told(None)

    def tell(self, told: Callable[[Any], None]) -> None:
        """Hand over what comes from now on."""
        self._told = told


async def connected(address: Address, quiet_s: float = TIMEOUT_S) -> Wire:
    """Return a connection that is signed in. Raises ConnectionLost, ConnectFailed or ConfigurationError."""
    loop = asyncio.get_running_loop()

    def made() -> Wire:
        return Wire(quiet_s)

    try:
        async with asyncio.timeout(TIMEOUT_S):
            if address.path:
                _, wire = await loop.create_unix_connection(made, address.path)
            else:
                context = trusting(address) if address.tls else None
                _, wire = await loop.create_connection(made, address.host, address.port, ssl=context)
            try:
                await _greet(wire, address)
            except BaseException:
                wire.close()
                raise
    except ssl.SSLError as error:
        raise distrusted(address, error) from error
    except (OSError, TimeoutError) as error:
        silent = address.tls and isinstance(error, TimeoutError)
        raise (untold(address) if silent else broken(error)) from error
    return wire


def trusting(address: Address) -> ssl.SSLContext:
    """Return whom a connection by TLS trusts. Raises ConfigurationError when the file of certificates is none."""
    try:
        return ssl.create_default_context(cafile=address.ca or None)
    except OSError as error:
        raise ConfigurationError(
            f"{address.ca} holds no certificates that can be read.",
            hint="Mend ca= in AUTOBOT_REDIS_URL: a file in PEM.",
        ) from error


def untold(address: Address) -> AutoBotError:
    """Return the error of a server that says nothing to a TLS handshake, as one does that waits for a command."""
    return ConnectionLost(
        f"Redis at {address.place} did not answer by TLS within {TIMEOUT_S:g} s.",
        link=LINK,
        hint="Where it does not speak TLS write redis:// in AUTOBOT_REDIS_URL.",
    )


def distrusted(address: Address, error: ssl.SSLError) -> AutoBotError:
    """Return what a failed TLS handshake means."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return ConfigurationError(
            f"The certificate of Redis at {address.place} is not trusted: {error.verify_message}.",
            hint="Name who vouches for it: AUTOBOT_REDIS_URL=rediss://HOST:6379/0?ca=FILE",
        )
    if error.reason == "WRONG_VERSION_NUMBER":
        return ConfigurationError(
            f"Redis at {address.place} does not speak TLS.", hint="Write redis://, or name its port for TLS."
        )
    return broken(error)


async def _greet(wire: Wire, address: Address) -> None:
    if address.password:
        await wire.call("AUTH", *filter(None, (address.name,)), address.password)
    if address.database:
        await wire.call("SELECT", address.database)
