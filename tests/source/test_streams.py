"""A reader of pieces: whole blocks, and a close that waits for the read that another thread is in."""

import time
from collections.abc import Iterator
from threading import Event, Thread

from escrow.source.streams import PieceReader


def test_blocks_are_filled_from_pieces_of_any_size() -> None:
    reader = PieceReader(iter([b"ab", b"", b"cdefg", b"h"]))
    buffer = bytearray(3)
    found = []
    while count := reader.readinto(buffer):
        found.append(bytes(buffer[:count]))
    assert found == [b"abc", b"def", b"gh"]


def test_closing_waits_for_the_read_of_another_thread() -> None:
    began, ended = Event(), Event()

    def pieces() -> Iterator[bytes]:
        try:
            began.set()
            time.sleep(0.3)
            yield b"late"
            yield b"never"
        finally:
            ended.set()

    reader = PieceReader(pieces())
    buffer = bytearray(4)
    reading = Thread(target=reader.readinto, args=(buffer,))
    reading.start()
    assert began.wait(10)
    reader.close()
    reading.join()
    assert buffer == b"late"
    assert ended.is_set()
