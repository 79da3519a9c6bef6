"""A pack's plaintext, made at once."""

from collections.abc import Iterable

from escrow.pack.frames import close_pack, compress


def pack_plaintext(segments: Iterable[bytes], level: int) -> bytes:
    """A whole pack's plaintext from raw segments."""
    made = [(compress(raw, level), len(raw)) for raw in segments]
    return b"".join(data for data, _ in made) + close_pack([(len(data), raw) for data, raw in made])
