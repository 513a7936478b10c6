"""Open sockets end with the credential that opened them, and with the server."""

from typing import Any

from autobot.gateway.realtime.fanout import Fanout
from autobot.gateway.realtime.protocol import Close
from autobot.testing.virtual_time import run
from tests.unit.gateway.channels import RUN, Source, drained, opened, session, world
from tests.unit.gateway.edge import context_of


def test_signing_out_closes_its_sockets_at_once() -> None:
    """A session that ends, or a user who is suspended, loses open sockets; others keep theirs."""

    async def test(fanout: Fanout, source: Source) -> None:
        mine, other = session(fanout, credential="c1"), session(fanout, credential="c2")
        for client in (mine, other):
            await fanout.subscribe(client, RUN, None)
        await drained(mine)
        fanout.sign_out(credential="c1")
        source.fact(RUN)
        assert mine.outbox.closing == (Close.POLICY, "signed out")
        assert await mine.outbox.take() is None
        assert other.outbox.closing is None
        fanout.sign_out(user_id="alice")
        assert other.outbox.closing is not None

    opened(test)


def test_credentials_are_proven_again() -> None:
    """A socket whose credential no longer holds is closed by the next look."""

    async def test(fanout: Fanout, source: Source) -> None:
        client = session(fanout)
        answers: list[Any] = [context_of(), None]

        async def prove() -> Any:
            return answers.pop(0)

        client.prove = prove
        await fanout.prove_all()
        assert client.outbox.closing is None
        await fanout.prove_all()
        assert client.outbox.closing is not None

    opened(test)


def test_stopping_closes_every_session() -> None:
    """When the server stops, each client is told to come again."""

    async def main() -> None:
        fanout, _ = world()
        async with fanout:
            client = session(fanout)
        assert client.outbox.closing == (Close.RESTART, "stopping")

    run(main())
