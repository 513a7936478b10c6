"""Fits a prompt to a model's window. Pure; what does not fit is named, never dropped in silence.

Providers tell how many tokens a prompt had only after they read it, so before that the size is estimated:
bytes of UTF-8 over three, which is above the truth for prose in most scripts, plus a few tokens for each
message's frame. What a provider counted corrects the estimate of that model from then on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from autobot.contexts.agents.ports import ModelMessage, ToolSpec
from autobot.kernel.core.errors import InvalidInput

BYTES_PER_TOKEN: Final = 3
FRAME_TOKENS: Final = 6
"""Tokens around a message: role, separators."""

RESERVE_MAX: Final = 1024
"""Tokens kept free for the answer when nobody says how long it may be."""

LEARN_FROM: Final = 64
"""Estimates below this many tokens teach nothing: the template's own text outweighs them."""

_SCALE_MIN, _SCALE_MAX = 0.5, 6.0
_FALL: Final = 0.2
_SURELY_TOO_LONG: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How a model's own counts compare with our estimates. `value` multiplies an estimate (0.5–6)."""

    value: float = 1.0
    learned: bool = False

    def corrected(self, estimated: int, counted: int) -> Scale:
        """Return the scale after a provider counted `counted` tokens where `estimated` were expected.

        It rises at once and falls slowly, so that it stays on the safe side. A count below half of the
        estimate is of a server that leaves out what it had cached, and teaches nothing.
        """
        if estimated < LEARN_FROM or counted < estimated * _SCALE_MIN:
            return self
        ratio = min(counted / estimated, _SCALE_MAX)
        if not self.learned or ratio > self.value:
            return Scale(value=ratio, learned=True)
        return Scale(value=max(self.value + (ratio - self.value) * _FALL, _SCALE_MIN), learned=True)


NEUTRAL: Final = Scale()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A prompt that fits. `left_out` are the ids of messages that are not sent; `tokens` is estimated."""

    kept: tuple[ModelMessage, ...]
    left_out: tuple[str, ...]
    tokens: int


def text_tokens(text: str) -> int:
    """Return the estimated tokens of a text."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN)


def message_tokens(message: ModelMessage) -> int:
    """Return the estimated tokens of a message with its frame."""
    tokens = FRAME_TOKENS + text_tokens(message.content)
    for call in message.tool_calls:
        tokens += FRAME_TOKENS + text_tokens(call.name + json.dumps(dict(call.arguments)))
    return tokens


def tool_tokens(tools: Sequence[ToolSpec]) -> int:
    """Return the estimated tokens of the tools that are offered."""
    return sum(
        FRAME_TOKENS + text_tokens(one.name + one.description + json.dumps(dict(one.parameters)))
        for one in tools
    )


def prompt_tokens(messages: Sequence[ModelMessage], tools: Sequence[ToolSpec] = ()) -> int:
    """Return the estimated tokens of a whole prompt."""
    return sum(map(message_tokens, messages)) + tool_tokens(tools)


def reserve_for(window: int, max_tokens: int | None) -> int:
    """Return the tokens to keep free for the answer: what was asked for, else a quarter, at most half."""
    wanted = max_tokens if max_tokens is not None else min(RESERVE_MAX, window // 4)
    return min(wanted, window // 2)


def fit(
    messages: Sequence[tuple[str, ModelMessage]],
    *,
    window: int | None,
    tools: Sequence[ToolSpec] = (),
    max_tokens: int | None = None,
    scale: Scale = NEUTRAL,
) -> Fit:
    """Fit messages, each with its id (empty for one that nobody shows), to a window.

    System messages, the last user message and all after it always stay. Before that, whole turns (a user
    message with its replies) are left out, oldest first, so that the rest has no hole and no tool result
    without its call. None as window keeps everything. Raises InvalidInput when even what must stay is
    surely too long.
    """
    system, turns, last = _parts(messages)
    if window is None:
        kept = tuple(message for _, message in messages)
        return Fit(kept=kept, left_out=(), tokens=_scaled(prompt_tokens(kept, tools), scale))
    budget = window - reserve_for(window, max_tokens)
    needed = tool_tokens(tools) + sum(message_tokens(message) for _, message in (*system, *last))
    refuse_too_long(needed, window, scale)
    spent, first = needed, len(turns)
    while first > 0:
        more = sum(message_tokens(message) for _, message in turns[first - 1])
        if _scaled(spent + more, scale) > budget:
            break
        spent, first = spent + more, first - 1
    dropped = {id(pair) for turn in turns[:first] for pair in turn}
    return Fit(
        kept=tuple(pair[1] for pair in messages if id(pair) not in dropped),
        left_out=tuple(pair[0] for pair in messages if id(pair) in dropped and pair[0]),
        tokens=_scaled(spent, scale),
    )


def _parts(
    messages: Sequence[tuple[str, ModelMessage]],
) -> tuple[
    list[tuple[str, ModelMessage]], list[list[tuple[str, ModelMessage]]], list[tuple[str, ModelMessage]]
]:
    """Return system messages, earlier turns, and the last user message with what follows."""
    system = [pair for pair in messages if pair[1].role == "system"]
    turns: list[list[tuple[str, ModelMessage]]] = []
    for pair in messages:
        if pair[1].role == "system":
            continue
        if pair[1].role == "user" or not turns:
            turns.append([])
        turns[-1].append(pair)
    last = turns.pop() if turns else []
    return system, turns, last


def refuse_too_long(needed: int, window: int, scale: Scale) -> None:
    """Raise InvalidInput for an estimate of `needed` tokens that cannot fit into `window`.

    A scale that was learned is believed; before that only what is twice too long is sure.
    """
    sure = scale.value if scale.learned else _SURELY_TOO_LONG
    if needed * sure > window:
        raise InvalidInput(
            f"The prompt is longer than the model's window of {window} tokens.",
            hint="Shorten it, or choose a model with a larger window.",
        )


def _scaled(tokens: int, scale: Scale) -> int:
    return int(tokens * scale.value) + 1
