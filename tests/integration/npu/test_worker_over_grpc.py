"""The worker asked over gRPC: by our own row, whose word in the matrix says so, and by programs of others."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from autobot.config import Config
from autobot.kernel.core.errors import RemoteError
from autobot.testing.models.contexts import CONTEXT
from tests.integration.npu.kit import CAT, TOKEN, row_to_worker, served_worker

SERVICE = "autobotapi.inference.v1.InferenceService"


def over_grpc(folder: Path, **settings: Any) -> Config:
    """Settings whose matrix file says gRPC on the row to the worker."""
    overlay = folder / "matrix.toml"
    overlay.write_text('format = 1\n[rows.ai-npu]\ntransport = "grpc"\n', encoding="utf-8")
    return Config(**{"data_dir": folder, "matrix_overlay": overlay, **settings})


def test_a_child_is_asked_over_grpc_when_the_matrix_says_so(tmp_path: Path) -> None:
    """Same vectors as over HTTP, over a socket that is its owner's alone; a killed worker is started again."""

    async def main() -> None:
        async with row_to_worker(Config(data_dir=tmp_path)) as row:
            before = await row.inference.embed(CAT, CONTEXT)
        async with row_to_worker(over_grpc(tmp_path)) as row:
            assert (await row.inference.embed(CAT, CONTEXT)).vectors == before.vectors
            path = tmp_path / "npu-grpc.sock"
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
            shown = row.shown()
            assert (shown["transport"], shown["state"]) == ("grpc", "in-use")
            assert [one["address"] for one in shown["targets"]] == [f"unix:{path}"]
            assert row.child.pid is not None
            os.kill(row.child.pid, signal.SIGKILL)
            assert (await row.inference.embed(CAT, CONTEXT)).vectors == before.vectors
            assert row.child.starts == 2

    asyncio.run(main())


def test_a_worker_on_a_port_is_asked_over_grpc(tmp_path: Path) -> None:
    """By its address for gRPC, with the installation's key; another key is refused."""

    async def main() -> None:
        async with served_worker(tmp_path, "--grpc-port", "0") as worker:
            here = over_grpc(tmp_path, npu_urls=(f"http://{worker.grpc}",))
            async with row_to_worker(here) as row:
                assert len((await row.inference.embed(CAT, CONTEXT)).vectors) == 1
            strange = tmp_path / "elsewhere"
            strange.mkdir()
            async with row_to_worker(over_grpc(strange, npu_urls=here.npu_urls)) as row:
                with pytest.raises(RemoteError) as refused:
                    await row.inference.embed(CAT, CONTEXT)
                assert refused.value.status == 401

    asyncio.run(main())


def test_a_program_asks_with_the_workers_token(tmp_path: Path) -> None:
    """A generic client that learned everything by reflection embeds with AUTOBOT_NPU_TOKEN, and without it nothing."""

    def generic(address: str) -> tuple[Any, grpc.StatusCode]:
        with grpc.insecure_channel(address) as channel:
            service = DescriptorPool(ProtoReflectionDescriptorDatabase(channel)).FindServiceByName(SERVICE)
            method = service.FindMethodByName("Embed")
            message = GetMessageClass(method.input_type)(texts=list(CAT.texts)).SerializeToString()
            read = GetMessageClass(method.output_type).FromString
            ask = channel.unary_unary(f"/{SERVICE}/Embed", response_deserializer=read)
            with pytest.raises(grpc.RpcError) as refused:
                ask(message, metadata=(("authorization", "Bearer wrong"),))
            return ask(message, metadata=(("authorization", f"Bearer {TOKEN}"),)), refused.value.code()

    async def main() -> None:
        async with served_worker(tmp_path, "--grpc-port", "0", NPU_TOKEN=TOKEN) as worker:
            answer, refused = await asyncio.to_thread(generic, worker.grpc)
            assert (answer.vectors.dimensions, len(answer.vectors.data)) == (384, 4 * 384)
            assert refused is grpc.StatusCode.UNAUTHENTICATED

    asyncio.run(main())
