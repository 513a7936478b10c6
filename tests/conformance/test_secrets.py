"""The adapters of secret material keep their ports' promises."""

import pytest

from autobot.adapters.argon2.passwords import Argon2Options, Argon2Passwords
from autobot.adapters.vault.tokens import SystemTokens
from autobot.adapters.vault.vault import AesVault
from autobot.contexts.identity.ports.secrets import Passwords, Tokens, Vault
from autobot.kernel.core.errors import ConfigurationError, Overloaded
from autobot.testing.conformance.secrets import PasswordsSuite, TokensSuite, VaultSuite

CHEAP = Argon2Options(memory_kib=8, passes=1)


class TestArgon2(PasswordsSuite):
    def passwords(self) -> Passwords:
        return Argon2Passwords(CHEAP)

    @pytest.mark.anyio
    async def test_a_hash_of_other_parameters_is_outdated(self) -> None:
        """A password whose hash was made with lower cost still matches, and asks to be hashed anew."""
        stored = await Argon2Passwords(CHEAP).hash("open sesame")
        check = await Argon2Passwords(Argon2Options(memory_kib=16, passes=2)).verify("open sesame", stored)
        assert (check.matches, check.outdated) == (True, True)

    @pytest.mark.anyio
    async def test_shipped_cost_is_argon2id_as_owasp_advises(self) -> None:
        """The shipped options give argon2id with 19 MiB, two passes, one lane."""
        stored = await Argon2Passwords().hash("open sesame")
        assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")

    @pytest.mark.anyio
    async def test_refuses_what_cannot_wait(self) -> None:
        """Beyond the hashes that run and those that may wait, a call is refused at once."""
        import asyncio

        passwords = Argon2Passwords(Argon2Options(memory_kib=8, passes=1, threads=1, waiting=0))
        results = await asyncio.gather(*(passwords.hash("x") for _ in range(3)), return_exceptions=True)
        assert [type(one) for one in results].count(Overloaded) == 2

    @pytest.mark.parametrize("broken", [{"memory_kib": 7}, {"passes": 0}, {"threads": 0}, {"waiting": -1}])
    def test_options_are_checked_when_built(self, broken: dict[str, int]) -> None:
        """A cost outside its range refuses to start."""
        with pytest.raises(ConfigurationError):
            Argon2Options(**broken)


class TestSystemTokens(TokensSuite):
    def tokens(self) -> Tokens:
        return SystemTokens()


class TestAesVault(VaultSuite):
    def vault(self) -> Vault:
        return AesVault(b"k" * 32)

    def stranger(self) -> Vault:
        return AesVault(b"s" * 32)
