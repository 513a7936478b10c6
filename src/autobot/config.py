"""Reads files and environment once, into frozen options. Nothing else in the project reads either."""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from autobot.kernel.core.errors import Absent, ConfigurationError

PREFIX: Final = "AUTOBOT_"
FILE_NAME: Final = "autobot.toml"

KNOWN: Final[Mapping[str, str]] = {
    "HOST": "address to listen on",
    "PORT": "port to listen on, 0 for a free one",
    "DATA_DIR": "folder of all that AutoBot keeps",
    "DATABASE_URL": "a PostgreSQL database that keeps the data in place of a file",
    "REDIS_URL": "Redis or Valkey, for roles in processes of their own",
    "OLLAMA_URL": "address of Ollama",
    "OPENAI_BASE_URL": "address of an OpenAI-compatible server",
    "OPENAI_API_KEY": "its key",
    "MODEL": "the default model",
    "MODEL_FILE": "a GGUF file for the local model server",
    "NPU_URL": "address of a worker for inference; several by comma",
    "NPU_TOKEN": "what programs send to a worker's /v1 and /metrics, at least 16 characters",
    "NPU_DEVICE": "where a worker computes: AUTO, CPU, GPU, NPU, GPU.1 …; NONE for no worker",
    "NPU_PRECISION": "f32 (exact), f16, bf16 or int8",
    "NPU_IDLE_S": "seconds after which our own worker ends when nobody needs it; 0 for never",
    "NPU_MODELS": "further models of a worker, NAME=embed:FOLDER or NAME=rerank:FOLDER, by comma",
    "BROWSER_URL": "address of a browser worker",
    "ADMIN_PASSWORD": "password of the first administrator, for unattended set-up",
    "PUBLIC_URL": "the address under which people reach AutoBot, sub-path included",
    "TRUSTED_PROXIES": "addresses or networks whose forwarding headers are believed, by comma",
    "TLS_CERT": "certificate chain, PEM",
    "TLS_KEY": "its key, PEM",
    "ALLOW_INSECURE_BIND": "1: listen on a public address without TLS",
    "SECRET_KEY_FILE": "the key that encrypts stored secrets",
    "CONFIG": "path of autobot.toml",
    "MATRIX": "path of a matrix overlay, TOML",
    "LOG_LEVEL": "debug, info, warning or error",
}


NPU_TOKEN_MIN: Final = 16
NPU_IDLE_MAX_S: Final = 604_800
LATER: Final[Mapping[str, str]] = {
    "BROWSER_URL": "browser",
}
"""Names that are reserved for parts which this version does not have, with the part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What the process was started with.

    `environment` and `file` hold the given values by setting name (`OLLAMA_URL` …), so that the settings
    context can tell a value's source and show what the environment locks. `inherited` is what child
    processes see besides: nothing of ours, so no secret.
    """

    host: str = "127.0.0.1"
    port: int = 8001
    data_dir: Path = Path()
    database_url: str = field(default="", repr=False)
    redis_url: str = field(default="", repr=False)
    public_url: str = ""
    trusted_proxies: tuple[str, ...] = ()
    tls_cert: Path | None = None
    tls_key: Path | None = None
    allow_insecure_bind: bool = False
    secret_key_file: Path | None = None
    admin_password: str | None = field(default=None, repr=False)
    matrix_overlay: Path | None = None
    log_level: str = "info"
    npu_urls: tuple[str, ...] = ()
    npu_token: str = field(default="", repr=False)
    npu_device: str = "AUTO"
    npu_precision: str = "f32"
    npu_idle_s: float | None = 600.0
    npu_models: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    inherited: Mapping[str, str] = field(default_factory=dict, repr=False)
    file: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def database_place(self) -> str:
        """Where the PostgreSQL database is; empty when the data is in a file."""
        return database_place(self.database_url) if self.database_url else ""

    @property
    def base_path(self) -> str:
        """The path under which AutoBot is mounted, without a slash at the end; empty at the root."""
        _, _, rest = self.public_url.partition("://")
        return "/" + rest.split("/", 1)[1].strip("/") if "/" in rest.rstrip("/") else ""

    @property
    def local_url(self) -> str:
        """The address on this machine."""
        scheme = "https" if self.tls_cert else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}"


def database_place(url: str) -> str:
    """Return where a database is, without the name and password that its address may have."""
    parts = urlsplit(url)
    host = parse_qs(parts.query).get("host", [parts.netloc.rpartition("@")[2]])[0]
    return f"{host or 'localhost'}{parts.path}"


def read_config(environment: Mapping[str, str], home: Path, working: Path) -> Config:
    """Return the options of `environment` over those of the file.

    The file is `AUTOBOT_CONFIG`, else `autobot.toml` in the data folder, else in `working`. Raises
    ConfigurationError naming the variable or the line, with the fix; Absent for a part that this version
    does not have: going on without it would keep data where nobody looks for it.
    """
    given = {
        name.removeprefix(PREFIX): value
        for name, value in environment.items()
        if name.startswith(PREFIX) and value != ""
    }
    unknown = sorted(set(given) - set(KNOWN))
    if unknown:
        raise ConfigurationError(
            f"{PREFIX}{unknown[0]} is not a setting of AutoBot.",
            hint=f"Known are: {', '.join(PREFIX + name for name in sorted(KNOWN))}",
        )
    data_dir = Path(given.get("DATA_DIR", str(home / ".local" / "share" / "autobot"))).expanduser().absolute()
    table = _read_file(given, data_dir, working)
    values: dict[str, Any] = {**table, **given}
    for name, part in LATER.items():
        if values.get(name):
            raise Absent(
                part,
                f"{PREFIX}{name} is set, and this version cannot use {part} yet.",
                hint=f"Take {PREFIX}{name} away; AutoBot then keeps everything in its data folder.",
            )
    config = Config(
        host=str(values.get("HOST", "127.0.0.1")),
        port=_port(values.get("PORT", 8001)),
        data_dir=data_dir,
        database_url=str(values.get("DATABASE_URL", "")),
        redis_url=str(values.get("REDIS_URL", "")),
        public_url=str(values.get("PUBLIC_URL", "")).rstrip("/"),
        trusted_proxies=_networks(values.get("TRUSTED_PROXIES", "")),
        tls_cert=_path(values, "TLS_CERT"),
        tls_key=_path(values, "TLS_KEY"),
        allow_insecure_bind=_flag(values, "ALLOW_INSECURE_BIND"),
        secret_key_file=_path(values, "SECRET_KEY_FILE"),
        admin_password=values.get("ADMIN_PASSWORD"),
        matrix_overlay=_path(values, "MATRIX"),
        log_level=_level(values.get("LOG_LEVEL", "info")),
        **_npu(values),
        environment=given,
        inherited={name: value for name, value in environment.items() if not name.startswith(PREFIX)},
        file=table,
    )
    _check(config)
    return config


def _read_file(given: Mapping[str, str], data_dir: Path, working: Path) -> dict[str, Any]:
    named = given.get("CONFIG")
    places = [Path(named).expanduser()] if named else [data_dir / FILE_NAME, working / FILE_NAME]
    for place in places:
        if place.is_file():
            return _parse_file(place)
    if named:
        raise ConfigurationError(f"AUTOBOT_CONFIG names {named}, and there is no such file.")
    return {}


def _parse_file(place: Path) -> dict[str, Any]:
    try:
        raw = tomllib.loads(place.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigurationError(
            f"{place} cannot be read: {error}", hint="It is TOML: name = value."
        ) from error
    table = {name.upper().replace("-", "_"): value for name, value in raw.items()}
    unknown = sorted(set(table) - set(KNOWN) | ({"CONFIG", "DATA_DIR"} & set(table)))
    if unknown:
        raise ConfigurationError(
            f"{place}: {unknown[0].lower()} is not a setting that this file can hold.",
            hint=f"Known are: {', '.join(name.lower() for name in sorted(set(KNOWN) - {'CONFIG', 'DATA_DIR'}))}",
        )
    return table


def _npu(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what concerns workers for inference."""
    return {
        "npu_urls": tuple(one.rstrip("/") for one in _items(values.get("NPU_URL", ""))),
        "npu_token": str(values.get("NPU_TOKEN", "")),
        "npu_device": str(values.get("NPU_DEVICE", "AUTO")).upper(),
        "npu_precision": str(values.get("NPU_PRECISION", "f32")).lower(),
        "npu_models": _items(values.get("NPU_MODELS", "")),
        "npu_idle_s": _idle(values.get("NPU_IDLE_S", 600)),
    }


def _idle(value: Any) -> float | None:
    """Return the seconds of rest, None for 0: never. Raises ConfigurationError outside 1 to 604,800 (a week)."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = -1.0
    if seconds == 0:
        return None
    if not 1 <= seconds <= NPU_IDLE_MAX_S:
        raise ConfigurationError(
            f"AUTOBOT_NPU_IDLE_S is {value!r}; it is a number of seconds from 1 to {NPU_IDLE_MAX_S}, or 0 for never."
        )
    return seconds


def _port(value: Any) -> int:
    try:
        port = int(value)
    except (TypeError, ValueError):
        port = -1
    if not 0 <= port <= 65535:
        raise ConfigurationError(f"AUTOBOT_PORT is {value!r}; it must be a number from 0 to 65535.")
    return port


def _items(value: Any) -> tuple[str, ...]:
    """Return what a list of the file holds, or a text by comma."""
    items = value if isinstance(value, list) else str(value).split(",")
    return tuple(text for one in items if (text := str(one).strip()))


def _networks(value: Any) -> tuple[str, ...]:
    networks = []
    for item in _items(value):
        try:
            networks.append(str(ipaddress.ip_network(item, strict=False)))
        except ValueError:
            raise ConfigurationError(
                f"AUTOBOT_TRUSTED_PROXIES holds {item!r}, which is no address or network.",
                hint="Write 127.0.0.1 or 10.0.0.0/8, several by comma.",
            ) from None
    return tuple(networks)


def _path(values: Mapping[str, Any], name: str) -> Path | None:
    value = values.get(name)
    return Path(str(value)).expanduser().absolute() if value else None


def _flag(values: Mapping[str, Any], name: str) -> bool:
    text = str(values.get(name, "0")).lower()
    if text not in {"0", "1", "true", "false", "yes", "no"}:
        raise ConfigurationError(f"{PREFIX}{name} is {text!r}; write 1 or 0.")
    return text in {"1", "true", "yes"}


def _level(value: Any) -> str:
    if str(value).lower() not in {"debug", "info", "warning", "error"}:
        raise ConfigurationError(f"AUTOBOT_LOG_LEVEL is {value!r}; write debug, info, warning or error.")
    return str(value).lower()


def _check(config: Config) -> None:
    if bool(config.tls_cert) != bool(config.tls_key):
        raise ConfigurationError(
            "AUTOBOT_TLS_CERT and AUTOBOT_TLS_KEY belong together; one of them is missing."
        )
    for path in (config.tls_cert, config.tls_key, config.matrix_overlay):
        if path is not None and not path.is_file():
            raise ConfigurationError(f"{path} is named in the settings, and there is no such file.")
    if config.database_url and not config.database_url.startswith(("postgresql://", "postgres://")):
        raise ConfigurationError(
            "AUTOBOT_DATABASE_URL is no address of a PostgreSQL database.",
            hint="postgresql://NAME:PASSWORD@HOST:5432/DATABASE",
        )
    if config.redis_url and not config.redis_url.startswith(("redis://", "rediss://", "unix://")):
        raise ConfigurationError(
            "AUTOBOT_REDIS_URL is no address of a Redis or Valkey server.",
            hint="redis://NAME:PASSWORD@HOST:6379/0",
        )
    if config.public_url and not config.public_url.startswith(("http://", "https://")):
        raise ConfigurationError(
            f"AUTOBOT_PUBLIC_URL is {config.public_url!r}; write it with http:// or https://."
        )
    _check_npu(config)
    if not (_is_loopback(config.host) or config.tls_cert or config.allow_insecure_bind):
        raise ConfigurationError(
            f"AUTOBOT_HOST is {config.host}, which others can reach, and there is no TLS.",
            hint="Give AUTOBOT_TLS_CERT and AUTOBOT_TLS_KEY, put a TLS proxy before 127.0.0.1, "
            "or set AUTOBOT_ALLOW_INSECURE_BIND=1 if the network is safe.",
        )


def _check_npu(config: Config) -> None:
    for one in config.npu_urls:
        if not one.startswith(("http://", "https://", "unix:/")):
            raise ConfigurationError(
                f"AUTOBOT_NPU_URL holds {one!r}, which is no address of a worker.",
                hint="http://HOST:8081, several by comma",
            )
    if config.npu_token and len(config.npu_token) < NPU_TOKEN_MIN:
        raise ConfigurationError(f"AUTOBOT_NPU_TOKEN has at least {NPU_TOKEN_MIN} characters.")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
