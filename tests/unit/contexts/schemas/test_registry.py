"""The registry: versions grow, say who and when, and never break who reads."""

from __future__ import annotations

from typing import Any

import pytest

from autobot.adapters.jsonschema.validator import JsonSchemaValidator
from autobot.contexts.schemas.domain import DEPTH_MAX, SCHEMA_MAX
from autobot.contexts.schemas.module import OwnSchemas, build
from autobot.contracts import schemas
from autobot.kernel.commands.authorize import Rule
from autobot.kernel.core.context import Principal, Role
from autobot.kernel.core.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    Incompatible,
    InvalidInput,
    NotFound,
)
from tests.unit.contexts.kit import Ground, context_of

pytestmark = pytest.mark.anyio

OWN = {"autobot.notes.note_written.v1": {"type": "object", "description": "A note."}}
ORDER: dict[str, Any] = {
    "type": "object",
    "description": "Somebody ordered.",
    "required": ["id"],
    "properties": {"id": {"type": "string"}, "amount": {"type": "integer"}},
    "additionalProperties": False,
}


def principal(role: Role) -> Principal:
    """Somebody with a role."""
    return Principal(id=f"{role}-1", kind="user", role=role, user_id=f"{role}-1", username=role)


ADMIN = principal("admin")


class World:
    """The context over the real bus."""

    def __init__(self) -> None:
        self.ground = Ground(schemas.EVENTS)
        own = OwnSchemas(mode="backward_transitive", by_type=lambda: OWN)
        module = build(
            store=self.ground.store,
            codec=self.ground.codec,
            clock=self.ground.clock,
            validator=JsonSchemaValidator(),
            own=own,
        )
        self.bus = self.ground.bus((module,), (Rule(action="events:read"),))

    async def register(self, type: str, schema: dict[str, Any] = ORDER, **more: Any) -> Any:  # noqa: A002
        """Register as the administrator."""
        who = more.pop("who", ADMIN)
        command = schemas.RegisterSchema(type=type, schema=schema, **more)
        return (await self.bus.dispatch(command, context_of(who))).value

    async def get(self, type: str) -> Any:  # noqa: A002
        """Return a type."""
        return await self.bus.ask(schemas.GetSchema(type=type), context_of(ADMIN))

    async def facts(self) -> int:
        """Return how many registrations are in the log."""
        return len(await self.ground.facts("autobot.schemas."))


def with_member(**members: Any) -> dict[str, Any]:
    """The schema with further members."""
    return {**ORDER, "properties": {**ORDER["properties"], **members}}


async def test_a_registered_version_says_who_and_when() -> None:
    """A version is kept with its schema, mode, an example that it allows, who registered it and when."""
    world = World()
    made = await world.register("com.shop.order", compatibility="full")
    assert (made.version, made.event_type) == (1, "com.shop.order.v1")
    found = await world.get("com.shop.order")
    assert (found.origin, found.compatibility) == ("registered", "full")
    (version,) = found.versions
    assert version == made
    assert version.schema == ORDER
    assert (version.registered_by, version.registered_at) == ("admin", "2026-03-01T12:00:00.000000Z")
    assert version.example == {"id": "text", "amount": 1}


async def test_versions_are_named_in_the_type_or_beside_it() -> None:
    """`x.v2` and `x` with version 2 are the same; without a version it is the next one; names that differ are refused."""
    world = World()
    assert (await world.register("com.shop.order.v1")).version == 1
    assert (await world.register("com.shop.order", with_member(a={"type": "string"}))).version == 2
    assert (
        await world.register("com.shop.order", with_member(a={"type": "string"}, b=True), version=5)
    ).version == 5
    assert [one.version for one in (await world.get("com.shop.order.v2")).versions] == [5, 2, 1]
    with pytest.raises(InvalidInput) as refused:
        await world.register("com.shop.order.v6", version=7)
    assert refused.value.errors[0].pointer == "#/version"


async def test_the_same_again_is_no_new_fact() -> None:
    """The same schema under the same version, or without one, answers the same and writes nothing."""
    world = World()
    first = await world.register("com.shop.order.v1")
    shuffled = dict(reversed(list(ORDER.items())))
    for again in ({}, {"version": 1}, {"compatibility": "backward"}):
        assert await world.register("com.shop.order", shuffled, **again) == first
    assert await world.facts() == 1


async def test_a_version_never_changes_and_none_comes_before_the_newest() -> None:
    """Another schema under a used version is refused, and so is a version below the newest."""
    world = World()
    await world.register("com.shop.order.v3")
    with pytest.raises(AlreadyExists):
        await world.register("com.shop.order.v3", with_member(a=True))
    with pytest.raises(Conflict):
        await world.register("com.shop.order.v2", with_member(a=True))
    assert await world.facts() == 1


async def test_what_breaks_readers_is_refused_with_each_difference() -> None:
    """A schema that breaks its type's mode is refused, each difference with its version and a pointer; none writes."""
    world = World()
    await world.register("com.shop.order")
    broken = with_member(amount={"type": "string"}, by={"type": "string"})
    broken["required"] = ["id", "by"]
    with pytest.raises(Incompatible) as refused:
        await world.register("com.shop.order", broken)
    assert {(one.pointer, one.detail.partition(":")[0]) for one in refused.value.errors} == {
        ("#/schema", "reading messages of version 1"),
        ("#/schema/properties/amount", "reading messages of version 1"),
    }
    assert await world.facts() == 1
    # Its owner may decide that nobody has old messages; that is in the log under their name.
    assert (await world.register("com.shop.order", broken, compatibility="none")).version == 2
    assert (await world.get("com.shop.order")).compatibility == "none"


async def test_modes_are_kept_and_can_be_changed() -> None:
    """A version without a mode keeps its type's; the newest version given again with another mode changes it."""
    world = World()
    await world.register("com.shop.order", compatibility="forward_transitive")
    with pytest.raises(Incompatible) as refused:
        await world.register("com.shop.order", with_member(a={"type": "string"}))
    assert refused.value.errors[0].detail.startswith("read by version 1: the member 'a'")
    await world.register("com.shop.order", ORDER, compatibility="backward")
    assert (await world.register("com.shop.order", with_member(a={"type": "string"}))).version == 2
    assert [one.compatibility for one in await world.ground.facts("autobot.schemas.")] == [
        "forward_transitive", "backward", "backward",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        ({"type": "strin"}, "#/schema/type"),
        ({"$ref": "https://elsewhere.example/x"}, "#/schema/$ref"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "#/schema/$schema"),
        ({"$schema": 7}, "#/schema/$schema"),
        ({"enum": ["x" * SCHEMA_MAX]}, "#/schema"),
        ({"properties": {"a": {"pattern": "("}}}, "#/schema/properties/a/pattern"),
    ],
)
async def test_what_is_no_usable_schema_is_refused(schema: dict[str, Any], pointer: str) -> None:
    """A schema that is none, leaves itself, has another dialect or is too large is refused with its place."""
    with pytest.raises(InvalidInput) as refused:
        await World().register("com.shop.order", schema)
    assert refused.value.errors[0].pointer == pointer


async def test_depth_is_bounded() -> None:
    """A schema that is nested too deep is refused before anything walks it."""
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(DEPTH_MAX):
        deep = {"not": deep}
    with pytest.raises(InvalidInput):
        await World().register("com.shop.order", deep)


async def test_our_own_types_are_nobody_elses() -> None:
    """Types that begin like ours cannot be registered, whatever their case; they are listed with their contract."""
    world = World()
    for name in ("autobot.notes.note_written.v2", "autobot.notes", "autobot", "AutoBot.x.v1"):
        with pytest.raises(Forbidden):
            await world.register(name)
    own = await world.get("autobot.notes.note_written")
    assert (own.origin, own.compatibility, own.versions[0].registered_by) == (
        "contract",
        "backward_transitive",
        None,
    )
    # A name that only begins with the same letters is another's to use.
    assert (await world.register("autobots.order")).version == 1


async def test_who_may() -> None:
    """Only administrators register; everybody who is signed in reads; nothing is told of what is not there."""
    world = World()
    for role in ("operator", "user", "viewer"):
        with pytest.raises(Forbidden):
            await world.register("com.shop.order", who=principal(role))
        page = await world.bus.ask(schemas.ListSchemas(), context_of(principal(role)))
        assert [one.type for one in page.items] == ["autobot.notes.note_written"]
    with pytest.raises(NotFound):
        await world.get("com.shop.order")


async def test_the_list_has_both_kinds_by_name() -> None:
    """Types of contracts and registered ones stand in one list by name, with versions and their newest description."""
    world = World()
    await world.register("com.shop.order")
    await world.register("com.shop.order", {**with_member(a=True), "description": "Ordered."})
    await world.register("a.first", {"type": "string"})
    page = await world.bus.ask(schemas.ListSchemas(), context_of(ADMIN))
    assert [(one.type, one.origin, one.versions, one.description) for one in page.items] == [
        ("a.first", "registered", (1,), ""),
        ("autobot.notes.note_written", "contract", (1,), "A note."),
        ("com.shop.order", "registered", (1, 2), "Ordered."),
    ]
    page = await world.bus.ask(schemas.ListSchemas(search="SHOP"), context_of(ADMIN))
    assert [one.type for one in page.items] == ["com.shop.order"]


async def test_what_was_registered_is_folded_from_its_stream() -> None:
    """The registry's rows are what the log says: a fold of the stream gives the same versions and mode."""
    world = World()
    await world.register("com.shop.order")
    await world.register("com.shop.order", with_member(a=True), compatibility="backward_transitive")
    facts = await world.ground.facts("autobot.schemas.")
    found = await world.get("com.shop.order")
    assert {one.version: one.schema for one in facts} == {one.version: one.schema for one in found.versions}
    assert facts[-1].compatibility == found.compatibility
    audit = await world.ground.store.audit()
    assert [one.entry.object for one in audit] == ["schema:com.shop.order.v1", "schema:com.shop.order.v2"]
