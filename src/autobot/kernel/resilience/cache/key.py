"""Cache keys: the canonical hash of operation, arguments and who may see the answer.

Canonical JSON in Python costs more than the whole rest of a hit, so a second, cheaper key stands
before it: the marshalled arguments. It tells apart all that JSON tells apart (and more: the order of
members), so it may miss what the canonical key finds, and never finds what that would not.
"""

from __future__ import annotations

import marshal
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from hashlib import blake2b
from operator import attrgetter
from typing import Any, Final

from autobot.kernel.core.canonical import canonical_json, fingerprint
from autobot.kernel.core.context import Principal
from autobot.kernel.resilience.cache.options import CacheScope
from autobot.kernel.resilience.operation import Operation

# Version 2 writes the same bytes for equal values; later ones depend on reference counts.
_MARSHAL_VERSION = 2

_PLAIN: Final = frozenset({str, int, float, bool, bytes, type(None)})
_fields: dict[type, tuple[str, ...]] = {}
_readers: dict[type, Callable[[Any], Any]] = {}


def quick_key(
    operation: Operation, payload: Any, principal: Principal, scope: CacheScope, tier: int = 0
) -> bytes | None:
    """Return cheap exact bytes for the lookup, or None when the payload has parts that only `full_key` can read."""
    who = (
        (principal.tenant, principal.user_id, principal.role, principal.scopes)
        if scope == "principal"
        else principal.tenant
    )
    kind = type(payload)
    reader = _readers.get(kind)
    try:
        if reader is None:
            return marshal.dumps((tier, operation.name, payload, who), _MARSHAL_VERSION)
        named = (tier, operation.name, kind.__module__, kind.__qualname__, reader(payload), who)
        return marshal.dumps(named, _MARSHAL_VERSION)
    except ValueError:
        if reader is None and is_dataclass(kind) and (names := [field.name for field in fields(kind)]):
            _readers[kind] = attrgetter(*names)
            return quick_key(operation, payload, principal, scope, tier)
        return None


def exact_key(
    operation: Operation, payload: Any, principal: Principal, scope: CacheScope, tier: int = 0
) -> str:
    """Return a hash of the payload as it is, its dataclasses at every depth included.

    A tenth of what the canonical key costs; it tells apart all that that tells apart, and more. Raises TypeError for a
    payload with parts that are neither plain values nor dataclasses.
    """
    who = (
        (principal.tenant, principal.user_id, principal.role, sorted(principal.scopes))
        if scope == "principal"
        else principal.tenant
    )
    flat = marshal.dumps((tier, operation.name, _flat(payload), who), _MARSHAL_VERSION)
    return blake2b(flat, digest_size=20).hexdigest()


def _flat(value: Any) -> Any:
    """Return `value` as what `marshal` takes; a dataclass as its type's name and its fields."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is tuple or kind is list:
        return (kind.__name__, *map(_flat, value))
    if kind is dict:
        return ("dict", *((_flat(name), _flat(one)) for name, one in value.items()))
    reader = _fields.get(kind)
    if reader is None:
        if not is_dataclass(kind):
            raise TypeError(f"{kind.__name__} cannot be part of a cache key")
        reader = _fields[kind] = tuple(field.name for field in fields(kind))
    return (kind.__module__, kind.__qualname__, *[_flat(getattr(value, name)) for name in reader])


def full_key(
    operation: Operation, payload: Any, principal: Principal, scope: CacheScope, tier: int = 0
) -> str:
    """Return BLAKE2b over JCS of operation, arguments and scope. Raises TypeError for what has no JSON form."""
    who: list[Any] = [principal.tenant]
    if scope == "principal":
        who += [principal.user_id, principal.role, sorted(principal.scopes)]
    return fingerprint(str(tier), operation.name, canonical_json(_plain(payload)), canonical_json(who))


def _plain(value: Any) -> Any:
    """Return `value` as JSON types: dataclasses as objects with their type's name, bytes as base64."""
    if isinstance(value, Enum):
        return _plain(value.value)
    if value is None or isinstance(value, str | int | float):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        members = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        return {"type": f"{type(value).__module__}.{type(value).__qualname__}", "fields": members}
    if isinstance(value, bytes | bytearray):
        return {"base64": b64encode(value).decode()}
    if isinstance(value, Mapping):
        return _members(value)
    if isinstance(value, Sequence):
        return [_plain(item) for item in value]
    if isinstance(value, frozenset | set):
        return {"set": sorted((_plain(item) for item in value), key=canonical_json)}
    raise TypeError(f"{type(value).__name__} cannot be part of a cache key")


def _members(value: Mapping[Any, Any]) -> dict[str, Any]:
    if not all(isinstance(name, str) for name in value):
        raise TypeError("an object with names that are no text cannot be part of a cache key")
    return {name: _plain(item) for name, item in value.items()}
