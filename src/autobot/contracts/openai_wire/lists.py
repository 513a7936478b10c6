"""Model lists, vectors and error documents of the OpenAI dialect."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

from autobot.contracts.models import Embeddings, ModelInfo
from autobot.contracts.openai_wire.answer import usage_of
from autobot.kernel.core.errors import (
    AutoBotError,
    BadAnswer,
    InvalidInput,
    NotFound,
    RemoteError,
    RemoteThrottled,
)

MODELS_MAX: Final = 5_000

# Where servers put a model's window: llama.cpp, vLLM, LM Studio, OpenRouter, Groq.
_WINDOWS: Final = (
    "n_ctx",
    "max_model_len",
    "loaded_context_length",
    "max_context_length",
    "context_length",
    "context_window",
    "n_ctx_train",
)
_TOO_LONG: Final = frozenset({"context_length_exceeded", "exceed_context_size_error"})
_WORD: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def models_of(document: Any) -> list[ModelInfo]:
    """Read the answer of `GET /models`. Raises BadAnswer when it is no such list."""
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, list):
        raise BadAnswer("The model server's list of models breaks its dialect: data is not a list.")
    found: list[ModelInfo] = []
    for one in data[:MODELS_MAX]:
        name = one.get("id") if isinstance(one, dict) else None
        if not isinstance(name, str) or not 0 < len(name) <= 200:
            continue
        embeds = "embed" in name.lower()
        found.append(ModelInfo(id=name, window=_window(one), embeds=embeds, generates=not embeds))
    return found


def _window(entry: dict[str, Any]) -> int | None:
    meta = entry.get("meta")
    for place in (meta if isinstance(meta, dict) else {}, entry):
        for name in _WINDOWS:
            value = place.get(name)
            if type(value) is int and value > 0:
                return value
    return None


def embeddings_of(document: Any, model: str, count: int) -> Embeddings:
    """Read the answer of `POST /embeddings` for `count` texts. Raises BadAnswer when it does not fit."""
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, list) or len(data) != count:
        raise BadAnswer(f"The model server answered {count} texts with another number of vectors.")
    vectors: list[list[float] | None] = [None] * count
    for position, one in enumerate(data):
        vector = one.get("embedding") if isinstance(one, dict) else None
        index = one.get("index", position) if isinstance(one, dict) else None
        if type(index) is not int or not 0 <= index < count or vectors[index] is not None:
            raise BadAnswer("The model server's vectors are not numbered as its dialect says.")
        vectors[index] = checked_vector(vector)
    if len({len(one or ()) for one in vectors}) > 1:
        raise BadAnswer("The model server's vectors differ in length.")
    return Embeddings(
        model=model, vectors=[one or [] for one in vectors], usage=usage_of(document.get("usage"))
    )


def checked_vector(vector: Any) -> list[float]:
    """Return `vector` as finite numbers. Raises BadAnswer when it is none."""
    if not isinstance(vector, list) or not vector:
        raise BadAnswer("The model server's answer has a vector without numbers.")
    try:
        numbers = [float(one) for one in vector]
    except (TypeError, ValueError) as error:
        raise BadAnswer("The model server's answer has a vector that is not of numbers.") from error
    if not all(map(math.isfinite, numbers)):
        raise BadAnswer("The model server's answer has a vector with a number that is not finite.")
    return numbers


def error_of(error: RemoteError, *, provider: str, model: str) -> AutoBotError:
    """Return what an error answer means: NotFound, InvalidInput for a prompt that is too long, or the
    error itself with words for the person who reads it. The server's own words are never shown."""
    told = _told(error.body)
    words = {str(told.get("code")), str(told.get("type"))}
    if words & _TOO_LONG:
        return _too_long(told, model)
    if error.status == 404 and model:
        return NotFound(f"{provider} has no model called {model}.")
    word = next((one for one in (told.get("code"), told.get("type")) if _is_word(one)), None)
    said = f" ({word})" if word else ""
    if error.status in {401, 403}:
        detail, hint = f"{provider} refused the key{said}.", "Check the key in the settings."
    elif error.status == 429:
        detail, hint = f"{provider} asks to slow down{said}.", None
    elif error.status < 500:
        detail, hint = f"{provider} refused the request{said}.", None
    else:
        detail, hint = f"{provider} failed with status {error.status}{said}.", None
    kind = RemoteThrottled if error.status == 429 else RemoteError
    mapped = kind(
        detail,
        status=error.status,
        link=error.link,
        target=error.target,
        retry_after=error.retry_after,
        body=error.body,
    )
    mapped.hint = hint or error.hint
    return mapped


def _too_long(told: dict[str, Any], model: str) -> InvalidInput:
    prompt, window = told.get("n_prompt_tokens"), told.get("n_ctx")
    sizes = f" ({prompt} tokens of {window})" if type(prompt) is int and type(window) is int else ""
    return InvalidInput(
        f"The prompt is longer than the window of {model}{sizes}.",
        hint="Shorten the prompt, start a new chat, or choose a model with a larger window.",
    )


def _told(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    error = document.get("error") if isinstance(document, dict) else None
    return error if isinstance(error, dict) else {}


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and _WORD.fullmatch(value) is not None
