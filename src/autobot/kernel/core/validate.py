"""Checks a contract against its own annotations: types, and limits by `annotated_types`.

The edge validates JSON with richer tools; this is the same rule book for callers without an edge (sagas,
CLI, other contexts), so that no path into the bus skips it.
"""

from __future__ import annotations

import dataclasses
import re
import types
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import BaseMetadata, Ge, GroupedMetadata, Gt, Le, Lt, MaxLen, MinLen

from autobot.kernel.core.errors import FieldError, InvalidInput

Check = Callable[[Any, str, list[FieldError]], None]


@dataclasses.dataclass(frozen=True, slots=True)
class Pattern(BaseMetadata):
    """The whole text must match this regular expression (same reading in Python, JSON Schema and the browser)."""

    regex: str

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> Any:
        """Tell the edge's schema generator about the pattern."""
        schema = handler(source)
        # There a pattern may match anywhere in the text; here it is the whole text.
        schema["pattern"] = f"^(?:{self.regex})$" if "|" in self.regex else f"^{self.regex}$"
        return schema


def _count(number: int, value: Any) -> str:
    noun = "character" if isinstance(value, str) else "byte" if isinstance(value, bytes) else "item"
    return f"{number} {noun}{'s' if number != 1 else ''}"


def _limit(meta: object, value: Any) -> str | None:
    """Return what is wrong with `value` under one limit, None when it holds or does not apply."""
    match meta:
        case MinLen(min_length=low) if len(value) < low:
            return f"must have at least {_count(low, value)}"
        case MaxLen(max_length=high) if len(value) > high:
            return f"must have at most {_count(high, value)}"
        case Ge(ge=bound) if value < bound:
            return f"must be at least {bound}"
        case Gt(gt=bound) if value <= bound:
            return f"must be more than {bound}"
        case Le(le=bound) if value > bound:
            return f"must be at most {bound}"
        case Lt(lt=bound) if value >= bound:
            return f"must be less than {bound}"
        case Pattern(regex=regex) if re.fullmatch(regex, value) is None:
            return f"must match {regex}"
    return None


def _flatten(metadata: tuple[object, ...]) -> list[object]:
    flat: list[object] = []
    for meta in metadata:
        flat.extend(meta if isinstance(meta, GroupedMetadata) else (meta,))
    return flat


_KINDS: Mapping[type, str] = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    Mapping: "an object",
}
"""Kinds of values in the words of JSON; others by their own name."""


def _plain(kind: type) -> Check:
    word = _KINDS.get(kind, kind.__name__)

    def check(value: Any, pointer: str, errors: list[FieldError]) -> None:
        if kind is float and type(value) is int:
            return
        if not isinstance(value, kind) or (isinstance(value, bool) and kind in (int, float)):
            errors.append(FieldError(detail=f"must be {word}", pointer=pointer))

    return check


def _items(inner: Check) -> Check:
    def check(value: Any, pointer: str, errors: list[FieldError]) -> None:
        if isinstance(value, str) or not isinstance(value, Sequence | frozenset | set):
            errors.append(FieldError(detail="must be a list", pointer=pointer))
            return
        for index, item in enumerate(value):
            inner(item, f"{pointer}/{index}", errors)

    return check


def _entries(of_key: Check, of_value: Check) -> Check:
    whole = _plain(Mapping)

    def check(value: Any, pointer: str, errors: list[FieldError]) -> None:
        before = len(errors)
        whole(value, pointer, errors)
        if len(errors) > before:
            return
        for key, item in value.items():
            # RFC 6901 §3: `~` and `/` in a name are escaped.
            place = f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
            of_key(key, place, errors)
            of_value(item, place, errors)

    return check


def _union(options: tuple[Any, ...]) -> Check:
    checks = [_checker(option) for option in options]

    def check(value: Any, pointer: str, errors: list[FieldError]) -> None:
        tries: list[list[FieldError]] = []
        for one in checks:
            found: list[FieldError] = []
            one(value, pointer, found)
            if not found:
                return
            tries.append(found)
        errors.extend(tries[0])

    return check


def _literal(choices: tuple[Any, ...]) -> Check:
    def check(value: Any, pointer: str, errors: list[FieldError]) -> None:
        if value not in choices:
            errors.append(
                FieldError(detail=f"must be one of {', '.join(map(str, choices))}", pointer=pointer)
            )

    return check


def _annotated(base: Any, metadata: tuple[object, ...]) -> Check:
    inner, limits = _checker(base), _flatten(metadata)

    def check(value: Any, pointer: str, errors: list[FieldError]) -> None:
        before = len(errors)
        inner(value, pointer, errors)
        if len(errors) > before:
            return
        for meta in limits:
            wrong = _limit(meta, value)
            if wrong is not None:
                errors.append(FieldError(detail=wrong, pointer=pointer))

    return check


def _anything(value: Any, pointer: str, errors: list[FieldError]) -> None:
    return


def _nothing(value: Any, pointer: str, errors: list[FieldError]) -> None:
    if value is not None:
        errors.append(FieldError(detail="must be null", pointer=pointer))


def _checker(hint: Any) -> Check:
    origin = get_origin(hint)
    if hint is None or hint is type(None):
        return _nothing
    if origin is Annotated:
        base, *metadata = get_args(hint)
        return _annotated(base, tuple(metadata))
    if origin in (Union, types.UnionType):
        return _union(get_args(hint))
    if origin is Literal:
        return _literal(get_args(hint))
    if origin in (tuple, frozenset, list, set, Sequence):
        return _items(_checker(get_args(hint)[0]))
    if origin in (Mapping, dict):
        return _entries(*map(_checker, get_args(hint)))
    if hint in (Mapping, dict):
        return _plain(Mapping)
    if dataclasses.is_dataclass(hint):
        return _dataclass(hint if isinstance(hint, type) else type(hint))
    if hint in (str, int, float, bool, bytes, datetime):
        return _plain(hint)
    return _anything


def _dataclass(kind: type[Any]) -> Check:
    hints = get_type_hints(kind, include_extras=True)
    fields = [(name, _checker(hint)) for name, hint in hints.items() if get_origin(hint) is not ClassVar]

    def check(value: Any, pointer: str, errors: list[FieldError]) -> None:
        if not isinstance(value, kind):
            errors.append(FieldError(detail=f"must be {kind.__name__}", pointer=pointer))
            return
        for name, one in fields:
            one(getattr(value, name), f"{pointer}/{name}", errors)

    return check


_checks: dict[type, Check] = {}


def _check_of(kind: type[Any]) -> Check:
    check = _checks.get(kind)
    if check is None:
        check = _checks[kind] = _dataclass(kind)
    return check


def validate(contract: object) -> None:
    """Raise InvalidInput with one FieldError per broken rule of `contract` (a dataclass instance)."""
    errors: list[FieldError] = []
    _check_of(type(contract))(contract, "#", errors)
    if errors:
        raise refused(tuple(errors))


def refused(errors: tuple[FieldError, ...]) -> InvalidInput:
    """Return the refusal of input that breaks rules, at least one. Its detail says the first: not every reader gets the
    list."""
    first, more = errors[0], len(errors) - 1
    name = first.pointer.removeprefix("#/") if first.pointer != "#" else "The input"
    others = f" ({more} more {'rules are' if more > 1 else 'rule is'} broken)" if more else ""
    return InvalidInput(f"{name} {first.detail}{others}.", errors=errors)
