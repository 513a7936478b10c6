"""Values of declared types, for properties over every contract."""

import types
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

TEXT = st.text(max_size=20)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
"""What stands where a contract declares anything: JSON, since nothing else is stored or shown."""

PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: st.integers(-(2**63), 2**63 - 1),
    float: NUMBERS,
    bool: st.booleans(),
    bytes: st.binary(max_size=40),
    Decimal: st.decimals(allow_nan=False, allow_infinity=False),
    datetime: st.floats(0, 7e9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    timedelta: st.timedeltas(timedelta(0), timedelta(days=400)),
    type(None): st.none(),
    None: st.none(),
    Any: JSON,
}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for a declared type. Raises TypeError for one that contracts do not use."""
    origin, args = get_origin(kind), get_args(kind)
    if kind in PLAIN:
        return PLAIN[kind]
    if origin is Annotated:
        return values(args[0])
    if origin is Literal:
        return st.sampled_from(args)
    if origin in (Union, types.UnionType):
        return st.one_of([values(one) for one in args])
    if origin is tuple and args[-1] is not Ellipsis:
        return st.tuples(*map(values, args))
    if origin in (tuple, frozenset, list, Sequence):
        many = st.lists(values(args[0]), max_size=3)
        return many if origin is Sequence else many.map(origin)
    if origin in (dict, Mapping):
        return st.dictionaries(values(args[0]), values(args[1]), max_size=3)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    if is_dataclass(origin or kind):
        return contracts(origin or kind, args)
    raise TypeError(f"no values for {kind}")


def contracts(kind: Any, args: tuple[Any, ...] = ()) -> st.SearchStrategy[Any]:
    """Return a strategy for a dataclass, generic ones with their arguments."""
    hints = get_type_hints(kind, include_extras=True)
    bound = dict(zip(getattr(kind, "__parameters__", ()), args, strict=False))
    given = {one.name: values(substituted(hints[one.name], bound)) for one in fields(kind) if one.init}
    return st.builds(kind, **given)


def substituted(hint: Any, bound: Mapping[Any, Any]) -> Any:
    """Put a generic contract's arguments in the place of its variables."""
    if isinstance(hint, TypeVar):
        return bound[hint]
    if bound and getattr(hint, "__parameters__", ()):
        return hint[tuple(bound[one] for one in hint.__parameters__)]
    return hint
