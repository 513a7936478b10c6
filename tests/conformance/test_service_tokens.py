"""Service tokens keep the port's promise, and planted faults do not."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from autobot.adapters.vault.service_tokens import KeyedServiceTokens, derived
from autobot.kernel.core.errors import ConfigurationError
from autobot.kernel.links.service_token import ServiceCall, ServiceTokens
from autobot.testing.conformance.service_tokens import ServiceTokensSuite
from tests.integration.role_hop.kit import MovableClock


class TestKeyed(ServiceTokensSuite):
    key = bytes(range(32))

    def setup_method(self) -> None:
        self.clock = MovableClock()

    def tokens(self) -> ServiceTokens:
        return KeyedServiceTokens(self.key, self.clock)

    def stranger(self) -> ServiceTokens:
        return KeyedServiceTokens(bytes(32), self.clock)

    def move(self, seconds: float) -> None:
        self.clock.move(seconds)

    def test_its_key_is_derived(self) -> None:
        """The key file's key itself signs nothing (RFC 5869: HKDF-SHA-256 of it, with a name of its own)."""
        expected = "6ad12b490eada04544396768e65ea54d7217f2e20dcfdbc0b164bde3295bf345"
        assert derived(self.key).hex() == expected

    @pytest.mark.parametrize(
        "broken", [{"key": b"short"}, {"life_s": 0.5}, {"life_s": 301}, {"leeway_s": -1}, {"leeway_s": 61}]
    )
    def test_options_are_checked_when_built(self, broken: dict[str, Any]) -> None:
        """A key or a time outside its range refuses to start."""
        with pytest.raises(ConfigurationError):
            KeyedServiceTokens(**{"key": self.key, "clock": self.clock, **broken})


class Faulty:
    """Tokens with a fault."""

    def __init__(self, inner: ServiceTokens, fault: str) -> None:
        self._inner, self._fault = inner, fault

    def issue(self, call: ServiceCall) -> str:
        """Issue, faultily."""
        return self._inner.issue(call) + ("\n" if self._fault == "breaks the field" else "")

    def read(self, token: str, *, audience: str, operation: str) -> ServiceCall:
        """Read, faultily."""
        if self._fault == "breaks the field":
            token = token.removesuffix("\n")
        for each in ("ai", "backend") if self._fault == "any audience" else (audience,):
            for one in ("command", "query") if self._fault == "any operation" else (operation,):
                try:
                    return self._inner.read(token, audience=each, operation=one)
                except Exception as error:  # noqa: BLE001 - the fault tries on
                    last = error
        raise last


def failures(wrap: Callable[[ServiceTokens], ServiceTokens]) -> list[str]:
    """Run the suite over wrapped tokens and name what fails."""

    class Planted(TestKeyed):
        def tokens(self) -> ServiceTokens:
            return wrap(super().tokens())

    failed = []
    for name, function in inspect.getmembers(ServiceTokensSuite, inspect.isfunction):
        if not name.startswith("test_") or len(inspect.signature(function).parameters) > 1:
            continue
        suite = Planted()
        suite.setup_method()
        try:
            getattr(suite, name)()
        except (Exception, pytest.fail.Exception):  # noqa: BLE001 - any failure counts
            failed.append(name)
    return failed


@pytest.mark.parametrize("fault", ["breaks the field", "any audience", "any operation"])
def test_each_planted_fault_is_found(fault: str) -> None:
    """Tokens that break a header, or open other roles or operations, are refused."""
    assert failures(lambda inner: Faulty(inner, fault)) != []


def test_the_plain_wrapper_passes() -> None:
    """Without a fault the same wrapper passes."""
    assert failures(lambda inner: Faulty(inner, "none")) == []
