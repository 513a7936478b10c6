"""Asks anew who may follow a channel, when what that rests on has changed."""

from __future__ import annotations

from typing import Final

from autobot.gateway.realtime import frames
from autobot.gateway.realtime.fanout import Fanout
from autobot.kernel.core.errors import AutoBotError

CHANGED: Final = "permissions"
"""Reason of a resync: who may follow was asked anew, and this session may not, or it could not be said."""


async def admit_again(fanout: Fanout, kind: str) -> None:
    """Let those alone go on with channels of a `kind` (`document` for `document:…`) who may follow them now.

    Others are told to resync: who subscribes again is answered as anybody is. What cannot be asked is not allowed.
    """
    for session in fanout.open_sessions:
        for channel in [one for one in session.subscriptions if one.partition(":")[0] == kind]:
            try:
                await fanout.source(channel).authorize(channel, session.context)
            except AutoBotError:
                session.leave(channel)
                session.outbox.offer(frames.resync(channel, CHANGED))
