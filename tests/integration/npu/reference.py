"""The built-in model once more, in plain numpy and straight from the paper: what every device is compared with.

BERT (Devlin et al., 2018): embeddings of word, place and kind, then layers of attention and a two-layer network,
each added to what it was given and normalised. The answer is the mean over the tokens, made to length 1.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer


class Reference:
    """Reads one text at a time, in 64-bit floats."""

    def __init__(self, folder: Path) -> None:
        self._config = json.loads((folder / "config.json").read_text())
        weights = load_file(folder / "model.safetensors")
        self._weights = {name: value.astype(np.float64) for name, value in weights.items()}
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(256)

    def embed(self, texts: Sequence[str]) -> Any:
        return np.stack([self._one(self._tokenizer.encode(text).ids) for text in texts])

    def _one(self, ids: Sequence[int]) -> Any:
        weights = self._weights
        found = (
            weights["embeddings.word_embeddings.weight"][list(ids)]
            + weights["embeddings.position_embeddings.weight"][: len(ids)]
            + weights["embeddings.token_type_embeddings.weight"][0]
        )
        found = self._norm(found, "embeddings.LayerNorm")
        for number in range(self._config["num_hidden_layers"]):
            found = self._layer(found, f"encoder.layer.{number}.")
        mean = found.mean(axis=0)
        return mean / np.linalg.norm(mean)

    def _layer(self, given: Any, name: str) -> Any:
        heads = self._config["num_attention_heads"]
        width = given.shape[1] // heads
        queries, keys, values = (
            self._linear(given, f"{name}attention.self.{word}") for word in ("query", "key", "value")
        )
        joined = []
        for at in range(0, given.shape[1], width):
            part = slice(at, at + width)
            scores = queries[:, part] @ keys[:, part].T / math.sqrt(width)
            powers = np.exp(scores - scores.max(axis=1, keepdims=True))
            joined.append(powers / powers.sum(axis=1, keepdims=True) @ values[:, part])
        attended = given + self._linear(np.concatenate(joined, axis=1), f"{name}attention.output.dense")
        attended = self._norm(attended, f"{name}attention.output.LayerNorm")
        inner = self._linear(attended, f"{name}intermediate.dense")
        error = np.vectorize(math.erf)(inner / math.sqrt(2.0))
        after = attended + self._linear(0.5 * inner * (1.0 + error), f"{name}output.dense")
        return self._norm(after, f"{name}output.LayerNorm")

    def _linear(self, given: Any, name: str) -> Any:
        return given @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]

    def _norm(self, given: Any, name: str) -> Any:
        middle = given.mean(axis=-1, keepdims=True)
        spread = np.sqrt(given.var(axis=-1, keepdims=True) + self._config["layer_norm_eps"])
        return (given - middle) / spread * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
