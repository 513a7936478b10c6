"""The processes that this one starts and watches, as the page of processes shows them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from autobot.adapters.child.supervisor import Supervisor
from autobot.adapters.system.memory import resident_bytes
from autobot.bootstrap.accelerators import Accelerators
from autobot.contexts.roles.module import Household, Within
from autobot.contracts.roles import RoleChild
from autobot.kernel.core.context import CallContext


def within(accelerators: Accelerators, server: Callable[[], Supervisor | None]) -> Within:
    """Return what tells the children of this process, and its own memory, without asking any of them.

    None is started or kept for that. `server` returns the local model server, None where there is none.
    """

    def told() -> tuple[tuple[RoleChild, ...], int | None]:
        children: list[RoleChild] = []
        if accelerators.child is not None:
            children.append(_child("npu", accelerators.child))
        local = server()
        if local is not None:
            children.append(_child("llamacpp", local))
        return tuple(children), resident_bytes(os.getpid())

    return told


def household(accelerators: Accelerators, server: Callable[[], Supervisor | None]) -> Household:
    """Return what tells the same with the devices of the worker for inference, which is asked for them."""
    known = within(accelerators, server)

    async def told(context: CallContext) -> tuple[tuple[RoleChild, ...], int | None]:
        children, memory = known()
        if any(one.what == "npu" for one in children):
            devices = await _devices(accelerators, context)
            children = tuple(replace(one, devices=devices) if one.what == "npu" else one for one in children)
        return children, memory

    return told


def _child(what: Literal["npu", "llamacpp"], child: Supervisor) -> RoleChild:
    state: Literal["idle", "starting", "ready", "failed"] = "failed" if child.trouble else "idle"
    if child.state == "starting" or child.state == "ready":
        state = child.state
    return RoleChild(
        what=what,
        state=state,
        address=child.target,
        starts=child.starts,
        pid=child.pid,
        memory_bytes=None if child.pid is None else resident_bytes(child.pid),
        detail=child.trouble if state == "failed" else "",
    )


async def _devices(accelerators: Accelerators, context: CallContext) -> tuple[str, ...]:
    """Return where the worker's models are loaded, as it says itself."""
    for one in await accelerators.listed(context):
        if one.supervised and one.report is not None:
            return tuple(dict.fromkeys(slot.device for slot in one.report.slots if slot.device))
    return ()
