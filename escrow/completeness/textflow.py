"""From the bytes of a text file to UTF-8 (or bytes that hold ASCII as itself), and what the encoding is."""

import codecs
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


def as_array(data: bytes) -> Bytes:
    """The same bytes, not copied."""
    return np.frombuffer(data, np.uint8)


def wide_encoding(head: bytes) -> str:
    """`utf-16-le` or `utf-16-be` where the first bytes show it, with a byte-order mark or without; else ""."""
    for bom, name in _BOMS[1:]:
        if head.startswith(bom):
            return name
    sample = head[: len(head) // 2 * 2]
    zeros = sample[1::2].count(0), sample[0::2].count(0)
    half = len(sample) // 2
    if half >= 2 and max(zeros) > half * 0.6 and min(zeros) < half * 0.1:
        return "utf-16-le" if zeros[0] > zeros[1] else "utf-16-be"
    return ""


class TextFlow:
    """Feeds `sink` with the text's bytes, without a byte-order mark; what is not UTF-16 goes through unchanged."""

    def __init__(self, head: bytes, sink: Callable[[Bytes], None]) -> None:
        """`head`: the file's first bytes, which come again through `feed`."""
        self._sink = sink
        self.wide = wide_encoding(head)
        self.bom = next((name for bom, name in _BOMS if head.startswith(bom)), "")
        self._skip = {"": 0, "utf-8-sig": 3}.get(self.bom, 2)
        self._wide = codecs.getincrementaldecoder(self.wide)("replace") if self.wide else None
        self._check = codecs.getincrementaldecoder("utf-8")("strict")
        self.nul = False
        """Whether a character NUL was among them."""
        self._held = False
        self._ascii = True
        self._utf8 = True

    def feed(self, data: Bytes) -> None:
        """The next bytes; they are not kept."""
        if self._skip:
            taken = min(self._skip, len(data))
            self._skip -= taken
            data = data[taken:]
        if not len(data):
            return
        if self._wide:
            data = np.frombuffer(self._wide.decode(data.tobytes()).encode("utf-8", "replace"), np.uint8)
        least = int(data.view(np.int8).min(initial=1))
        if least <= 0 and not self.nul:
            self.nul = not data.all()
        if not self.wide and self._utf8 and (self._held or least < 0):
            self._ascii = False
            self._look(data.tobytes())
        self._sink(data)

    def _look(self, data: bytes) -> None:
        try:
            self._check.decode(data)
        except UnicodeDecodeError:
            self._utf8 = False
        self._held = bool(self._check.getstate()[0]) if self._utf8 else False

    @property
    def encoding(self) -> str:
        """What the bytes are: `ascii`, `utf-8`, `utf-16-le`, `utf-16-be`, or `windows-1252` for the rest."""
        if self.wide:
            return self.wide
        return "windows-1252" if not self._utf8 or self._held else "ascii" if self._ascii else "utf-8"
