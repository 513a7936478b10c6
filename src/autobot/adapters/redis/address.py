"""Where Redis is: an address in its parts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs, unquote, urlsplit

from autobot.kernel.core.errors import ConfigurationError

PORT = 6379


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A server and how one signs in there. `path` is a Unix socket, in place of host and port; `ca` a file of
    certificates in PEM that vouch for the server, without it those of the system do."""

    host: str = ""
    port: int = PORT
    path: str = ""
    name: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    database: int = 0
    tls: bool = False
    ca: str = ""

    @property
    def place(self) -> str:
        """The address as it may be shown: without name and password."""
        if self.path:
            return self.path
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def at(self, host: str, port: int) -> Address:
        """Return another server where one signs in alike."""
        return replace(self, host=host, port=port, path="")


def address_of(url: str) -> Address:
    """Read `redis://[NAME][:PASSWORD]@HOST[:PORT][/DATABASE]`, `rediss://…[?ca=FILE]` (TLS) or `unix://PATH[?db=DATABASE]`.

    Raises ConfigurationError.
    """
    try:
        parts = urlsplit(url)
        port, query = parts.port or PORT, parse_qs(parts.query)
        name, password = unquote(parts.username or ""), unquote(parts.password or "")
        if parts.scheme == "unix" and parts.path:
            database = int(query.get("db", ["0"])[0])
            return Address(path=unquote(parts.path), database=database, name=name, password=password)
        if parts.scheme in {"redis", "rediss"} and parts.hostname:
            database = int(parts.path.strip("/") or query.get("db", ["0"])[0])
            tls = parts.scheme == "rediss"
            return Address(
                host=parts.hostname,
                port=port,
                database=database,
                tls=tls,
                ca=query.get("ca", [""])[0],
                name=name,
                password=password,
            )
    except ValueError:
        pass
    raise ConfigurationError(
        "AUTOBOT_REDIS_URL is no address of Redis.", hint="redis://NAME:PASSWORD@HOST:6379/0"
    )
