"""The server's two wire protocols, where the libraries leave a standard's corner open.

HTTP: what is no HTTP is told by a problem document; only a whole WebSocket handshake leaves HTTP, so every other
one is answered by the edge. WebSocket: text that cannot become UTF-8 ends the session with the fragment that
shows it, not with the message's end; a close between fragments is answered in kind.
"""

from __future__ import annotations

import base64
import binascii
import codecs
from collections.abc import Sequence
from typing import Any, Final

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from autobot.gateway.problem import MEDIA_TYPE, document, problem_of
from autobot.kernel.core.errors import Malformed
from autobot.kernel.core.ids import IdSource

KEY_BYTES: Final = 16
VERSION: Final = b"13"


def opens_websocket(method: bytes, http_version: str, lines: Sequence[tuple[bytes, bytes]]) -> bool:
    """Say whether a request is a whole opening handshake (RFC 6455 §4.2.1); `lines` have lower-case names.

    It is a GET of HTTP/1.1 with one Sec-WebSocket-Version of 13 and one key of 16 octets. Host, Upgrade and
    Connection are judged by the server.
    """
    if method != b"GET" or http_version != "1.1":
        return False
    versions = [value for name, value in lines if name == b"sec-websocket-version"]
    keys = [value for name, value in lines if name == b"sec-websocket-key"]
    if versions != [VERSION] or len(keys) != 1:
        return False
    try:
        return len(base64.b64decode(keys[0].strip(b" \t"), validate=True)) == KEY_BYTES
    except binascii.Error:
        return False


class Http(HttpToolsProtocol):
    """HTTP/1.1; `ids` names refusals of what never became a request."""

    ids: IdSource

    def _should_upgrade(self) -> bool:
        return super()._should_upgrade() and opens_websocket(
            self.parser.get_method(), self.parser.get_http_version(), self.headers
        )

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser refused, and close."""
        cycle: Any = self.cycle
        if cycle is not None and cycle.response_started and not cycle.response_complete:
            # An answer is on its way: a second one in the middle of it would be taken for its body.
            self.transport.close()
            return
        request_id = self.ids.new()
        problem = problem_of(Malformed("This is no HTTP request that can be read."))
        body = orjson.dumps(document(problem, request_id=request_id, correlation_id=request_id))
        head = [
            b"HTTP/1.1 400 Bad Request",
            *(name + b": " + value for name, value in self.server_state.default_headers),
            b"content-type: " + MEDIA_TYPE.encode(),
            b"content-length: %d" % len(body),
            b"cache-control: no-store",
            b"x-correlation-id: " + request_id.encode(),
            b"connection: close",
        ]
        self.transport.write(b"\r\n".join(head) + b"\r\n\r\n" + body)
        self.transport.close()


class _Framing(ServerProtocol):
    """The library's framing, where a close may also come between the fragments of a message (§5.4, §5.5)."""

    def recv_frame(self, frame: Frame) -> None:
        """Take a frame; a close ends the message that was begun."""
        if frame.opcode is Opcode.CLOSE:
            self.current_size = None
        super().recv_frame(frame)


class WebSocket(WebSocketsSansIOProtocol):
    """RFC 6455; a message of text is judged fragment by fragment (§8.1)."""

    _decoder: codecs.IncrementalDecoder | None = None

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.conn = _Framing(max_size=self.config.ws_max_size, logger=self.logger)

    def handle_text(self, event: Frame) -> None:
        """Take the first or only fragment of a text."""
        if not event.fin:
            self._decoder = _utf8()
            if not self._decodes(event):
                return
        super().handle_text(event)

    def handle_cont(self, event: Frame) -> None:
        """Take a further fragment of a message."""
        if self._decoder is None or self._decodes(event):
            super().handle_cont(event)

    def _decodes(self, event: Frame) -> bool:
        """Say whether what came so far can still become UTF-8; end the session with 1007 when it cannot."""
        decoder = self._decoder
        assert decoder is not None
        if event.fin:
            self._decoder = None
        try:
            decoder.decode(bytes(event.data), final=event.fin)
        except UnicodeDecodeError:
            self._decoder = None
            self.conn.send_close(1007)
            self.handle_parser_exception()
            return False
        return True


_utf8: Final = codecs.getincrementaldecoder("utf-8")


def protocols(ids: IdSource) -> dict[str, Any]:
    """Return what `uvicorn.Config` is told of the protocols."""
    return {
        "http": type("HttpWithIds", (Http,), {"ids": ids}),
        "ws": WebSocket,
        # Frames are small and many: a window for each session would cost more memory than the session.
        "ws_per_message_deflate": False,
    }
