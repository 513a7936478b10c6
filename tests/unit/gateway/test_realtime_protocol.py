"""The session protocol without a socket, and the queue to one client."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autobot.gateway.realtime import frames
from autobot.gateway.realtime.frames import Frame
from autobot.gateway.realtime.protocol import (
    MISTAKES_MAX,
    Close,
    Complain,
    Hangup,
    Ping,
    SessionProtocol,
    Subscribe,
    Unsubscribe,
    channel_name,
)
from autobot.gateway.realtime.session import Outbox
from autobot.kernel.core.errors import InvalidInput
from autobot.testing.virtual_time import run


def protocol(channels_max: int = 3) -> SessionProtocol:
    """A session's protocol with small limits."""
    return SessionProtocol(frame_bytes=512, channels_max=channels_max)


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ('{"type":"subscribe","channel":"run:a-1"}', Subscribe("run:a-1", None)),
        ('{"type":"subscribe","channel":"system","after":0}', Subscribe("system", 0)),
        (
            '{"type":"subscribe","channel":"chat.session:X_1","after":null}',
            Subscribe("chat.session:X_1", None),
        ),
        ('{"type":"subscribe","channel":"events","after":7,"more":1}', Subscribe("events", 7)),
        ('{"type":"unsubscribe","channel":"events"}', Unsubscribe("events")),
        (' {"type":"ping"} ', Ping()),
    ],
)
def test_frames_mean_what_they_say(text: str, action: object) -> None:
    """Each client frame becomes one action; members that are not known are ignored."""
    assert protocol().received(text, ()) == action


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '"ping"',
        "{}",
        '{"type":"shout"}',
        '{"type":["ping"]}',
        '{"type":"subscribe"}',
        '{"type":"subscribe","channel":7}',
        '{"type":"subscribe","channel":"Run:1"}',
        '{"type":"subscribe","channel":"run:"}',
        '{"type":"subscribe","channel":"run:../x"}',
        '{"type":"subscribe","channel":"run:' + "x" * 65 + '"}',
        '{"type":"subscribe","channel":"events","after":-1}',
        '{"type":"subscribe","channel":"events","after":1.5}',
        '{"type":"subscribe","channel":"events","after":true}',
        '{"type":"subscribe","channel":"events","after":"7"}',
        '{"type":"subscribe","channel":"events","after":9007199254740992}',
        '{"type":"subscribe","channel":"events","after":NaN}',
    ],
)
def test_broken_frames_are_complained_about(text: str) -> None:
    """A frame that breaks the rules is told so; the session goes on."""
    found = protocol().received(text, ())
    assert isinstance(found, Complain)
    assert found.error.detail


def test_a_client_that_never_listens_is_hung_up_on() -> None:
    """After many broken frames the session ends: nobody there reads the complaints."""
    session = protocol()
    for _ in range(MISTAKES_MAX - 1):
        assert isinstance(session.received("{", ()), Complain)
    assert session.received("{", ()) == Hangup(Close.POLICY, "too many frames that cannot be read")


def test_binary_and_oversize_end_the_session() -> None:
    """Binary messages are another dialect (1003); a frame over the limit is too big (1009), in bytes."""
    assert protocol().received(None, ()).code is Close.NOT_TEXT  # type: ignore[union-attr]
    assert protocol().received(" " * 513, ()).code is Close.TOO_BIG  # type: ignore[union-attr]
    assert protocol().received("ü" * 257, ()).code is Close.TOO_BIG  # type: ignore[union-attr]
    assert isinstance(protocol().received("ü" * 256, ()), Complain)


def test_channels_are_limited() -> None:
    """One more channel than allowed is refused; one that is followed already may be asked for again."""
    session, following = protocol(2), {"run:1", "run:2"}
    assert isinstance(session.received('{"type":"subscribe","channel":"run:3"}', following), Complain)
    assert session.received('{"type":"subscribe","channel":"run:2"}', following) == Subscribe("run:2", None)


@given(st.text())
def test_no_text_breaks_the_protocol(text: str) -> None:
    """Whatever arrives, an action comes out."""
    assert protocol().received(text, ()) is not None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["type", "channel", "after"]), inner),
    )
)
def test_no_json_breaks_the_protocol(value: object) -> None:
    """Neither does any JSON."""
    assert protocol().received(json.dumps(value), ()) is not None


@pytest.mark.parametrize("name", ["", "x" * 40, "run:a b", "run:a:b", "run\n", "système", None, 5])
def test_channel_names(name: object) -> None:
    """What is no channel name is refused before anybody looks for it."""
    with pytest.raises(InvalidInput):
        channel_name(name)


# --------------------------------------------------------------------------------------------------- queue


def fact(number: int) -> Frame:
    """A small frame."""
    return frames.event("run:1", number, {"n": number})


def outbox(frames_max: int = 3, notice: list[Frame] | None = None) -> Outbox:
    """A short queue."""
    return Outbox(frames_max, 1 << 20, lambda: list(notice or []))


def test_what_is_offered_is_taken_in_order() -> None:
    """The queue is first in, first out."""

    async def main() -> None:
        box = outbox()
        for number in (1, 2, 3):
            assert box.offer(fact(number))
        assert [(await box.take()).seq for _ in range(3)] == [1, 2, 3]  # type: ignore[union-attr]

    run(main())


def test_a_full_queue_is_dropped_for_a_notice() -> None:
    """One frame too many empties the queue; the client is told, and what comes later is queued again."""

    async def main() -> None:
        box = outbox(3, [frames.resync("run:1", "slow")])
        for number in (1, 2, 3):
            box.offer(fact(number))
        assert not box.offer(fact(4))
        assert box.offer(fact(5))
        assert [(await box.take()).type for _ in range(2)] == ["resync", "event"]  # type: ignore[union-attr]

    run(main())


def test_closing_lets_what_is_queued_pass_first() -> None:
    """A session that closes sends its last frames; then the taker hears of the end. Nothing joins meanwhile."""

    async def main() -> None:
        box = outbox()
        box.offer(fact(1))
        box.close(Close.RESTART, "stopping")
        box.close(Close.NORMAL, "")
        assert not box.offer(fact(2))
        assert (await box.take()).seq == 1  # type: ignore[union-attr]
        assert await box.take() is None
        assert box.closing == (Close.RESTART, "stopping")

    run(main())


def test_closing_wakes_everybody() -> None:
    """Neither who waits for a frame nor who waits for room sleeps on after the end."""

    async def main() -> None:
        empty, full = outbox(), outbox(1)
        full.offer(fact(1))
        async with asyncio.TaskGroup() as tasks:
            taking = tasks.create_task(empty.take())
            tasks.create_task(full.put(fact(2)))
            await asyncio.sleep(1)
            for box in (empty, full):
                box.close(Close.NORMAL, "")
        assert taking.result() is None
        assert len(full) == 1

    run(main())


def test_a_taker_that_gives_up_loses_nothing() -> None:
    """A take that is cancelled while it waits leaves the queue as it was."""

    async def main() -> None:
        box = outbox()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await box.take()
        box.offer(fact(1))
        assert (await box.take()).seq == 1  # type: ignore[union-attr]

    run(main())
