"""What the Ollama stand-in answers: a table of documented exchanges, each with the section that documents it.

Sections are those of docs.ollama.com (2026-11). The model that a request names selects the row, so a test asks
for a behaviour by name. A request with a field that the documentation does not name is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

CREATED: Final = "2026-11-01T12:00:00.000000Z"
TRAINED: Final = 131_072


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One row.

    Attributes:
        model: name in the request that selects it.
        section: where the documentation describes it.
        status: of the answer.
        pieces: the body, written piece by piece; each is flushed on its own.
        loads: the server is silent until the test lets the model be loaded.
        ending: `whole` ends the body properly, `cut` closes the connection in the middle of it.
    """

    model: str
    section: str
    status: int = 200
    pieces: Sequence[bytes] = ()
    loads: bool = False
    ending: Literal["whole", "cut"] = "whole"


def line(model: str, **members: Any) -> bytes:
    """Return one line of a stream."""
    return (
        json.dumps({"model": model, "created_at": CREATED, **members}, ensure_ascii=False) + "\n"
    ).encode()


def text(model: str, content: str, **more: Any) -> bytes:
    """Return a line with more text."""
    return line(model, message={"role": "assistant", "content": content, **more}, done=False)


def done(model: str, reason: str = "stop", prompt: int = 26, answer: int = 4) -> bytes:
    """Return the last line, with its statistics."""
    return line(
        model,
        message={"role": "assistant", "content": ""},
        done=True,
        done_reason=reason,
        total_duration=4_883_583_458,
        load_duration=1_334_875,
        prompt_eval_count=prompt,
        prompt_eval_duration=342_546_000,
        eval_count=answer,
        eval_duration=4_535_599_000,
    )


def bytewise(*lines: bytes) -> tuple[bytes, ...]:
    """Return lines as pieces of one byte: every boundary inside a line and inside a character occurs."""
    whole = b"".join(lines)
    return tuple(whole[index : index + 1] for index in range(len(whole)))


def call(model: str, name: str, arguments: Mapping[str, Any]) -> bytes:
    """Return a line with a whole tool call."""
    return text(model, "", tool_calls=[{"function": {"name": name, "arguments": dict(arguments)}}])


TOOL_NAME: Final = "current_time"
SAID: Final = "Grüße from a 🦊."

CHAT: Final = (
    Exchange(
        model="fox",
        section="api/streaming: newline-delimited JSON; api/chat: final response",
        pieces=(text("fox", "Grüße "), text("fox", "from a "), text("fox", "🦊."), done("fox")),
    ),
    Exchange(
        model="bytewise",
        section="api/streaming: newline-delimited JSON (boundaries of the transport mean nothing)",
        pieces=bytewise(text("bytewise", "Grüße "), text("bytewise", "from a 🦊."), done("bytewise")),
    ),
    Exchange(
        model="one-piece",
        section="api/streaming: newline-delimited JSON (several lines in one piece)",
        pieces=(text("one-piece", "Grüße ") + text("one-piece", "from a 🦊.") + done("one-piece"),),
    ),
    Exchange(
        model="cut-at-limit",
        section="api/chat: options.num_predict, done_reason",
        pieces=(text("cut-at-limit", "Grüße"), done("cut-at-limit", "length", answer=1)),
    ),
    Exchange(model="empty", section="api/chat: message.content", pieces=(done("empty", answer=0),)),
    Exchange(
        model="thinker",
        section="capabilities/thinking: message.thinking",
        pieces=(text("thinker", "", thinking="A fox. "), text("thinker", SAID), done("thinker")),
    ),
    Exchange(
        model="error-midway",
        section="api/errors: errors that occur while streaming",
        pieces=(
            text("error-midway", "Grüße"),
            b'{"error":"an error was encountered while running the model"}\n',
        ),
    ),
    Exchange(
        model="gone-midway",
        section="api/streaming: the last object has done true (here the runner dies before it)",
        pieces=(text("gone-midway", "Grüße"),),
        ending="cut",
    ),
    Exchange(
        model="no-done",
        section="api/streaming: the last object has done true (here it is missing)",
        pieces=(text("no-done", "Grüße"),),
    ),
    Exchange(
        model="busy",
        section="faq: requests beyond the queue are answered 503",
        status=503,
        pieces=(b'{"error":"server busy, please try again.  maximum pending requests exceeded"}',),
    ),
    Exchange(
        model="slow-load",
        section="api/chat: load_duration (a model loads before the first byte)",
        loads=True,
        pieces=(text("slow-load", SAID), done("slow-load")),
    ),
    Exchange(
        model="toolless",
        section="api/errors: 400; capabilities/tool-calling",
        status=400,
        pieces=(b'{"error":"registry.ollama.ai/library/toolless does not support tools"}',),
    ),
)

TOOL_CALLED: Final = Exchange(
    model="tooler",
    section="capabilities/tool-calling: message.tool_calls, streamed",
    pieces=(call("tooler", TOOL_NAME, {"zone": "utc"}), done("tooler")),
)
TOOL_ANSWERED: Final = Exchange(
    model="tooler",
    section="capabilities/tool-calling: a message of role tool with tool_name",
    pieces=(text("tooler", SAID), done("tooler")),
)

NOT_FOUND_SECTION: Final = "api/errors: 404"
SHOW_SECTION: Final = "api/show: model_info, capabilities"
TAGS_SECTION: Final = "api/tags: models"
VERSION_SECTION: Final = "api/version"
EMBED_SECTION: Final = "api/embed: embeddings"

MODELS: Final = tuple(dict.fromkeys([*(one.model for one in CHAT), TOOL_CALLED.model, "embedder"]))

# Documented fields (docs.ollama.com/openapi.yaml, capabilities/tool-calling); all others are refused.
FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "/api/chat": frozenset(
        {"model", "messages", "tools", "format", "options", "stream", "think", "keep_alive", "logprobs"}
        | {"top_logprobs"}
    ),
    "/api/show": frozenset({"model", "verbose"}),
    "/api/embed": frozenset({"model", "input", "truncate", "dimensions", "keep_alive", "options"}),
}
MESSAGE_FIELDS: Final = frozenset({"role", "content", "images", "tool_calls", "thinking", "tool_name"})
OPTION_FIELDS: Final = frozenset(
    {"seed", "temperature", "top_k", "top_p", "min_p", "stop", "num_ctx", "num_predict"}
)


def refusal_of(path: str, body: Mapping[str, Any]) -> str | None:
    """Return what the documentation does not allow in a request, None when all of it is documented."""
    unknown = set(body) - FIELDS[path]
    for message in body.get("messages", ()):
        unknown |= set(message) - MESSAGE_FIELDS
        if message.get("role") not in {"system", "user", "assistant", "tool"}:
            return f"the role {message.get('role')!r}"
    unknown |= set(body.get("options", {})) - OPTION_FIELDS
    for tool in body.get("tools", ()):
        unknown |= set(tool) - {"type", "function"}
        unknown |= set(tool.get("function", {})) - {"name", "description", "parameters"}
    return f"the field {min(unknown)}" if unknown else None


def exchange_for(body: Mapping[str, Any]) -> Exchange | None:
    """Return the row of a chat request, None for a model that is not there."""
    model = body["model"]
    if model == TOOL_CALLED.model:
        answered = body["messages"][-1]["role"] == "tool" or not body.get("tools")
        return TOOL_ANSWERED if answered else TOOL_CALLED
    limit = body.get("options", {}).get("num_predict")
    if model == "fox" and limit is not None and limit < 4:
        return next(one for one in CHAT if one.model == "cut-at-limit")
    if model == "toolless" and not body.get("tools"):
        return next(one for one in CHAT if one.model == "fox")
    return next((one for one in CHAT if one.model == model), None)


def shown(model: str) -> dict[str, Any]:
    """Return the answer of `/api/show`."""
    able = ["embedding"] if model == "embedder" else ["completion"]
    if model not in {"embedder", "toolless"}:
        able.append("tools")
    return {
        "parameters": "num_ctx 4096" if model == "thinker" else "",
        "details": {"family": "llama", "parameter_size": "8.0B", "quantization_level": "Q4_K_M"},
        "model_info": {"general.architecture": "llama", "llama.context_length": TRAINED},
        "capabilities": able,
    }
