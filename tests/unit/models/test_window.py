"""Fitting a prompt to a window: what stays, what is left out, and how estimates learn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autobot.contexts.agents.ports import ModelMessage, ModelRole, ToolCall, ToolSpec
from autobot.contexts.agents.window import Scale, fit, message_tokens, prompt_tokens, reserve_for
from autobot.kernel.core.errors import InvalidInput

Pair = tuple[str, ModelMessage]


def pair(id_: str, role: ModelRole, size: int = 30) -> Pair:
    """A message of about `size` bytes."""
    return id_, ModelMessage(role=role, content="x" * size)


THREAD = (
    pair("", "system"),
    pair("u1", "user", 300),
    pair("a1", "assistant", 300),
    pair("u2", "user", 300),
    pair("a2", "assistant", 300),
    pair("u3", "user"),
)


def test_everything_stays_when_it_fits_or_the_window_is_unknown() -> None:
    """Nothing is left out without need."""
    for window in (None, 10_000):
        found = fit(THREAD, window=window)
        assert found.kept == tuple(message for _, message in THREAD)
        assert found.left_out == ()


def test_the_oldest_turns_are_left_out_whole_and_named() -> None:
    """A turn goes with its reply; system, the newest turns and the last question stay, in order."""
    found = fit(THREAD, window=400)
    assert found.left_out == ("u1", "a1")
    assert found.kept == tuple(message for id_, message in THREAD if id_ not in {"u1", "a1"})


def test_a_turn_in_the_middle_is_never_left_out_alone() -> None:
    """What is older than a turn that does not fit is left out too: history has no hole."""
    thread = (pair("u1", "user"), pair("u2", "user", 3000), pair("u3", "user"), pair("u4", "user"))
    assert fit(thread, window=400).left_out == ("u1", "u2")


def test_the_present_turn_stays_with_its_tool_calls() -> None:
    """Calls and results of the question that is being answered are never separated."""
    call = ModelMessage(role="assistant", content="", tool_calls=(ToolCall(id="c", name="t", arguments={}),))
    result = ModelMessage(role="tool", content="y" * 300, tool_call_id="c", name="t")
    thread = (pair("u1", "user", 600), pair("u2", "user"), ("", call), ("", result))
    found = fit(thread, window=320)
    assert found.left_out == ("u1",)
    assert found.kept[1:] == (call, result)


def test_tools_take_their_room() -> None:
    """The description of tools counts, so fewer messages fit beside it."""
    tool = ToolSpec(name="t", description="d" * 300, parameters={"type": "object"})
    assert fit(THREAD, window=640).left_out == ()
    assert fit(THREAD, window=640, tools=(tool,)).left_out == ("u1", "a1")


def test_a_message_that_cannot_fit_is_refused_before_it_is_sent() -> None:
    """Instead of a provider that cuts it silently, the person is told."""
    with pytest.raises(InvalidInput) as caught:
        fit((pair("u", "user", 10_000),), window=1000)
    assert "1000 tokens" in caught.value.detail
    assert caught.value.hint


def test_an_estimate_alone_does_not_refuse_what_may_fit() -> None:
    """Before a provider has counted once, only what is twice too long is refused."""
    long = (pair("u", "user", 4500),)
    assert fit(long, window=1000).left_out == ()
    with pytest.raises(InvalidInput):
        fit(long, window=1000, scale=Scale(value=1.0, learned=True))


def test_room_is_kept_for_the_answer() -> None:
    """The reserve is what was asked for, else a quarter, and never more than half."""
    assert reserve_for(1000, None) == 250
    assert reserve_for(100_000, None) == 1024
    assert reserve_for(1000, 100) == 100
    assert reserve_for(1000, 5000) == 500


def test_a_count_above_the_estimate_counts_at_once_and_one_below_slowly() -> None:
    """The scale stays on the safe side: up at once, down step by step."""
    up = Scale().corrected(100, 300)
    assert up.value == 3.0
    down = up.corrected(100, 100)
    assert 2.5 < down.value < 3.0
    for _ in range(60):
        down = down.corrected(100, 100)
    assert down.value == pytest.approx(1.0, abs=0.01)


def test_counts_that_teach_nothing_are_passed_over() -> None:
    """Short prompts, and servers that leave cached tokens out, change nothing."""
    assert Scale().corrected(10, 60) == Scale()
    assert Scale().corrected(1000, 3) == Scale()


roles = st.sampled_from(["system", "user", "assistant", "tool"])
threads = st.lists(st.tuples(roles, st.integers(0, 2000)), max_size=30)


@given(thread=threads, window=st.integers(200, 5000), scale=st.floats(0.5, 6))
def test_every_message_is_either_sent_or_named(
    thread: list[tuple[ModelRole, int]], window: int, scale: float
) -> None:
    """For any thread: kept and left out make the whole, in order; system and the last turn are kept;
    what is kept beyond those is within the budget."""
    messages = tuple(pair(f"m{index}", role, size) for index, (role, size) in enumerate(thread))
    learned = Scale(value=scale, learned=True)
    try:
        found = fit(messages, window=window, scale=learned)
    except InvalidInput:
        assert prompt_tokens([message for _, message in messages]) * scale > window
        return
    out = set(found.left_out)
    assert found.kept == tuple(message for id_, message in messages if id_ not in out)
    assert list(found.left_out) == [id_ for id_, _ in messages if id_ in out]
    assert not any(role == "system" and f"m{index}" in out for index, (role, _) in enumerate(thread))
    users = [index for index, (role, _) in enumerate(thread) if role == "user"]
    assert not users or not out & {f"m{index}" for index in range(users[-1], len(thread))}
    if out:
        must = [m for i, m in messages if m.role == "system" or (users and int(i[1:]) >= users[-1])]
        free = [m for m in found.kept if m not in must]
        budget = window - reserve_for(window, None)
        assert not free or sum(map(message_tokens, found.kept)) * scale <= budget
