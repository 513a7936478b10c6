"""What a setting is: its type and limits as data, and how values are checked against them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from autobot.contracts.settings import Kind
from autobot.kernel.core.errors import ConfigurationError, FieldError, InvalidInput, NotFound

ENVIRONMENT_PREFIX: Final = "AUTOBOT_"
ADDRESSES_MAX: Final = 32
"""Addresses of one setting that takes several."""
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A setting. Raises ValueError when built with a default that its own limits refuse.

    Attributes:
        key: `group.name`, stable for ever: it names a stream of the log.
        default: None means *not set*.
        choices: of an enum.
        minimum: of numbers; for texts and lists the least length.
        maximum: the same, the most.
        pattern: that a text, or each text of a list, must match as a whole.
        form: what such a text is, in words: it ends the sentence "must be …".
        address: the text is an http or https address without credentials.
        several: the text may hold several addresses, with commas between; they differ in their origin alone.
        env: name in the environment (without prefix) and in the file; None when neither can set it.
        restart: a change counts from the next start on.
    """

    key: str
    type: Kind
    group: str
    title: str
    description: str
    default: Any = None
    choices: tuple[str, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    pattern: str | None = None
    form: str = ""
    address: bool = False
    several: bool = False
    env: str | None = None
    restart: bool = False

    def __post_init__(self) -> None:
        """Check the definition against itself."""
        if (self.type == "enum") != (self.choices is not None):
            raise ValueError(f"{self.key}: an enum has choices, nothing else has")
        if (self.pattern is None) != (not self.form):
            raise ValueError(f"{self.key}: a pattern is said in words too")
        if self.secret and self.default is not None:
            raise ValueError(f"{self.key}: a secret has no default")
        if self.default is not None and self.wrong_with(self.default):
            raise ValueError(f"{self.key}: its default {self.wrong_with(self.default)}")

    @property
    def secret(self) -> bool:
        """Whether the value is encrypted at rest and masked."""
        return self.type == "secret"

    @property
    def variable(self) -> str | None:
        """The name of the environment variable."""
        return f"{ENVIRONMENT_PREFIX}{self.env}" if self.env else None

    # ----------------------------------------------------------------------------------------- checking

    def wrong_with(self, value: Any) -> str | None:
        """Return what is wrong with `value`, None when it holds."""
        match self.type:
            case "boolean":
                return None if isinstance(value, bool) else "must be true or false"
            case "integer" | "number":
                return self._wrong_number(value)
            case "list":
                return self._wrong_list(value)
        if not isinstance(value, str):
            return "must be a text"
        if self.choices is not None and value not in self.choices:
            return f"must be one of {', '.join(self.choices)}"
        return self._wrong_size(len(value), "characters") or self._wrong_text(value)

    def checked(self, value: Any) -> Any:
        """Return `value` in the form that is kept. Raises InvalidInput."""
        wrong = self.wrong_with(value)
        if wrong:
            error = FieldError(detail=wrong, pointer="#/value")
            raise InvalidInput(f"{self.title}: {wrong}.", errors=(error,))
        return list(value) if self.type == "list" else value

    def _wrong_number(self, value: Any) -> str | None:
        kinds = (int,) if self.type == "integer" else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds):
            return "must be a whole number" if self.type == "integer" else "must be a number"
        if self.minimum is not None and not value >= self.minimum:
            return f"must be at least {self.minimum:g}"
        if self.maximum is not None and not value <= self.maximum:
            return f"must be at most {self.maximum:g}"
        return None

    def _wrong_list(self, value: Any) -> str | None:
        if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
            return "must be a list of texts"
        wrong = (f"holds {one!r}, which {self._wrong_text(one)}" for one in value if self._wrong_text(one))
        return self._wrong_size(len(value), "items") or next(wrong, None)

    def _wrong_size(self, size: int, noun: str) -> str | None:
        if self.minimum is not None and size < self.minimum:
            return f"must have at least {self.minimum:g} {noun}"
        if self.maximum is not None and size > self.maximum:
            return f"must have at most {self.maximum:g} {noun}"
        return None

    def _wrong_text(self, text: str) -> str | None:
        if self.pattern is not None and re.fullmatch(self.pattern, text) is None:
            return f"must be {self.form}"
        if self.several:
            return _wrong_addresses(addresses_in(text))
        return _wrong_address(text) if self.address else None

    # ------------------------------------------------------------------------------------------ reading

    def of_environment(self, text: str) -> Any:
        """Return the value that a text from the environment stands for. Raises ConfigurationError."""
        return self._configured(self._parsed(text.strip()), self.variable or self.key)

    def of_file(self, value: Any, place: str) -> Any:
        """Return the value of the file; numbers and lists may stand there as texts too. Raises ConfigurationError."""
        return self._configured(self._parsed(value) if isinstance(value, str) else value, place)

    def _parsed(self, text: str) -> Any:
        try:
            match self.type:
                case "integer":
                    return int(text)
                case "number":
                    return float(text)
                case "boolean" if text.lower() in _TRUE | _FALSE:
                    return text.lower() in _TRUE
                case "list":
                    return [one.strip() for one in text.split(",") if one.strip()]
        except ValueError:
            return text
        return text

    def _configured(self, value: Any, place: str) -> Any:
        wrong = self.wrong_with(value)
        if wrong:
            shown = "its value" if self.secret else repr(value)
            raise ConfigurationError(f"{place} is {shown}; it {wrong}.")
        return list(value) if self.type == "list" else value


def addresses_in(text: str) -> tuple[str, ...]:
    """Return the addresses of a text that may hold several."""
    return tuple(one.strip() for one in text.split(","))


def _wrong_addresses(texts: tuple[str, ...]) -> str | None:
    for text in texts:
        wrong = _wrong_address(text)
        if wrong is not None:
            return wrong if len(texts) == 1 else f"{wrong} (in {text!r})"
    if len(texts) > ADDRESSES_MAX:
        return f"must have at most {ADDRESSES_MAX} addresses"
    parts = [urlsplit(one) for one in texts]
    if len({(one.scheme, one.netloc) for one in parts}) < len(parts):
        return "must not name a server twice"
    if len({one.path.rstrip("/") for one in parts}) > 1:
        return "must have the same path in every address"
    return None


def _wrong_address(text: str) -> str | None:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is no address"
    if any(character.isspace() or ord(character) < 32 for character in text):
        return "must not hold spaces"
    if parts.scheme not in ("http", "https") or not host:
        return "must begin with http:// or https:// and a host"
    if parts.username is not None or parts.password is not None:
        return "must hold no name or password; there is a setting for the key"
    return "must hold no query and no fragment" if parts.query or parts.fragment else None


class Registry:
    """All settings by key. Raises ValueError when two share a key or a name in the environment."""

    def __init__(self, definitions: Iterable[Definition]) -> None:
        self._definitions = {one.key: one for one in sorted(definitions, key=lambda one: one.key)}
        named = [one.env for one in self._definitions.values() if one.env]
        if len(set(named)) != len(named):
            raise ValueError("two settings share a name in the environment")

    def __iter__(self) -> Any:
        """Iterate by key."""
        return iter(self._definitions.values())

    def get(self, key: str) -> Definition:
        """Return a definition. Raises NotFound."""
        found = self._definitions.get(key)
        if found is None:
            raise NotFound(f"There is no setting called {key}.", hint="GET /api/v1/settings lists them.")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Values that were given at start: by setting key, checked."""

    file: Mapping[str, Any]
    environment: Mapping[str, Any]


def read_given(registry: Registry, file: Mapping[str, Any], environment: Mapping[str, str]) -> Given:
    """Check what file and environment (by name without prefix) say. Raises ConfigurationError naming the place."""
    by_name = {one.env: one for one in registry if one.env}
    return Given(
        file={
            by_name[name].key: by_name[name].of_file(value, f"{name.lower()} in autobot.toml")
            for name, value in file.items()
            if name in by_name
        },
        environment={
            by_name[name].key: by_name[name].of_environment(text)
            for name, text in environment.items()
            if name in by_name
        },
    )
