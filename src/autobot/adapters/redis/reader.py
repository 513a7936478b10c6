"""Reads one part for one group: group, own pending entries, entries that others left, new ones; finds every hole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final

from autobot.adapters.redis.entry import field, position_of
from autobot.adapters.redis.entry import read as recorded_of
from autobot.adapters.redis.errors import Busy, GroupLost
from autobot.adapters.redis.nodes import Node
from autobot.adapters.redis.options import Part, StreamOptions
from autobot.adapters.redis.server import Server
from autobot.kernel.core.errors import AutoBotError, BadAnswer, OperatorError
from autobot.kernel.event_store.patience import PASSING
from autobot.kernel.event_store.transaction import Checkpoint, Recorded

BACKOFF_S: Final = (0.005, 2.0)
PAGE: Final = 200
Entry = tuple[bytes, list[bytes] | None]
"""Id and fields, as they come; None for an entry that is pending and was trimmed."""


class Hole(GroupLost):
    """The stream lacks an entry that nobody has handled. Nothing is lost: the log has it."""

    code = "stream-hole"


class Late(GroupLost):
    """The stream begins after what the group needs: it is new, or was away for long."""

    code = "stream-late"


class Elsewhere(GroupLost):
    """Entries were given to another consumer, who was slow to learn that the part is not its own any more."""

    code = "stream-elsewhere"


class StreamReader:
    """Implements `Source` over a stream that is relayed from the log.

    What is pending here and known to be settled is acknowledged again; `read` is the position up to which
    everything was given or is settled. A broken connection, a lost group or a hole never ends it.
    """

    def __init__(
        self,
        server: Server,
        part: Part,
        options: StreamOptions,
        *,
        name: str,
        group: str,
        fence: Checkpoint,
        poke: Callable[[], None],
        counted: Callable[[str, float], None],
    ) -> None:
        self.name, self.fence = name, fence
        self._server, self._part, self._options, self._group = server, part, options, group
        self._poke, self._counted = poke, counted
        self._read = self._passed = 0
        self._given: set[int] = set()
        self._settled: list[bytes] = []
        self._acknowledge = asyncio.Event()

    def holds(self, key: str) -> bool:
        return self._options.part_of(key) == self._part.number

    async def batches(self, after: int) -> AsyncIterator[Sequence[Recorded]]:
        self._read = self._passed = after
        wait, cap = BACKOFF_S
        while True:
            try:
                reached = await self._prepare()
                async for batch in self._pending():
                    yield batch
                self._read = max(self._read, reached)
                async with self._server.apart(self._part.stream, self._options.block) as node:
                    while True:
                        batch = await self._next(node)
                        wait = BACKOFF_S[0]
                        if batch:
                            yield batch
            except (*PASSING, OperatorError) as error:
                await self._recover(error)
                await asyncio.sleep(wait)
                wait = min(cap, wait * 2)

    async def passed(self) -> int:
        try:
            state = await self._server.state(self._part)
        except AutoBotError:
            # Not known just now; whoever waits asks again.
            return 0
        if state is None or position_of(state[2]) > self._read:
            return 0
        self._passed = max(self._passed, state[1])
        return state[1]

    def settled(self, position: int) -> None:
        self._given.discard(position)
        self._acknowledged(b"%d-0" % position)

    def _acknowledged(self, entry_id: bytes) -> None:
        self._settled.append(entry_id)
        self._acknowledge.set()

    async def acknowledge(self) -> None:
        """Acknowledge what is settled, as much at once as there is, for ever."""
        while True:
            await self._acknowledge.wait()
            self._acknowledge.clear()
            settled, self._settled = self._settled, []
            try:
                for start in range(0, len(settled), PAGE):
                    ids = settled[start : start + PAGE]
                    await self._server.do("XACK", self._part.stream, self._group, *ids)
            except (*PASSING, OperatorError):
                # What stays pending is known to be settled: it is acknowledged when pending entries are read.
                await asyncio.sleep(BACKOFF_S[1])

    # ------------------------------------------------------------------------------------------- being ready

    async def _prepare(self) -> int:
        """See that stream and group are there and hold what is needed, and take what others left pending.

        Returns the last position that the group was given before: what lies up to there and is not pending is
        settled.
        """
        state = await self._server.state(self._part)
        if state is None:
            raise GroupLost("The stream is not there yet.")
        if state[0] > max(self._read, self._passed):
            raise Late("The stream begins too late for this group.")
        # A stream that was begun anew begins where the group stands, which may lie behind the last entry that it read.
        self._read = max(self._read, state[0])
        await self._make_group()
        reached = await self._reached()
        cursor = b"0-0"
        while True:
            words = ("XAUTOCLAIM", self._part.stream, self._group, self._options.holder, 0, cursor)
            cursor, taken, gone = await self._server.do(*words, "COUNT", PAGE)
            if taken:
                self._counted("stream_reclaimed_total", len(taken))
            if any(position_of(one) > self._read for one in gone):
                raise Hole("Entries were trimmed that nobody had handled.")
            if cursor == b"0-0":
                return reached

    async def _make_group(self) -> None:
        words = ("XGROUP", "CREATE", self._part.stream, self._group, "0", "MKSTREAM")
        try:
            await self._server.do(*words)
        except Busy:
            return

    async def _reached(self) -> int:
        for one in await self._server.do("XINFO", "GROUPS", self._part.stream):
            info = dict(zip(one[::2], one[1::2], strict=True))
            if info[b"name"].decode() == self._group:
                return position_of(info[b"last-delivered-id"])
        raise GroupLost("The group is gone.")

    async def _recover(self, error: AutoBotError) -> None:
        """See to it that a stream which is not what it should be is begun anew."""
        if isinstance(error, Hole | BadAnswer):
            self._counted("stream_entries_lost_total", 1)
        if not isinstance(error, Hole | Late | BadAnswer):
            self._poke()
            return
        try:
            await self._server.forget(self._part)
        except AutoBotError:
            # The way is broken as well: the hole is found again when it is not.
            return
        self._poke()

    # ------------------------------------------------------------------------------------------------ reading

    async def _pending(self) -> AsyncIterator[Sequence[Recorded]]:
        """Give the entries that were given before and not acknowledged, in order."""
        cursor = b"0-0"
        while True:
            entries = _entries(await self._server.do(*self._asking(cursor)))
            if not entries:
                return
            cursor = entries[-1][0]
            batch = await self._fresh(entries, again=True)
            if batch:
                yield batch

    async def _next(self, node: Node) -> Sequence[Recorded]:
        """Return new entries; empty when none came for a while."""
        entries = _entries(await node.call(*self._asking(b">")))
        if entries:
            return await self._fresh(entries, again=False)
        state = await self._server.state(self._part)
        if state is None:
            raise GroupLost("Nobody knows what the stream holds.")
        if position_of(state[2]) > self._read and not await self._left():
            raise Elsewhere("Another consumer has entries of this part.")
        return ()

    async def _left(self) -> bool:
        """Say whether there are entries that no consumer was given."""
        after = f"({await self._reached()}-1"
        return bool(await self._server.do("XRANGE", self._part.stream, after, "+", "COUNT", 1))

    def _asking(self, cursor: bytes) -> list[Any]:
        words: list[Any] = ["XREADGROUP", "GROUP", self._group, self._options.holder]
        words += ("COUNT", self._options.batch)
        if cursor == b">":
            words += ("BLOCK", int(self._options.block * 1000))
        return [*words, "STREAMS", self._part.stream, cursor]

    async def _fresh(self, entries: list[Entry], *, again: bool) -> list[Recorded]:
        """Return what was not given in this life, having looked for holes; acknowledge the rest."""
        fresh: list[Recorded] = []
        read = self._read
        last = b"%d-0" % read
        for entry_id, words in entries:
            position = position_of(entry_id)
            if position <= read or (words and words[0] == b"begins"):
                if position not in self._given:
                    self._acknowledged(entry_id)
                continue
            if not words:
                raise Hole("A pending entry was trimmed.")
            previous = field(words, b"prev")
            if previous != last and (before := position_of(previous)) > read:
                await self._explain(read, before)
                if not again:
                    raise Elsewhere("Another consumer has entries of this part.")
            last = entry_id
            fresh.append(recorded_of(position, words))
            read = position
        self._given.update(one.position for one in fresh)
        self._read = read
        return fresh

    async def _explain(self, read: int, last: int) -> None:
        """See that all entries above `read` up to `last` are in the stream: then they were given to somebody.

        A trim of ours never reaches what a group has not settled. Raises Hole.
        """
        start = f"{read}-2"
        while read < last:
            found = await self._server.do("XRANGE", self._part.stream, start, f"{last}-0", "COUNT", PAGE)
            for entry_id, words in found:
                before = field(words, b"prev")
                if not before or position_of(before) > read:
                    raise Hole("The stream lacks entries.")
                read = position_of(entry_id)
                start = f"{read}-2"
            if not found:
                raise Hole("The stream lacks entries.")


def _entries(answer: Any) -> list[Entry]:
    return answer[0][1] if answer else []
