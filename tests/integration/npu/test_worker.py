"""The worker as a process: a child that is there when it is needed, or a port that asks for a token."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import openai
import pytest

from autobot.bootstrap.accelerators import NEEDED
from autobot.config import Config
from autobot.contracts.inference import EmbedTexts
from autobot.kernel.core.errors import CircuitOpen, ConnectFailed, RemoteError
from autobot.testing.conformance.inference import InferenceSuite, Subject
from autobot.testing.models.contexts import CONTEXT
from autobot.workers.npu.options import BUILT_IN
from tests.integration.npu.kit import CAT, PATIENCE_S, TOKEN, row_to_worker, served_worker

LONG = "A long text about nothing in particular. " * 60


class TestChild(InferenceSuite):
    """The suite over the row, the service token, the socket and the process."""

    patience_s = PATIENCE_S

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path) -> None:
        self.config = Config(data_dir=tmp_path)

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Subject]:
        async with row_to_worker(self.config) as row:
            yield Subject(inference=row.inference, context=CONTEXT, model=BUILT_IN, long=LONG)

    def open(self) -> AbstractAsyncContextManager[Subject]:
        return self._open()


def test_a_worker_is_started_by_the_first_call_and_ends_with_us(tmp_path: Path) -> None:
    """Nothing runs before it is needed; its socket is the owner's alone; afterwards neither process nor socket is left."""

    async def main() -> None:
        async with row_to_worker(Config(data_dir=tmp_path)) as row:
            assert row.child.pid is None
            await row.inference.embed(CAT, CONTEXT)
            pid, path = row.child.pid, tmp_path / "npu.sock"
            assert pid is not None
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
            environment = Path(f"/proc/{pid}/environ").read_bytes()
            assert b"AUTOBOT_" not in environment
        assert not path.exists()
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    asyncio.run(main())


def test_a_killed_worker_is_started_again_and_the_call_is_answered(tmp_path: Path) -> None:
    """The worker dies by kill -9 in the middle of a call: the row's one retry is answered by its next life."""

    async def main() -> None:
        async with row_to_worker(Config(data_dir=tmp_path)) as row:
            await row.inference.embed(CAT, CONTEXT)
            first = row.child.pid
            assert first is not None
            many = EmbedTexts(texts=tuple(f"text number {n} of many that take a while" for n in range(800)))
            async with asyncio.TaskGroup() as group:
                asking = group.create_task(row.inference.embed(many, CONTEXT))
                while not (await row.inference.report(CONTEXT)).load.waiting:
                    await asyncio.sleep(0)
                os.kill(first, signal.SIGKILL)
            assert len(asking.result().vectors) == 800
            assert row.child.pid not in {None, first}
            assert row.child.starts == 2
            shown = row.shown()
            assert (shown["retries"], shown["targets"][0]["breaker_state"]) == (1, "closed")

    asyncio.run(main())


def test_a_worker_between_two_calls_may_die(tmp_path: Path) -> None:
    """A call that finds nobody at the socket waits for the next life; it is no failure of the row."""

    async def main() -> None:
        async with row_to_worker(Config(data_dir=tmp_path)) as row:
            before = await row.inference.embed(CAT, CONTEXT)
            assert row.child.pid is not None
            os.kill(row.child.pid, signal.SIGKILL)
            after = await row.inference.embed(CAT, CONTEXT)
            assert after.vectors == before.vectors

    asyncio.run(main())


def test_a_row_without_a_worker_opens_its_breaker(tmp_path: Path) -> None:
    """At an address where nobody is, a call has one retry; after three failures the row refuses at once, with a time."""

    async def main() -> None:
        async with row_to_worker(Config(data_dir=tmp_path, npu_urls=("http://127.0.0.1:9",))) as row:
            for _ in range(2):
                with pytest.raises((ConnectFailed, CircuitOpen)):
                    await row.inference.embed(CAT, CONTEXT)
            with pytest.raises(CircuitOpen) as refused:
                await row.inference.embed(CAT, CONTEXT)
            assert refused.value.retry_after > 0
            shown = row.shown()
            assert (shown["retries"], shown["targets"][0]["breaker_state"]) == (1, "open")

    asyncio.run(main())


def test_a_worker_on_a_port_takes_calls_with_the_installations_key_alone(tmp_path: Path) -> None:
    """Who has the key file is answered; another key is refused as unauthenticated, and nothing is computed."""

    async def main() -> None:
        async with served_worker(tmp_path) as worker:
            here = Config(data_dir=tmp_path, npu_urls=(worker.address,))
            async with row_to_worker(here) as row:
                assert len((await row.inference.embed(CAT, CONTEXT)).vectors) == 1
            strange = replace(here, data_dir=tmp_path / "elsewhere")
            async with row_to_worker(strange) as row:
                with pytest.raises(RemoteError) as refused:
                    await row.inference.embed(CAT, CONTEXT)
                assert refused.value.status == 401

    asyncio.run(main())


def test_when_one_of_two_workers_dies_the_other_answers(tmp_path: Path) -> None:
    """Calls at a time go to both of two workers; every call is answered while one of them lives, and the list says which."""

    async def main() -> None:
        async with served_worker(tmp_path) as one, served_worker(tmp_path) as other:
            both = Config(data_dir=tmp_path, npu_urls=(one.address, other.address))
            async with row_to_worker(both) as row:
                calls = [row.inference.embed(EmbedTexts(texts=(f"text {n}",)), CONTEXT) for n in range(16)]
                await asyncio.gather(*calls)
                workers = await row.accelerators.listed(CONTEXT)
                assert [it.target for it in workers] == [one.address, other.address]
                assert all(it.report is not None and it.report.load.texts for it in workers)
                one.kill()
                for _ in range(6):
                    assert len((await row.inference.embed(CAT, CONTEXT)).vectors) == 1
                gone, there = await row.accelerators.listed(CONTEXT)
                assert (gone.state, there.state) == ("unreachable", "ready")

    asyncio.run(main())


def test_other_programs_ask_in_their_own_words(tmp_path: Path) -> None:
    """OpenAI's client embeds, the common rerank form ranks, both with the worker's token; vectors are the same as ours."""

    async def main() -> None:
        async with served_worker(tmp_path, NPU_TOKEN=TOKEN) as worker:
            client = openai.AsyncOpenAI(base_url=f"{worker.address}/v1", api_key=TOKEN)
            texts = [CAT.texts[0], LONG]
            found = await client.embeddings.create(model=BUILT_IN, input=texts, encoding_format="float")
            packed = await client.embeddings.create(model=BUILT_IN, input=texts)
            assert found.data[1].embedding == pytest.approx(packed.data[1].embedding, abs=1e-7)
            assert found.model_extra == {"autobot": {"truncated": [1]}}
            assert [one.id async for one in client.models.list()] == [BUILT_IN]
            with pytest.raises(openai.NotFoundError) as unknown:
                await client.embeddings.create(model="no-such-model", input="a")
            assert unknown.value.code == "model_not_found"
            await client.close()
            async with row_to_worker(Config(data_dir=tmp_path, npu_urls=(worker.address,))) as row:
                (own,) = (await row.inference.embed(CAT, CONTEXT)).vectors
            assert list(own) == pytest.approx(found.data[0].embedding, abs=1e-6)
            body = {
                "query": "pets",
                "documents": ["stock markets fell", {"text": "a cat and a dog"}],
                "top_n": 1,
            }
            status, ranked = await ask(
                worker.address, "/v1/rerank", {**body, "return_documents": True}, TOKEN
            )
            (best,) = ranked["results"]
            assert (status, best["index"], best["document"]) == (200, 1, {"text": "a cat and a dog"})
            assert 0 < best["relevance_score"] <= 1

    asyncio.run(main())


FORMS = {
    "/v1/rerank": {
        "model": BUILT_IN,
        "query": "pets",
        "documents": [
            {"title": "Markets", "text": "they fell"},
            {"title": "Home", "text": "a cat and a dog"},
        ],
        "rank_fields": ["title", "text"],
        "return_documents": True,
        "max_chunks_per_doc": 10,
        "top_n": 1,
    },
    "/v2/rerank": {
        "model": BUILT_IN,
        "query": "pets",
        "documents": ["stock markets fell", "a cat and a dog"],
        "max_tokens_per_doc": 4096,
        "truncate_prompt_tokens": -1,
        "priority": 3,
    },
    "/rerank": {
        "query": "pets",
        "texts": ["stock markets fell", "a cat and a dog"],
        "raw_scores": False,
        "return_text": True,
        "truncate": True,
        "truncation_direction": "Right",
    },
}
"""What clients of Cohere's two versions, of vLLM and of text-embeddings-inference send."""


@pytest.mark.parametrize("path", FORMS)
def test_each_form_of_reranking_is_answered_in_its_own(worker_address: str, path: str) -> None:
    """Members that clients send are taken where they can be kept, and the answer has the form that they read."""
    status, found = asyncio.run(ask(worker_address, path, FORMS[path], TOKEN))
    assert status == 200, found
    if path == "/rerank":
        best, other = json.loads(found)
        assert (best["index"], best["text"], other["index"]) == (1, "a cat and a dog", 0)
        assert best["score"] > other["score"]
        return
    best = found["results"][0]
    assert (best["index"], found["model"], found["usage"]["total_tokens"] > 0) == (1, BUILT_IN, True)
    if "return_documents" in FORMS[path]:
        assert len(found["results"]) == 1
        assert best["document"] == {"title": "Home", "text": "a cat and a dog"}


def test_without_its_token_a_worker_tells_its_health_alone(tmp_path: Path) -> None:
    """Embeddings, models and metrics are 401 without the token, with a wrong one, and when none was set; health is open."""

    async def main() -> None:
        async with served_worker(tmp_path) as closed, served_worker(tmp_path, NPU_TOKEN=TOKEN) as opened:
            for worker in (closed, opened):
                for path in ("/v1/models", "/metrics"):
                    for token in ("", "wrong"):
                        assert (await ask(worker.address, path, None, token))[0] == 401
                assert (await ask(worker.address, "/v1/embeddings", {"model": "", "input": "a"}, "wrong"))[
                    0
                ] == 401
                assert await ask(worker.address, "/health/live", None, "") == (200, {"status": "alive"})
                assert await ask(worker.address, "/health/ready", None, "") == (200, {"status": "ready"})
            await ask(opened.address, "/v1/embeddings", {"model": "", "input": "a"}, TOKEN)
            status, text = await ask(opened.address, "/metrics", None, TOKEN)
            assert status == 200
            assert "autobot_inference_texts 1.0" in text

    asyncio.run(main())


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"model": BUILT_IN, "input": []}, "#/input"),
        ({"model": BUILT_IN, "input": "a", "dimensions": 3}, "#/dimensions"),
        ({"query": "a", "documents": ["b"], "top_n": 0}, "#/top_n"),
        ({"query": "a", "documents": []}, "#/documents"),
        ({"query": ["a"], "documents": ["b"]}, "#/query"),
        ({"query": "a", "documents": ["b", ""]}, "#/documents/1"),
        ({"query": "a", "documents": [LONG], "truncate": False}, "#/truncate"),
        ({"query": "a", "documents": ["b"], "max_tokens_per_doc": 3}, "#/max_tokens_per_doc"),
    ],
)
def test_a_wrong_body_is_named(worker_address: str, body: dict, pointer: str) -> None:
    """What breaks a rule is 422 with the place of it, as a problem document with the dialect's error."""
    path = "/v1/rerank" if "query" in body else "/v1/embeddings"
    status, found = asyncio.run(ask(worker_address, path, body, TOKEN))
    assert (status, found["errors"][0]["pointer"]) == (422, pointer)
    assert found["error"]["message"].startswith(pointer.removeprefix("#/"))


def test_a_wrong_address_is_told_with_those_that_there_are(worker_address: str) -> None:
    """Another path is 404 with what a worker answers, another method of a path 405."""
    status, found = asyncio.run(ask(worker_address, "/v3/rerank", {"query": "a", "documents": ["b"]}, TOKEN))
    assert status == 404
    assert "/v1/embeddings" in found["hint"]
    assert "/v1/rerank" in found["hint"]
    assert asyncio.run(ask(worker_address, "/v1/rerank", None, TOKEN))[0] == 405


def test_a_body_of_another_kind_is_refused(worker_address: str) -> None:
    """What is not declared as JSON is 415, and the worker goes on."""
    body = {"model": BUILT_IN, "input": "a"}
    assert asyncio.run(ask(worker_address, "/v1/embeddings", body, TOKEN, "text/csv"))[0] == 415
    assert asyncio.run(ask(worker_address, "/v1/embeddings", body, TOKEN))[0] == 200


@pytest.fixture(scope="module")
def worker_address(tmp_path_factory: pytest.TempPathFactory):
    """A worker for all cases of one test."""
    folder = tmp_path_factory.mktemp("worker")
    with asyncio.Runner() as runner:
        held = served_worker(folder, NPU_TOKEN=TOKEN)
        worker = runner.run(held.__aenter__())
        yield worker.address
        runner.run(held.__aexit__(None, None, None))


def test_the_core_carries_none_of_it() -> None:
    """A process that serves the product imports neither OpenVINO nor numpy nor what reads weights and texts: their memory is
    the worker's, and where they are not installed the product starts all the same."""
    code = "import sys, autobot.bootstrap, autobot.bootstrap.product; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {*NEEDED, "numpy", "autobot.workers.npu.engine"}


async def ask(
    address: str, path: str, body: dict | None, token: str, kind: str = "application/json"
) -> tuple[int, object]:
    """Send one request; return status and answer, JSON where it is."""

    def work() -> tuple[int, object]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(address + path, data=data, headers={"content-type": kind})
        if token:
            request.add_header("authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        return status, json.loads(text) if text.startswith(b"{") else text.decode()

    return await asyncio.to_thread(work)
