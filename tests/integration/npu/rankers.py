"""A small model that ranks, written as OpenVINO IR: its logit is the mean of a random number for each token of the pair."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from autobot.workers.npu import minilm
from autobot.workers.npu.runtime import quiet_openvino
from autobot.workers.npu.tokens import Tokenizer

WORDS = 30_522


def write_ranker(
    folder: Path,
    *,
    inputs: tuple[str, ...] = ("input_ids", "attention_mask", "token_type_ids"),
    likes: str = "",
) -> Path:
    """Write the model with the built-in one's tokenizer; returns the folder. With `likes` it counts that word alone."""
    ov = quiet_openvino()
    from openvino import opset15 as op

    weights = minilm.weights_folder()
    assert weights is not None
    given = [op.parameter([-1, -1], np.int64, name=name) for name in inputs]
    for name, one in zip(inputs, given, strict=True):
        one.output(0).set_names({name})
    table = np.random.default_rng(7).normal(size=(WORDS, 1)).astype(np.float32)
    if likes:
        table = np.zeros((WORDS, 1), dtype=np.float32)
        table[Tokenizer(weights / "tokenizer.json", 8).read([likes])[0].ids[1]] = 100.0
    words = op.gather(op.constant(table), given[0], op.constant(0))
    seen = op.unsqueeze(op.convert(given[1], "f32"), op.constant([2]))
    total = op.reduce_sum(op.multiply(words, seen), op.constant([1]))
    logits = op.divide(total, op.reduce_sum(seen, op.constant([1])))
    if len(given) > 2:
        zero = op.multiply(
            op.reduce_sum(op.convert(given[2], "f32"), op.constant([1]), True), op.constant(np.float32(0))
        )
        logits = op.add(logits, zero)
    logits.output(0).set_names({"logits"})
    folder.mkdir(parents=True, exist_ok=True)
    ov.save_model(ov.Model([logits], given, "ranker"), folder / "openvino_model.xml")
    shutil.copy(weights / "tokenizer.json", folder)
    (folder / "config.json").write_text('{"max_position_embeddings": 128}')
    return folder
