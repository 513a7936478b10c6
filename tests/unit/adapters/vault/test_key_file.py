"""The key file: made once, private, never guessed at."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from autobot.adapters.vault.vault import AesVault, load_or_create_key
from autobot.kernel.core.errors import ConfigurationError, DataCorrupt


def test_is_made_private_and_read_again(tmp_path: Path) -> None:
    """The first start makes a key that only its owner can read; the next start opens what the first sealed."""
    path = tmp_path / "data" / "secret.key"
    sealed = AesVault.of_file(path).seal("secret", "test")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert AesVault.of_file(path).open(sealed, "test") == "secret"
    assert [one.name for one in path.parent.iterdir()] == ["secret.key"]


def test_two_starters_agree_on_one_key(tmp_path: Path) -> None:
    """Whoever comes second uses the key of the first."""
    path = tmp_path / "secret.key"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(load_or_create_key, [path] * 32))
    assert len(keys) == 1


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """A key with loose permissions stops the start and says the command that cures it."""
    path = tmp_path / "secret.key"
    load_or_create_key(path)
    path.chmod(0o640)
    with pytest.raises(ConfigurationError) as caught:
        load_or_create_key(path)
    assert caught.value.hint == f"Run: chmod 600 {path}"


@pytest.mark.parametrize("content", [b"", b"abc", b"zz" * 32, b"00" * 31, b"\xff" * 64])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    """Garbage in the key file is never used as a key, and never replaced."""
    path = tmp_path / "secret.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigurationError):
        load_or_create_key(path)
    assert path.read_bytes() == content


def test_another_key_file_is_named_as_the_cause(tmp_path: Path) -> None:
    """Data restored without its key file says what is missing."""
    sealed = AesVault.of_file(tmp_path / "one.key").seal("secret", "test")
    with pytest.raises(DataCorrupt) as caught:
        AesVault.of_file(tmp_path / "two.key").open(sealed, "test")
    assert "SECRET_KEY_FILE" in (caught.value.hint or "")


def test_repr_shows_no_key() -> None:
    """A vault in a log line tells which key it is, not the key."""
    assert "kkkk" not in repr(AesVault(b"k" * 32))
