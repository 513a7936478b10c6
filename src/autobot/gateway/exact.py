"""Bodies of JSON, held exactly: no member that nobody reads, and `true` is no number, 1 no truth value, "1" neither.

Validation passes over members that it does not know: a filter that is misspelt would then find everything. And it converts
where it can; what the OpenAPI document calls a number would be taken from a boolean (JSON Schema 2020-12, validation
§6.1.1). What is of another kind is taken out before validation, which tells of it with all else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from functools import cache
from itertools import islice
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

import orjson

from autobot.kernel.core.errors import FieldError, InvalidInput, Malformed
from autobot.kernel.core.pointer import pointer_to

OTHER_KIND: Final = object()
"""Stands where a boolean or a number was due and something else was: no validation takes it for either."""
_KINDS: Final = {bool: "boolean", int: "number", float: "number"}


NAME_SHOWN: Final = 80
"""Characters of a member's name that a refusal repeats."""
UNKNOWN_SHOWN: Final = 20
"""Members that one refusal names."""
Place = tuple[int | str, ...]
"""Steps from the whole body to a part of it."""
_MARK: Final = b"\xef\xbb\xbf"


def read(body: bytes, of: Any) -> Any:
    """Return a body as `of` allows it to be validated. Raises Malformed for what is no JSON (RFC 8259), InvalidInput for
    members that `of` does not have."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed(
            f"The body is not JSON: {break_of(body, error)}.",
            errors=(FieldError(detail="is not JSON", pointer="#"),),
        ) from None
    unknown = list(islice(_unknown(value, of, ()), UNKNOWN_SHOWN))
    if unknown:
        raise _refused(unknown)
    return exact(value, of)


def break_of(body: bytes, error: orjson.JSONDecodeError) -> str:
    """Return in words where bytes stop being JSON, counted from 0."""
    if body.startswith(_MARK):
        return "it begins with a byte order mark, which JSON has not (RFC 8259 §8.1)"
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as broken:
        return f"its byte {broken.start} (0x{body[broken.start]:02X}) is not UTF-8"
    return f"it breaks at character {error.pos}"


def _unknown(value: Any, hint: Any, at: Place) -> Iterator[tuple[Place, Sequence[str]]]:
    """Yield the place of each member that `hint` does not have, with the names that are known there."""
    options = _options(hint)
    if isinstance(value, dict):
        known = _members(value, options)
        if known is None:
            return
        for name, one in value.items():
            if name in known:
                yield from _unknown(one, known[name], (*at, name))
            else:
                yield (*at, name), tuple(known)
    elif isinstance(value, list):
        hints = [one for one in map(_element, options) if one is not None]
        for index, one in enumerate(value) if len(hints) == 1 else ():
            yield from _unknown(one, hints[0], (*at, index))


def _refused(unknown: Sequence[tuple[Place, Sequence[str]]]) -> InvalidInput:
    """Return the refusal of members that are not known; the first is named with what may have been meant."""
    place, known = unknown[0]
    name = str(place[-1])[:NAME_SHOWN]
    near = get_close_matches(name, known, 1)
    hint = f"Did you mean {near[0]}? " if near else ""
    return InvalidInput(
        f"There is no member {name!r} in this body.",
        errors=tuple(
            FieldError(detail="is no member of this body", pointer=f"#{pointer_to(_short(one))}")
            for one, _ in unknown
        ),
        hint=hint + (f"These are known: {', '.join(sorted(known))}." if known else "It takes none."),
    )


def _short(place: Place) -> list[int | str]:
    return [one if isinstance(one, int) else one[:NAME_SHOWN] for one in place]


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
    known = _members(value, options)
    if known is None:
        return value
    return {name: exact(one, known[name]) if name in known else one for name, one in value.items()}


def _members(value: Mapping[str, Any], options: Sequence[Any]) -> Mapping[str, Any] | None:
    """Return the type of each member that an object may have; None where the types do not say."""
    if len(options) != 1:
        return None
    (hint,) = options
    if isinstance(hint, type) and is_dataclass(hint):
        return _fields(hint)
    if isinstance(origin := get_origin(hint), type) and issubclass(origin, Mapping):
        return dict.fromkeys(value, get_args(hint)[1])
    return None


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
    hints = get_type_hints(of, include_extras=True)
    return {one.name: hints[one.name] for one in fields(of)}
