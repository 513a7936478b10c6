"""A token of one word that programs which are no roles have, beside the service tokens of roles."""

from __future__ import annotations

from hmac import compare_digest

from autobot.kernel.core.context import Principal
from autobot.kernel.core.errors import Unauthenticated
from autobot.kernel.links.service_token import ServiceCall, ServiceTokens


class ProgramTokens:
    """Implements `ServiceTokens`: what `tokens` believes, and `word` as a token of `principal` for any operation.

    Who has the word asks what the role `issuer` may ask. It vouches for no body and no correlation id. An empty word is
    nobody's.
    """

    def __init__(
        self, tokens: ServiceTokens, word: str, *, issuer: str, principal: Principal, hint: str
    ) -> None:
        """`hint` tells a program that was refused where its word stands."""
        self._tokens, self._word, self._hint = tokens, word.encode(), hint
        self._issuer, self._principal = issuer, principal

    def issue(self, call: ServiceCall) -> str:
        """Return a service token."""
        return self._tokens.issue(call)

    def read(self, token: str, *, audience: str, operation: str) -> ServiceCall:
        """Return the call that a token vouches for. Raises Unauthenticated."""
        if self._word and compare_digest(token.encode("utf-8", "replace"), self._word):
            return ServiceCall(
                issuer=self._issuer,
                audience=audience,
                operation=operation,
                principal=self._principal,
                correlation_id="",
                body="",
            )
        try:
            return self._tokens.read(token, audience=audience, operation=operation)
        except Unauthenticated as error:
            raise Unauthenticated(error.detail, hint=f"{self._hint} {error.hint or ''}".rstrip()) from error
