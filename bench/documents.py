"""Documents that do not compress: letters, photographs, reports of 20 KB to 2 MB with true file headers."""

from pathlib import Path

import numpy as np

from bench.roster import rng

SMALLEST, LARGEST = 20_000, 2_000_000
"""Bytes of the smallest and the largest document."""

_KINDS = (
    (
        "letters",
        "pdf",
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n",
        b"\n%%EOF\n",
    ),
    ("photos", "jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x01\x00H\x00H\x00\x00", b"\xff\xd9"),
    ("reports", "docx", b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00", b"PK\x05\x06" + bytes(18)),
)


def add_documents(folder: Path, seed: int, night: int, count: int) -> int:
    """Write `count` new documents of `night` below folder/documents; the bytes written."""
    draw = rng(seed, 8, night)
    sizes = np.clip(draw.lognormal(np.log(150_000), 1.0, count), SMALLEST, LARGEST).astype(int).tolist()
    kinds = draw.choice(len(_KINDS), size=count, p=[0.5, 0.35, 0.15]).tolist()
    for n, (size, kind) in enumerate(zip(sizes, kinds, strict=True)):
        where, ending, head, tail = _KINDS[kind]
        place = folder / "documents" / where / f"{n % 12:02}" / f"{night:04}-{n:05}.{ending}"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(head + draw.bytes(size - len(head) - len(tail)) + tail)
    return sum(sizes)
