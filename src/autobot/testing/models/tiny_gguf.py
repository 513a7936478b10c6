"""Writes tiny model files that a real llama.cpp server loads in milliseconds.

*Random*: a byte-level vocabulary and random weights; it babbles for as long as it may. *Scripted*: embeddings
are one-hot, each token decides the next one, and one attention head reads a mark that the chat template sets
at the beginning: the model says one fixed text, or calls one fixed tool when tools are offered and no result
is there yet. Both are ordinary GGUF files (llama architecture): server, sampler, grammar and chat template
are the real ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from gguf import GGUFWriter

UNKNOWN, CONTROL, NORMAL, BYTE = 2, 3, 1, 6
SPECIAL: Final = ("<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|speak|>", "<|call|>")
END: Final = SPECIAL.index("<|im_end|>")
SPEAK: Final = SPECIAL.index("<|speak|>")
CALL: Final = SPECIAL.index("<|call|>")

NEWLINE: Final = len(SPECIAL) + 0x0A
"""The last token of every prompt, `assistant` and a line end: from here the answer begins."""

TEMPLATE: Final = """{% if tools and messages[-1].role != "tool" %}<|call|>{% else %}<|speak|>{% endif %}
{%- if tools %}<|im_start|>system
You may call functions. Their signatures:
<tools>
{%- for tool in tools %}
{{ tool | tojson }}
{%- endfor %}
</tools>
Call one by JSON within these tags:
<tool_call>
{"name": <function-name>, "arguments": <args-json-object>}
</tool_call><|im_end|>
{% endif -%}
{%- for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}
{%- for call in message.tool_calls or [] %}
<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>
{%- endfor %}<|im_end|>
{% endfor -%}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What a scripted model says. `words` may hold no word twice: each decides the one after it."""

    words: Sequence[str] = ("Hello", " from", " a", " tiny", " model.")
    tool: str | None = None
    arguments: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    width: int
    heads: int
    layers: int
    hidden: int


def write_random(path: Path, *, context: int = 4096, seed: int = 0, embeds: bool = False) -> Path:
    """Write a model of random weights (0.5 MB); with `embeds` its header says that it embeds, by the mean."""
    import numpy as np

    pieces, kinds = _vocabulary(())
    shape = _Shape(width=64, heads=4, layers=2, hidden=128)
    chance = np.random.default_rng(seed)

    def weights(rows: int, columns: int, scale: float = 0.05) -> Any:
        return (chance.standard_normal((rows, columns)) * scale).astype(np.float32)

    writer = _begin(path, pieces, kinds, shape, context, embeds=embeds)
    writer.add_tensor("token_embd.weight", weights(len(pieces), shape.width, 1.0))
    writer.add_tensor("output.weight", weights(len(pieces), shape.width, 0.3))
    _blocks(writer, shape, lambda _, rows, columns: weights(rows, columns))
    return _finish(writer, path)


def write_scripted(path: Path, script: Script = Script(), *, context: int = 4096) -> Path:
    """Write a model that says `script`, whatever it is asked."""
    import numpy as np

    spoken = list(script.words)
    called = _call_pieces(script)
    pieces, kinds = _vocabulary([*spoken, *called])
    first = len(pieces) - len(spoken) - len(called)
    shape = _Shape(width=64 * -(-len(pieces) // 64), heads=4, layers=1, hidden=64)
    after = np.zeros((len(pieces), shape.width), dtype=np.float32)

    def chain(start: int, tokens: Sequence[int]) -> None:
        for token, following in zip([start, *tokens], [*tokens, END], strict=True):
            after[following, token] = 4.0

    said = range(first, first + len(spoken))
    chain(SPEAK, said)
    chain(CALL, range(first + len(spoken), len(pieces)) if called else said)

    writer = _begin(path, pieces, kinds, shape, context)
    writer.add_tensor("token_embd.weight", np.eye(len(pieces), shape.width, dtype=np.float32))
    writer.add_tensor("output.weight", after)
    _blocks(writer, shape, _mark_reader(shape))
    return _finish(writer, path)


def _mark_reader(shape: _Shape) -> Callable[[str, int, int], Any]:
    """Return weights of one attention head that, at the answer's beginning, looks at the mark and adds it.

    Query and key meet in the pair of dimensions that the rotary embedding turns slowest, so that the
    distance hardly matters.
    """
    import numpy as np

    slowest = shape.width // shape.heads - 2
    one = shape.width**-0.5
    cells = {
        "attn_q": [(slowest, NEWLINE, 1.5)],
        "attn_k": [(slowest, SPEAK, 1.5), (slowest, CALL, 1.5)],
        "attn_v": [(0, SPEAK, one), (1, CALL, one)],
        "attn_output": [(SPEAK, 0, 1.0), (CALL, 1, 1.0)],
    }

    def weights(name: str, rows: int, columns: int) -> Any:
        matrix = np.zeros((rows, columns), dtype=np.float32)
        for row, column, value in cells.get(name, ()):
            matrix[row, column] = value
        return matrix

    return weights


def _call_pieces(script: Script) -> list[str]:
    if script.tool is None:
        return []
    arguments = json.dumps(dict(script.arguments or {}))
    return ["<tool_call>\n", f'{{"name": "{script.tool}", ', f'"arguments": {arguments}}}', "\n</tool_call>"]


def _vocabulary(extra: Sequence[str]) -> tuple[list[str], list[int]]:
    """Return token texts and kinds: specials, all bytes, printable ASCII, then `extra`."""
    plain = ["\u2581", *(chr(code) for code in range(33, 127))]
    known = {*SPECIAL, *plain}
    words = [word.replace(" ", "\u2581") for word in extra]
    if len(set(words)) < len(words) or known & set(words):
        raise ValueError("the words of a script must differ from one another and have two letters")
    pieces = [*SPECIAL, *(f"<0x{code:02X}>" for code in range(256)), *plain, *words]
    kinds = [UNKNOWN, *[CONTROL] * (len(SPECIAL) - 1), *[BYTE] * 256, *[NORMAL] * (len(plain) + len(words))]
    return pieces, kinds


def _begin(
    path: Path, pieces: list[str], kinds: list[int], shape: _Shape, context: int, *, embeds: bool = False
) -> GGUFWriter:
    import gguf

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(path.stem)
    writer.add_context_length(context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.hidden)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(shape.width // shape.heads)
    writer.add_vocab_size(len(pieces))
    if embeds:
        writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(pieces)
    writer.add_token_scores([-float(index) for index in range(len(pieces))])
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(END)
    writer.add_unk_token_id(0)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(TEMPLATE)
    return writer


def _blocks(writer: GGUFWriter, shape: _Shape, weights: Callable[[str, int, int], Any]) -> None:
    import numpy as np

    ones = np.ones(shape.width, dtype=np.float32)
    writer.add_tensor("output_norm.weight", ones)
    matrices = [(name, shape.width, shape.width) for name in ("attn_q", "attn_k", "attn_v", "attn_output")]
    matrices += [("ffn_gate", shape.hidden, shape.width), ("ffn_up", shape.hidden, shape.width)]
    matrices += [("ffn_down", shape.width, shape.hidden)]
    for index in range(shape.layers):
        block = f"blk.{index}."
        writer.add_tensor(block + "attn_norm.weight", ones)
        writer.add_tensor(block + "ffn_norm.weight", ones)
        for name, rows, columns in matrices:
            writer.add_tensor(f"{block}{name}.weight", weights(name, rows, columns))


def _finish(writer: GGUFWriter, path: Path) -> Path:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
