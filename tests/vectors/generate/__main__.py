"""Makes all vectors again."""

import shutil
from pathlib import Path

from tests.vectors import files
from tests.vectors.generate import (
    captured,
    deeds,
    endings,
    envelopes,
    erasures,
    newer,
    nights,
    packs,
    records,
    registers,
    sealed,
    texts,
)
from tests.vectors.generate.signing import steady
from tests.vectors.generate.sink import Sink

GENERATORS = (texts, records, envelopes, captured, deeds, newer, endings, sealed, packs, nights, registers, erasures)


def main(root: Path = files.ROOT) -> None:
    """Writes them below `root`; what was there is taken away."""
    with steady(files.ROOT / "objects"):
        for folder in (*files.KINDS, "objects"):
            shutil.rmtree(root / folder, ignore_errors=True)
        sink = Sink(root)
        for generator in GENERATORS:
            generator.make(sink)


if __name__ == "__main__":
    main()
