"""Behind a TLS reverse proxy under a sub-path: nginx in front of the real server."""

import asyncio
import contextlib
import datetime
import json
import os
import shutil
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from autobot.gateway.site import Site
from autobot.testing.harness import free_port
from tests.contract.gateway.serving import Served, serving
from tests.unit.gateway.channels import RUN

pytestmark = [pytest.mark.anyio, pytest.mark.needs_program("nginx")]

BASE = "/tools/autobot"
COOKIE = "autobot_session=alice-session"

CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
  server {{
    listen 127.0.0.1:{port} ssl;
    server_name home.example;
    ssl_certificate {folder}/cert.pem;
    ssl_certificate_key {folder}/key.pem;
    location {base}/ {{
      proxy_pass http://127.0.0.1:{upstream}{stripped};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
    }}
  }}
}}
"""


def certificate(folder: Path) -> None:
    """Write a self-signed certificate for home.example."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "home.example")])
    now = datetime.datetime.now(datetime.UTC)  # noqa: TID251 - a certificate must be valid on this machine's clock
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("home.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


@dataclass
class Proxied:
    """A server behind nginx."""

    served: Served
    port: int
    tls: ssl.SSLContext

    @property
    def origin(self) -> str:
        return f"https://home.example:{self.port}"

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=self.tls, server_hostname="home.example"
        )

    async def request(
        self, line: str, fields: str = "", body: bytes = b""
    ) -> tuple[int, dict[str, str], bytes]:
        """Send one request and read the whole answer."""
        reader, writer = await self.open()
        head = f"{line} HTTP/1.0\r\nHost: home.example:{self.port}\r\n{fields}\r\n"
        writer.write(head.encode() + body)
        async with asyncio.timeout(10):
            answered = await reader.read()
        writer.close()
        top, _, rest = answered.partition(b"\r\n\r\n")
        first, *lines = top.decode().split("\r\n")
        named = {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)}
        return int(first.split()[1]), named, rest


@contextlib.asynccontextmanager
async def proxied(folder: Path, *, strips: bool) -> AsyncIterator[Proxied]:
    """Put nginx with TLS in front; it takes the sub-path off, or leaves it on."""
    certificate(folder)
    port = free_port()
    built = folder / "dist"
    built.mkdir()
    (built / "index.html").write_text('<base href="__AUTOBOT_BASE__">')
    site = Site(
        public_url=f"https://home.example:{port}{BASE}", trusted_proxies=("127.0.0.1",), static_folder=built
    )
    async with serving(site=site) as served:
        configuration = folder / "nginx.conf"
        configuration.write_text(
            CONFIGURATION.format(
                folder=folder, port=port, base=BASE, upstream=served.port, stripped="/" if strips else ""
            )
        )
        nginx = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
        assert nginx is not None
        process = await asyncio.create_subprocess_exec(
            nginx, "-c", str(configuration), "-e", str(folder / "error.log")
        )
        try:
            tls = ssl.create_default_context(cafile=str(folder / "cert.pem"))
            found = Proxied(served, port, tls)
            await reachable(found)
            yield found
        finally:
            process.terminate()
            await process.wait()


async def reachable(found: Proxied) -> None:
    """Wait until the proxy listens."""
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await found.open()
            except OSError:
                await asyncio.sleep(0)
                continue
            writer.close()
            return


@pytest.mark.parametrize("strips", [True, False], ids=["prefix taken off", "prefix left on"])
async def test_the_product_works_under_a_sub_path_behind_tls(tmp_path: Path, strips: bool) -> None:
    """Page, reads, writes with the proof, sockets and event streams work, and the client's address is known."""
    async with proxied(tmp_path, strips=strips) as proxy:
        status, fields, body = await proxy.request(f"GET {BASE}/chat")
        assert (status, body) == (200, f'<base href="{BASE}/">'.encode())
        assert "strict-transport-security" in fields
        key = "Authorization: Bearer alice-key\r\n"
        _, _, body = await proxy.request(f"GET {BASE}/api/v1/chat/seen", key)
        seen = json.loads(body)
        assert seen["scheme"] == "https"
        assert seen["base"] == BASE
        assert seen["client"] == "127.0.0.1"
        await writes(proxy)
        await sockets(proxy)
        await streams(proxy)


async def writes(proxy: Proxied) -> None:
    """A browser session writes with its proof from its own origin, and not from another."""
    body = b'{"name": "x"}'
    fields = f"Cookie: {COOKIE}\r\nX-CSRF-Token: proof\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    for origin, expected in ((proxy.origin, 201), ("https://evil.test", 403)):
        line = f"POST {BASE}/api/v1/chat/things"
        status, _, _ = await proxy.request(line, fields + f"Origin: {origin}\r\n", body)
        assert status == expected


async def sockets(proxy: Proxied) -> None:
    """A socket opens through the proxy from our own origin only, and carries frames."""
    address = f"wss://home.example:{proxy.port}{BASE}/ws"
    options = {"host": "127.0.0.1", "port": proxy.port, "ssl": proxy.tls, "server_hostname": "home.example"}
    given = {"Cookie": COOKIE, "Origin": proxy.origin}
    async with connect(address, additional_headers=given, **options) as client:  # type: ignore[arg-type]
        await client.send(json.dumps({"type": "subscribe", "channel": RUN}))
        assert json.loads(await client.recv())["type"] == "subscribed"
        proxy.served.source.fact(RUN)
        assert json.loads(await client.recv())["seq"] == 1
    with pytest.raises(InvalidStatus):
        await connect(address, additional_headers={**given, "Origin": "https://evil.test"}, **options)  # type: ignore[arg-type]


async def streams(proxy: Proxied) -> None:
    """An event stream passes event by event: the proxy holds nothing back."""
    reader, writer = await proxy.open()
    line = f"GET {BASE}/api/v1/events/stream?channel=system HTTP/1.1\r\nHost: home.example:{proxy.port}\r\n"
    writer.write(f"{line}Authorization: Bearer alice-key\r\n\r\n".encode())
    async with asyncio.timeout(10):
        await reader.readuntil(b"retry:")
        for seq in (1, 2):
            proxy.served.source.fact("system")
            await reader.readuntil(f"id: {seq}\n".encode())
    writer.close()
