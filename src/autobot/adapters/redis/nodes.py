"""The servers behind an address: one, or those of a cluster, each with the connection that all callers share."""

from __future__ import annotations

import asyncio
from binascii import crc_hqx
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, Final

from autobot.adapters.redis.address import Address
from autobot.adapters.redis.errors import Moved, ReadOnly, refused
from autobot.adapters.redis.wire import TIMEOUT_S, Wire, connected
from autobot.kernel.core.errors import AutoBotError, ConfigurationError, HopFailed, OperatorError

SLOTS: Final = 16_384
HOPS: Final = 5
"""How often a command follows the cluster's word on where its key is."""


def slot_of(key: str) -> int:
    """Return the slot of a key (Redis cluster specification): CRC16 of what stands in its first braces, else of all."""
    start = key.find("{")
    if start >= 0:
        end = key.find("}", start + 1)
        if end > start + 1:
            key = key[start + 1 : end]
    return crc_hqx(key.encode(), 0) % SLOTS


class Node:
    """One server. Its connection is made when it is needed, and again when it broke."""

    def __init__(self, address: Address, quiet_s: float = TIMEOUT_S) -> None:
        self.address, self._quiet_s = address, quiet_s
        self._wire: Wire | None = None
        self._connecting = asyncio.Lock()

    async def wire(self) -> Wire:
        """Return the connection. Raises as `connected`."""
        wire = self._wire
        if wire is not None and not wire.closed:
            return wire
        async with self._connecting:
            if self._wire is None or self._wire.closed:
                self._wire = await connected(self.address, self._quiet_s)
            return self._wire

    async def call(self, *words: Any) -> Any:
        """Send a command and return its answer."""
        wire = self._wire
        if wire is None or wire.closed:
            wire = await self.wire()
        return await wire.call(*words)

    async def asked(self, *words: Any) -> Any:
        """Send a command for a key that is just moving here."""
        wire = await self.wire()
        _, answer = await asyncio.gather(wire.call("ASKING"), wire.call(*words))
        return answer

    def close(self) -> None:
        """End the connection."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None


class Nodes:
    """Finds the server of a key. A single server has all keys; whether it is one is asked at first use."""

    def __init__(self, address: Address) -> None:
        self._seed = self._first = Node(address)
        self._nodes: dict[str, Node] = {address.place: self._seed}
        self._starts: list[int] = []
        self._owners: list[str] = []
        self.clustered: bool | None = None
        self._learning = asyncio.Lock()

    async def of(self, key: str | None) -> Node:
        """Return the server of a key, any for None. Raises what the way to the cluster raises."""
        if self.clustered is None or (self.clustered and not self._starts):
            await self._learn()
        if not self.clustered:
            return self._seed
        place = self._owners[0] if key is None else self._owners[bisect_right(self._starts, slot_of(key)) - 1]
        return self._nodes[place]

    async def call(self, key: str | None, *words: Any) -> Any:
        """Send a command to the server that has `key`, and follow it where it moved."""
        if self.clustered is False:
            return await self._single(words)
        node = await self.of(key)
        for hop in range(HOPS):
            try:
                return await node.call(*words)
            except Moved as moved:
                if hop == HOPS - 1:
                    raise
                node = self._at(moved.host or node.address.host, moved.port)
                if moved.asking:
                    return await node.asked(*words)
                self.forget()
            except HopFailed:
                # It may have failed over: the next command learns who has the key now.
                self.forget()
                raise
        raise AssertionError("the last hop returns or raises")

    async def _single(self, words: Sequence[Any]) -> Any:
        """Send a command to the one server; where that became a replica, to its primary, by which nothing is done twice."""
        for last in (False, True):
            try:
                return await self._seed.call(*words)
            except ReadOnly:
                if last:
                    raise
                await self.follow()
            except HopFailed:
                # A primary that was followed is gone: what the address names says who is one now.
                self._seed = self._first
                raise
        raise AssertionError("the second time returns or raises")

    async def follow(self) -> None:
        """Go to the primary of a replica from now on. Raises what the way there raises."""
        told = (await self._seed.call("INFO", "replication")).decode()
        found = dict(line.split(":", 1) for line in told.splitlines() if ":" in line)
        if found.get("role") == "slave":
            self._seed = self._at(found["master_host"], int(found["master_port"]))

    def forget(self) -> None:
        """Ask anew who has which key, before the next command."""
        self._starts = []

    def close(self) -> None:
        """End every connection."""
        for node in self._nodes.values():
            node.close()

    def _at(self, host: str, port: int) -> Node:
        address = self._seed.address.at(host, port)
        return self._nodes.setdefault(address.place, Node(address))

    async def _learn(self) -> None:
        async with self._learning:
            if self.clustered is False or self._starts:
                return
            failure: AutoBotError | None = None
            for node in [self._seed, *self._nodes.values()]:
                try:
                    self._know(node, await node.call("CLUSTER", "SLOTS"))
                except ConfigurationError:
                    raise
                except OperatorError:
                    # It is no cluster.
                    self.clustered = False
                    return
                except HopFailed as error:
                    failure = failure or error
                else:
                    if self._starts:
                        return
            raise failure or refused("CLUSTERDOWN no server has any key")

    def _know(self, node: Node, slots: Sequence[Any]) -> None:
        ranges = sorted((int(start), owner) for start, _, owner, *_ in slots)
        self.clustered = True
        self._owners = [
            self._at(owner[0].decode() or node.address.host, int(owner[1])).address.place
            for _, owner in ranges
        ]
        self._starts = [start for start, _ in ranges]
