"""What a decoder of JSON says of a value that does not fit its type, in the words of JSON and with its place."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from autobot.kernel.core.errors import FieldError, InvalidInput
from autobot.kernel.core.pointer import pointer_to
from autobot.kernel.core.validate import refused

_AT: Final = re.compile(r"(?P<what>.*?)(?: - at `\$?(?P<path>[^`]*)`)?", re.DOTALL)
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.+)`")
_MISSING: Final = re.compile(r"Object missing required field `(.+)`")
_KIND: Final = re.compile(r"Expected `([a-z |]+)`, got `([a-z]+)`")
_VALUE: Final = re.compile(r"Invalid enum value (.+)")
_WORDS: Final = {
    "str": "a string",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "an array",
    "object": "an object",
    "null": "null",
}
"""Kinds of values as the decoder calls them, and as JSON does."""
NAME_SHOWN: Final = 100


def misfit(error: msgspec.ValidationError) -> InvalidInput:
    """Return the refusal of a value that broke its type: what it must be, with a JSON Pointer to it."""
    found = _AT.fullmatch(str(error))
    what, path = (found["what"], found["path"] or "") if found else (str(error), "")
    steps = [name or index for name, index in _STEP.findall(path)]
    if unknown := _UNKNOWN.fullmatch(what):
        steps, detail = [*steps, unknown[1][:NAME_SHOWN]], "is not a parameter that is known here"
    elif missing := _MISSING.fullmatch(what):
        steps, detail = [*steps, missing[1]], "is missing"
    elif kind := _KIND.fullmatch(what):
        wanted = " or ".join(_WORDS.get(one, one) for one in kind[1].split(" | "))
        detail = f"must be {wanted}, and is {_WORDS.get(kind[2], kind[2])}"
    elif value := _VALUE.fullmatch(what):
        detail = f"must not be {value[1][:NAME_SHOWN]}: that is none of its values"
    else:
        detail = f"cannot be taken: {what.replace('`', '')}"
    return refused((FieldError(detail=detail, pointer=f"#{pointer_to(steps)}"),))
