"""Passages of any text: nothing is lost, nothing stands twice, none is too long."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autobot.contexts.knowledge.domain.chunking import Cutting, Heading, cut

TEXT = st.lists(
    st.one_of(
        st.text(max_size=40),
        st.sampled_from(
            ["\n\n", "\n", ". ", " ", "a" * 50, "e\u0301" * 30, "שלום ", "漢字。", "# Head\n", "x. " * 20]
        ),
    ),
    max_size=40,
).map("".join)
HOW = st.tuples(st.integers(1, 20), st.integers(0, 40), st.integers(0, 60)).map(
    lambda one: Cutting(least=one[0], target=one[0] + one[1], most=one[0] + one[1] + one[2] + 17)
)


@st.composite
def marked(draw: st.DrawFn) -> tuple[str, list[Heading], list[int]]:
    """A text with headings and pages anywhere in it."""
    text = draw(TEXT)
    places = st.integers(0, max(len(text) - 1, 0))
    starts = sorted(draw(st.sets(places, max_size=6))) if text else []
    headings = [Heading(start=at, level=draw(st.integers(1, 4)), text=f"h{at}") for at in starts]
    return text, headings, sorted(draw(st.lists(places, max_size=5)))


@given(marked(), HOW)
def test_passages_cover_the_text_in_order(given_: tuple[str, list[Heading], list[int]], how: Cutting) -> None:
    """All but white space is in exactly one passage, passages come in order, and none is longer than allowed."""
    text, headings, pages = given_
    pieces = list(cut(text, headings, pages, how))
    at = 0
    for one in pieces:
        assert at <= one.start < one.end <= len(text)
        assert text[at : one.start].strip() == ""
        assert not text[one.start].isspace()
        assert not text[one.end - 1].isspace()
        assert one.end - one.start <= how.most
        at = one.end
    assert text[at:].strip() == ""


@given(marked(), HOW)
def test_passages_know_where_they_stand(given_: tuple[str, list[Heading], list[int]], how: Cutting) -> None:
    """No passage crosses a heading; its path ends in the last heading before it, and its page is the last that began."""
    text, headings, pages = given_
    for one in cut(text, headings, pages, how):
        above = [heading for heading in headings if heading.start <= one.start]
        assert not any(one.start < heading.start < one.end for heading in headings)
        assert (one.heading.split(" > ")[-1] == above[-1].text) if above else one.heading == ""
        begun = [number for number, at in enumerate(pages, 1) if at <= one.start]
        assert one.page == (begun[-1] if begun else None)


def test_a_text_is_cut_where_it_pauses_longest() -> None:
    """Between paragraphs before lines, between sentences before words."""
    how = Cutting(least=10, target=30, most=45)
    paragraphs = "One sentence stands here.\n\nAnother one is over there. And a third."
    assert [paragraphs[one.start : one.end] for one in cut(paragraphs, how=how)] == [
        "One sentence stands here.",
        "Another one is over there. And a third.",
    ]
    sentences = "The first sentence is here. The second sentence follows it."
    assert [sentences[one.start : one.end] for one in cut(sentences, how=how)] == [
        "The first sentence is here.",
        "The second sentence follows it.",
    ]
