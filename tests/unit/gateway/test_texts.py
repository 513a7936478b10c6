"""Texts of runs that other processes carry are known from passing frames, and a hole is never shown."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autobot.gateway.realtime.texts import RUNS_MAX, FrameTexts
from autobot.testing.virtual_time import VIRTUAL_BACKEND, run

TEXT = "The quick brown fox jumps over the lazy dog."


@pytest.fixture
def anyio_backend() -> Any:
    """Waiting costs nothing."""
    return VIRTUAL_BACKEND


def piece(offset: int, text: str, run_id: str = "r1", **more: Any) -> dict[str, Any]:
    """Return a piece of a run's text."""
    return {"run_id": run_id, "session_id": "s1", "offset": offset, "text": text, **more}


class Writer:
    """Whoever carries the run: answers what is wanted with the whole, unless it is away."""

    def __init__(self, *, away: bool = False) -> None:
        self.wanted: list[str] = []
        self.away = away
        self.text = TEXT
        self.texts = FrameTexts(self.want)

    def want(self, what: str) -> None:
        """Hear a wish."""
        self.wanted.append(what)
        if not self.away:
            self.texts.take(piece(0, self.text, whole=True))


@pytest.mark.anyio
async def test_a_text_is_known_by_run_and_by_chat() -> None:
    """Pieces that join make a text that is found under its run and under its chat."""
    writer = Writer(away=True)
    writer.texts.take(piece(0, "The "))
    writer.texts.take(piece(4, "quick"))
    assert await writer.texts.of_run("r1") == {"r1": "The quick"}
    assert await writer.texts.of_session("s1") == {"r1": "The quick"}
    assert await writer.texts.of_session("s2") == {}
    assert writer.wanted == []


@pytest.mark.anyio
async def test_a_hole_is_filled_by_the_whole() -> None:
    """After a lost piece the whole is asked for before anything is shown."""
    writer = Writer()
    writer.texts.take(piece(0, "The "))
    writer.texts.take(piece(10, "brown"))
    assert await writer.texts.of_run("r1") == {"r1": TEXT}
    assert writer.wanted == ["r1"]


@pytest.mark.anyio
async def test_a_hole_that_nobody_fills_is_left_out() -> None:
    """When nobody answers in time, nothing is shown rather than a text with a hole."""
    writer = Writer(away=True)
    writer.texts.take(piece(7, "ick"))
    assert await writer.texts.of_run("r1") == {}
    assert writer.wanted == ["r1"]


@pytest.mark.anyio
async def test_who_joins_asks_for_everything() -> None:
    """Frames may have been missed before: what is known counts no more until it was told again."""
    writer = Writer()
    writer.texts.take(piece(0, "The "))
    writer.texts.joined()
    assert writer.wanted == ["*"]
    assert await writer.texts.of_run("r1") == {"r1": TEXT}


@pytest.mark.anyio
async def test_an_ended_run_is_forgotten() -> None:
    """Its text is in a fact then."""
    writer = Writer(away=True)
    writer.texts.take(piece(0, "The "))
    writer.texts.ended("r1")
    assert await writer.texts.of_run("r1") == {}
    assert await writer.texts.of_session("s1") == {}


@pytest.mark.anyio
async def test_runs_without_an_end_do_not_pile_up() -> None:
    """The one that was silent longest goes first."""
    writer = Writer(away=True)
    for number in range(RUNS_MAX + 1):
        writer.texts.take(piece(0, "x", run_id=f"r{number}"))
    assert await writer.texts.of_run("r0") == {}
    assert await writer.texts.of_run(f"r{RUNS_MAX}") == {f"r{RUNS_MAX}": "x"}


@given(
    cuts=st.lists(st.integers(1, len(TEXT) - 1), unique=True),
    lost=st.sets(st.integers(0, 12)),
    data=st.data(),
)
def test_whatever_is_lost_or_doubled_only_a_beginning_of_the_text_is_shown(
    cuts: list[int], lost: set[int], data: st.DataObject
) -> None:
    """Pieces may be lost, doubled, and followed by a late whole: what is shown is always a beginning of the text."""
    edges = [0, *sorted(cuts), len(TEXT)]
    pieces = [piece(a, TEXT[a:b]) for a, b in pairwise(edges)]
    arriving = [one for number, one in enumerate(pieces) if number not in lost]
    arriving = [copy for one in arriving for copy in [one] * data.draw(st.integers(1, 2))]
    until = data.draw(st.sampled_from(edges))

    async def main() -> None:
        writer = Writer()
        writer.text = TEXT[:until]
        for one in arriving:
            writer.texts.take(one)
        shown = (await writer.texts.of_run("r1")).get("r1", "")
        assert TEXT.startswith(shown)

    run(main())
