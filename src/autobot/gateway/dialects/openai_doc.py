"""OpenAPI of the OpenAI dialect, by hand: its routes are plain ASGI."""

from __future__ import annotations

from typing import Any, Final

_MESSAGES: Final = [{"role": "user", "content": "Say hello."}]

_USAGE: Final = {
    "type": "object",
    "required": ["prompt_tokens", "total_tokens"],
    "properties": {
        "prompt_tokens": {"type": "integer"},
        "completion_tokens": {"type": "integer"},
        "total_tokens": {"type": "integer"},
    },
}

_CHAT_BODY: Final = {
    "type": "object",
    "required": ["model", "messages"],
    "additionalProperties": False,
    "properties": {
        "model": {
            "type": "string",
            "minLength": 1,
            "maxLength": 200,
            "description": "A name of `GET /v1/models`, `ollama:llama3` or bare `llama3`; `agent:assistant` is the "
            "built-in assistant, `agent:chat` the chat agent with AutoBot's tools in a chat of its own, `agent:documents` the "
            "same after a search of the person's documents.",
        },
        "messages": {
            "type": "array",
            "minItems": 1,
            "maxItems": 2000,
            "items": {
                "type": "object",
                "required": ["role"],
                "properties": {
                    "role": {"enum": ["system", "developer", "user", "assistant", "tool"]},
                    "content": {"description": "Text, or parts of type `text`."},
                    "name": {"type": ["string", "null"]},
                    "tool_calls": {"type": ["array", "null"], "items": {"type": "object"}},
                    "tool_call_id": {"type": ["string", "null"]},
                },
            },
        },
        "stream": {"type": ["boolean", "null"]},
        "stream_options": {
            "type": ["object", "null"],
            "properties": {
                "include_usage": {"type": "boolean"},
                "include_obfuscation": {"type": "boolean"},
            },
        },
        "tools": {"type": ["array", "null"], "items": {"type": "object"}},
        "tool_choice": {"description": "`auto`, `none`, `required`, or an object that names a function."},
        "response_format": {
            "type": ["object", "null"],
            "required": ["type"],
            "properties": {
                "type": {"enum": ["text", "json_object", "json_schema"]},
                "json_schema": {"type": ["object", "null"]},
            },
        },
        "max_tokens": {"type": ["integer", "null"], "minimum": 1},
        "max_completion_tokens": {"type": ["integer", "null"], "minimum": 1},
        "temperature": {"type": ["number", "null"], "minimum": 0, "maximum": 2},
        "top_p": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
        "stop": {"description": "A text, or up to 16."},
        "seed": {"type": ["integer", "null"]},
        "n": {"type": ["integer", "null"], "minimum": 1, "maximum": 1},
        "reasoning_effort": {"enum": ["none", "minimal", "low", "medium", "high", "xhigh", None]},
        "user": {"type": ["string", "null"], "description": "Read and left."},
        "metadata": {"description": "Read and left."},
        "store": {"type": ["boolean", "null"], "description": "Read and left."},
        "parallel_tool_calls": {"type": ["boolean", "null"], "description": "Read and left."},
        "frequency_penalty": {"type": ["number", "null"], "description": "Only 0."},
        "presence_penalty": {"type": ["number", "null"], "description": "Only 0."},
        "logprobs": {"type": ["boolean", "null"], "description": "Only false."},
    },
    "example": {"model": "ollama:llama3.2", "messages": _MESSAGES},
}

_ANSWER: Final = {
    "id": "chatcmpl-01931b8e-5c00-7000-8000-000000000000",
    "object": "chat.completion",
    "created": 1800000000,
    "model": "ollama:llama3.2",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello!", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15},
    "autobot": {
        "served_by": {
            "link": "ai-ollama",
            "target": "http://127.0.0.1:11434",
            "provider": "ollama",
            "model": "llama3.2",
            "fallback": False,
        }
    },
}

_MODEL: Final = {
    "type": "object",
    "required": ["id", "object", "created", "owned_by"],
    "properties": {
        "id": {"type": "string"},
        "object": {"const": "model"},
        "created": {"type": "integer"},
        "owned_by": {"type": "string"},
        "context_window": {
            "type": ["integer", "null"],
            "description": "Tokens of prompt and answer together.",
        },
    },
}
_MODEL_EXAMPLE: Final = {
    "id": "ollama:llama3.2",
    "object": "model",
    "created": 1800000000,
    "owned_by": "ollama",
    "context_window": 8192,
}


def json_response(schema: dict[str, Any], example: Any, description: str) -> dict[str, Any]:
    """Return a response of JSON with an example."""
    return {
        "description": description,
        "content": {"application/json": {"schema": schema, "example": example}},
    }


def _problem(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {"application/problem+json": {"schema": schema}}}


PROBLEMS: Final = {
    "400": _problem("The body is not JSON."),
    "404": _problem("No model has this name (`error.code` is `model_not_found`)."),
    "422": _problem(
        "The input breaks a rule, or asks for something that cannot be done; `error.param` names it."
    ),
    "502": _problem("The model's server failed, or answered what its dialect does not allow."),
    "503": _problem("The model's link refuses for now, or a part that it needs is absent."),
    "504": _problem("The model's server was too slow."),
}

CHAT: Final = {
    "post": {
        "tags": ["openai"],
        "operationId": "openai_chat_completions",
        "summary": "Generate an answer",
        "description": "OpenAI's chat completions. A plain model has no session and no tools of ours; with `stream` the "
        "answer comes as server-sent events that end with `[DONE]`; an error inside the stream is its last event. "
        "`autobot.served_by` tells which link and provider answered.",
        "requestBody": {"required": True, "content": {"application/json": {"schema": _CHAT_BODY}}},
        "responses": {
            "200": {
                "description": "The answer, whole or as a stream.",
                "content": {
                    "application/json": {"schema": {"type": "object"}, "example": _ANSWER},
                    "text/event-stream": {"schema": {"type": "string"}},
                },
            },
            **PROBLEMS,
        },
    }
}

MODELS: Final = {
    "get": {
        "tags": ["openai"],
        "operationId": "openai_list_models",
        "summary": "The models that answer now",
        "responses": {
            "200": json_response(
                {
                    "type": "object",
                    "required": ["object", "data"],
                    "properties": {"object": {"const": "list"}, "data": {"type": "array", "items": _MODEL}},
                },
                {"object": "list", "data": [_MODEL_EXAMPLE]},
                "The models.",
            )
        },
    }
}

MODEL: Final = {
    "get": {
        "tags": ["openai"],
        "operationId": "openai_get_model",
        "summary": "One model",
        "parameters": [
            {
                "name": "model",
                "in": "path",
                "required": True,
                "schema": {"type": "string"},
                "example": "ollama:llama3.2",
            }
        ],
        "responses": {"200": json_response(_MODEL, _MODEL_EXAMPLE, "The model."), "404": PROBLEMS["404"]},
    }
}

EMBEDDINGS: Final = {
    "post": {
        "tags": ["openai"],
        "operationId": "openai_embeddings",
        "summary": "Embed texts",
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["model", "input"],
                        "additionalProperties": False,
                        "properties": {
                            "model": {"type": "string", "minLength": 1, "maxLength": 200},
                            "input": {"description": "A text, or 1 to 2048 texts; none of them empty."},
                            "encoding_format": {"enum": ["float", "base64"], "default": "float"},
                            "dimensions": {
                                "type": "null",
                                "description": "Vectors have the model's own length.",
                            },
                            "user": {"type": ["string", "null"], "description": "Read and left."},
                        },
                        "example": {"model": "ollama:nomic-embed-text", "input": ["Hello"]},
                    }
                }
            },
        },
        "responses": {
            "200": json_response(
                {
                    "type": "object",
                    "required": ["object", "data", "model", "usage"],
                    "properties": {
                        "object": {"const": "list"},
                        "data": {"type": "array", "items": {"type": "object"}},
                        "model": {"type": "string"},
                        "usage": _USAGE,
                    },
                },
                {
                    "object": "list",
                    "data": [{"object": "embedding", "index": 0, "embedding": [0.1, 0.2]}],
                    "model": "ollama:nomic-embed-text",
                    "usage": {"prompt_tokens": 1, "total_tokens": 1},
                },
                "The vectors, in the order of the texts.",
            ),
            **PROBLEMS,
        },
    }
}
