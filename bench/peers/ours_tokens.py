"""One round of issuing and reading service tokens: µs of CPU each, as JSON."""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from autobot.adapters.system.clock import SystemClock
from autobot.adapters.vault.service_tokens import KeyedServiceTokens
from autobot.kernel.core.context import Principal
from autobot.kernel.links.service_token import ServiceCall

ID = "0197c1d2-aaaa-7bbb-8ccc-0123456789ab"
CALL = ServiceCall(
    issuer="gateway",
    audience="backend",
    operation="command",
    principal=Principal(
        id=ID, kind="user", role="admin", user_id=ID, scopes=frozenset({"*"}), username="admin"
    ),
    correlation_id=ID,
    body="x" * 32,
    client="127.0.0.1",
)


def us(work: Callable[[], Any], times: int) -> float:
    began = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - began) / times * 1e6


def main() -> None:
    times = int(sys.argv[1])
    tokens = KeyedServiceTokens(b"k" * 32, SystemClock())
    token = tokens.issue(CALL)
    found = {
        "issue": us(lambda: tokens.issue(CALL), times),
        "read": us(lambda: tokens.read(token, audience="backend", operation="command"), times),
    }
    print(json.dumps(found))


main()
