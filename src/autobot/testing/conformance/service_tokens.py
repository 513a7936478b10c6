"""What `ServiceTokens` promise. Subclass, and override the factories."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Final

import pytest

from autobot.kernel.core.context import Principal
from autobot.kernel.core.errors import Unauthenticated
from autobot.kernel.links.service_token import ServiceCall, ServiceTokens, body_mark

CALL: Final = ServiceCall(
    issuer="gateway",
    audience="backend",
    operation="command",
    principal=Principal(
        id="key-1",
        kind="key",
        role="operator",
        user_id="ann",
        tenant="acme",
        scopes=frozenset({"chat:read", "chat:write"}),
        username="Änn 🔑",
    ),
    correlation_id="c-1",
    body=body_mark(b"{}"),
    causation_id="m-1",
    client="2001:db8::1",
)


class ServiceTokensSuite(ABC):
    """Signed words of who calls."""

    @abstractmethod
    def tokens(self) -> ServiceTokens:
        """Return the implementation under test, at a wall clock that `move` moves."""

    @abstractmethod
    def stranger(self) -> ServiceTokens:
        """Return one with another key, at the same clock."""

    @abstractmethod
    def move(self, seconds: float) -> None:
        """Let the wall clock jump."""

    def _read(self, token: str) -> ServiceCall:
        return self.tokens().read(token, audience=CALL.audience, operation=CALL.operation)

    def _refused(self, token: str) -> None:
        with pytest.raises(Unauthenticated):
            self._read(token)

    def test_reads_what_it_issued(self) -> None:
        """Everything that the caller said arrives, also where little is said."""
        plain = replace(
            CALL,
            principal=Principal(id="x", kind="service", role="service", user_id=""),
            causation_id=None,
            client="",
        )
        for call in (CALL, plain):
            assert self._read(self.tokens().issue(call)) == call

    def test_is_visible_ascii(self) -> None:
        """A token can stand in a header field."""
        token = self.tokens().issue(CALL)
        assert all("!" <= one <= "~" for one in token)

    @pytest.mark.parametrize("seconds", [36, 3_600, -6, -3_600])
    def test_a_token_outside_its_time_is_refused(self, seconds: float) -> None:
        """A stale token, and one from the future, are refused: also when a clock jumps."""
        token = self.tokens().issue(CALL)
        self.move(seconds)
        self._refused(token)
        self.move(-seconds)
        assert self._read(token) == CALL

    @pytest.mark.parametrize("seconds", [34, -4])
    def test_clocks_may_differ_by_the_leeway(self, seconds: float) -> None:
        """Some seconds between the clocks of two machines are borne."""
        token = self.tokens().issue(CALL)
        self.move(seconds)
        assert self._read(token) == CALL

    def test_another_audience_is_refused(self) -> None:
        """A token for one role opens no other."""
        self._refused(self.tokens().issue(replace(CALL, audience="ai")))

    def test_another_operation_is_refused(self) -> None:
        """A token for one operation allows no other."""
        self._refused(self.tokens().issue(replace(CALL, operation="query")))

    def test_another_key_is_refused(self) -> None:
        """A token of another installation opens nothing."""
        self._refused(self.stranger().issue(CALL))

    def test_every_changed_character_is_refused(self) -> None:
        """No token reads after any one character of it was changed, dropped or doubled."""
        token = self.tokens().issue(CALL)
        for at, one in enumerate(token):
            self._refused(token[:at] + ("A" if one != "A" else "B") + token[at + 1 :])
            self._refused(token[:at] + token[at + 1 :])
            self._refused(token[:at] + one + token[at:])

    @pytest.mark.parametrize(
        "token", ["", ".", "..", "a.b.c", "s1..", "s1.e30.", "\u00e9.b.c", "x" * 100_000]
    )
    def test_what_is_no_token_is_refused(self, token: str) -> None:
        """Garbage is refused as such, whatever its size."""
        self._refused(token)

    def test_an_unsigned_web_token_is_refused(self) -> None:
        """A JSON Web Token that says `alg: none`, signed by nobody, opens nothing."""
        self._refused("eyJhbGciOiJub25lIn0.eyJpc3MiOiJnYXRld2F5IiwiYXVkIjoiYmFja2VuZCIsIm9wIjoiY29tbWFuZCJ9.")

    def test_tells_nothing_of_its_key(self) -> None:
        """Neither the text of the object nor that of a refusal shows a key."""
        token = self.stranger().issue(CALL)
        with pytest.raises(Unauthenticated) as refused:
            self._read(token)
        assert token not in f"{refused.value!r} {refused.value.detail} {refused.value.hint}"
        assert "key=" not in repr(self.tokens())
