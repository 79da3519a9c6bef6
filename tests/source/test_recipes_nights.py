"""A recipe on real nights: a date in a file's name costs no second copy."""

from functools import partial
from pathlib import Path
from random import Random

import pytest

from escrow.limits import MIB
from escrow.source import FolderSource, Rule
from escrow.source.recipes import classify, find_recipe
from tests.engine.kit import school

BACKUP = b"TAPE" + Random(5).randbytes(4 * MIB)
CHANGED = BACKUP[: 2 * MIB] + b"a mark" + BACKUP[2 * MIB :]


@pytest.mark.parametrize(("recipe", "least", "most"), [("sql-server-backup", 1, 2), (None, 4, 6)])
def test_a_dated_backup(recipe: str | None, least: int, most: int, tmp_path: Path) -> None:
    one = school(tmp_path)
    one.source.mkdir(exist_ok=True)
    given = {"classify": partial(classify, [find_recipe(recipe)])} if recipe else {}
    made = FolderSource("mis", one.source, **given)
    rules = (Rule("records", ("*.bak",)),)
    (one.source / "SIMS_20261123.bak").write_bytes(BACKUP)
    one.night(sources=[made], rules=rules)
    (one.source / "SIMS_20261123.bak").unlink()
    (one.source / "SIMS_20261124.bak").write_bytes(CHANGED)
    report = one.night(sources=[made], rules=rules)
    assert least * MIB <= report.compartments["records"].bytes_put < most * MIB
