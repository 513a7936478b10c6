"""A program in another language (Go) that knows nothing of ours asks a worker: by reflection, in each shape of a call."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from autobot.adapters.grpc.inference import inference_proto_wires
from autobot.adapters.grpc.methods import INFERENCE, INFERENCE_METHODS
from autobot.adapters.system.clock import SystemClock
from autobot.adapters.vault.program_tokens import ProgramTokens
from autobot.adapters.vault.service_tokens import KeyedServiceTokens
from autobot.testing.inference.hashing import HashingInference
from autobot.workers.npu.bulk import streams_of
from autobot.workers.npu.ports import calls_of
from tests.integration.grpc_hop.kit import Role, role
from tests.integration.role_hop.kit import ANN, KEY, MovableClock
from tools.web import WEB, environment_of_node

WORD = "a-word-that-only-tests-have"
TOOL = WEB / "node_modules" / ".bin" / "buf"


@asynccontextmanager
async def worker() -> AsyncIterator[Role]:
    """A worker that believes a word."""
    clock = MovableClock()
    inference = HashingInference(SystemClock())
    tokens = ProgramTokens(KeyedServiceTokens(KEY, clock), WORD, issuer="gateway", principal=ANN, hint="")
    async with role(
        calls_of(inference),
        streams_of(inference),
        wires=inference_proto_wires(),
        methods=INFERENCE_METHODS,
        tokens=tokens,
    ) as served:
        yield served


async def asked(served: Role, method: str, *messages: object, word: str = WORD) -> tuple[str, str]:
    """Ask by buf, and return what it printed and complained of."""
    process = await asyncio.create_subprocess_exec(
        str(TOOL), "curl", "--protocol", "grpc", "--http2-prior-knowledge", "--reflect-protocol", "grpc-v1alpha",
        "--header", f"authorization: Bearer {word}", "--data", "@-", f"{served.address}/{INFERENCE}/{method}",
        env=environment_of_node(), cwd=WEB, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(60):
        said, complained = await process.communicate("\n".join(map(json.dumps, messages)).encode())
    return said.decode(), complained.decode()


def answers(said: str) -> list[dict[str, object]]:
    """Return the JSON values that stand one after the other."""
    found, decoder, at = [], json.JSONDecoder(), 0
    text = said.strip()
    while at < len(text):
        value, end = decoder.raw_decode(text, at)
        found.append(value)
        at = end + len(text[end:]) - len(text[end:].lstrip())
    return found


@pytest.mark.anyio
async def test_each_shape_of_a_call_is_answered() -> None:
    """One answer, answers in steps, and as many answers as requests."""
    async with worker() as served:
        said, complained = await asked(served, "Embed", {"texts": ["a cat", "a mat"]})
        assert complained == ""
        (one,) = answers(said)
        vectors = one["vectors"]
        assert isinstance(vectors, dict)
        assert len(base64.b64decode(vectors["data"])) == 2 * 4 * vectors["dimensions"]
        said, _ = await asked(served, "EmbedStream", {"texts": ["a", "b", "c"], "step": 2})
        assert len(answers(said)) == 2
        requests = [{"request": {"texts": [text]}} for text in "abc"]
        said, _ = await asked(served, "EmbedExchange", *requests)
        assert len(answers(said)) == 3
        said, _ = await asked(served, "Report", {})
        assert answers(said)[0]["slots"]


@pytest.mark.anyio
async def test_refusals_are_told_by_their_codes() -> None:
    """A wrong word is unauthenticated, a request without texts an invalid argument, with the reason."""
    async with worker() as served:
        _, complained = await asked(served, "Embed", {"texts": ["a"]}, word="other")
        assert json.loads(complained)["code"] == "unauthenticated"
        _, complained = await asked(served, "Embed", {})
        found = json.loads(complained)
        assert found["code"] == "invalid_argument"
        assert found["message"]
