"""Room for passages of documents in a model's window. Pure; what is left out is counted, never dropped in silence.

The rule. System messages, the tools on offer, the last question and what follows it stay, but for the passages that
searches found. Of the room that is left these may take two thirds, and the first has its place wherever it fits at all.
Earlier turns get the rest, the newest first. What they leave goes to further passages. Passages come by their rank in
their search; of equal rank that of the newer search is first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

from autobot.contexts.agents.ports import ModelMessage, ToolSpec
from autobot.contexts.agents.tools import SEARCH_DOCUMENTS, Excerpt, excerpts_of
from autobot.contexts.agents.window import NEUTRAL, Fit, Scale, fit, prompt_tokens, reserve_for

Said = tuple[str, ModelMessage]
Form = Callable[[Sequence[Said]], tuple[Said, ...]]
"""How messages are said to a model; passages are measured as they are said."""
SHARE: Final = 2 / 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A prompt that fits. `found` and `given` are the sources of passages, each once: all, and those that are in it."""

    fit: Fit
    found: tuple[str, ...] = ()
    given: tuple[str, ...] = ()


def as_they_are(messages: Sequence[Said]) -> tuple[Said, ...]:
    """Say messages as they are: to a model that can call tools."""
    return tuple(messages)


def fit_passages(
    messages: Sequence[Said],
    *,
    window: int | None,
    tools: Sequence[ToolSpec] = (),
    scale: Scale = NEUTRAL,
    form: Form = as_they_are,
) -> Fitted:
    """Fit messages with what searches of documents found to a window. Raises InvalidInput as `window.fit`."""
    held = _held(messages)
    order = sorted(
        ((rank, -place) for place, some in held.items() for rank in range(len(some))),
    )
    found = tuple(dict.fromkeys(held[-place][rank].source for rank, place in order))

    def said(count: int) -> tuple[Said, ...]:
        return form(_with(messages, held, frozenset(order[:count])))

    count = len(order)
    if window is not None and count:
        count = _room_for(count, said, window, tools, scale)
    given = tuple(dict.fromkeys(held[-place][rank].source for rank, place in order[:count]))
    return Fitted(fit=fit(said(count), window=window, tools=tools, scale=scale), found=found, given=given)


def _room_for(
    most: int,
    said: Callable[[int], tuple[Said, ...]],
    window: int,
    tools: Sequence[ToolSpec],
    scale: Scale,
) -> int:
    """Return how many passages have room, by the rule."""
    budget = window - reserve_for(window, None)

    def stay(count: int) -> int:
        return int(prompt_tokens(_staying(said(count)), tools) * scale.value) + 1

    bare = stay(0)
    share = bare + (budget - bare) * SHARE
    first = _most(most, lambda count: stay(count) <= (share if count > 1 else budget))
    with_turns = fit(said(first), window=window, tools=tools, scale=scale).tokens - stay(first)
    return _most(most, lambda count: count <= first or with_turns + stay(count) <= budget)


def _most(most: int, fits: Callable[[int], bool]) -> int:
    """Return the largest number up to which all fit."""
    return next((count - 1 for count in range(1, most + 1) if not fits(count)), most)


def _held(messages: Sequence[Said]) -> Mapping[int, Sequence[Excerpt]]:
    """Return the passages behind the last question, by the place of the message that has them."""
    last = max((place for place, one in enumerate(messages) if one[1].role == "user"), default=-1)
    found = {
        place: excerpts_of(message.content)
        for place, (_, message) in enumerate(messages)
        if place > last and message.role == "tool" and message.name == SEARCH_DOCUMENTS
    }
    return {place: some for place, some in found.items() if some}


def _with(
    messages: Sequence[Said],
    held: Mapping[int, Sequence[Excerpt]],
    kept: frozenset[tuple[int, int]],
) -> tuple[Said, ...]:
    """Return the messages with these passages alone, by rank and (negative) place."""
    result = list(messages)
    for place, some in held.items():
        left = [one for rank, one in enumerate(some) if (rank, -place) in kept]
        if len(left) == len(some):
            continue
        content = json.dumps([asdict(one) for one in left], ensure_ascii=False) if left else NO_ROOM
        name, message = result[place]
        result[place] = (name, replace(message, content=content))
    return tuple(result)


NO_ROOM: Final = "Passages were found, and none has room in this model's window."


def _staying(messages: Sequence[Said]) -> list[ModelMessage]:
    """Return system messages, the last question, and what follows it."""
    last = max((place for place, one in enumerate(messages) if one[1].role == "user"), default=0)
    return [one for place, (_, one) in enumerate(messages) if place >= last or one.role == "system"]
