"""The token of programs beside those of roles."""

import pytest

from autobot.adapters.vault.program_tokens import ProgramTokens
from autobot.adapters.vault.service_tokens import KeyedServiceTokens
from autobot.kernel.core.context import SYSTEM
from autobot.kernel.core.errors import Unauthenticated
from autobot.kernel.links.service_token import ServiceCall, body_mark
from autobot.testing.virtual_time import ManualClock

CALL = ServiceCall(
    issuer="ai", audience="npu", operation="embed", principal=SYSTEM, correlation_id="c", body=body_mark(b"x")
)


def tokens(word: str) -> ProgramTokens:
    """Both kinds, the program's being `word`."""
    return ProgramTokens(
        KeyedServiceTokens(bytes(32), ManualClock()), word, issuer="ai", principal=SYSTEM, hint="Say it."
    )


def test_roles_are_believed_as_before() -> None:
    """What a role signed is read back equal, for its own operation alone."""
    both = tokens("word")
    signed = both.issue(CALL)
    assert both.read(signed, audience="npu", operation="embed") == CALL
    with pytest.raises(Unauthenticated):
        both.read(signed, audience="npu", operation="rerank")


def test_a_program_is_believed_by_its_word() -> None:
    """It may ask any operation, and vouches for no body and no correlation id."""
    found = tokens("word").read("word", audience="npu", operation="rerank")
    assert (found.issuer, found.operation, found.body, found.correlation_id) == ("ai", "rerank", "", "")


@pytest.mark.parametrize(("word", "given"), [("word", "wor"), ("word", "word2"), ("", ""), ("word", "wörd")])
def test_no_other_word_is_believed(word: str, given: str) -> None:
    """Neither a part of it nor more, and nobody has an empty one."""
    with pytest.raises(Unauthenticated) as refused:
        tokens(word).read(given, audience="npu", operation="embed")
    assert str(refused.value.hint).startswith("Say it. Give all roles the same key file")
