"""Channels to sessions: facts with their durable seq, passing text with its offset, history on request.

A session joins a channel without a gap: it is attached first, so live frames wait beside it; then it reads what
it missed; then what waited follows, without doubles. Frames are written once and shared by all sessions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final

from autobot.gateway.realtime import frames
from autobot.gateway.realtime.frames import Frame
from autobot.gateway.realtime.protocol import Close
from autobot.gateway.realtime.session import SLOW, Counts, Outbox
from autobot.gateway.realtime.sources import ChannelSource, Head, HistoryGone
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import NotFound

__all__ = ["ChannelSource", "Fanout", "Head", "HistoryGone", "Session", "Subscription"]

WAITING_MAX: Final = 1_024
"""Live frames that wait while a session reads history; beyond it the history is read once more instead."""


RUNS_MAX: Final = 256
"""Runs of one channel whose text length is remembered; an older one that still writes is mended by a snapshot."""

SOURCE_FAILED: Final = "source-failed"
"""Reason of a resync: the text so far could not be read."""


class Subscription:
    """One session on one channel."""

    __slots__ = ("channel", "crowded", "outbox", "owner", "seq", "waiting")

    def __init__(self, channel: str, owner: Session) -> None:
        self.channel, self.owner, self.outbox = channel, owner, owner.outbox
        self.seq = 0
        self.waiting: list[Frame] | None = []
        self.crowded = False

    @property
    def current(self) -> bool:
        """Whether the session still follows the channel through this subscription."""
        return self.owner.subscriptions.get(self.channel) is self

    def hear(self, frame: Frame) -> None:
        """Take a live frame: send it on, or keep it while history is being read."""
        if self.waiting is None:
            if frame.seq:
                if frame.seq <= self.seq:
                    return
                self.seq = frame.seq
            self.outbox.offer(frame)
        elif len(self.waiting) < WAITING_MAX:
            self.waiting.append(frame)
        else:
            self.crowded = True


class Session:
    """One client: who it is, its way out and its subscriptions."""

    __slots__ = ("_fanout", "_tasks", "context", "credential", "outbox", "prove", "subscriptions")

    def __init__(
        self,
        fanout: Fanout,
        context: CallContext,
        *,
        frames_max: int,
        bytes_max: int,
        credential: str = "",
        prove: Callable[[], Awaitable[CallContext | None]] | None = None,
    ) -> None:
        self._fanout, self.context, self.credential, self.prove = fanout, context, credential, prove
        self.outbox = Outbox(frames_max, bytes_max, self._overflow)
        self.subscriptions: dict[str, Subscription] = {}
        self._tasks: set[asyncio.Task[None]] | None = None

    def keep(self, task: asyncio.Task[None]) -> None:
        """Cancel `task` when the session ends, unless it is over by then."""
        if self._tasks is None:
            self._tasks = set()
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        if self._tasks is not None:
            self._tasks.discard(task)
            if not self._tasks:
                self._tasks = None

    def end(self) -> None:
        """End every subscription and what is under way for one."""
        self.leave_all()
        for task in tuple(self._tasks or ()):
            task.cancel()

    def _overflow(self) -> list[Frame]:
        """End every subscription: each channel is told to resync."""
        channels = list(self.subscriptions)
        self._fanout.counts.resyncs += len(channels)
        for channel in channels:
            self.leave(channel)
        return [frames.resync(channel, SLOW) for channel in channels]

    def leave(self, channel: str) -> None:
        """End a subscription; nothing happens when there is none."""
        subscription = self.subscriptions.pop(channel, None)
        if subscription is not None:
            self._fanout.detach(subscription)

    def leave_all(self) -> None:
        """End every subscription."""
        for channel in list(self.subscriptions):
            self.leave(channel)


class _Feed:
    """The sessions of one channel, and how far those that are live (not reading history) know each run's text."""

    __slots__ = ("holes", "lengths", "live", "subscriptions")

    def __init__(self) -> None:
        self.subscriptions: dict[Subscription, None] = {}
        self.live = 0
        self.lengths: dict[str, int] = {}
        self.holes: set[str] = set()


class Fanout:
    """Gives sessions the frames of their channels. Used from one event loop; `publish` never waits.

    `failed` hears of sources that fail, with the context of who asked; `counts` are read now and then.
    """

    def __init__(self, sources: Mapping[str, ChannelSource]) -> None:
        self._sources = dict(sources)
        self._feeds: dict[str, _Feed] = {}
        self._sessions: dict[Session, None] = {}
        self.counts = Counts()
        self.failed: Callable[[CallContext, BaseException], None] = lambda _, __: None
        self._group: asyncio.TaskGroup | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.changed = asyncio.Event()
        """Set when a session came, went, or follows other channels; who looks clears it."""

    # ----------------------------------------------------------------------------------------- sessions

    async def __aenter__(self) -> Fanout:
        """Open: snapshots for holes are fetched from now on."""
        self._group = await asyncio.TaskGroup().__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close every session and wait for what is being fetched."""
        self.close_all(Close.RESTART, "stopping")
        group, self._group = self._group, None
        for task in tuple(self._tasks):
            task.cancel()
        if group is not None:
            await group.__aexit__(None, None, None)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` in a task of this fan-out. It must map its own errors. Raises RuntimeError unless open."""
        if self._group is None:
            work.close()
            raise RuntimeError("the fan-out is not open: run the application's lifespan")
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def source(self, channel: str) -> ChannelSource:
        """Return the source of a channel. Raises NotFound."""
        found = self._sources.get(channel.partition(":")[0])
        if found is None:
            raise NotFound("There is no such channel.")
        return found

    @property
    def sessions(self) -> int:
        """How many sessions are open."""
        return len(self._sessions)

    @property
    def open_sessions(self) -> tuple[Session, ...]:
        """The sessions that are open."""
        return tuple(self._sessions)

    def enter(self, session: Session) -> None:
        """Know an open session, so that it can be closed from here."""
        self.changed.set()
        self._sessions[session] = None

    def exit(self, session: Session) -> None:
        """Forget a session and its subscriptions."""
        self.changed.set()
        session.end()
        self._sessions.pop(session, None)

    def close_all(self, code: Close, reason: str) -> None:
        """Close every session after what is queued for it."""
        for session in list(self._sessions):
            session.outbox.close(code, reason)

    def sign_out(self, *, credential: str = "", user_id: str = "") -> None:
        """Close the sessions of an ended credential, or of a suspended user, at once."""
        for session in list(self._sessions):
            mine = session.context.principal.user_id
            if (credential and session.credential == credential) or (user_id and mine == user_id):
                session.leave_all()
                session.outbox.close(Close.POLICY, "signed out")

    async def prove_all(self) -> None:
        """Prove the credential of each open session again; close those that no longer hold."""
        for session in list(self._sessions):
            if session.prove is None:
                continue
            context = await session.prove()
            if context is None:
                session.leave_all()
                session.outbox.close(Close.POLICY, "the credential has ended")
            else:
                session.context = context

    # ----------------------------------------------------------------------------------------- joining

    async def subscribe(
        self, session: Session, channel: str, after: int | None, *, confirm: bool = True
    ) -> None:
        """Join `channel`, give what was missed after `after`, then follow.

        Raises what the source's `authorize` raises, before anything is sent. A second subscribe on the same
        channel starts it again.
        """
        source = self.source(channel)
        await source.authorize(channel, session.context)
        head = await source.head(channel)
        session.leave(channel)
        subscription = session.subscriptions[channel] = Subscription(channel, session)
        self._attach(subscription)
        try:
            if confirm:
                await session.outbox.put(frames.subscribed(channel, head.seq))
            await self._catch_up(source, subscription, head.seq if after is None else after, head)
        except HistoryGone as gone:
            self._drop(subscription)
            session.outbox.offer(frames.resync(channel, gone.detail))
        except BaseException:
            self._drop(subscription)
            raise

    async def _catch_up(
        self, source: ChannelSource, subscription: Subscription, after: int, head: Head
    ) -> None:
        outbox, channel = subscription.outbox, subscription.channel
        if after > head.seq:
            raise HistoryGone("unknown-position")
        subscription.seq = after
        while True:
            subscription.crowded = False
            async for fact in source.history(channel, subscription.seq):
                await outbox.put(fact)
                if not subscription.current:
                    return
                subscription.seq = fact.seq
            if not subscription.crowded:
                break
            subscription.waiting = []
        known: dict[str, int] = {}
        for snapshot in await source.snapshots(channel):
            await outbox.put(snapshot)
            known[snapshot.run_id] = snapshot.length
        if not subscription.current:
            return
        self._go_live(subscription, known)

    def _go_live(self, subscription: Subscription, known: dict[str, int]) -> None:
        """Send what waited: facts that were not in the history, text that was not in the snapshots."""
        feed = self._feeds[subscription.channel]
        waiting, subscription.waiting = subscription.waiting or [], None
        if not feed.live:
            feed.lengths, feed.holes = known, set()
        feed.live += 1
        for frame in waiting:
            if frame.type != "delta":
                if frame.type == "snapshot":
                    known[frame.run_id] = frame.length
                subscription.hear(frame)
            elif frame.run_id not in feed.holes and frame.offset + frame.length > known.get(frame.run_id, 0):
                if frame.offset != known.get(frame.run_id, 0):
                    self._mend(subscription.channel, feed, frame.run_id)
                    continue
                known[frame.run_id] = frame.offset + frame.length
                subscription.hear(frame)

    def _attach(self, subscription: Subscription) -> None:
        self.changed.set()
        self._feeds.setdefault(subscription.channel, _Feed()).subscriptions[subscription] = None

    def detach(self, subscription: Subscription) -> None:
        """Send nothing more on a subscription."""
        self.changed.set()
        feed = self._feeds.get(subscription.channel)
        if feed is not None:
            if feed.subscriptions.pop(subscription, self) is None and subscription.waiting is None:
                feed.live -= 1
            if not feed.subscriptions:
                del self._feeds[subscription.channel]

    def _drop(self, subscription: Subscription) -> None:
        self.detach(subscription)
        if subscription.current:
            del subscription.owner.subscriptions[subscription.channel]

    # ----------------------------------------------------------------------------------------- publishing

    def followers(self, channel: str) -> int:
        """Return how many sessions follow `channel`."""
        feed = self._feeds.get(channel)
        return 0 if feed is None else len(feed.subscriptions)

    def listens(self, channel: str) -> bool:
        """Say whether anybody follows `channel`: who would have to make a frame first can ask."""
        return channel in self._feeds

    def publish(self, frame: Frame) -> None:
        """Give `frame` to everybody on its channel."""
        feed = self._feeds.get(frame.channel)
        if feed is None:
            return
        if frame.type == "delta" and not self._continues(feed, frame):
            return
        if frame.type == "snapshot":
            feed.lengths[frame.run_id] = frame.length
            feed.holes.discard(frame.run_id)
        elif frame.last:
            feed.lengths.clear()
        for subscription in tuple(feed.subscriptions):
            subscription.hear(frame)

    def _continues(self, feed: _Feed, frame: Frame) -> bool:
        """Say whether a delta joins what is known of its run; a hole is mended by a snapshot for everybody."""
        if not feed.live:
            return True
        if frame.run_id in feed.holes:
            return False
        have, end = feed.lengths.get(frame.run_id, 0), frame.offset + frame.length
        if frame.offset != have:
            if end > have:
                self._mend(frame.channel, feed, frame.run_id)
            return False
        feed.lengths[frame.run_id] = end
        if len(feed.lengths) > RUNS_MAX:
            del feed.lengths[next(iter(feed.lengths))]
        return True

    def _mend(self, channel: str, feed: _Feed, run_id: str) -> None:
        if run_id in feed.holes or self._group is None:
            return
        feed.holes.add(run_id)
        _ = self.spawn(self._snapshot(channel, run_id))

    async def _snapshot(self, channel: str, run_id: str) -> None:
        try:
            found = await self.source(channel).snapshots(channel)
        except Exception:  # noqa: BLE001 - whatever it was, everybody on the channel is told
            self._resync(channel)
            return
        feed = self._feeds.get(channel)
        if feed is None:
            return
        feed.holes.discard(run_id)
        for frame in found:
            if frame.run_id == run_id:
                self.publish(frame)

    def _resync(self, channel: str) -> None:
        """The source cannot say what the text is: everybody on the channel starts again."""
        feed = self._feeds.get(channel)
        for subscription in tuple(feed.subscriptions) if feed is not None else ():
            self._drop(subscription)
            subscription.outbox.offer(frames.resync(channel, SOURCE_FAILED))
