"""Log lines: their fields, their levels, their limits, and no secret in any of them."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autobot.adapters.logs.lines import render
from autobot.adapters.logs.listener import BURST, WINDOW_MAX_S, WINDOW_S, LogListener
from autobot.adapters.logs.setup import open_log
from autobot.kernel.core.context import SYSTEM, CallContext, TraceContext
from autobot.kernel.core.errors import (
    CircuitOpen,
    ConfigurationError,
    ConnectFailed,
    InvalidInput,
    Unauthenticated,
)
from autobot.kernel.core.masking import MASK, mask_text, masked
from autobot.kernel.telemetry.listener import Change, Hop
from autobot.testing.virtual_time import ManualClock

CONTEXT = CallContext(
    correlation_id="c-77", principal=SYSTEM, trace=TraceContext(trace_id="1" * 32, span_id="2" * 16)
)
HOP = Hop("ai-ollama", "http://127.0.0.1:11434", "generate", 1, CONTEXT)


class Log:
    """A log that a test writes and then reads."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.clock = ManualClock()
        self.listener: LogListener

    @contextmanager
    def open(self, level: str = "info") -> Iterator[LogListener]:
        """Open it for the block."""
        with open_log(self.stream, self.clock, level=level) as listener:
            yield listener

    @property
    def entries(self) -> list[dict[str, Any]]:
        """What was written."""
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


# --------------------------------------------------------------------------------------------------- entries


def test_a_failed_hop_tells_who_called_what_and_how_it_ended() -> None:
    """One JSON object with link, target, operation, attempt, duration, code, correlation id and trace."""
    log = Log()
    with log.open() as listener:
        listener.failed(HOP, 0.0123, ConnectFailed("Nobody listens."))
    assert log.entries == [
        {
            "time": "2026-01-01T00:00:00.000000Z",
            "level": "warning",
            "event": "hop failed",
            "link": "ai-ollama",
            "target": "http://127.0.0.1:11434",
            "operation": "generate",
            "attempt": 1,
            "duration_ms": 12.3,
            "correlation_id": "c-77",
            "trace_id": "1" * 32,
            "span_id": "2" * 16,
            "principal": "system",
            "tenant": "default",
            "code": "connect-failed",
            "detail": "Nobody listens.",
        }
    ]


@pytest.mark.parametrize(
    ("error", "level", "event"),
    [
        (ConnectFailed("x"), "warning", "hop failed"),
        (CircuitOpen("x", link="l", target="t", since=0.0, retry_after=None), "warning", "hop refused"),
        (InvalidInput("x"), "debug", "hop failed"),
        (asyncio.CancelledError(), "debug", "hop failed"),
        (GeneratorExit(), "debug", "hop failed"),
        (KeyError("x"), "error", "hop failed"),
    ],
)
def test_the_level_says_whose_fault_it_is(error: BaseException, level: str, event: str) -> None:
    """Targets and refusals warn, a caller's own mistakes and cancellations are for debugging, our faults are errors."""
    log = Log()
    with log.open("debug") as listener:
        listener.failed(HOP, 0.1, error)
    assert [(one["level"], one["event"]) for one in log.entries] == [(level, event)]


def test_good_hops_are_told_only_when_debugging() -> None:
    """At *info* a hop that went well leaves no line."""
    for level, lines in (("debug", 1), ("info", 0)):
        log = Log()
        with log.open(level) as listener:
            listener.started(HOP)
            listener.completed(HOP, 0.1)
            listener.counted("things_total", 1, ())
        assert len(log.entries) == lines


def test_the_stack_of_our_own_fault_is_told_once() -> None:
    """An error that passes three direct hops on its way out has its stack in the first line alone."""
    log = Log()
    try:
        raise KeyError("own fault")
    except KeyError as error:
        with log.open() as listener:
            for link in ("services-repositories", "routers-services", "ai-backend"):
                listener.failed(Hop(link, "local", "read", 0, CONTEXT), 0.1, error)
    stacks = [one.get("stack", "") for one in log.entries]
    assert "KeyError: 'own fault'" in stacks[0]
    assert stacks[1:] == ["", ""]


def test_a_target_that_fails_all_the_time_does_not_flood_the_log() -> None:
    """A few lines of one kind a minute, then the number of those that were left out."""
    log = Log()
    with log.open() as listener:
        for _ in range(100):
            listener.failed(HOP, 0.1, ConnectFailed("x"))
        listener.failed(HOP, 0.1, KeyError("another kind"))
        log.clock.advance(WINDOW_S)
        listener.failed(HOP, 0.1, ConnectFailed("x"))
    assert len(log.entries) == BURST + 2
    assert log.entries[-1]["suppressed"] == 100 - BURST


def test_calls_that_are_refused_all_the_time_do_not_flood_the_log() -> None:
    """A change by an error is told as seldom as a failing target, with the number of those left out."""
    log = Log()
    refused = Change(
        kind="call", subject="calls to ai", before="", after="refused", error=Unauthenticated("no token")
    )
    with log.open() as listener:
        for _ in range(100):
            listener.changed(refused)
        log.clock.advance(WINDOW_S)
        listener.changed(refused)
    assert len(log.entries) == BURST + 1
    assert log.entries[-1]["suppressed"] == 100 - BURST


def test_a_target_that_is_never_there_is_told_ever_more_seldom() -> None:
    """A call every ten seconds for a day leaves some dozens of lines, and all are accounted for."""
    log = Log()
    with log.open() as listener:
        for _ in range(8_640):
            listener.failed(HOP, 0.1, ConnectFailed("x"))
            log.clock.advance(10.0)
        log.clock.advance(WINDOW_MAX_S)
        listener.failed(HOP, 0.1, ConnectFailed("x"))
    assert 60 <= len(log.entries) <= 110
    assert len(log.entries) + sum(one.get("suppressed", 0) for one in log.entries) == 8_641


def test_changes_are_told_with_who_and_why() -> None:
    """A breaker that opens warns; empty members are left out."""
    log = Log()
    with log.open() as listener:
        listener.changed(
            Change(
                kind="breaker",
                subject="breaker:a:b",
                before="closed",
                after="isolated",
                reason="check",
                by="ann",
            )
        )
        listener.changed(Change(kind="policy", subject="link:a", before="timeout 3", after="timeout 4"))
    first, second = log.entries
    assert (first["level"], first["by"], first["reason"]) == ("warning", "ann", "check")
    assert second["level"] == "info"
    assert "by" not in second


def test_what_libraries_log_comes_along() -> None:
    """Records of the standard module are lines of the same form, with their stack; requests are not logged one by one."""
    log = Log()
    with log.open():
        logging.getLogger("some.library").warning("took %d s with token=%s", 3, "s3cr3t-value")
        logging.getLogger("uvicorn.access").info("GET /")
        try:
            raise ValueError("inside")
        except ValueError:
            logging.getLogger("some.library").exception("failed")
    first, second = log.entries
    assert (first["level"], first["logger"]) == ("warning", "some.library")
    assert first["event"] == f"took 3 s with token={MASK}"
    assert "ValueError: inside" in second["stack"]


def test_the_standard_module_is_left_as_it_was() -> None:
    """Handlers and levels from before come back."""
    root = logging.getLogger()
    before = list(root.handlers), root.level, logging.getLogger("asyncio").level
    with Log().open("debug"):
        assert list(root.handlers) != before[0]
    assert (list(root.handlers), root.level, logging.getLogger("asyncio").level) == before


def test_an_unknown_level_is_refused() -> None:
    """The operator hears which levels there are."""
    with pytest.raises(ConfigurationError, match="debug, info, warning, error"), Log().open("loud"):
        pass


def test_a_reader_that_goes_away_does_not_stop_the_product() -> None:
    """A closed stream loses lines, raises nothing, and closing still ends."""
    stream = io.StringIO()
    with open_log(stream, ManualClock()) as listener:
        stream.close()
        listener.failed(HOP, 0.1, ConnectFailed("x"))


def test_a_terminal_gets_plain_lines() -> None:
    """Time, level and event first, then the fields, quoted where they need it."""
    entry = {
        "time": "2026-01-01T10:20:30.456789Z",
        "level": "info",
        "event": "changed",
        "a": 1,
        "b": "two words",
    }
    assert render(entry, "text") == '10:20:30.456 INFO    changed  a=1 b="two words"\n'
    assert render({**entry, "stack": "Traceback\n"}, "text").endswith("\nTraceback\n")


# --------------------------------------------------------------------------------------------------- secrets

SECRET = "Zq8kX2vN4mP7wR1t"


@pytest.mark.parametrize(
    "name",
    ["password", "new_password", "passwd", "api_key", "API-Key", "apikey", "authorization", "Cookie", "set-cookie",
     "client_secret", "refresh_token", "csrf_token", "private_key", "credential"],
)  # fmt: skip
def test_fields_with_secret_names_are_masked(name: str) -> None:
    """The name alone decides, at any depth, whatever the value's type."""
    for value in (SECRET, [SECRET], {"a": SECRET}, SECRET.encode()):
        assert SECRET not in json.dumps(masked({"outer": {name: value}}))


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {SECRET}",
        f"authorization: basic {SECRET}==",
        f"used key ab_{SECRET}",
        f"sk-{SECRET}",
        f"http://ann:{SECRET}@host/path",
        f"https://:{SECRET}@host",
        f"redis://user:{SECRET}@host:6379/0",
        f"cookie autobot_session={SECRET}; path=/",
        f'{{"password": "{SECRET}"}}',
        f"https://host/sign-in#token={SECRET}",
        f"?api_key={SECRET}&x=1",
        f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{SECRET}",
        f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----",
        f"$argon2id$v=19$m=19456,t=2,p=1${SECRET}",
    ],
)
def test_values_that_look_like_secrets_are_masked(text: str) -> None:
    """Tokens, keys, passwords in addresses and hashes are masked wherever they stand in a text."""
    assert SECRET not in mask_text(text)
    assert SECRET not in render({"time": "2026-01-01T10:20:30.4Z", "level": "info", "event": text}, "json")


@pytest.mark.parametrize(
    "text",
    [
        "12 tokens",
        "prompt_tokens",
        "http://127.0.0.1:11434/api",
        "Basic habits",
        "a password is needed",
        "ab_c",
    ],
)
def test_plain_words_stay(text: str) -> None:
    """What is no secret is readable."""
    assert mask_text(text) == text
    assert masked({"prompt_tokens": 12}) == {"prompt_tokens": 12}


def test_long_and_deep_values_are_cut() -> None:
    """A log line is no place for a document; objects of unknown types are named, not shown."""
    deep: Any = "x"
    for _ in range(20):
        deep = {"a": deep}
    assert "…" in json.dumps(masked(deep), ensure_ascii=False)
    assert len(mask_text("x" * 100_000)) < 5_000
    assert masked({"body": b"abc", "thing": object(), "many": list(range(1000))}) == {
        "body": "3 bytes",
        "thing": "object",
        "many": list(range(100)),
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=10), JSON, max_size=4))
def test_any_entry_becomes_one_line(fields: dict[str, Any]) -> None:
    """Whatever the fields hold, the line is one JSON object."""
    line = render({**fields, "time": "2026-01-01T10:20:30.4Z", "level": "info", "event": "x"}, "json")
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert json.loads(line)["event"] == "x"
