"""The door of the system context."""

from __future__ import annotations

from typing import Any

from autobot.contexts.system.handlers import LinkHandlers, UpkeepHandlers, hear_policy, restore_policies
from autobot.contexts.system.ports import Facts, HealthBoard, LinkControl, LinkPolicies, Upkeep
from autobot.contexts.system.read_model import SystemQueries
from autobot.contracts import system
from autobot.kernel.commands.authorize import Rule, Verdict
from autobot.kernel.commands.decision import CommandSpec, Module, QuerySpec
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore

__all__ = ["RULES", "build", "hear_policy", "restore_policies"]

_ALLOW = Verdict.ALLOW

RULES = (
    Rule(action="system:read", admin=_ALLOW, operator=_ALLOW, user=_ALLOW, viewer=_ALLOW),
    Rule(action="system:operate", admin=_ALLOW, operator=_ALLOW),
    Rule(action="events:read", admin=_ALLOW, operator=_ALLOW),
    Rule(action="metrics:read", admin=_ALLOW, operator=_ALLOW),
    Rule(action="system:keep", admin=_ALLOW),
    Rule(action="audit:verify", admin=_ALLOW),
    Rule(action="system:diagnose", admin=_ALLOW),
)


def build(
    store: EventStore,
    codec: EventCodec,
    control: LinkControl,
    health: HealthBoard,
    facts: Facts,
    upkeep: Upkeep,
) -> Module:
    """Wire the context."""
    write = LinkHandlers(control, LinkPolicies(store, codec))
    care = UpkeepHandlers(upkeep)
    read = SystemQueries(store, codec, control, health, facts)

    def command(kind: type[Any], handler: Any) -> CommandSpec:
        return CommandSpec(
            command=kind, action="system:operate", handler=handler, answer=dict[str, Any], then=write.apply
        )

    return Module(
        name="system",
        commands=(
            command(system.ChangeLink, write.change),
            command(system.RevertLink, write.revert),
            command(system.ForceBreaker, write.force),
            *_keeping(care),
        ),
        queries=(
            QuerySpec(query=system.ListLinks, action="system:read", handler=read.links),
            QuerySpec(query=system.GetLink, action="system:read", handler=read.link),
            QuerySpec(query=system.LinkHistory, action="system:read", handler=read.history),
            QuerySpec(query=system.ListEvents, action="events:read", handler=read.events),
            QuerySpec(query=system.ReadEvent, action="events:read", handler=read.event),
            QuerySpec(query=system.GetHealth, action="system:read", handler=read.health),
            QuerySpec(query=system.GetInfo, action="system:read", handler=read.info),
            QuerySpec(query=system.GetStatus, action="system:read", handler=read.status),
            QuerySpec(
                query=system.VerifyAudit, action="audit:verify", handler=read.verify_audit, report=True
            ),
            QuerySpec(
                query=system.GetDiagnostics, action="system:diagnose", handler=read.diagnostics, report=True
            ),
        ),
        events=system.EVENTS,
        rules=RULES,
    )


def _keeping(care: UpkeepHandlers) -> tuple[CommandSpec, ...]:
    return (
        CommandSpec(
            command=system.MakeBackup,
            action="system:keep",
            handler=care.backup,
            answer=system.BackupMade,
            rerun=False,
        ),
        CommandSpec(
            command=system.Vacuum,
            action="system:keep",
            handler=care.vacuum,
            answer=system.Vacuumed,
            rerun=False,
        ),
    )
