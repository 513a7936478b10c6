"""Where a projection stands as the store alone tells it: for processes that do not keep it."""

from __future__ import annotations

from typing import Final, Literal

from autobot.kernel.event_store import generations
from autobot.kernel.event_store.generations import REGISTRY, Generations
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.projecting import SKIPPED
from autobot.kernel.event_store.projection import Projection, ProjectionState, Standing
from autobot.kernel.event_store.transaction import Filter, Query

COUNTED_MOST: Final = 1_000
"""Skipped events that are counted; more are told as so many."""


async def stored_position(store: EventStore, projection: Projection) -> int:
    """Return the last event that is in the tables.

    A position is not written for every event that concerns others, so from there on the log is asked for the next
    one that concerns this projection.
    """
    head = await store.head()
    position = await store.checkpoint(projection.consumer)
    ahead = await store.read_all(after=position, limit=1, where=Filter(types=projection.types))
    return max(position, ahead[0].position - 1 if ahead else head)


async def skipped(store: EventStore, projection: Projection) -> int:
    """Return how many events this version of a projection left out."""
    rows = await store.query(Query(table=SKIPPED, group=projection.name, limit=COUNTED_MOST))
    return sum(one.document["version"] == projection.version for one in rows)


async def stopped(store: EventStore, projection: Projection) -> bool:
    """Say whether an event stopped the tables in force."""
    found = await store.get(REGISTRY, projection.name)
    return found is not None and bool(generations.read(found.document).stopped)


async def stored_state(store: EventStore, projection: Projection) -> ProjectionState:
    """Return where it stands. What is not stored yet is told as starting."""
    found = await store.get(REGISTRY, projection.name)
    there = generations.read(found.document) if found is not None else Generations()
    candidate = there.building
    return ProjectionState(
        name=projection.name,
        version=projection.version,
        state=_state(there, projection),
        position=await stored_position(store, projection),
        head=await store.head(),
        skipped=await skipped(store, projection),
        reason=there.stopped,
        beside=standing(
            there,
            await store.checkpoint(beside_consumer(projection, candidate.generation)) if candidate else 0,
        ),
    )


def _state(there: Generations, projection: Projection) -> Literal["starting", "building", "live", "stopped"]:
    if there.version is None:
        return "starting"
    if there.version != projection.version:
        return "building"
    return "stopped" if there.stopped else "live"


def beside_consumer(projection: Projection, generation: int) -> str:
    """Return the name, among the checkpoints, of a generation that is not in force."""
    return f"{projection.consumer}~{generation}"


def standing(there: Generations, candidate_position: int) -> Standing:
    """Return what there is beside the tables in force."""
    candidate = there.building
    return Standing(
        generation=there.generation,
        candidate=candidate.generation if candidate else None,
        candidate_position=candidate_position,
        ready=candidate is not None and candidate.ready,
        previous=there.previous.generation if there.previous else None,
        refused=there.refused,
        parity=there.parity,
    )
