"""docs/guide-erasure.md, run as it stands."""

import shutil
from pathlib import Path

import pytest

from .test_guides import MAKE_KEYS, blocks, contents, first_night, machines, pytestmark, run

__all__ = ["pytestmark"]
STICK = "/media/stick/fernhill"


@pytest.mark.parametrize("upn", ["A123456789012"])
def test_the_guide_to_erasing(tmp_path: Path, upn: str) -> None:
    server, holder = machines(tmp_path)
    (server / "exports" / "pupils.csv").write_text(f"UPN,Name\r\n{upn},Ann\r\nB2,Bob\r\n", newline="")
    (server / "exports" / "photos").mkdir(exist_ok=True)
    (server / "exports" / "photos" / f"{upn}.jpg").write_bytes(b"a face")
    shutil.copy(server / "server.card", holder)
    run(MAKE_KEYS, holder)
    first_night(server, holder)
    shutil.copy(server / "escrow.toml", holder)
    (wish,) = blocks("guide-erasure.md", "toml")
    assert upn in wish
    (holder / "leaver.toml").write_text(wish, "utf-8")
    look, sign, see = (block.replace(STICK, "stick") for block in blocks("guide-erasure.md"))
    assert "1 entries and 1 rows would be left out" in run(look, holder)
    assert "1 entries and 1 rows left out" in run(sign, holder)
    told = run(see, holder)
    assert f"mis/pupils.csv  rows where UPN is {upn}" in told
    assert "erasures left out 1 files and 1 rows" in told
    there = contents(holder / "check" / "mis")
    assert there["pupils.csv"] == b"UPN,Name\r\nB2,Bob\r\n"
    assert not any(upn in name for name in there)
