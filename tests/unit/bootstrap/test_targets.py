"""Rows to other roles lead where the roles table, or the row itself, says; seen through the real pipeline."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.bootstrap.targets import LOST, STALE, UNLIKE, TargetDirectory
from autobot.bootstrap.wiring import SHIPPED
from autobot.contexts.roles.module import Membership, Observer, Self
from autobot.contracts import roles
from autobot.kernel.commands.speech import Contracts, Operation
from autobot.kernel.core.errors import Absent, CircuitOpen, ConnectFailed
from autobot.kernel.core.ids import Uuid7Source
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.links.matrix import Matrix, read_layer
from autobot.kernel.links.registry import LinkRegistry
from autobot.kernel.resilience.operation import Operation as Call
from autobot.testing.fleet import Away
from autobot.testing.virtual_time import FixedChance, VirtualClock, run, seeded
from tests.unit.kernel.resilience.kit import NOBODY_WAITS, READ, WRITE, Heard, Script, Slow, refused

ROW = "gateway-backend"
STRING, NUMBER = {"type": "string"}, {"type": "integer"}


def speaking(**payloads: Any) -> Contracts:
    """Contracts of the backend with these queries, each answered with a text."""
    return Contracts(
        {name: Operation(role="backend", payload=one, answer=STRING) for name, one in payloads.items()}
    )


SAME = speaking(Ask=STRING)


class Scene:
    """A gateway's directory over a store, and backends that join it."""

    def __init__(self, *steps: Any, names: dict[str, list[str]] | None = None) -> None:
        self.clock, self.heard, self.script = VirtualClock(), Heard(), Script(list(steps) or ["ok"])
        self.store = Away(MemoryEventStore(self.clock))
        self.ids = Uuid7Source(self.clock, seeded())
        self.codec = EventCodec(roles.EVENTS, self.clock, self.ids, source="urn:autobot:test")
        self.names = names or {}
        matrix = Matrix(read_layer(SHIPPED.read_text(encoding="utf-8"), "matrix.toml"))
        self.registry = LinkRegistry(matrix, self.clock, FixedChance(0.0), self.heard)
        self.directory = TargetDirectory(
            {ROW: self.script},
            SAME.fingerprint(),
            registry=self.registry,
            store=self.store,
            codec=self.codec,
            clock=self.clock,
            observer=Observer(),
            context=NOBODY_WAITS,
            listener=self.heard,
            speaks=SAME,
            resolve=self.resolve,
            key_mark="0000aaaa",
        )
        self.link = self.registry.link(ROW)

    async def resolve(self, name: str, port: int) -> Sequence[str]:
        """Answer from `names`."""
        if name not in self.names:
            raise OSError(f"no such name: {name}")
        return [f"http://{address}:{port}" for address in self.names[name]]

    def member(self, name: str, speaks: Contracts = SAME, key_mark: str = "") -> Membership:
        """A backend that has not joined yet; its address is its name."""
        own = Self(
            id=name, role="backend", address=f"http://{name}:1", version="1", contracts=speaks.fingerprint(),
            host=name, pid=1, speaks=speaks, key_mark=key_mark,
        )  # fmt: skip
        return Membership(own, self.store.store, self.codec, self.clock, context_of(self.ids.new()))

    async def joined(self, *names: str) -> list[Membership]:
        """Backends that have joined and are known."""
        found = [self.member(name) for name in names]
        for one in found:
            await one.join()
        await self.directory.look()
        return found

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        """Let the directory follow the table for the block."""
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.directory.run())
            yield
            task.cancel()

    async def call(self, operation: Call = READ) -> Any:
        """Call, and return what was answered or raised."""
        try:
            return await self.link.call(operation, None, NOBODY_WAITS)
        except Exception as error:  # noqa: BLE001 - the test looks at what was raised
            return error

    def sent(self) -> list[str]:
        """The targets of all attempts since the last look, shortened to their names."""
        found = [one.target.removeprefix("http://").partition(":")[0] for one in self.script.sent]
        self.script.sent.clear()
        return found

    def counted(self, name: str) -> float:
        """How far a counter came."""
        return sum(value for counter, value, _ in self.heard.counts if counter == name)


def context_of(correlation_id: str) -> Any:
    """A context of one process."""
    return replace(NOBODY_WAITS, correlation_id=correlation_id)


def test_nothing_is_called_before_somebody_joined() -> None:
    """Without a target the row is absent, with the step that adds one; the first that joins is called."""

    async def main() -> None:
        scene = Scene()
        await scene.directory.look()
        error = await scene.call()
        assert isinstance(error, Absent)
        assert error.hint == "autobot serve backend"
        assert not scene.directory.found.is_set()
        await scene.joined("a")
        assert scene.directory.found.is_set()
        assert await scene.call() == "ok"
        assert scene.sent() == ["a"]

    run(main())


def test_what_one_refuses_another_takes() -> None:
    """A call whose connection is refused goes to another target at once, also one that may not be repeated."""

    async def main() -> None:
        scene = Scene(lambda target: refused() if "//a:" in target else "ok")
        await scene.joined("a", "b")
        began = scene.clock.monotonic()
        for operation in (READ, WRITE, READ):
            assert await scene.call(operation) == "ok"
        assert scene.clock.monotonic() == began
        sent = scene.sent()
        assert sent.count("b") == 3
        assert "a" in sent

    run(main())


def test_who_drains_gets_no_new_call_and_ends_the_old_one() -> None:
    """A call that is under way when its target drains ends there; the next goes elsewhere."""

    async def main() -> None:
        scene = Scene(Slow(5.0, "from a"), "from b")
        (first,) = await scene.joined("a")
        async with asyncio.TaskGroup() as group:
            under_way = group.create_task(scene.call())
            await asyncio.sleep(1.0)
            await scene.joined("b")
            await first.drain("it leaves")
            await scene.directory.look()
            assert await scene.call() == "from b"
        assert under_way.result() == "from a"
        assert scene.sent() == ["a", "b"]

    run(main())


def test_a_row_is_connected_anew_only_when_its_targets_change() -> None:
    """Looks that find the same leave the pipeline alone; a new target leaves the breaker of the old one open."""

    async def main() -> None:
        scene = Scene(refused())
        await scene.joined("a")
        pipeline = scene.link.pipeline
        for _ in range(3):
            await scene.directory.look()
        assert scene.link.pipeline is pipeline
        while not isinstance(await scene.call(), CircuitOpen):
            pass
        scene.script.steps[:] = ["ok"]
        scene.sent()
        await scene.joined("b")
        assert scene.link.pipeline is not pipeline
        for _ in range(3):
            assert await scene.call() == "ok"
        assert scene.sent() == ["b", "b", "b"]

    run(main())


def test_a_silent_target_goes_and_is_written_down() -> None:
    """After its lease a target is called no more, one fact says that it is lost, and the row is absent."""

    async def main() -> None:
        scene = Scene()
        await scene.joined("a")
        async with scene.followed():
            await asyncio.sleep(9.0)
            assert await scene.call() == "ok"
            await asyncio.sleep(4.0)
            assert isinstance(await scene.call(), Absent)
            assert scene.counted(LOST) == 1
            kinds = [one.message.type for one in await scene.store.store.read_all()]
            assert kinds == ["autobot.roles.joined.v1", "autobot.roles.lost.v1"]

    run(main())


def test_facts_wake_the_directory() -> None:
    """Who joins is called without waiting for the next look."""

    async def main() -> None:
        scene = Scene()
        async with scene.followed():
            await asyncio.sleep(0.25)
            began = scene.clock.monotonic()
            await scene.member("a").join()
            await scene.directory.found.wait()
            assert scene.clock.monotonic() - began < 0.5

    run(main())


def test_the_last_known_targets_outlast_the_store() -> None:
    """While the table cannot be read calls go where they went, however long; that is counted, and told once."""

    async def main() -> None:
        scene = Scene()
        await scene.joined("a")
        async with scene.followed():
            await asyncio.sleep(1.5)
            scene.store.cut = True
            await asyncio.sleep(60.0)
            assert await scene.call() == "ok"
            assert scene.counted(STALE) >= 50
            told = [(one.before, one.after) for one in scene.heard.changes if one.kind == "targets"]
            assert told == [("followed", "kept")]
            scene.store.cut = False
            await asyncio.sleep(2.0)
            told = [(one.before, one.after) for one in scene.heard.changes if one.kind == "targets"]
            assert told == [("followed", "kept"), ("kept", "followed")]

    run(main())


def test_unlike_contracts_meet_only_when_they_fit() -> None:
    """A newer backend that understands all is called, one that does not is not, and harms nobody else."""

    async def main() -> None:
        scene = Scene()
        await scene.member("fits", speaking(Ask={"type": ["string", "null"]}, More=NUMBER)).join()
        await scene.member("unlike", speaking(Ask=NUMBER)).join()
        await scene.directory.look()
        for _ in range(4):
            assert await scene.call() == "ok"
        assert scene.sent() == ["fits"] * 4

    run(main())


def test_a_row_fixes_its_targets() -> None:
    """Addresses that the row fixes replace those of the table with the very next call, and give way again."""

    async def main() -> None:
        scene = Scene()
        await scene.joined("a")
        scene.registry.apply(ROW, {"targets": ["http://fixed:1"]})
        assert await scene.call() == "ok"
        scene.registry.apply(ROW, {"targets": []})
        assert await scene.call() == "ok"
        assert scene.sent() == ["fixed", "a"]

    run(main())


def test_a_name_is_every_address_that_it_has() -> None:
    """A `dns:` target is looked up again and again; a name that does not answer keeps what it had."""

    async def main() -> None:
        scene = Scene(names={"backend": ["x", "y"]})
        async with scene.followed():
            await asyncio.sleep(0.5)
            scene.registry.apply(ROW, {"targets": ["dns:backend:80"], "endpoint": {"policy": "round_robin"}})
            assert isinstance(await scene.call(), Absent)
            await scene.directory.found.wait()
            for _ in range(4):
                assert await scene.call() == "ok"
            assert sorted(scene.sent()) == ["x", "x", "y", "y"]
            scene.names["backend"] = ["z"]
            await asyncio.sleep(6.0)
            assert await scene.call() == "ok"
            assert scene.sent() == ["z"]
            del scene.names["backend"]
            await asyncio.sleep(20.0)
            assert await scene.call() == "ok"
            assert scene.sent() == ["z"]
            assert scene.counted("role_names_unresolved_total") >= 3

    run(main())


@pytest.mark.parametrize("operation", [READ, WRITE])
def test_one_refused_target_alone_is_an_error(operation: Call) -> None:
    """With nobody else to go to, the refusal reaches the caller."""

    async def main() -> None:
        scene = Scene(refused())
        await scene.joined("a")
        assert isinstance(await scene.call(operation), ConnectFailed)

    run(main())


def test_a_process_with_another_service_key_is_told_once_and_not_called() -> None:
    """Its calls would be refused: the one with this key gets them all, and the word of the other names the fix."""

    async def main() -> None:
        scene = Scene()
        same, other = scene.member("same", key_mark="0000aaaa"), scene.member("other", key_mark="0000bbbb")
        await same.join()
        await other.join()
        for _ in range(3):
            await scene.directory.look()
        for _ in range(4):
            await scene.call()
        assert set(scene.sent()) == {"same"}
        told = [one for one in scene.heard.changes if one.subject == "role:other"]
        assert [(one.after, "AUTOBOT_SECRET_KEY_FILE" in one.reason) for one in told] == [("refused", True)]
        assert scene.counted(UNLIKE) == 1.0

    run(main())


def test_a_process_that_told_no_key_is_called() -> None:
    """A version that does not tell its key yet gets calls while an installation moves to the next."""

    async def main() -> None:
        scene = Scene()
        await scene.joined("old")
        await scene.call()
        assert (scene.sent(), scene.counted(UNLIKE)) == (["old"], 0.0)

    run(main())
