"""Room for passages in a window: a stated rule, and nothing left out in silence."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autobot.contexts.agents.budget import NO_ROOM, Fitted, Said, fit_passages
from autobot.contexts.agents.ports import ModelMessage, ToolCall
from autobot.contexts.agents.spoken import in_words
from autobot.contexts.agents.tools import SEARCH_DOCUMENTS, Excerpt, excerpts_of
from autobot.contexts.agents.window import prompt_tokens, reserve_for
from autobot.kernel.core.errors import InvalidInput


def passage(name: str, size: int = 300) -> Excerpt:
    """Return a passage of about `size` bytes."""
    return Excerpt(title=name, source=f"/knowledge/documents/{name}", text="x" * size)


def search(*passages: Excerpt, name: str = SEARCH_DOCUMENTS) -> tuple[Said, Said]:
    """Return a call of the search with what it found."""
    call = ModelMessage(role="assistant", content="", tool_calls=(ToolCall(id="c", name=name, arguments={}),))
    content = json.dumps([asdict(one) for one in passages])
    return ("", call), ("", ModelMessage(role="tool", content=content, tool_call_id="c", name=name))


def turn(number: int, size: int = 300) -> tuple[Said, Said]:
    """Return an earlier question with its answer."""
    return (
        (f"u{number}", ModelMessage(role="user", content="x" * size)),
        (f"a{number}", ModelMessage(role="assistant", content="x" * size)),
    )


QUESTION: Said = ("q", ModelMessage(role="user", content="How often do ferns want water?"))
SIX = tuple(passage(str(n)) for n in range(6))
SOURCES = tuple(one.source for one in SIX)


def given_in(fitted: Fitted) -> tuple[str, ...]:
    """Return the sources of the passages that the prompt really has."""
    found = [
        one.source
        for message in fitted.fit.kept
        if message.role == "tool" and message.name == SEARCH_DOCUMENTS
        for one in excerpts_of(message.content)
    ]
    return tuple(dict.fromkeys(found))


def test_all_stay_when_there_is_room_or_the_window_is_unknown() -> None:
    """Nothing is changed without need."""
    messages = (*turn(1), QUESTION, *search(*SIX))
    for window in (None, 10_000):
        fitted = fit_passages(messages, window=window)
        assert fitted.fit.kept == tuple(one for _, one in messages)
        assert (fitted.found, fitted.given) == (SOURCES, SOURCES)


def test_the_best_passages_stay_and_the_others_are_counted() -> None:
    """In the order of the search, as many as have room; the question and the call stay whatever happens."""
    fitted = fit_passages((QUESTION, *search(*SIX)), window=700)
    assert 0 < len(fitted.given) < 6
    assert fitted.given == SOURCES[: len(fitted.given)] == given_in(fitted)
    assert fitted.found == SOURCES
    assert [one.role for one in fitted.fit.kept] == ["user", "assistant", "tool"]


def test_passages_take_two_thirds_and_earlier_turns_the_rest() -> None:
    """Talk does not crowd out what was found, nor that the talk: each has its share, and turns go oldest first."""
    messages = (*turn(1), *turn(2), *turn(3), *turn(4), QUESTION, *search(*SIX))
    fitted = fit_passages(messages, window=1_000)
    assert fitted.fit.left_out
    assert (
        fitted.fit.left_out
        == tuple(f"{who}{n}" for n in (1, 2, 3, 4) for who in "ua")[: len(fitted.fit.left_out)]
    )
    assert len(fitted.fit.left_out) < 8
    assert 0 < len(fitted.given) < 6


def test_what_the_talk_leaves_goes_to_passages() -> None:
    """Without earlier turns passages take more than their share."""
    with_talk = fit_passages((*turn(1), *turn(2), *turn(3), QUESTION, *search(*SIX)), window=1_200)
    alone = fit_passages((QUESTION, *search(*SIX)), window=1_200)
    assert len(alone.given) > len(with_talk.given) > 0


def test_the_first_passage_has_its_place_wherever_it_fits() -> None:
    """A single large passage may take more than two thirds; one that fits nowhere is said to have no room."""
    large = (QUESTION, *search(passage("large", 900)))
    assert fit_passages(large, window=600).given == ("/knowledge/documents/large",)
    fitted = fit_passages(large, window=300)
    assert (len(fitted.found), fitted.given) == (1, ())
    assert fitted.fit.kept[-1].content == NO_ROOM


def test_of_several_searches_each_gives_its_best() -> None:
    """By rank in their search; of equal rank the newer search's comes first."""
    old, new = tuple(passage(f"old{n}") for n in range(3)), tuple(passage(f"new{n}") for n in range(3))
    fitted = fit_passages((QUESTION, *search(*old), *search(*new)), window=900)
    names = [one.rpartition("/")[2] for one in fitted.given]
    assert names == ["new0", "old0", "new1", "old1", "new2", "old2"][: len(names)]
    assert 0 < len(names) < 6
    assert set(given_in(fitted)) == set(fitted.given)


def test_what_is_no_passage_is_left_as_it_is() -> None:
    """Results of other tools, words in place of passages, and searches of earlier questions are no passages."""
    messages = (
        *search(passage("before")),
        QUESTION,
        *search(*SIX, name="search_documentation"),
        ("", ModelMessage(role="tool", content="No passage fits.", name=SEARCH_DOCUMENTS)),
    )
    fitted = fit_passages(messages, window=3_000)
    assert (fitted.found, fitted.given) == ((), ())
    assert fitted.fit.kept == tuple(one for _, one in messages)


def test_a_question_that_is_too_long_is_refused() -> None:
    """What must stay and cannot fit is refused as before."""
    long: Said = ("q", ModelMessage(role="user", content="x" * 9_000))
    with pytest.raises(InvalidInput):
        fit_passages((long, *search(*SIX)), window=500)


TEXTS = st.text(max_size=400)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(TEXTS, max_size=4),
    st.lists(st.lists(TEXTS, max_size=5), max_size=3),
    st.integers(200, 4_000),
    st.booleans(),
)
def test_a_prompt_never_exceeds_its_room_for_passages(
    talk: list[str], searches: list[list[str]], window: int, words: bool
) -> None:
    """Whatever was said and found: with any passage the prompt keeps to the window less the answer's part, the given ones
    are the first of all and in the prompt, and none is left out where all of it has room."""
    messages: tuple[Said, ...] = tuple(
        (f"m{n}", ModelMessage(role="user" if n % 2 == 0 else "assistant", content=one))
        for n, one in enumerate(talk)
    )
    messages += (QUESTION,)
    for number, texts in enumerate(searches):
        some = [passage(f"{number}-{n}") for n in range(len(texts))]
        some = [
            Excerpt(title=one.title, source=one.source, text=text)
            for one, text in zip(some, texts, strict=True)
        ]
        messages += search(*some)
    form = in_words if words else tuple
    fitted = fit_passages(messages, window=window, form=form)
    assert fitted.given == fitted.found[: len(fitted.given)]
    if not words:
        assert set(given_in(fitted)) == set(fitted.given)
    if fitted.given:
        assert prompt_tokens(fitted.fit.kept) <= window - reserve_for(window, None)
    whole = prompt_tokens([one for _, one in form(messages)])
    if whole < window - reserve_for(window, None):
        assert (fitted.given, fitted.fit.left_out) == (fitted.found, ())
