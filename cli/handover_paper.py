"""Certificates: what a vault's signed records say, as a page for people."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from escrow.engine.sync import Anchor
    from escrow.store import Store


def write_handover(out: Path, store: "Store", anchor: "Anchor") -> None:
    """A certificate of custody, or of the handover once it has a receipt. UsageError `out-unwritable`."""
    from escrow.custody.certificate import certificate
    from escrow.engine.reading import load_history
    from escrow.paper.pdf import pdf

    from .public_folder import write_whole

    write_whole(out, pdf("page", certificate(load_history(store, anchor)).values()))
