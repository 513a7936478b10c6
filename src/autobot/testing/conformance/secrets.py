"""What `Passwords`, `Tokens` and `Vault` promise. Subclass, and override the factory."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod

import pytest

from autobot.contexts.identity.ports.secrets import Passwords, Tokens, Vault
from autobot.kernel.core.errors import DataCorrupt

TEXTS = ["x", "correct horse battery staple", "пароль-密码-🔑", "a" * 1024, " spaces kept ", "nul\x00inside"]


class PasswordsSuite(ABC):
    """Slow, salted password hashing."""

    @abstractmethod
    def passwords(self) -> Passwords:
        """Return the implementation under test."""

    @pytest.mark.anyio
    @pytest.mark.parametrize("text", TEXTS)
    async def test_matches_its_own_hash_only(self, text: str) -> None:
        """A password matches its hash; a password that differs in one character does not."""
        passwords = self.passwords()
        stored = await passwords.hash(text)
        right, wrong = await passwords.verify(text, stored), await passwords.verify(text + "x", stored)
        assert (right.matches, wrong.matches) == (True, False)

    @pytest.mark.anyio
    async def test_salts(self) -> None:
        """Two hashes of one password differ, both match, and neither holds the password."""
        passwords = self.passwords()
        first, second = await passwords.hash("open sesame"), await passwords.hash("open sesame")
        assert first != second
        assert "sesame" not in first
        assert (await passwords.verify("open sesame", second)).matches

    @pytest.mark.anyio
    async def test_nobody_never_matches(self) -> None:
        """Without a stored hash nothing matches, not even an empty text."""
        passwords = self.passwords()
        assert not (await passwords.verify("anything", None)).matches
        assert not (await passwords.verify("", None)).matches

    @pytest.mark.anyio
    @pytest.mark.parametrize("stored", ["", "plain text", "$argon2id$v=19$m=8,t=1,p=1$short"])
    async def test_refuses_what_is_no_hash(self, stored: str) -> None:
        """A stored text that is no hash is corrupt data, never a match."""
        with pytest.raises(DataCorrupt):
            await self.passwords().verify("plain text", stored)


class TokensSuite(ABC):
    """Source of unguessable texts."""

    @abstractmethod
    def tokens(self) -> Tokens:
        """Return the implementation under test."""

    def test_tokens_are_43_characters_of_base64url_and_never_repeat(self) -> None:
        """1,000 tokens are all different and of the promised form."""
        tokens = self.tokens()
        made = [tokens.new() for _ in range(1000)]
        assert len(set(made)) == 1000
        assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", one) for one in made)


class VaultSuite(ABC):
    """Authenticated encryption under the installation's key."""

    @abstractmethod
    def vault(self) -> Vault:
        """Return the implementation under test, with the same key at each call of one test."""

    @abstractmethod
    def stranger(self) -> Vault:
        """Return one with another key."""

    @pytest.mark.parametrize("text", ["", *TEXTS])
    def test_opens_what_it_sealed(self, text: str) -> None:
        """A sealed text opens to what it was, and holds nothing of it in clear."""
        vault = self.vault()
        sealed = vault.seal(text, "test")
        assert vault.open(sealed, "test") == text
        assert len(text) < 4 or text not in sealed
        assert sealed.isascii()

    def test_sealing_twice_gives_two_texts(self) -> None:
        """Nobody can tell from two sealed texts that they hold the same secret."""
        vault = self.vault()
        assert vault.seal("same", "test") != vault.seal("same", "test")

    def test_another_purpose_does_not_open(self) -> None:
        """A sealed text that is moved to another place opens nothing."""
        vault = self.vault()
        sealed = vault.seal("secret", "settings:a")
        with pytest.raises(DataCorrupt):
            vault.open(sealed, "settings:b")

    def test_another_key_does_not_open(self) -> None:
        """A restored folder without its key file says so instead of giving garbage."""
        sealed = self.vault().seal("secret", "test")
        with pytest.raises(DataCorrupt):
            self.stranger().open(sealed, "test")

    def test_a_changed_text_does_not_open(self) -> None:
        """Whichever character is changed, the text does not open."""
        vault = self.vault()
        sealed = vault.seal("secret of some length", "test")
        for index in range(len(sealed)):
            other = "A" if sealed[index] != "A" else "B"
            with pytest.raises(DataCorrupt):
                vault.open(sealed[:index] + other + sealed[index + 1 :], "test")

    @pytest.mark.parametrize("foreign", ["", "v1", "v1..", "v9.aaaa.bbbb", "not sealed", "v1.é.é", "." * 300])
    def test_foreign_text_does_not_open(self, foreign: str) -> None:
        """What was never sealed is refused as such."""
        with pytest.raises(DataCorrupt):
            self.vault().open(foreign, "test")
