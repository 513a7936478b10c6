"""The identity context's port `Passwords`, by argon2-cffi."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from autobot.contexts.identity.ports.secrets import PasswordCheck
from autobot.kernel.core.errors import ConfigurationError, DataCorrupt, Overloaded

if TYPE_CHECKING:
    from argon2 import PasswordHasher

T = TypeVar("T")

RETRY_AFTER_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Argon2Options:
    """Cost of one hash and how many run; defaults are OWASP's first choice for argon2id.

    Attributes:
        memory_kib: memory of one hash, 8 to 4,194,304 KiB (RFC 9106 §3.1).
        passes: passes over that memory, 1 to 64.
        lanes: parallel lanes of one hash, 1 to 64.
        threads: hashes at once, 1 to 64.
        waiting: further calls that may wait, 0 to 10,000; beyond it Overloaded.
    """

    memory_kib: int = 19_456
    passes: int = 2
    lanes: int = 1
    threads: int = 2
    waiting: int = 64

    def __post_init__(self) -> None:
        """Raise ConfigurationError for a value outside its range."""
        ranges = (
            ("memory_kib", 8 * self.lanes, 4_194_304),
            ("passes", 1, 64),
            ("lanes", 1, 64),
            ("threads", 1, 64),
            ("waiting", 0, 10_000),
        )
        for name, low, high in ranges:
            if not low <= getattr(self, name) <= high:
                raise ConfigurationError(f"argon2 {name} must be between {low} and {high}.")


class Argon2Passwords:
    """argon2id. The library and the threads are loaded with the first call."""

    def __init__(self, options: Argon2Options | None = None) -> None:
        self._options = options or Argon2Options()
        self._pool: ThreadPoolExecutor | None = None
        self._hasher: PasswordHasher | None = None
        self._inside = 0

    async def hash(self, password: str) -> str:
        return await self._in_thread(lambda: self._argon2().hash(password))

    async def verify(self, password: str, stored: str | None) -> PasswordCheck:
        return await self._in_thread(lambda: self._verify(password, stored))

    def close(self) -> None:
        """Release the threads; running hashes end first."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def _verify(self, password: str, stored: str | None) -> PasswordCheck:
        from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

        hasher = self._argon2()
        if stored is None:
            hasher.hash(password)
            return PasswordCheck(matches=False)
        try:
            hasher.verify(stored, password)
        except VerifyMismatchError:
            return PasswordCheck(matches=False)
        except (InvalidHashError, VerificationError) as error:
            raise DataCorrupt("A stored password hash cannot be read.") from error
        return PasswordCheck(matches=True, outdated=hasher.check_needs_rehash(stored))

    def _argon2(self) -> PasswordHasher:
        if self._hasher is None:
            from argon2 import PasswordHasher

            options = self._options
            self._hasher = PasswordHasher(
                time_cost=options.passes, memory_cost=options.memory_kib, parallelism=options.lanes
            )
        return self._hasher

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._inside >= self._options.threads + self._options.waiting:
            raise Overloaded("Too many people sign in at this moment.", link="", retry_after=RETRY_AFTER_S)
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._options.threads, thread_name_prefix="argon2")
        self._inside += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._inside -= 1
