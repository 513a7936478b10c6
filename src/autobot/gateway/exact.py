"""Kinds of JSON, held exactly: `true` is no number, 1 is no truth value, and "1" is neither.

Validation converts where it can; what the OpenAPI document calls a number would then be taken from a boolean (JSON Schema
2020-12, validation §6.1.1). What is of another kind is taken out before validation, which tells of it with all else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

OTHER_KIND: Final = object()
"""Stands where a boolean or a number was due and something else was: no validation takes it for either."""
_KINDS: Final = {bool: "boolean", int: "number", float: "number"}


def exact(value: Any, hint: Any) -> Any:
    """Return parsed JSON as `hint` allows it to be validated: with OTHER_KIND for each boolean or number of another kind."""
    options = _options(hint)
    if isinstance(value, dict):
        return _object(value, options)
    if isinstance(value, list):
        hints = [one for one in map(_element, options) if one is not None]
        return [exact(one, hints[0]) for one in value] if len(hints) == 1 else value
    if value is None or not options or any(one not in _KINDS for one in options):
        return value
    return value if _KINDS.get(type(value)) in {_KINDS[one] for one in options} else OTHER_KIND


def _object(value: Mapping[str, Any], options: Sequence[Any]) -> Mapping[str, Any]:
    if len(options) != 1:
        return value
    (hint,) = options
    if isinstance(hint, type) and is_dataclass(hint):
        fields = _fields(hint)
    elif isinstance(origin := get_origin(hint), type) and issubclass(origin, Mapping):
        fields = dict.fromkeys(value, get_args(hint)[1])
    else:
        return value
    return {name: exact(one, fields[name]) if name in fields else one for name, one in value.items()}


def _options(hint: Any) -> list[Any]:
    """Return the types that a hint allows, beside None and without what annotates them."""
    if get_origin(hint) is Annotated:
        return _options(get_args(hint)[0])
    if get_origin(hint) in (Union, UnionType):
        return [one for part in get_args(hint) for one in _options(part)]
    return [] if hint is NoneType else [hint]


def _element(hint: Any) -> Any:
    """Return what the elements of a sequence are; None for what is no sequence."""
    origin = get_origin(hint)
    is_sequence = isinstance(origin, type) and issubclass(origin, Sequence)
    return get_args(hint)[0] if is_sequence else None


@cache
def _fields(of: type) -> Mapping[str, Any]:
    return get_type_hints(of, include_extras=True)
