"""Texts as a model reads them. `tokenizers` does it; this says what is cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tokens:
    """One text, or a pair of them, as numbers. `kinds` tells the two of a pair apart; `cut` that some was left out."""

    ids: Sequence[int]
    kinds: Sequence[int]
    cut: bool


class Tokenizer:
    """Reads texts up to a window. Not to be called by two threads at once."""

    def __init__(self, file: Path, window: int) -> None:
        """Raise ValueError or OSError for a file that is no tokenizer."""
        from tokenizers import Tokenizer as Rust

        try:
            self._rust: Any = Rust.from_str(file.read_text(encoding="utf-8"))
        except OSError:
            raise
        except Exception as error:
            # The library raises nothing but `Exception`.
            raise ValueError(f"{file} is no tokenizer") from error
        self._rust.no_padding()
        self._rust.enable_truncation(window)

    def read(self, texts: Sequence[str] | Sequence[tuple[str, str]]) -> list[Tokens]:
        """Return each text, or pair, as numbers."""
        return [
            Tokens(one.ids, one.type_ids, bool(one.overflowing)) for one in self._rust.encode_batch(texts)
        ]


def filled(batch: Sequence[Tokens], length: int | None = None) -> tuple[Numbers, Numbers, Numbers]:
    """Return ids, mask and kinds of a batch, each text filled up with zeros to the longest, or to `length`."""
    longest = length or max(len(one.ids) for one in batch)
    ids, mask, kinds = (np.zeros((len(batch), longest), dtype=np.int64) for _ in range(3))
    for row, one in enumerate(batch):
        ids[row, : len(one.ids)] = one.ids
        mask[row, : len(one.ids)] = 1
        kinds[row, : len(one.kinds)] = one.kinds
    return ids, mask, kinds
