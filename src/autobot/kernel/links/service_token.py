"""Who calls over a hop between two roles, as a short-lived signed word. The port; `adapters.vault` signs.

Identity crosses a hop in the token alone: never in a body, never in a header field beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Protocol

from autobot.kernel.core.context import CallContext, Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCall:
    """What one token vouches for: this call, of this issuer, to this audience, and no other.

    Attributes:
        issuer: role that calls. audience: role that is called. operation: as the row's wires name it.
        principal: on whose behalf, with tenant and scopes.
        correlation_id, causation_id, client: as the call's context has them; the first is empty where the token of a
            program vouches for none.
        body: `body_mark` of the request's body, empty likewise. No role signs an empty one.
    """

    issuer: str
    audience: str
    operation: str
    principal: Principal
    correlation_id: str
    body: str
    causation_id: str | None = None
    client: str = ""


class ServiceTokens(Protocol):
    """Signs and reads tokens under a key that all roles of an installation have.

    Contract: what was issued is read back equal for as long as it lives, and by the wall clock of either side
    that is some seconds around the time of issue, whichever way a clock jumps: outside of them it is refused.
    `read` compares in constant time, knows one algorithm and takes none from the token. Microseconds, never
    blocks.
    """

    def issue(self, call: ServiceCall) -> str:
        """Return a token of visible ASCII for `call`, to be used at once."""
        ...

    def read(self, token: str, *, audience: str, operation: str) -> ServiceCall:
        """Return the call that a token vouches for.

        Raises Unauthenticated for a token that is malformed, signed with another key, changed, outside its time,
        or for another audience or operation. The body is the reader's to compare.
        """
        ...


def body_mark(body: bytes) -> str:
    """Return the mark of a body (BLAKE2b, RFC 7693, 128 bits as hexadecimal digits)."""
    return blake2b(body, digest_size=16, person=b"autobot-hop-body").hexdigest()


def call_for(context: CallContext, *, issuer: str, audience: str, operation: str, body: bytes) -> ServiceCall:
    """Return what a token of the role `issuer` vouches for when it makes this call on behalf of `context`."""
    return ServiceCall(
        issuer=issuer,
        audience=audience,
        operation=operation,
        principal=context.principal,
        correlation_id=context.correlation_id,
        body=body_mark(body),
        causation_id=context.causation_id,
        client=context.client,
    )
