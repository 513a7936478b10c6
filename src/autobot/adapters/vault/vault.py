"""The port `Vault`: AES-256-GCM (NIST SP 800-38D) under a key file that only its owner can read."""

from __future__ import annotations

import binascii
import errno
import os
import secrets
import stat
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Final

from autobot.kernel.core.errors import ConfigurationError, DataCorrupt

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
FORMAT: Final = "v1"


def load_or_create_key(path: Path) -> bytes:
    """Return the key of `path`, made with mode 0600 when there is no such file (two starters make one key).

    Raises ConfigurationError for a file that others can read, that is no key, or that cannot be used.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _create(path)
        with path.open("rb") as file:
            others = stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077
            text = file.read(256)
    except OSError as error:
        raise ConfigurationError(f"The secret key file {path} cannot be used: {error.strerror}.") from error
    if others:
        raise ConfigurationError(
            f"The secret key file {path} can be read by others.", hint=f"Run: chmod 600 {path}"
        )
    try:
        key = binascii.unhexlify(text.strip())
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigurationError(
            f"{path} is no secret key: it must hold {KEY_BYTES * 2} hexadecimal digits.",
            hint="Put the key file back that this data was made with.",
        )
    return key


def _create(path: Path) -> None:
    """Write a new key beside `path` and link it into place, so that nobody ever reads half a key."""
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        _settle(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _settle(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    except OSError as error:
        # A file system without hard links: there the lock of the data folder alone keeps starters apart.
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK):
            raise
        draft.rename(path)


class AesVault:
    """AES-GCM. A sealed text is `v1.<key id>.<nonce and ciphertext>`; the purpose is authenticated with it."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ConfigurationError(f"A vault key has {KEY_BYTES} bytes.")
        self._key = key
        self._cipher: AESGCM | None = None
        self.key_id: Final = blake2b(key, digest_size=4, person=b"autobot-key-id").hexdigest()

    @classmethod
    def of_file(cls, path: Path) -> AesVault:
        """Return the vault of a key file, which is made when absent. Blocks on the file: call it at start."""
        return cls(load_or_create_key(path))

    def seal(self, secret: str, purpose: str) -> str:
        nonce = secrets.token_bytes(NONCE_BYTES)
        body = nonce + self._aes().encrypt(nonce, secret.encode(), purpose.encode())
        return f"{FORMAT}.{self.key_id}.{urlsafe_b64encode(body).decode()}"

    def open(self, sealed: str, purpose: str) -> str:
        from cryptography.exceptions import InvalidTag

        parts = sealed.split(".")
        if len(parts) != 3 or parts[0] != FORMAT:
            raise DataCorrupt("This is not a sealed secret.")
        if parts[1] != self.key_id:
            raise DataCorrupt(
                "This secret was sealed with another key file.",
                hint="Put the key file back that this data was made with (SECRET_KEY_FILE), or set the secret anew.",
            )
        try:
            body = urlsafe_b64decode(parts[2].encode())
            if urlsafe_b64encode(body).decode() != parts[2]:
                raise ValueError("not the canonical form")
            plain = self._aes().decrypt(body[:NONCE_BYTES], body[NONCE_BYTES:], purpose.encode())
        except (InvalidTag, ValueError) as error:
            raise DataCorrupt("A sealed secret was changed, or is of another purpose.") from error
        return plain.decode()

    def __repr__(self) -> str:
        """Name the key, never show it."""
        return f"AesVault(key_id={self.key_id!r})"

    def _aes(self) -> AESGCM:
        if self._cipher is None:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM

            self._cipher = AESGCM(self._key)
        return self._cipher
