"""Lists of who holds each word: of many passages in a mapped file that never changes, of the newest ones in memory."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, TypeVar
from weakref import WeakMethod

import msgspec
import numpy as np
from numpy.typing import NDArray

from autobot.adapters.postings.scoring import Holding, spread_out
from autobot.contexts.knowledge.ports.index import StoredWords
from autobot.contexts.knowledge.ports.listed import Newest
from autobot.kernel.core.scripts import READING

Answer = TypeVar("Answer")

OFTEN: Final = 65_535
"""As often as a word is counted in one passage."""
KNOWN: Final = 4_096
"""Words of questions whose lists are known without looking them up."""
MANY: Final = 8
"""A word that one passage of so many holds is kept as how often each passage holds it, too."""
SPREAD_BYTES: Final = 8 * 1024 * 1024
"""Memory for that: the commonest words of a language, which most questions have, are some dozens."""
NAME: Final = "words.postings"
COLUMNS: Final = {
    "numbers": "<i8",
    "marks": "<u8",
    "starts": "<u8",
    "cuts": "<u8",
    "lengths": "<u4",
    "places": "<u4",
    "counts": "<u2",
    "spelled": "<u1",
}
"""Of a file, one after the other, the widest first so that each lies at a multiple of its width: the passages' numbers;
the words' marks, ascending; where the list of each word starts, and its spelling; the words of each passage; of each
entry of a list the passage's place, and how often; the spelling of each word in UTF-8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What a file holds: passages up to a number, read into words in a way, and of each column how many entries."""

    last: int
    reading: int
    words: int
    columns: dict[str, int]


class Lists:
    """Lists of a file that is only read. It is mapped: its pages are the system's to drop when memory is short."""

    def __init__(self, path: Path, mark: Mark) -> None:
        """Raise ValueError or OSError for a file that is not what its mark says."""
        whole: NDArray[Any] = np.memmap(path, mode="r")
        if len(whole) != sum(_bytes(name, count) for name, count in mark.columns.items()):
            raise ValueError("the file is not as long as it was")
        at, columns = 0, {}
        for name, kind in COLUMNS.items():
            size = _bytes(name, mark.columns[name])
            columns[name] = whole[at : at + size].view(np.ndarray).view(kind)
            at += size
        self.last, self.total = mark.last, mark.words
        self.numbers, self.lengths = columns["numbers"], columns["lengths"]
        self._starts, self._places, self._counts = columns["starts"], columns["places"], columns["counts"]
        self._marks, self._cuts, self._spelled = columns["marks"], columns["cuts"], columns["spelled"]
        self.holding = _known(self._holding, KNOWN)
        """Return who holds a word; None when nobody does."""
        self._spread = _known(self._spread_out, SPREAD_BYTES // max(1, 2 * len(self)))

    def __len__(self) -> int:
        return len(self.numbers)

    def _holding(self, word: str) -> Holding | None:
        spelling, mark = word.encode(), _mark(word)
        at = int(np.searchsorted(self._marks, mark))
        # Two words may have one mark.
        while at < len(self._marks) and self._marks[at] == mark:
            if self._spelling(at) == spelling:
                own = slice(int(self._starts[at]), int(self._starts[at + 1]))
                many = (own.stop - own.start) * MANY >= len(self)
                spread = partial(self._spread, own.start, own.stop) if many else None
                return Holding(self._places[own], self._counts[own], spread)
            at += 1
        return None

    def _spread_out(self, start: int, stop: int) -> NDArray[np.uint16]:
        return spread_out(self._places[start:stop], self._counts[start:stop], len(self))

    def _spelling(self, at: int) -> bytes:
        return self._spelled[int(self._cuts[at]) : int(self._cuts[at + 1])].tobytes()


class NewestWords(Newest[StoredWords]):
    """Lists of passages that came after a file was made. They grow, in order of numbers."""

    def __init__(self, last: int) -> None:
        self.last, self.total = last, 0
        self._numbers, self._lengths = array("q"), array("I")
        self._held: dict[str, tuple[array[int], array[int]]] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def numbers(self) -> NDArray[Any]:
        """The passages' numbers."""
        return np.array(self._numbers, dtype=np.int64)

    @property
    def lengths(self) -> NDArray[Any]:
        """The words that each passage has."""
        return np.array(self._lengths, dtype=np.uint32)

    def add(self, page: Sequence[StoredWords]) -> None:
        """Add passages with higher numbers."""
        for one in page:
            place = len(self._numbers)
            self._numbers.append(one.number)
            self._lengths.append(one.length)
            for word, count in one.counts.items():
                places, counts = self._held.setdefault(word, (array("I"), array("H")))
                places.append(place)
                counts.append(min(count, OFTEN))
            self.last, self.total = one.number, self.total + one.length

    def holding(self, word: str) -> Holding | None:
        """Return who holds a word; None when nobody does."""
        held = self._held.get(word)
        if held is None:
            return None
        return Holding(np.array(held[0], dtype=np.uint32), np.array(held[1], dtype=np.uint16))

    def write(self, path: Path) -> Lists:
        """Write what there is to a file, in the place of the one before, and return it. Blocks."""
        words = sorted(self._held, key=_mark)
        held, spelled = [self._held[word] for word in words], [word.encode() for word in words]
        sizes = {
            "numbers": len(self._numbers),
            "marks": len(held),
            "starts": len(held) + 1,
            "cuts": len(held) + 1,
            "lengths": len(self._lengths),
            "places": sum(len(places) for places, _ in held),
            "counts": sum(len(counts) for _, counts in held),
            "spelled": sum(map(len, spelled)),
        }
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            partial.chmod(0o600)
            file.write(self.numbers.tobytes())
            file.write(np.array([_mark(word) for word in words], dtype=np.uint64).tobytes())
            file.write(_sums(len(places) for places, _ in held))
            file.write(_sums(map(len, spelled)))
            file.write(self.lengths.tobytes())
            for places, _ in held:
                file.write(places.tobytes())
            for _, counts in held:
                file.write(counts.tobytes())
            file.write(b"".join(spelled))
        mark = Mark(last=self.last, reading=READING, words=self.total, columns=sizes)
        remove(path)
        partial.replace(path)
        told = path.with_suffix(".json")
        told.write_bytes(msgspec.json.encode(asdict(mark)))
        told.chmod(0o600)
        return Lists(path, mark)


def _known(method: Callable[..., Answer], most: int) -> Callable[..., Answer]:
    """Return a method that knows its last answers, `most` or one, and does not keep its object: else a file would stay
    mapped when it is searched no more, until somebody collects circles."""
    weak = WeakMethod(method)

    @lru_cache(max(1, most))
    def known(*asked: Any) -> Answer:
        alive = weak()
        # Who asks holds the object.
        assert alive is not None
        return alive(*asked)

    return known


def load(path: Path) -> Lists | None:
    """Return the lists at `path`; None when there are none that can be read: they are made anew."""
    try:
        mark = msgspec.json.decode(path.with_suffix(".json").read_bytes(), type=Mark)
        known = mark.reading == READING and mark.columns.keys() == COLUMNS.keys()
        return Lists(path, mark) if known else None
    except (OSError, msgspec.MsgspecError, ValueError):
        return None


def remove(path: Path) -> None:
    """Remove lists and their mark."""
    path.with_suffix(".json").unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def _mark(word: str) -> np.uint64:
    """Return 64 bits of a word, by which it is looked up."""
    return np.uint64(int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "little"))


def _bytes(name: str, count: int) -> int:
    return int(np.dtype(COLUMNS[name]).itemsize) * count


def _sums(sizes: Any) -> bytes:
    """Return 0 and the sums up to each size."""
    return bytes(np.cumsum([0, *sizes], dtype=np.uint64).tobytes())
