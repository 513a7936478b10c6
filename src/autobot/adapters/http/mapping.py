"""aiohttp's errors as errors of the tree. Details name the target, never what it said."""

from __future__ import annotations

from aiohttp import (
    ClientConnectionError,
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientError,
    ClientPayloadError,
    ClientSSLError,
    ConnectionTimeoutError,
    InvalidURL,
)
from aiohttp.http_exceptions import BadStatusLine, ContentEncodingError, HttpProcessingError

from autobot.kernel.core.errors import (
    AttemptTimeout,
    AutoBotError,
    BadAnswer,
    ConnectFailed,
    ConnectionLost,
    InvalidInput,
)

ERRORS = (ClientError, HttpProcessingError, OSError, TimeoutError, ValueError)
"""What aiohttp raises when a call fails; `mapped` knows them all."""


def mapped(error: BaseException, link: str, target: str) -> AutoBotError:
    """Return the error of the tree that `error` means on this hop."""
    if isinstance(error, AutoBotError):
        return error
    if isinstance(error, ConnectionTimeoutError | TimeoutError):
        return AttemptTimeout(
            f"{target} did not take the connection.", phase="connect", link=link, target=target
        )
    if isinstance(error, ClientConnectorError):
        return ConnectFailed(f"{target} {_unreachable(error)}.", link=link, target=target)
    if isinstance(error, ClientPayloadError | HttpProcessingError) and _is_garbage(error):
        return BadAnswer(f"{target} sent a body that breaks HTTP.", link=link, target=target)
    if isinstance(error, ClientConnectionError | ClientPayloadError | OSError):
        return ConnectionLost(
            f"{target} closed the connection before its answer was whole.", link=link, target=target
        )
    if isinstance(error, InvalidURL | ValueError) and not isinstance(error, UnicodeError):
        return InvalidInput(f"The request for {target} holds a path or header that HTTP does not allow.")
    return BadAnswer(f"{target} does not answer as HTTP demands.", link=link, target=target)


def _unreachable(error: ClientConnectorError) -> str:
    if isinstance(error, ClientConnectorDNSError):
        return "cannot be found: its name does not resolve"
    if isinstance(error, ClientConnectorCertificateError):
        return "shows a certificate that does not hold"
    if isinstance(error, ClientSSLError):
        return "does not agree on TLS"
    return "cannot be reached"


def _is_garbage(error: BaseException) -> bool:
    """Return whether a body was wrong rather than cut off: the cut has no cause, or only 'not enough data'."""
    cause = error.__cause__ if isinstance(error, ClientPayloadError) else error
    return isinstance(cause, ContentEncodingError | BadStatusLine)
