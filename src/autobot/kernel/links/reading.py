"""Reading a row strictly: what is unknown, misspelt, of the wrong type or out of range is refused, with the fix. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, fields, replace
from difflib import get_close_matches
from typing import Any, Final

from autobot.kernel.core.errors import ConfigurationError
from autobot.kernel.links.addresses import FORMS, TARGETS_MAX, wrong_address
from autobot.kernel.links.row import (
    FIELDS,
    LISTS,
    NEEDED,
    NUMBERS,
    OPTIONAL,
    OPTIONS,
    RULES,
    WORDS,
    Accepted,
    Row,
)
from autobot.kernel.resilience.retry.options import RetryOptions

ROW_ID: Final = re.compile(r"[a-z][a-z0-9_]*-[a-z][a-z0-9_]*")
SECONDS_MIN: Final = 0.001
SECONDS_MAX: Final[Mapping[str, int]] = {"timeout": 86_400, "total": 604_800}
TEXT_MAX: Final = 500


def wrong(row: str, key: str, text: str, *, hint: str | None = None) -> ConfigurationError:
    """Return the error that names row, key and what is wrong."""
    return ConfigurationError(f"matrix row {row}, {key}: {text}", hint=hint)


def similar(word: str, known: Iterable[str]) -> str:
    """Return ` Did you mean …?` when one of `known` is close, else nothing."""
    close = get_close_matches(word, list(known), n=1)
    return f" Did you mean {close[0]}?" if close else ""


def check_name(row_id: str) -> None:
    """Raise ConfigurationError unless `row_id` is `<from>-<to>`."""
    if ROW_ID.fullmatch(row_id) is None:
        raise ConfigurationError(
            f"matrix row {row_id}: the name must be <from>-<to>, each of a-z, 0-9 and _.",
            hint="[rows.backend-crm]",
        )


def check_fields(row_id: str, given: Mapping[str, Any]) -> None:
    """Raise ConfigurationError for a field that no row has."""
    for key in given:
        if key not in FIELDS:
            raise wrong(row_id, key, f"is unknown.{similar(key, FIELDS)}", hint=f"Fields: {_list(FIELDS)}.")


def read_row(row_id: str, given: Mapping[str, Any]) -> Row:
    """Build a row of TOML or JSON values; None and false stand for *none* where a row may go without.

    Raises ConfigurationError naming row, field and what is allowed.
    """
    check_name(row_id)
    check_fields(row_id, given)
    missing = [key for key in NEEDED if given.get(key) is None]
    if missing:
        raise wrong(row_id, missing[0], "is missing.", hint=f"A row needs {', '.join(NEEDED)}.")
    values = {key: _value(row_id, key, value) for key, value in given.items() if not _none(key, value)}
    row = Row(id=row_id, **values)
    _check_whole(row)
    try:
        row.options()
    except ConfigurationError as error:
        raise wrong(row_id, "policy", error.detail) from error
    return row


def _none(key: str, value: Any) -> bool:
    return value is None or (value is False and key in OPTIONAL)


def _value(row: str, key: str, value: Any) -> Any:
    if key in OPTIONS:
        return _option(row, key, value)
    if key in NUMBERS:
        return _seconds(row, key, value)
    if key in LISTS:
        return _addresses(row, key, value)
    if key == "accepted":
        return _accepted(row, value)
    if not isinstance(value, str) or len(value) > TEXT_MAX:
        raise wrong(row, key, f"must be text of at most {TEXT_MAX} characters.")
    if key in WORDS and value not in WORDS[key]:
        raise wrong(
            row,
            key,
            f"{value!r} is not a word for it.{similar(value, WORDS[key])}",
            hint=f"Use one of {', '.join(WORDS[key])}.",
        )
    return value


def _seconds(row: str, key: str, value: Any) -> float:
    most = SECONDS_MAX[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not SECONDS_MIN <= value <= most:
        raise wrong(
            row,
            key,
            f"{value!r} is no number of seconds from {SECONDS_MIN} to {most}.",
            hint=f"{key} = 30.0, or {key} = false for none.",
        )
    return float(value)


def _addresses(row: str, key: str, value: Any) -> tuple[str, ...]:
    hint = f'{key} = ["http://10.0.0.5:8001"], each {FORMS}.'
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > TARGETS_MAX:
        raise wrong(row, key, f"must be a list of at most {TARGETS_MAX} addresses.", hint=hint)
    for one in value:
        fault = wrong_address(one) if isinstance(one, str) else "is no text"
        if fault is not None:
            raise wrong(row, key, f"{one!r} {fault}.", hint=hint)
    if len(set(value)) < len(value):
        raise wrong(row, key, "an address stands there twice.", hint=hint)
    return tuple(value)


def _accepted(row: str, value: Any) -> tuple[Accepted, ...]:
    hint = f'accepted.inversion = {{ rows = ["a-b"], because = "…" }}; rules: {_list(RULES)}.'
    if not isinstance(value, Mapping):
        raise wrong(row, "accepted", "must be a table of rules.", hint=hint)
    found = []
    for rule, told in value.items():
        whole = isinstance(told, Mapping) and set(told) == {"rows", "because"}
        if rule not in RULES or not whole:
            raise wrong(row, "accepted", f"{rule!r} is no rule with rows and because.", hint=hint)
        rows, because = told["rows"], told["because"]
        if not isinstance(rows, list) or not all(isinstance(one, str) for one in rows):
            raise wrong(row, "accepted", f"{rule}: rows must be a list of names.", hint=hint)
        if not isinstance(because, str) or not 0 < len(because.strip()) <= TEXT_MAX:
            raise wrong(row, "accepted", f"{rule}: because must be 1 to {TEXT_MAX} characters.", hint=hint)
        found.append(Accepted(rule=rule, rows=tuple(rows), because=because))
    return tuple(found)


def _option(row: str, key: str, value: Any) -> Any:
    kind = OPTIONS[key]
    known = {one.name: one for one in fields(kind)}
    if not isinstance(value, Mapping):
        raise wrong(
            row,
            key,
            f"{value!r} is no table.",
            hint=f"{key} = {{ … }} of {_list(known)}, or {key} = false for none.",
        )
    unknown = sorted(set(value) - set(known))
    if unknown:
        raise wrong(
            row,
            key,
            f"{unknown[0]} is unknown.{similar(unknown[0], known)}",
            hint=f"It takes {_list(known)}.",
        )
    needed = [one.name for one in known.values() if one.default is MISSING and one.default_factory is MISSING]
    absent = [name for name in needed if name not in value]
    if absent:
        raise wrong(row, key, f"{absent[0]} is missing.", hint=f"{key} = {{ {absent[0]} = … }}")
    for name, one in value.items():
        if known[name].type == "bool" and not isinstance(one, bool):
            raise wrong(row, key, f"{name} is {one!r}; it must be true or false.")
    try:
        return _enough_tokens(kind(**value), value) if key == "retry" else kind(**value)
    except ConfigurationError as error:
        raise wrong(row, key, error.detail) from error


def _enough_tokens(retry: RetryOptions, given: Mapping[str, Any]) -> RetryOptions:
    """Give a row that does not say how many tokens its retry budget has enough for all its further attempts.

    Each failure takes a token and nothing is retried at half of them, so that with the default ten a
    fifth further attempt would never be made, whatever the row says.
    """
    return retry if "tokens" in given else replace(retry, tokens=max(retry.tokens, 2.0 * retry.max + 2.0))


def _check_whole(row: Row) -> None:
    if row.pattern == "direct" and row.transport != "direct":
        raise wrong(row.id, "transport", "a row of pattern direct is carried by a direct call alone.")
    if row.pattern == "direct" and row.targets:
        raise wrong(row.id, "targets", "a row of pattern direct has no addresses.")
    if row.total is not None and row.timeout is not None and row.total < row.timeout:
        raise wrong(
            row.id, "total", f"{row.total:g} s is less than the timeout of one attempt, {row.timeout:g} s."
        )
    if row.cache is not None and row.pattern not in ("request-response", "direct", "streaming"):
        raise wrong(row.id, "cache", f"a row of pattern {row.pattern} has no answers to keep.")


def _list(words: Iterable[str]) -> str:
    return ", ".join(sorted(words))
