"""Agents behind the OpenAI dialect: a request becomes a chat, the chat's run is followed on its channel.

The answer belongs to the server: who goes away leaves the run running, and finds it in the chat.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Final

import orjson

from autobot.contracts import chat, runs
from autobot.contracts.models import Chunk, Finished, FinishReason, TextDelta, Usage
from autobot.gateway.access import Authenticator
from autobot.gateway.dialects.openai_agent import ASSISTANT, AgentRequest, no_model
from autobot.gateway.exchange import Exchange
from autobot.gateway.problem import raised
from autobot.gateway.realtime.fanout import Fanout, Session
from autobot.gateway.realtime.frames import Frame
from autobot.gateway.realtime.protocol import Close, channel_name
from autobot.gateway.realtime.reproof import Reproof
from autobot.gateway.site import EdgeLimits
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Interrupted, NotFound

LOOK_AGAIN_S: Final = 60.0
"""Seconds that one question for the end of a run waits, when its channel cannot be followed any more."""

_REASONS: Final[dict[str | None, FinishReason]] = {"length": "length", "content_filter": "content_filter"}


class AgentChats:
    """An AgentGateway over the command bus and the channels of runs."""

    def __init__(
        self, bus: Dispatcher, fanout: Fanout, authenticator: Authenticator, limits: EdgeLimits
    ) -> None:
        self._bus, self._fanout = bus, fanout
        self._authenticator, self._limits = authenticator, limits

    async def list_agents(self, context: CallContext) -> Sequence[runs.AgentChoice]:
        """Return every agent with its state."""
        found: Sequence[runs.AgentChoice] = await self._bus.ask(runs.ListAgents(), context)
        return found

    async def answer(self, request: AgentRequest, exchange: Exchange) -> AsyncIterator[Chunk]:
        """Begin a chat with the request's messages and return what its run writes.

        The request's idempotency key is the command's: a repeat follows the same run. `Link` on the answer names
        the chat (`related`) and the run (`monitor`). Raises NotFound for an unknown agent, Absent without a model.
        """
        agents = {one.id: one for one in await self.list_agents(exchange.called)}
        agent = agents.get(request.agent)
        if agent is None:
            known = ", ".join((ASSISTANT, *agents))
            raise NotFound(f"There is no agent called {request.agent}. There are: {known}.")
        if agent.state == "absent" and agent.model is None:
            raise no_model(agent.id)
        command = chat.StartChat(
            via=agent.id,
            model=agent.model,
            earlier=request.earlier,
            content=request.content,
            documents=chat.DocumentUse(first=agent.documents_first),
        )
        settled = await self._bus.dispatch(command, exchange.called, key=exchange.key)
        exchange.settled(settled)
        started: chat.Started = settled.value
        session = exchange.address(f"/api/v1/chat/sessions/{started.session_id}")
        run = exchange.address(f"/api/v1/chat/runs/{started.run_id}")
        exchange.answer_field("link", f'<{session}>; rel="related", <{run}>; rel="monitor"')
        return self._follow(started, exchange)

    async def _follow(self, started: chat.Started, exchange: Exchange) -> AsyncIterator[Chunk]:
        """Yield the run's text as it is written, then the end. Raises what the run failed with."""
        length = 0
        async with aclosing(self._written(started, exchange)) as written:
            async for more in written:
                length += len(more)
                yield TextDelta(text=more)
        reply = await self._reply(started, exchange.called)
        if len(reply.content) > length:
            yield TextDelta(text=reply.content[length:])
        if reply.error is not None and reply.status != "stopped":
            raise raised(reply.error)
        yield _end(reply)

    async def _written(self, started: chat.Started, exchange: Exchange) -> AsyncGenerator[str]:
        """Yield the text that passes on the run's channel, until the run ends or the channel is lost."""
        session = Session(
            self._fanout,
            replace(exchange.called, deadline=None),
            frames_max=self._limits.queue_frames,
            bytes_max=self._limits.queue_bytes,
            credential=exchange.proven.credential if exchange.proven else "",
            prove=Reproof(self._authenticator, exchange),
        )
        length = 0
        self._fanout.enter(session)
        try:
            session.keep(self._fanout.spawn(self._join(session, channel_name(f"run:{started.run_id}"))))
            while (frame := await session.outbox.take()) is not None:
                more = _more(frame, length)
                if more:
                    length += len(more)
                    yield more
                if frame.last or frame.type == "resync":
                    return
        finally:
            self._fanout.exit(session)
        if session.outbox.closing != (Close.INTERNAL, ""):
            raise Interrupted(
                "The answer could not be followed to its end: AutoBot is stopping, or the key has ended.",
                hint="It goes on in its chat, which the field Link of this answer names.",
            )

    async def _join(self, session: Session, channel: str) -> None:
        try:
            await self._fanout.subscribe(session, channel, 0, confirm=False)
        except Exception as error:  # noqa: BLE001 - the end of the run is asked for instead
            self._fanout.failed(session.context, error)
            session.outbox.close(Close.INTERNAL, "")

    async def _reply(self, started: chat.Started, context: CallContext) -> chat.MessageView:
        """Return the recorded reply, waiting for the end of its run."""
        while True:
            query = chat.GetMessage(session_id=started.session_id, message_id=started.reply_id)
            try:
                message: chat.MessageView = await self._bus.ask(query, context)
                if message.status != "streaming":
                    return message
                await self._bus.ask(runs.AwaitRun(run_id=started.run_id, seconds=LOOK_AGAIN_S), context)
            except NotFound:
                raise Interrupted("The chat was deleted before its answer was whole.") from None


def _more(frame: Frame, length: int) -> str:
    """Return the text of a frame beyond the first `length` characters."""
    if frame.type not in ("delta", "snapshot") or frame.offset > length:
        return ""
    body: dict[str, Any] = orjson.loads(frame.text)
    return str(body["text"])[length - frame.offset :]


def _end(reply: chat.MessageView) -> Finished:
    usage = reply.usage or chat.Usage()
    return Finished(
        reason=_REASONS.get(reply.finish_reason, "stop"),
        usage=Usage(prompt_tokens=usage.prompt_tokens, completion_tokens=usage.completion_tokens),
        served_by=reply.served_by,
        citations=reply.citations,
        empty=not reply.content,
    )
